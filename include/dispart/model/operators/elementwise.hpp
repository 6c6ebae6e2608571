#pragma once
/// \file
/// Operators that compute each element on its own, with broadcasting: activations, arithmetic, comparison, logic, Cast.

#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

[[nodiscard]] inline inferred_list infer_to_boolean(const op_context& c) {
    return one(dtype::boolean, c.dims(0));
}

/// Before opset 7 the second operand fits into the first, at `axis` where `broadcast` is set.
[[nodiscard]] inline result<shape> legacy_broadcast(const op_context& c) {
    const auto& a = c.dims(0);
    const auto& b = c.dims(1);
    if (a == b) return a;
    if (c.integer("broadcast", 0) == 0) return broadcast(c, a, b);
    const auto last = static_cast<std::int64_t>(a.size()) - static_cast<std::int64_t>(b.size());
    auto axis = c.integer("axis", last);
    if (axis < 0) axis = plus(axis, static_cast<std::int64_t>(a.size()));
    if (last < 0 || axis < 0 || axis > last)
        return c.bad_shape(to_string(b) + " does not fit into " + to_string(a) + " at axis " +
                           std::to_string(axis));
    for (std::size_t i = 0; i < b.size(); ++i)
        if (const auto extent = a[static_cast<std::size_t>(axis) + i]; b[i] != extent && b[i] != 1)
            return c.bad_shape(to_string(b) + " does not fit into " + to_string(a) + " at axis " +
                               std::to_string(axis));
    return a;
}

[[nodiscard]] inline result<shape> binary_dims(const op_context& c) {
    return c.opset < 7 ? legacy_broadcast(c) : broadcast(c, c.dims(0), c.dims(1));
}

[[nodiscard]] inline inferred_list infer_binary(const op_context& c) {
    DISPART_CHECK(same_type(c, 0, 1));
    DISPART_TRY(auto dims, binary_dims(c));
    return one(c.type(0), std::move(dims));
}

