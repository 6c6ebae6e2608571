#pragma once
/// \file
/// Quantisation to 8-bit integers and back.

#include "dispart/model/operators/context.hpp"

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
    return one(c.has(2) ? c.type(2) : dtype::u8, c.dims(0));
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

inline constexpr auto quantization_operators = std::to_array<operator_spec>({
    {"DequantizeLinear", 2, 3, infer_dequantize, flops_per_output<2>},
    {"DynamicQuantizeLinear", 1, 1, infer_dynamic_quantize, flops_per_output<4>},
    {"QuantizeLinear", 2, 3, infer_quantize, flops_per_output<2>},
});

}  // namespace dispart::detail
