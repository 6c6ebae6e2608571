#pragma once
/// \file
/// What an operator's rules see of a layer, and the row of the operator table that they make up.
///
/// To add an operator: write `result<std::vector<inferred>> infer_x(const op_context&)` and `double flops_x(const
/// op_context&)` in the header of its family (or take shared ones), and add one row to the table at its end.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/layer.hpp"
#include "dispart/model/operators/arithmetic.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// One result of a layer as its operands decide it; `value` is set where the operands' shapes alone decide it (Shape).
struct inferred {
    dtype type = dtype::f32;
    shape dims{};
    tensor value{};
};

/// A layer with the descriptions of its operands (nullptr where absent) and, once inferred, of its results.
/// Operands that are present have a shape; the spec's first `min_inputs` are present.
struct op_context {
    const layer& self;
    std::span<const tensor_info* const> inputs;
    std::span<const tensor_info* const> outputs;
    std::int64_t opset = 17;

    [[nodiscard]] bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i] != nullptr; }
    [[nodiscard]] const shape& dims(std::size_t i) const { return *inputs[i]->dims; }
    [[nodiscard]] std::size_t rank(std::size_t i) const { return dims(i).size(); }
    [[nodiscard]] dtype type(std::size_t i) const { return inputs[i]->type; }

    [[nodiscard]] bool has_attr(std::string_view name) const {
        return self.attrs.find(name) != self.attrs.end();
    }
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback) const {
        return get_or<std::int64_t>(self.attrs, name, fallback);
    }
    /// The attribute's integers (one integer counts as a list of one), or nothing.
    [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const {
        const auto found = self.attrs.find(name);
        if (found == self.attrs.end()) return std::nullopt;
        if (const auto* list = std::get_if<std::vector<std::int64_t>>(&found->second)) return *list;
        if (const auto* one = std::get_if<std::int64_t>(&found->second)) return std::vector{*one};
        return std::nullopt;
    }
    [[nodiscard]] std::string text(std::string_view name, std::string fallback) const {
        return get_or<std::string>(self.attrs, name, std::move(fallback));
    }

    /// An error that names the layer and its operator.
    [[nodiscard]] tl::unexpected<error> fail(errc code, const std::string& message,
                                             std::string hint = {}) const {
        return dispart::fail(code, self.name, self.op + ": " + message, std::move(hint));
    }
    [[nodiscard]] tl::unexpected<error> bad_shape(const std::string& message) const {
        return fail(errc::shape_mismatch, message);
    }
};

using infer_function = result<std::vector<inferred>> (*)(const op_context&);
using flops_function = double (*)(const op_context&);

/// Most operands an operator may list (Concat, Sum, ...), and most axes a tensor may have.
inline constexpr std::size_t any_number = std::size_t{1} << 20;
inline constexpr std::size_t max_rank = 16;

/// One row of the operator table.
struct operator_spec {
    std::string_view name;   ///< ONNX's
    std::size_t min_inputs;  ///< that many leading operands must be present
    std::size_t max_inputs;  ///< operands listed at most
    infer_function infer;    ///< types and shapes of the results
    flops_function flops;    ///< floating-point operations of one execution; shapes of the results are known
};