/// Pow and BitShift-like operators: the second operand may have another type.
[[nodiscard]] inline inferred_list infer_mixed_binary(const op_context& c) {
    DISPART_TRY(auto dims, binary_dims(c));
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_comparison(const op_context& c) {
    DISPART_CHECK(same_type(c, 0, 1));
    DISPART_TRY(auto dims, binary_dims(c));
    return one(dtype::boolean, std::move(dims));
}

[[nodiscard]] inline inferred_list infer_logic(const op_context& c) {
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
        if (c.has(i) && c.type(i) != dtype::boolean)
            return c.fail(errc::invalid_model, "an operand is not boolean");
    if (c.inputs.size() == 1) return infer_same(c);
    return infer_comparison(c);
}

/// Sum, Mean, Max, Min of any number of operands.
[[nodiscard]] inline inferred_list infer_variadic(const op_context& c) {
    shape dims = c.dims(0);
    for (std::size_t i = 1; i < c.inputs.size(); ++i) {
        if (!c.has(i)) return c.fail(errc::invalid_model, "an operand is absent");
        DISPART_CHECK(same_type(c, 0, i));
        DISPART_TRY(dims, broadcast(c, dims, c.dims(i)));
    }
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_where(const op_context& c) {
    if (c.type(0) != dtype::boolean) return c.fail(errc::invalid_model, "the condition is not boolean");
    DISPART_CHECK(same_type(c, 1, 2));
    DISPART_TRY(auto choice, broadcast(c, c.dims(1), c.dims(2)));
    DISPART_TRY(auto dims, broadcast(c, c.dims(0), choice));
    return one(c.type(1), std::move(dims));
}

/// PRelu: the slope broadcasts into X; before opset 7 a slope [C] belongs to axis 1.
[[nodiscard]] inline inferred_list infer_prelu(const op_context& c) {
    DISPART_CHECK(same_type(c, 0, 1));
    const auto& x = c.dims(0);
    const auto& slope = c.dims(1);
    if (c.opset < 7 && slope.size() == 1 && (slope[0] == 1 || (x.size() > 1 && slope[0] == x[1])))
        return infer_same(c);
    DISPART_TRY(const auto dims, broadcast(c, x, slope));
    if (dims != x) return c.bad_shape("slope " + to_string(slope) + " does not fit into " + to_string(x));
    return infer_same(c);
}

/// Clip-1 has attributes, Clip-11 scalar operands.
[[nodiscard]] inline inferred_list infer_clip(const op_context& c) {
    for (const std::size_t i : {1U, 2U}) {
        DISPART_CHECK(same_type(c, 0, i));
        if (c.has(i) && elements(c.dims(i)) != 1) return c.bad_shape("a bound is not a scalar");
    }
    return infer_same(c);
}

[[nodiscard]] inline inferred_list infer_cast(const op_context& c) {
    auto type = dtype_from_onnx(c.integer("to", 0));
    if (const auto name = c.text("to", ""); !name.empty()) type = dtype_from_onnx(std::string_view(name));
    if (!type)
        return c.fail(errc::unsupported,
                      "element type " + std::to_string(c.integer("to", 0)) + " is not handled");
    return one(*type, c.dims(0));
}

[[nodiscard]] inline inferred_list infer_cast_like(const op_context& c) { return one(c.type(1), c.dims(0)); }

/// Dropout at inference: the data, and an all-true mask.
[[nodiscard]] inline inferred_list infer_dropout(const op_context& c) {
    auto list = one(c.type(0), c.dims(0));
    list.push_back({.type = c.opset < 10 ? c.type(0) : dtype::boolean, .dims = c.dims(0)});
    return list;
}

/// N operands cost N - 1 operations per element.
[[nodiscard]] inline double flops_variadic(const op_context& c) {
    return static_cast<double>(c.inputs.size() - 1) * output_elements(c);
}

inline constexpr auto elementwise_operators = std::to_array<operator_spec>({
    {"Abs", 1, 1, infer_same, flops_per_output<1>},
    {"Acos", 1, 1, infer_same, flops_per_output<1>},
    {"Acosh", 1, 1, infer_same, flops_per_output<1>},
    {"Add", 2, 2, infer_binary, flops_per_output<1>},
    {"And", 2, 2, infer_logic, flops_per_output<1>},
    {"Asin", 1, 1, infer_same, flops_per_output<1>},
    {"Asinh", 1, 1, infer_same, flops_per_output<1>},
    {"Atan", 1, 1, infer_same, flops_per_output<1>},
    {"Atanh", 1, 1, infer_same, flops_per_output<1>},
    {"BitShift", 2, 2, infer_binary, flops_per_output<1>},
    {"BitwiseAnd", 2, 2, infer_binary, flops_per_output<1>},
    {"BitwiseNot", 1, 1, infer_same, flops_per_output<1>},
    {"BitwiseOr", 2, 2, infer_binary, flops_per_output<1>},
    {"BitwiseXor", 2, 2, infer_binary, flops_per_output<1>},
    {"Cast", 1, 1, infer_cast, no_flops},
    {"CastLike", 2, 2, infer_cast_like, no_flops},
    {"Ceil", 1, 1, infer_same, flops_per_output<1>},
    {"Celu", 1, 1, infer_same, flops_per_output<1>},
    {"Clip", 1, 3, infer_clip, flops_per_output<1>},
    {"Cos", 1, 1, infer_same, flops_per_output<1>},
    {"Cosh", 1, 1, infer_same, flops_per_output<1>},
    {"Div", 2, 2, infer_binary, flops_per_output<1>},
    {"Dropout", 1, 3, infer_dropout, no_flops},
    {"Elu", 1, 1, infer_same, flops_per_output<1>},
    {"Equal", 2, 2, infer_comparison, flops_per_output<1>},
    {"Erf", 1, 1, infer_same, flops_per_output<1>},
    {"Exp", 1, 1, infer_same, flops_per_output<1>},
    {"Floor", 1, 1, infer_same, flops_per_output<1>},
    {"Gelu", 1, 1, infer_same, flops_per_output<1>},
    {"Greater", 2, 2, infer_comparison, flops_per_output<1>},
    {"GreaterOrEqual", 2, 2, infer_comparison, flops_per_output<1>},
    {"HardSigmoid", 1, 1, infer_same, flops_per_output<1>},
    {"HardSwish", 1, 1, infer_same, flops_per_output<1>},
    {"Identity", 1, 1, infer_same, no_flops},
    {"IsInf", 1, 1, infer_to_boolean, flops_per_output<1>},
    {"IsNaN", 1, 1, infer_to_boolean, flops_per_output<1>},
    {"LeakyRelu", 1, 1, infer_same, flops_per_output<1>},
    {"Less", 2, 2, infer_comparison, flops_per_output<1>},
    {"LessOrEqual", 2, 2, infer_comparison, flops_per_output<1>},
    {"Log", 1, 1, infer_same, flops_per_output<1>},
    {"Max", 1, any_number, infer_variadic, flops_variadic},
    {"Mean", 1, any_number, infer_variadic, flops_variadic},
    {"Min", 1, any_number, infer_variadic, flops_variadic},
    {"Mish", 1, 1, infer_same, flops_per_output<1>},
    {"Mod", 2, 2, infer_binary, flops_per_output<1>},
    {"Mul", 2, 2, infer_binary, flops_per_output<1>},
    {"Neg", 1, 1, infer_same, flops_per_output<1>},
    {"Not", 1, 1, infer_logic, flops_per_output<1>},
    {"Or", 2, 2, infer_logic, flops_per_output<1>},
    {"PRelu", 2, 2, infer_prelu, flops_per_output<1>},
    {"Pow", 2, 2, infer_mixed_binary, flops_per_output<1>},
    {"Reciprocal", 1, 1, infer_same, flops_per_output<1>},
    {"Relu", 1, 1, infer_same, flops_per_output<1>},
    {"Round", 1, 1, infer_same, flops_per_output<1>},
    {"Selu", 1, 1, infer_same, flops_per_output<1>},
    {"Shrink", 1, 1, infer_same, flops_per_output<1>},
    {"Sigmoid", 1, 1, infer_same, flops_per_output<1>},
    {"Sign", 1, 1, infer_same, flops_per_output<1>},
    {"Sin", 1, 1, infer_same, flops_per_output<1>},
    {"Sinh", 1, 1, infer_same, flops_per_output<1>},
    {"Softplus", 1, 1, infer_same, flops_per_output<1>},
    {"Softsign", 1, 1, infer_same, flops_per_output<1>},
    {"Sqrt", 1, 1, infer_same, flops_per_output<1>},
    {"Sub", 2, 2, infer_binary, flops_per_output<1>},
    {"Sum", 1, any_number, infer_variadic, flops_variadic},
    {"Tan", 1, 1, infer_same, flops_per_output<1>},
    {"Tanh", 1, 1, infer_same, flops_per_output<1>},
    {"ThresholdedRelu", 1, 1, infer_same, flops_per_output<1>},
    {"Where", 3, 3, infer_where, flops_per_output<1>},
    {"Xor", 2, 2, infer_logic, flops_per_output<1>},
});

}  // namespace dispart::detail
