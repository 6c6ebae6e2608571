#pragma once
/// \file
/// Weights from a hash of (seed, name, element): the same on every machine, in any order, in parallel.

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "dispart/core/random.hpp"

namespace dispart::zoo {

/// The stream of a tensor: a hash of the seed and the tensor's name (FNV-1a, then SplitMix64).
[[nodiscard]] constexpr std::uint64_t stream_of(std::uint64_t seed, std::string_view name) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return mix64(hash ^ mix64(seed));
}

/// Fills with `mean` plus uniform numbers of the given standard deviation; element i depends on (stream, i) alone.
/// Every element is one integer, converted and multiplied once, so that no compiler's contraction can change it.
/// Precondition: deviation > 0 and |mean| < 100 deviations.
inline void fill_uniform(std::span<float> out, std::uint64_t stream, double mean, double deviation) noexcept {
    constexpr std::int32_t half_range = std::int32_t{1} << 23;
    const auto scale = static_cast<float>(deviation * std::sqrt(3.0) / half_range);
    const auto offset = static_cast<std::int32_t>(mean / static_cast<double>(scale)) - half_range;
    const auto value = [&](std::uint64_t bits) {
        return static_cast<float>(static_cast<std::int32_t>(bits & 0xffffffU) + offset) * scale;
    };
    std::size_t i = 0;
    for (; i + 1 < out.size(); i += 2) {
        const auto bits = mix64(stream + i);
        out[i] = value(bits);
        out[i + 1] = value(bits >> 32U);
    }
    if (i < out.size()) out[i] = value(mix64(stream + i));
}

}  // namespace dispart::zoo
