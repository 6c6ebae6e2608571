#pragma once
/// \file
/// Quantisation to and from 8 bits, and products and convolutions of quantised operands.

#include "dispart/run/kernels/conv.hpp"

namespace dispart::kernels {

namespace detail {

/// A value as an 8-bit integer: nearest, ties to even, saturated.
template <class T>
[[nodiscard]] T saturate(double value) {
    return convert<T>(std::nearbyint(value));
}

/// Scales (and zero points) of a tensor: one, or one per slice of `axis`. Errors: shape_mismatch.
struct quantisation {
    std::vector<double> scale, zero;
    std::int64_t inner = 1;  ///< elements that share an index along the axis
    [[nodiscard]] std::size_t index(std::size_t element) const {
        return scale.size() == 1 ? 0 : element / static_cast<std::size_t>(inner) % scale.size();
    }
};

template <class = void>
[[nodiscard]] result<quantisation> read_quantisation(const call& c, std::size_t data, std::size_t scale,
                                                     std::size_t zero, std::int64_t axis) {
    if (c.in[scale].type() != dtype::f32) return c.bad_type(scale);
    quantisation q;
    q.scale = values_as<double>(c.in[scale]);
    q.zero = c.has(zero) ? values_as<double>(c.in[zero]) : std::vector<double>(q.scale.size(), 0.0);
    if (q.scale.empty() || q.zero.size() != q.scale.size())
        return c.bad_shape("scales and zero points differ in number");
    if (q.scale.size() == 1) return q;
    const auto& dims = c.in[data].dims();
    DISPART_TRY(const auto index, c.axis_index(axis, dims.size()));
    if (dims[index] != static_cast<std::int64_t>(q.scale.size()))
        return c.bad_shape(std::to_string(q.scale.size()) + " scales for " + to_string(dims));
    q.inner = extent(dims, index + 1, dims.size());
    return q;
}

/// round(values / scale) + zero point as u8 or i8. Errors: unsupported (another type), limit_exceeded.
template <class Value>
[[nodiscard]] result<tensor> quantised(const call& c, shape dims, dtype type, const quantisation& q,
                                       Value value) {
    DISPART_TRY(tensor out, c.make(type, std::move(dims)));
    const bool known =
        visit_type(type_list<std::uint8_t, std::int8_t>{}, type, [&]<class T>(std::type_identity<T>) {
            T* to = out.data<T>().data();
            for (std::size_t i = 0; i < out.size(); ++i) {
                const auto k = q.index(i);
                to[i] = convert<T>(std::nearbyint(value(i, k)) + q.zero[k]);
            }
        });
    if (!known) return c.unsupported("quantisation to " + std::string(to_string(type)));
    return out;
}

}  // namespace detail

/// QuantizeLinear to the zero point's type (u8 without one), per tensor or per axis.
template <class = void>
[[nodiscard]] outcome quantize_linear_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.type() != dtype::f32 && x.type() != dtype::i32) return c.bad_type(0);
    DISPART_TRY(const auto q, detail::read_quantisation(c, 0, 1, 2, c.integer("axis", 1)));
    const auto values = values_as<float>(x);
    const auto type = c.has(2) ? c.in[2].type() : dtype::u8;
    DISPART_TRY(tensor y, detail::quantised(c, x.dims(), type, q, [&](std::size_t i, std::size_t k) {
                    return static_cast<double>(values[i] / static_cast<float>(q.scale[k]));
                }));
    return one(std::move(y));
}

/// DequantizeLinear: (x - zero point) * scale.
template <class = void>
[[nodiscard]] outcome dequantize_linear_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.type() != dtype::u8 && x.type() != dtype::i8 && x.type() != dtype::i32) return c.bad_type(0);
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_TRY(const auto q, detail::read_quantisation(c, 0, 1, 2, c.integer("axis", 1)));
    DISPART_TRY(tensor y, c.make(dtype::f32, x.dims()));
    const auto values = values_as<double>(x);
    float* to = y.data<float>().data();
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto k = q.index(i);
        to[i] = static_cast<float>(values[i] - q.zero[k]) * static_cast<float>(q.scale[k]);
    }
    return one(std::move(y));
}

