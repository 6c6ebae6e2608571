#pragma once
/// \file
/// Convolutions and poolings over two spatial axes, channels-last.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/model/operators/convolution.hpp"
#include "dispart/model/operators/pooling.hpp"
#include "dispart/run/eigen/compiler.hpp"
#include "dispart/run/kernels/simd/conv.hpp"
#include "dispart/run/kernels/simd/depthwise.hpp"
#include "dispart/run/kernels/simd/gemm.hpp"
#include "dispart/run/kernels/simd/pool.hpp"

namespace dispart::eigen {

/// A layer's operands as the model room describes them, for the shared attribute rules.
class described_layer {
  public:
    described_layer(const compiler& c, layer_id l) {
        for (const auto t : c.at(l).inputs) inputs_.push_back(t == no_id ? nullptr : &c.about(t));
        context_.emplace(op_context{c.at(l), inputs_, {}, c.opset()});
    }
    [[nodiscard]] const op_context& context() const { return *context_; }

  private:
    std::vector<const tensor_info*> inputs_{};
    std::optional<op_context> context_{};
};

/// Sizes of a Conv with rank-4 f32 data and constant weights; nothing where it is another.
[[nodiscard]] inline result<std::optional<kernels::conv2d_shape>> conv_shape(const compiler& c, layer_id l) {
    const tensor_id x = c.operand(l, 0);
    const tensor_id w = c.operand(l, 1);
    if (!c.is_f32(x) || c.dims(x).size() != 4 || c.constant_floats(w) == nullptr || elements(c.dims(x)) == 0)
        return std::nullopt;
    if (const tensor_id b = c.operand(l, 2); b != no_id && c.constant_floats(b) == nullptr)
        return std::nullopt;
    const described_layer described(c, l);
    DISPART_TRY(const auto window, convolution_window(described.context()));
    const auto& in = c.dims(x);
    return kernels::conv2d_shape{.batch = in[0],
                                 .in_height = in[2],
                                 .in_width = in[3],
                                 .in_channels = in[1],
                                 .out_channels = c.dims(w)[0],
                                 .kernel_height = window.kernel[0],
                                 .kernel_width = window.kernel[1],
                                 .stride_height = window.strides[0],
                                 .stride_width = window.strides[1],
                                 .dilation_height = window.dilations[0],
                                 .dilation_width = window.dilations[1],
                                 .pad_top = window.pads_begin[0],
                                 .pad_left = window.pads_begin[1],
                                 .pad_bottom = window.pads_end[0],
                                 .pad_right = window.pads_end[1],
                                 .groups = get_or<std::int64_t>(c.at(l).attrs, "group", 1)};
}

/// Where the epilogue's operands are found when a request runs.
struct epilogue_slots {
    slot_id bias = no_id;
    slot_id residual = no_id;
    kernels::activation act{};

