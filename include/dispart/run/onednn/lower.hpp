#pragma once
/// \file
/// Which layers oneDNN computes: convolutions and products with constant weights.

#include "dispart/run/onednn/primitives.hpp"

namespace dispart::onednn {

namespace detail {

/// Memories that a primitive needs besides data and weights.
template <class Description>
void add_memories(loaded& to, const Description& pd, const dnnl::memory::desc& data_in,
                  const dnnl::memory::desc& data_out) {
    const auto& engine = to.on->engine;
    to.primitive = dnnl::primitive(pd);
    to.arguments.emplace(DNNL_ARG_SRC, dnnl::memory(data_in, engine, nullptr));
    to.arguments.emplace(DNNL_ARG_DST, dnnl::memory(data_out, engine, nullptr));
    to.arguments.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(pd.scratchpad_desc(), engine));
    to.out_bytes = data_out.get_size();
    if (to.residual != no_id && !to.accumulates)
        to.arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1,
                             dnnl::memory(data_out, engine, nullptr));
}

/// Tries `make(attributes) -> primitive description` with a residual as it likes best. Nothing where oneDNN has no fast way.
template <class Make>
auto fastest(const kernels::activation& act, const dnnl::memory::desc* residual, bool& accumulates, Make make)
    -> std::optional<decltype(make(std::declval<dnnl::primitive_attr>()))> {
    for (const bool sum : {false, true}) {
        if (sum && residual == nullptr) break;
        const auto attr = attributes(act, residual, sum);
        if (!attr) return std::nullopt;
        try {
            auto made = make(*attr);
            if (is_reference(made)) continue;
            accumulates = sum;
            return made;
        } catch (const dnnl::error&) {  // no implementation for these attributes
        }
    }
    return std::nullopt;
}

}  // namespace detail

/// Lowers a Conv and its tail. \return false where another backend's kernels must do it
[[nodiscard]] inline result<bool> lower_conv(compiler& c, layer_id l, const std::shared_ptr<context>& on) {
    DISPART_TRY(const auto sizes, eigen::conv_shape(c, l));
    if (!sizes) return false;
    const kernels::conv2d_shape& s = *sizes;
    const eigen::tail end = c.tail_after(c.at(l).outputs[0]);
    const auto in = described({s.batch, s.in_channels, s.in_height, s.in_width}, tag::nhwc);
    const auto out = described({s.batch, s.out_channels, s.out_height(), s.out_width()}, tag::nhwc);
    const dims kernel = s.groups == 1 ? dims{s.out_channels, s.in_channels, s.kernel_height, s.kernel_width}
                                      : dims{s.groups, s.out_channels / s.groups, s.in_channels / s.groups,
                                             s.kernel_height, s.kernel_width};
    const auto any = described(kernel, tag::any);
    const tensor_id b = c.operand(l, 2);
    const auto bias = b == no_id ? dnnl::memory::desc() : described({s.out_channels}, tag::x);
    const dims strides{s.stride_height, s.stride_width}, dilates{s.dilation_height - 1, s.dilation_width - 1};
    const dims before{s.pad_top, s.pad_left}, after{s.pad_bottom, s.pad_right};
    loaded made{.on = on};
    const auto pd =
        detail::fastest(end.act, end.residual == no_id ? nullptr : &out, made.accumulates,
                        [&](const dnnl::primitive_attr& attr) {
                            const dnnl::convolution_forward::desc what(
                                dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, in,
                                any, bias, out, strides, dilates, before, after);
                            return dnnl::convolution_forward::primitive_desc(what, attr, on->engine);
                        });
    if (!pd) return false;
    made.in = c.read(c.operand(l, 0), layout::channels_last);
    if (end.residual != no_id) made.residual = c.read(end.residual, layout::channels_last);
    if (b != no_id) made.bias = c.constant(c.about(b).value);
    made.out = c.write(end.result, layout::channels_last);
    detail::add_memories(made, *pd, in, out);
    const auto as = described(kernel, s.groups == 1 ? tag::oihw : tag::goihw);
    made.arguments.emplace(DNNL_ARG_WEIGHTS,
                           packed(*on, c.constant_floats(c.operand(l, 1)), as, pd->weights_desc()));
    if (b != no_id) made.arguments.emplace(DNNL_ARG_BIAS, dnnl::memory(bias, on->engine, nullptr));
    c.count_packed(pd->weights_desc().get_size() + pd->scratchpad_desc().get_size());
    c.emit([made, name = c.at(l).name](eigen::machine& m) mutable { return execute(made, m, name); });
    c.mark_done(end.fused);
    return true;
}