/// DynamicQuantizeLinear: u8 over the range of the data and zero; also the scale and the zero point.
template <class = void>
[[nodiscard]] outcome dynamic_quantize_linear_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_CHECK(c.need_type(0, dtype::f32));
    float low = 0.0F;
    float high = 0.0F;
    const auto values = x.data<float>();
    for (const float v : values) {
        low = std::min(low, v);
        high = std::max(high, v);
    }
    const float scale = high > low ? (high - low) / 255.0F : 1.0F;
    const auto zero = detail::saturate<std::uint8_t>(static_cast<double>(-low / scale));
    const detail::quantisation q{{static_cast<double>(scale)}, {static_cast<double>(zero)}};
    DISPART_TRY(tensor y, detail::quantised(c, x.dims(), dtype::u8, q, [&](std::size_t i, std::size_t) {
                    return static_cast<double>(values[i] / scale);
                }));
    auto list = one(std::move(y));
    list.push_back(tensor::of<float>({}, std::vector{scale}));
    list.push_back(tensor::of<std::uint8_t>({}, std::vector{zero}));
    return list;
}

namespace detail {
/// Errors: shape_mismatch unless the operand is one f32 value.
[[nodiscard]] inline result<double> scalar_scale(const call& c, std::size_t i) {
    if (c.in[i].type() != dtype::f32) return c.bad_type(i);
    if (c.in[i].size() != 1) return c.unsupported("operand " + std::to_string(i) + " with a scale per slice");
    return static_cast<double>(c.in[i].data<float>()[0]);
}
}  // namespace detail

/// QLinearMatMul with one scale per operand.
template <class = void>
[[nodiscard]] outcome qlinear_matmul_kernel(const call& c) {
    DISPART_TRY(const auto a_scale, detail::scalar_scale(c, 1));
    DISPART_TRY(const auto b_scale, detail::scalar_scale(c, 4));
    DISPART_TRY(const auto q, detail::read_quantisation(c, 0, 6, 7, 0));
    if (q.scale.size() != 1) return c.unsupported("a scale per slice of the result");
    DISPART_TRY(const tensor product, detail::integer_product(c, 0, 2, 3, 5));
    const auto sums = product.data<std::int32_t>();
    const double factor = a_scale * b_scale / q.scale[0];
    DISPART_TRY(tensor y,
                detail::quantised(c, product.dims(), c.in[7].type(), q, [&](std::size_t i, std::size_t) {
                    return static_cast<double>(sums[i]) * factor;
                }));
    return one(std::move(y));
}

/// QLinearConv: operands x, its scale and zero point, w and its (one, or one per map), the result's, and a 32-bit bias.
template <class = void>
[[nodiscard]] outcome qlinear_conv_kernel(const call& c) {
    const std::array operands{c.in[0], c.in[3]};
    DISPART_TRY(const auto plan, detail::plan_conv({c.node, operands, c.opset}));
    DISPART_TRY(const auto x_scale, detail::scalar_scale(c, 1));
    DISPART_TRY(const auto y, detail::read_quantisation(c, 0, 6, 7, 0));
    if (c.in[4].type() != dtype::f32) return c.bad_type(4);
    const auto w_scale = values_as<double>(c.in[4]);
    if (y.scale.size() != 1 || (w_scale.size() != 1 && static_cast<std::int64_t>(w_scale.size()) != plan.maps))
        return c.bad_shape("the scales' number");
    DISPART_TRY(const auto x, detail::centred_image(c, 0, 2));
    DISPART_TRY(const auto w, detail::centred_image(c, 3, 5));
    DISPART_CHECK(c.need_type(8, dtype::i32));
    DISPART_CHECK(c.need_shape(8, {plan.maps}));
    const auto bias =
        c.has(8) ? values_as<double>(c.in[8]) : std::vector<double>(static_cast<std::size_t>(plan.maps), 0.0);
    const auto sums = detail::convolve_exactly(plan, x, w, bias.data());
    const auto plane = static_cast<std::size_t>(volume(plan.w.out));
    DISPART_TRY(tensor out,
                detail::quantised(c, plan.result, c.in[7].type(), y, [&](std::size_t i, std::size_t) {
                    const auto map = i / plane % static_cast<std::size_t>(plan.maps);
                    return sums[i] * x_scale * w_scale[w_scale.size() == 1 ? 0 : map] / y.scale[0];
                }));
    return one(std::move(out));
}

template <class = void>
inline constexpr auto quantize_rows = std::to_array<kernel_row>({
    {"DequantizeLinear", dequantize_linear_kernel<>, 2, 3},
    {"DynamicQuantizeLinear", dynamic_quantize_linear_kernel<>, 1, 1},
    {"QLinearConv", qlinear_conv_kernel<>, 8, 9},
    {"QLinearMatMul", qlinear_matmul_kernel<>, 8, 8},
    {"QuantizeLinear", quantize_linear_kernel<>, 2, 3},
});

}  // namespace dispart::kernels