namespace detail {

using inferred_list = result<std::vector<inferred>>;

/// The elements of a constant of any integer type, as int64. Nothing where the value or type is another.
[[nodiscard]] inline std::optional<std::vector<std::int64_t>> integers_of(const tensor& value) {
    if (!value.has_value()) return std::nullopt;
    const auto convert = [](const auto& from) {
        std::vector<std::int64_t> list(from.size());
        for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<std::int64_t>(from[i]);
        return list;
    };
    switch (value.type()) {
    case dtype::i64:
        return convert(value.data<std::int64_t>());
    case dtype::i32:
        return convert(value.data<std::int32_t>());
    case dtype::i16:
        return convert(value.data<std::int16_t>());
    case dtype::i8:
        return convert(value.data<std::int8_t>());
    case dtype::u8:
        return convert(value.data<std::uint8_t>());
    case dtype::u16:
        return convert(value.data<std::uint16_t>());
    case dtype::u32:
        return convert(value.data<std::uint32_t>());
    case dtype::u64:
        return convert(value.data<std::uint64_t>());
    case dtype::boolean:
        return convert(value.data<bool>());
    default:
        return std::nullopt;
    }
}

/// The elements of a constant of type f32, f64 or any integer type, as double. Nothing where it is another.
[[nodiscard]] inline std::optional<std::vector<double>> numbers_of(const tensor& value) {
    if (!value.has_value()) return std::nullopt;
    if (value.type() == dtype::f32) {
        const auto from = value.data<float>();
        return std::vector<double>(from.begin(), from.end());
    }
    if (value.type() == dtype::f64) {
        const auto from = value.data<double>();
        return std::vector<double>(from.begin(), from.end());
    }
    const auto whole = integers_of(value);
    if (!whole) return std::nullopt;
    std::vector<double> list(whole->size());
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<double>((*whole)[i]);
    return list;
}

/// Elements of a constant operand that decides a shape, as read by `read`; more than 2^16 are refused.
template <class Read>
[[nodiscard]] auto shape_operand(const op_context& c, std::size_t i, Read read)
    -> result<typename decltype(read(std::declval<const tensor&>()))::value_type> {
    constexpr std::size_t most = std::size_t{1} << 16;
    const auto& operand = *c.inputs[i];
    if (!operand.value.has_value())
        return c.fail(
            errc::unsupported, "operand '" + operand.name + "' decides the result's shape and is not constant",
            "pass an evaluator, so that shape arithmetic is computed, or bind every input dimension");
    if (operand.value.size() > most)
        return c.bad_shape("operand '" + operand.name + "' has too many elements");
    auto list = read(operand.value);
    if (!list)
        return c.fail(errc::unsupported,
                      "operand '" + operand.name + "' has an element type without a meaning here");
    return std::move(*list);
}

[[nodiscard]] inline result<std::vector<std::int64_t>> need_integers(const op_context& c, std::size_t i) {
    return shape_operand(c, i, integers_of);
}
[[nodiscard]] inline result<std::vector<double>> need_numbers(const op_context& c, std::size_t i) {
    return shape_operand(c, i, numbers_of);
}

/// Axes -rank..rank-1 as sorted distinct indices. Errors: shape_mismatch (outside, twice).
[[nodiscard]] inline result<std::vector<bool>>
axis_mask(const op_context& c, std::span<const std::int64_t> axes, std::size_t rank) {
    std::vector<bool> mask(rank, false);
    for (const auto axis : axes) {
        const auto index = normal_axis(axis, rank);
        if (!index)
            return c.bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
        if (mask[*index]) return c.bad_shape("axis " + std::to_string(axis) + " is listed twice");
        mask[*index] = true;
    }
    return mask;
}

/// The `axis` attribute as an index. Errors: shape_mismatch (outside).
[[nodiscard]] inline result<std::size_t> need_axis(const op_context& c, std::int64_t fallback,
                                                   std::size_t rank) {
    const auto axis = c.integer("axis", fallback);
    const auto index = normal_axis(axis, rank);
    if (!index)
        return c.bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
    return *index;
}

/// Two shapes as numpy broadcasts them. Errors: shape_mismatch.
[[nodiscard]] inline result<shape> broadcast(const op_context& c, const shape& a, const shape& b) {
    shape out(std::max(a.size(), b.size()));
    for (std::size_t back = 1; back <= out.size(); ++back) {
        const auto x = back <= a.size() ? a[a.size() - back] : 1;
        const auto y = back <= b.size() ? b[b.size() - back] : 1;
        if (x != y && x != 1 && y != 1)
            return c.bad_shape(to_string(a) + " and " + to_string(b) + " do not broadcast");
        out[out.size() - back] = x == 1 ? y : x;
    }
    return out;
}

/// Errors: invalid_model unless operands i and j (where present) have one element type.
[[nodiscard]] inline result<void> same_type(const op_context& c, std::size_t i, std::size_t j) {
    if (!c.has(i) || !c.has(j) || c.type(i) == c.type(j)) return {};
    return c.fail(errc::invalid_model, "operands have types " + std::string(to_string(c.type(i))) + " and " +
                                           std::string(to_string(c.type(j))));
}

/// One result, as a list.
[[nodiscard]] inline std::vector<inferred> one(dtype type, shape dims) {
    std::vector<inferred> list(1);
    list[0].type = type;
    list[0].dims = std::move(dims);
    return list;
}

/// The first operand's type and shape.
[[nodiscard]] inline inferred_list infer_same(const op_context& c) { return one(c.type(0), c.dims(0)); }

[[nodiscard]] inline double count(const shape& dims) { return static_cast<double>(elements(dims)); }

/// Elements of the first result that somebody asked for.
[[nodiscard]] inline double output_elements(const op_context& c) {
    for (const auto* out : c.outputs)
        if (out != nullptr && out->dims) return count(*out->dims);
    return 0.0;
}

/// K operations per element of the result.
template <int K>
[[nodiscard]] double flops_per_output(const op_context& c) {
    return K * output_elements(c);
}

/// K operations per element of the first operand.
template <int K>
[[nodiscard]] double flops_per_input(const op_context& c) {
    return c.has(0) ? K * count(c.dims(0)) : 0.0;
}

/// Moves bytes and computes nothing.
[[nodiscard]] inline double no_flops(const op_context&) { return 0.0; }

}  // namespace detail

}  // namespace dispart
