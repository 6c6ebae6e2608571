#pragma once
/// \file
/// Shapes: extents of a dense row-major tensor, with checked element counts.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "dispart/core/result.hpp"

namespace dispart {

/// Extents from the slowest to the fastest axis; a scalar has none.
using shape = std::vector<std::int64_t>;

/// Most elements a tensor may have: the product of extents stays exact in int64 and in bytes.
inline constexpr std::int64_t max_elements = std::int64_t{1} << 48;

/// `[2, 3, 4]`.
[[nodiscard]] inline std::string to_string(const shape& dims) {
    std::string text = "[";
    for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
    return text + "]";
}

/// Product of the extents. Errors: shape_mismatch where one is negative or the product exceeds `max_elements`.
[[nodiscard]] inline result<std::int64_t> checked_elements(std::span<const std::int64_t> dims) {
    std::int64_t product = 1;
    bool empty = false;
    for (const auto extent : dims) {
        if (extent < 0)
            return fail(errc::shape_mismatch, to_string(shape(dims.begin(), dims.end())),
                        "an extent is negative");
        if (extent == 0) {
            empty = true;
        } else if (product > max_elements / extent) {
            return fail(errc::shape_mismatch, to_string(shape(dims.begin(), dims.end())),
                        "the element count overflows", "at most 2^48 elements");
        } else {
            product *= extent;
        }
    }
    return empty ? 0 : product;
}

/// Product of the extents of a shape that was checked before.
[[nodiscard]] inline std::int64_t elements(std::span<const std::int64_t> dims) noexcept {
    std::int64_t product = 1;
    for (const auto extent : dims) product *= extent;
    return product;
}

}  // namespace dispart
