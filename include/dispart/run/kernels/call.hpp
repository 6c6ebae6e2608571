#pragma once
/// \file
/// What a kernel sees of a layer, and the helpers that all kernels share: attributes, operands, errors, results.
///
/// To add an operator: write `outcome x(const call&)` in the header of its family and add one row to that family's
/// table. Leading operands up to the row's `min_operands` are present; everything else is the kernel's to check.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/layer.hpp"
#include "dispart/model/operators/arithmetic.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::kernels {

using dispart::to_string;  // of shapes, beside those of this namespace

/// A layer's results in order.
using outcome = result<std::vector<tensor>>;

/// Most bytes of one result: beyond that an operand's value (a shape, a count of repeats) is taken for hostile.
inline constexpr std::int64_t max_result_bytes = std::int64_t{1} << 32;

/// Most axes that a tensor may have.
inline constexpr std::size_t max_axes = 16;

/// A layer with its operands (absent ones have no value) under an opset.
struct call {
    const layer& node;
    std::span<const tensor> in;
    std::int64_t opset = 17;

    [[nodiscard]] bool has(std::size_t i) const noexcept { return i < in.size() && in[i].has_value(); }
    /// True where somebody asked for result i (a layer without a list of results asks for all).
    [[nodiscard]] bool wants(std::size_t i) const noexcept {
        return node.outputs.empty() || (i < node.outputs.size() && node.outputs[i] != no_id);
    }

    [[nodiscard]] bool has_attr(std::string_view name) const {
        return node.attrs.find(name) != node.attrs.end();
    }
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback) const {
        return get_or<std::int64_t>(node.attrs, name, fallback);
    }
    [[nodiscard]] float real(std::string_view name, float fallback) const {
        return get_or<float>(node.attrs, name, fallback);
    }
    [[nodiscard]] std::string text(std::string_view name, std::string fallback) const {
        return get_or<std::string>(node.attrs, name, std::move(fallback));
    }
    /// The attribute's integers (one integer counts as a list of one), or nothing.
    [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const {
        const auto found = node.attrs.find(name);
        if (found == node.attrs.end()) return std::nullopt;
        if (const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second)) return *list;
        if (const auto* one = std::get_if<std::int64_t>(&found->second)) return std::vector{*one};
        return std::nullopt;
    }

    /// An error that names the layer and its operator.
    [[nodiscard]] tl::unexpected<error> fail(errc code, const std::string& message) const {
        return dispart::fail(code, node.name, node.op + ": " + message);
    }
    [[nodiscard]] tl::unexpected<error> bad_shape(const std::string& message) const {
        return fail(errc::shape_mismatch, message);
    }
    [[nodiscard]] tl::unexpected<error> unsupported(const std::string& message) const {
        return fail(errc::unsupported, message);
    }
    [[nodiscard]] tl::unexpected<error> bad_type(std::size_t i) const {
        return unsupported("operand " + std::to_string(i) + " of type " + std::string(to_string(in[i].type())));
    }

    /// An uninitialised result. Errors: shape_mismatch (negative, overflow), limit_exceeded.
    [[nodiscard]] result<tensor> make(dtype type, shape dims) const {
        const auto count = checked_elements(dims);
        if (!count) return bad_shape("result " + to_string(dims) + ": " + count.error().message);
        if (*count > max_result_bytes / static_cast<std::int64_t>(size_of(type)) || dims.size() > max_axes)
            return fail(errc::limit_exceeded, "result " + to_string(dims) + " is too large");
        auto made = tensor::make(type, std::move(dims));
        if (!made) return fail(errc::limit_exceeded, made.error().message);
        return made;
    }
    /// A result whose bytes are all zero. Errors: as `make`.
    [[nodiscard]] result<tensor> make_zero(dtype type, shape dims) const {
        auto made = make(type, std::move(dims));
        if (made && made->size_bytes() > 0) std::memset(made->bytes().data(), 0, made->size_bytes());
        return made;
    }

    /// Axis -rank..rank-1 as an index. Errors: shape_mismatch.
    [[nodiscard]] result<std::size_t> axis_index(std::int64_t axis, std::size_t rank) const {
        const auto index = dispart::detail::normal_axis(axis, rank);
        if (!index)
            return bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
        return *index;
    }
    /// The `axis` attribute as an index. Errors: shape_mismatch.
    [[nodiscard]] result<std::size_t> axis(std::int64_t fallback, std::size_t rank) const {
        return axis_index(integer("axis", fallback), rank);
    }

    /// Errors: unsupported unless operand i, where present, has that type.
    [[nodiscard]] result<void> need_type(std::size_t i, dtype type) const {
        if (has(i) && in[i].type() != type) return bad_type(i);
        return {};
    }
    /// Errors: invalid_model unless operands i and j, where present, have one element type.
    [[nodiscard]] result<void> same_type(std::size_t i, std::size_t j) const {
        if (!has(i) || !has(j) || in[i].type() == in[j].type()) return {};
        return fail(errc::invalid_model, "operands of types " + std::string(to_string(in[i].type())) +
                                             " and " + std::string(to_string(in[j].type())));
    }
    /// Errors: shape_mismatch unless operand i, where present, has that shape.
    [[nodiscard]] result<void> need_shape(std::size_t i, const shape& dims) const {
        if (!has(i) || in[i].dims() == dims) return {};
        return bad_shape("operand " + std::to_string(i) + " has shape " + to_string(in[i].dims()) + ", not " +
                         to_string(dims));
    }

    /// Operand i of type i64 or i32, as a list. Errors: unsupported (another type), limit_exceeded (over 2^16 values).
    [[nodiscard]] result<std::vector<std::int64_t>> integer_list(std::size_t i) const {
        const auto& from = in[i];
        if (from.size() > (std::size_t{1} << 16U))
            return fail(errc::limit_exceeded, "operand " + std::to_string(i) + " lists too many values");
        if (from.type() == dtype::i64) {
            const auto data = from.data<std::int64_t>();
            return std::vector<std::int64_t>(data.begin(), data.end());
        }
        if (from.type() != dtype::i32) return bad_type(i);
        const auto data = from.data<std::int32_t>();
        return std::vector<std::int64_t>(data.begin(), data.end());
    }
    /// Operand i of type i64 or i32 with one element. Errors: unsupported, shape_mismatch.
    [[nodiscard]] result<std::int64_t> integer_scalar(std::size_t i) const {
        if (in[i].size() != 1) return bad_shape("operand " + std::to_string(i) + " is not one value");
        DISPART_TRY(const auto list, integer_list(i));
        return list[0];
    }
};