/// A product of plain rows with a constant matrix, its bias and tail. \return false where it has to be done otherwise
[[nodiscard]] inline bool emit_product(compiler& c, layer_id l, const std::shared_ptr<context>& on,
                                       std::int64_t depth, std::int64_t columns, bool transposed,
                                       const eigen::tail& end, slot_id bias) {
    const tensor_id a = c.operand(l, 0);
    const std::int64_t rows = elements(c.dims(a)) / depth;
    const auto in = described({rows, depth}, tag::ab);
    const auto out = described({rows, columns}, tag::ab);
    const auto any = described({depth, columns}, tag::any);
    const auto bias_desc = bias == no_id ? dnnl::memory::desc() : described({1, columns}, tag::ab);
    loaded made{.on = on, .bias = bias};
    const auto pd = detail::fastest(end.act, end.residual == no_id ? nullptr : &out, made.accumulates,
                                    [&](const dnnl::primitive_attr& attr) {
                                        const dnnl::matmul::desc what(in, any, bias_desc, out);
                                        return dnnl::matmul::primitive_desc(what, attr, on->engine);
                                    });
    if (!pd) return false;
    made.in = c.read(a, layout::plain);
    if (end.residual != no_id) made.residual = c.read(end.residual, layout::plain);
    made.out = c.write(end.result, layout::plain);
    detail::add_memories(made, *pd, in, out);
    const auto as = described({depth, columns}, transposed ? tag::ba : tag::ab);
    made.arguments.emplace(DNNL_ARG_WEIGHTS,
                           packed(*on, c.constant_floats(c.operand(l, 1)), as, pd->weights_desc()));
    if (bias != no_id) made.arguments.emplace(DNNL_ARG_BIAS, dnnl::memory(bias_desc, on->engine, nullptr));
    c.count_packed(pd->weights_desc().get_size() + pd->scratchpad_desc().get_size());
    c.emit([made, name = c.at(l).name](eigen::machine& m) mutable { return execute(made, m, name); });
    c.mark_done(end.fused);
    return true;
}

/// Lowers a Gemm with a constant second operand and no factors. \return false where another backend's kernels must do it
[[nodiscard]] inline result<bool> lower_gemm(compiler& c, layer_id l, const std::shared_ptr<context>& on) {
    const auto& attrs = c.at(l).attrs;
    const tensor_id a = c.operand(l, 0);
    if (!c.is_f32(a) || c.constant_floats(c.operand(l, 1)) == nullptr || elements(c.dims(a)) == 0 ||
        get_or<std::int64_t>(attrs, "transA", 0) != 0 || get_or(attrs, "alpha", 1.0F) != 1.0F)
        return false;
    const bool transposed = get_or<std::int64_t>(attrs, "transB", 0) != 0;
    const auto& b = c.dims(c.operand(l, 1));
    const auto columns = b[transposed ? 0 : 1];
    slot_id bias = no_id;
    if (const tensor_id t = c.operand(l, 2); t != no_id) {
        const auto made = eigen::column_constant(c, t, columns, get_or(attrs, "beta", 1.0F));
        if (!made) return false;
        bias = *made;
    }
    return emit_product(c, l, on, b[transposed ? 1 : 0], columns, transposed,
                        c.tail_after(c.at(l).outputs[0]), bias);
}

/// Lowers a MatMul with a constant matrix. \return false where another backend's kernels must do it
[[nodiscard]] inline result<bool> lower_matmul(compiler& c, layer_id l, const std::shared_ptr<context>& on) {
    const tensor_id a = c.operand(l, 0);
    const auto& b = c.dims(c.operand(l, 1));
    if (!c.is_f32(a) || c.constant_floats(c.operand(l, 1)) == nullptr || b.size() != 2 || b[0] == 0 ||
        c.dims(a).size() < 2 || elements(c.dims(a)) == 0)
        return false;
    eigen::epilogue_slots post;
    eigen::tail first{.result = c.at(l).outputs[0]};
    eigen::take_bias(c, first, post, b[1]);
    eigen::tail end = c.tail_after(first.result);
    end.fused.insert(end.fused.end(), first.fused.begin(), first.fused.end());
    return emit_product(c, l, on, b[0], b[1], false, end, post.bias);
}

}  // namespace dispart::onednn
