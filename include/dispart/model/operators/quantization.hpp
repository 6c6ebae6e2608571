#pragma once
/// \file
/// Quantisation to small integers and back, and products and convolutions of quantised operands.

#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators/convolution.hpp"
#include "dispart/model/operators/matrix.hpp"

namespace dispart::detail {

/// Scale and zero point: one number, or one per extent of `axis`.
[[nodiscard]] inline result<void> quantization_operands(const op_context& c) {
    if (elements(c.dims(1)) != 1) {
        DISPART_TRY(const auto axis, need_axis(c, 1, c.rank(0)));
        if (c.rank(1) != 1 || c.dims(1)[0] != c.dims(0)[axis])
            return c.bad_shape("scale " + to_string(c.dims(1)) + " for data " + to_string(c.dims(0)));
    }
    if (c.has(2) && elements(c.dims(2)) != elements(c.dims(1)))
        return c.bad_shape("scale and zero point differ in size");
    return {};
}

[[nodiscard]] inline inferred_list infer_quantize(const op_context& c) {
    DISPART_CHECK(quantization_operands(c));
    if (c.has(2)) return one(c.type(2), c.dims(0));
    const auto type = dtype_from_onnx(c.integer("output_dtype", onnx_number(dtype::u8)));
    if (!type) return c.fail(errc::unsupported, "the element type is not handled");
    return one(*type, c.dims(0));
}

[[nodiscard]] inline inferred_list infer_dequantize(const op_context& c) {
    DISPART_CHECK(quantization_operands(c));
    return one(c.type(1), c.dims(0));
}

[[nodiscard]] inline inferred_list infer_dynamic_quantize(const op_context& c) {
    auto list = one(dtype::u8, c.dims(0));
    list.push_back({.type = dtype::f32});
    list.push_back({.type = dtype::u8});
    return list;
}

/// Where the two factors stand among a layer's operands: (0, 1) in the Integer operators, (0, 3) in the QLinear ones.
[[nodiscard]] inline std::size_t second_factor(const op_context& c) {
    return c.self.op.starts_with("QLinear") ? 3 : 1;
}

/// What `rule` says of the two factors alone, as if they were of one type.
template <class Rule>
[[nodiscard]] auto of_factors(const op_context& c, Rule rule) {
    tensor_info second = *c.inputs[second_factor(c)];
    second.type = c.type(0);
    const std::array<const tensor_info*, 2> factors{c.inputs[0], &second};
    return rule(op_context{c.self, factors, c.outputs, c.opset});
}

/// The factors are of 8 bits, as is the zero point that types the result. Errors: invalid_model.
[[nodiscard]] inline result<dtype> quantized_result_type(const op_context& c) {
    const auto is_byte = [&](std::size_t i) { return c.type(i) == dtype::u8 || c.type(i) == dtype::i8; };
    const bool linear = second_factor(c) == 3;
    if (!is_byte(0) || !is_byte(second_factor(c)) || (linear && !is_byte(7)))
        return c.fail(errc::invalid_model, "the operands are not of 8 bits");
    return linear ? c.type(7) : dtype::i32;
}

template <infer_function Rule>
[[nodiscard]] inferred_list infer_quantized(const op_context& c) {
    DISPART_TRY(const auto type, quantized_result_type(c));
    auto list = of_factors(c, Rule);
    if (list) list->front().type = type;
    return list;
}

template <flops_function Count>
[[nodiscard]] double flops_quantized(const op_context& c) {
    return of_factors(c, Count);
}

inline constexpr auto quantization_operators = std::to_array<operator_spec>({
    {"ConvInteger", 2, 4, infer_quantized<infer_conv>, flops_quantized<flops_conv>},
    {"DequantizeLinear", 2, 3, infer_dequantize, flops_per_output<2>},
    {"DynamicQuantizeLinear", 1, 1, infer_dynamic_quantize, flops_per_output<4>},
    {"MatMulInteger", 2, 4, infer_quantized<infer_matmul>, flops_quantized<flops_matmul>},
    {"QLinearConv", 8, 9, infer_quantized<infer_conv>, flops_quantized<flops_conv>},
    {"QLinearMatMul", 8, 8, infer_quantized<infer_matmul>, flops_quantized<flops_matmul>},
    {"QuantizeLinear", 2, 3, infer_quantize, flops_per_output<2>},
});

}  // namespace dispart::detail