/// Computes one layer. Errors: shape_mismatch, unsupported, invalid_model, limit_exceeded; never undefined behaviour.
using kernel = outcome (*)(const call&);

/// What becomes of operands of the 16-bit floating types.
enum class halves {
    as_float,  ///< widened to f32, and f32 results are rounded back
    as_is,     ///< the kernel moves them or converts them itself
};

/// One row of a family's table.
struct kernel_row {
    std::string_view op;
    kernel run;
    std::size_t min_operands;
    std::size_t max_operands;
    halves half = halves::as_float;
};

inline constexpr std::size_t any_number = std::size_t{1} << 20U;

/// One result, as a list.
[[nodiscard]] inline std::vector<tensor> one(tensor only) {
    std::vector<tensor> list;
    list.push_back(std::move(only));
    return list;
}

/// The axes from `first` (inclusive) to `last` (exclusive) multiplied together.
[[nodiscard]] inline std::int64_t extent(const shape& dims, std::size_t first, std::size_t last) {
    std::int64_t product = 1;
    for (std::size_t i = first; i < last; ++i) product *= dims[i];
    return product;
}

/// Extents before, at and after an axis: the tensor as three axes.
struct three_axes {
    std::int64_t outer, middle, inner;
};
[[nodiscard]] inline three_axes around(const shape& dims, std::size_t axis) {
    return {extent(dims, 0, axis), dims[axis], extent(dims, axis + 1, dims.size())};
}

}  // namespace dispart::kernels