    [[nodiscard]] kernels::epilogue at(machine& m) const {
        return {.bias = bias == no_id ? nullptr : m.floats(bias),
                .residual = residual == no_id ? nullptr : m.floats(residual),
                .act = act};
    }
};

inline void emit_conv(compiler& c, const kernels::conv2d_shape& s, const float* weights, slot_id in,
                      slot_id out, const epilogue_slots& post) {
    const bool pointwise = s.kernel_height == 1 && s.kernel_width == 1 && s.stride_height == 1 &&
                           s.stride_width == 1 && s.groups == 1 && s.pad_top + s.pad_left == 0 &&
                           s.pad_bottom + s.pad_right == 0;
    if (kernels::is_depthwise(s)) {
        auto packed = kernels::pack_depthwise(s, weights);
        c.count_packed(packed.bytes());
        c.emit([=](machine& m) -> result<void> {
            kernels::depthwise_conv2d(s, {.input = m.floats(in), .output = m.floats(out), .post = post.at(m)},
                                      packed);
            return {};
        });
        return;
    }
    auto packed = kernels::pack_conv2d(s, weights);
    c.count_packed(packed.bytes());
    if (pointwise) {
        const index_t rows = s.batch * s.in_height * s.in_width;
        c.emit([=](machine& m) -> result<void> {
            kernels::gemm({.rows = rows, .a = m.floats(in), .c = m.floats(out), .post = post.at(m)}, packed);
            return {};
        });
        return;
    }
    c.need_workspace(kernels::workspace_bytes(s));
    c.emit([=](machine& m) -> result<void> {
        kernels::conv2d(s,
                        {.input = m.floats(in),
                         .output = m.floats(out),
                         .workspace = m.workspace.data<float>().data(),
                         .post = post.at(m)},
                        packed);
        return {};
    });
}

/// Lowers a Conv and its tail. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_conv(compiler& c, layer_id l) {
    DISPART_TRY(const auto sizes, conv_shape(c, l));
    if (!sizes) return false;
    const tail end = c.tail_after(c.at(l).outputs[0]);
    epilogue_slots post{.act = end.act};
    const slot_id in = c.read(c.operand(l, 0), layout::channels_last);
    if (end.residual != no_id) post.residual = c.read(end.residual, layout::channels_last);
    if (const tensor_id b = c.operand(l, 2); b != no_id) post.bias = c.constant(c.about(b).value);
    const slot_id out = c.write(end.result, layout::channels_last);
    emit_conv(c, *sizes, c.constant_floats(c.operand(l, 1)), in, out, post);
    c.mark_done(end.fused);
    return true;
}

/// Sizes of a pooling of rank-4 f32 data; nothing where it is another.
[[nodiscard]] inline result<std::optional<kernels::pool2d_shape>> pool_shape(const compiler& c, layer_id l) {
    const auto& self = c.at(l);
    const auto& in = c.dims(self.inputs[0]);
    if (!c.is_f32(self.inputs[0]) || in.size() != 4 || elements(in) == 0 ||
        (self.outputs.size() > 1 && self.outputs[1] != no_id))
        return std::nullopt;
    kernels::pool2d_shape s{.kind = self.op == "MaxPool" || self.op == "GlobalMaxPool"
                                        ? kernels::pool_kind::maximum
                                        : kernels::pool_kind::average,
                            .batch = in[0],
                            .in_height = in[2],
                            .in_width = in[3],
                            .channels = in[1],
                            .kernel_height = in[2],
                            .kernel_width = in[3]};
    if (self.op == "GlobalAveragePool" || self.op == "GlobalMaxPool") return s;
    const described_layer described(c, l);
    DISPART_TRY(const auto w, pooling_window(described.context()));
    s.kernel_height = w.kernel[0], s.kernel_width = w.kernel[1];
    s.stride_height = w.strides[0], s.stride_width = w.strides[1];
    s.dilation_height = w.dilations[0], s.dilation_width = w.dilations[1];
    s.pad_top = w.pads_begin[0], s.pad_left = w.pads_begin[1];
    s.pad_bottom = w.pads_end[0], s.pad_right = w.pads_end[1];
    s.ceil_mode = get_or<std::int64_t>(self.attrs, "ceil_mode", 0) != 0;
    s.count_include_pad = get_or<std::int64_t>(self.attrs, "count_include_pad", 0) != 0;
    if (s.out_height() != w.output[0] || s.out_width() != w.output[1]) return std::nullopt;
    return s;
}

/// Lowers MaxPool, AveragePool and the global poolings. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_pool(compiler& c, layer_id l) {
    DISPART_TRY(const auto sizes, pool_shape(c, l));
    if (!sizes) return false;
    const slot_id in = c.read(c.at(l).inputs[0], layout::channels_last);
    const slot_id out = c.write(c.at(l).outputs[0], layout::channels_last);
    c.emit([s = *sizes, in, out](machine& m) -> result<void> {
        kernels::pool2d(s, {.input = m.floats(in), .output = m.floats(out)});
        return {};
    });
    return true;
}

}  // namespace dispart::eigen
