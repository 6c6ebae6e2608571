#pragma once
/// \file
/// Products with constant matrices, products of two computed ones, softmax and layer normalisation.

#include <optional>
#include <utility>

#include "dispart/run/eigen/lower_window.hpp"
#include "dispart/run/kernels/simd/elementwise.hpp"

namespace dispart::eigen {

/// A vector of one value per column as a constant slot: from [n] or [1, n], or from one value for all; nothing else.
[[nodiscard]] inline std::optional<slot_id> column_constant(compiler& c, tensor_id t, std::int64_t columns,
                                                            float scale) {
    const float* values = c.constant_floats(t);
    const auto& d = c.dims(t);
    const bool per_column = !d.empty() && d.back() == columns && elements(d) == columns;
    if (values == nullptr || (!per_column && elements(d) != 1)) return std::nullopt;
    tensor made(dtype::f32, {columns});
    for (std::int64_t j = 0; j < columns; ++j)
        made.data<float>()[static_cast<std::size_t>(j)] = scale * values[per_column ? j : 0];
    return c.constant(std::move(made));
}

/// Takes a bias that a following Add with a constant vector makes, so that it joins the product.
inline void take_bias(compiler& c, tail& end, epilogue_slots& post, std::int64_t columns) {
    const layer_id next = c.tails().sole_consumer(end.result);
    if (post.bias != no_id || next == no_id || c.at(next).op != "Add" || c.at(next).inputs.size() != 2 ||
        c.at(next).attrs.contains("axis"))
        return;
    const auto& in = c.at(next).inputs;
    const tensor_id other = in[0] == end.result ? in[1] : in[0];
    if (other == end.result || other == no_id) return;
    if (c.dims(other).empty() || c.dims(other).back() != columns) return;
    const auto bias = column_constant(c, other, columns, 1.0F);
    if (!bias) return;
    post.bias = *bias;
    end.result = c.at(next).outputs[0];
    end.fused.push_back(next);
}

inline void emit_product(compiler& c, tensor_id a, index_t rows, const kernels::pack_b_args& b, tail end,
                         epilogue_slots post) {
    const slot_id in = c.read(a, layout::plain);
    if (end.residual != no_id) post.residual = c.read(end.residual, layout::plain);
    const slot_id out = c.write(end.result, layout::plain);
    auto packed = kernels::pack_b(b);
    c.count_packed(packed.bytes());
    c.emit([=](machine& m) -> result<void> {
        kernels::gemm({.rows = rows, .a = m.floats(in), .c = m.floats(out), .post = post.at(m)}, packed);
        return {};
    });
    c.mark_done(end.fused);
}

/// Lowers a Gemm whose second operand is constant. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_gemm(compiler& c, layer_id l) {
    const auto& attrs = c.at(l).attrs;
    const tensor_id a = c.operand(l, 0);
    const float* b = c.constant_floats(c.operand(l, 1));
    if (!c.is_f32(a) || b == nullptr || get_or<std::int64_t>(attrs, "transA", 0) != 0 ||
        elements(c.dims(a)) == 0)
        return false;
    const bool transposed = get_or<std::int64_t>(attrs, "transB", 0) != 0;
    const auto& shape_b = c.dims(c.operand(l, 1));
    const index_t columns = shape_b[transposed ? 0 : 1];
    epilogue_slots post;
    if (const tensor_id bias = c.operand(l, 2); bias != no_id) {
        const auto made = column_constant(c, bias, columns, get_or(attrs, "beta", 1.0F));
        if (!made) return false;
        post.bias = *made;
    }
    const tail end = c.tail_after(c.at(l).outputs[0]);
    post.act = end.act;
    emit_product(c, a, c.dims(a)[0],
                 {.depth = shape_b[transposed ? 1 : 0],
                  .columns = columns,
                  .b = b,
                  .transposed = transposed,
                  .scale = get_or(attrs, "alpha", 1.0F)},
                 end, post);
    return true;
}

/// Lowers a MatMul of two computed operands with equal batch axes.
[[nodiscard]] inline result<bool> lower_batched_product(compiler& c, layer_id l) {
    const auto& a = c.dims(c.operand(l, 0));
    const auto& b = c.dims(c.operand(l, 1));
    if (a.size() != b.size() || a.size() < 2 || !std::equal(a.begin(), a.end() - 2, b.begin())) return false;
    kernels::dynamic_gemm_args args{.rows = a[a.size() - 2], .depth = a.back(), .columns = b.back()};
    const index_t batches = elements(std::span(a).first(a.size() - 2));
    if (batches * args.rows * args.depth * args.columns == 0) return false;
    const slot_id left = c.read(c.operand(l, 0), layout::plain);
    const slot_id right = c.read(c.operand(l, 1), layout::plain);
    const slot_id out = c.write(c.at(l).outputs[0], layout::plain);
    c.need_workspace(kernels::workspace_bytes(args));
    c.emit([=](machine& m) -> result<void> {
        auto each = args;
        each.workspace = m.workspace.data<float>().data();
        for (index_t i = 0; i < batches; ++i) {
            each.a = m.floats(left) + i * each.rows * each.depth;
            each.b = m.floats(right) + i * each.depth * each.columns;
            each.c = m.floats(out) + i * each.rows * each.columns;
            kernels::gemm(each);
        }
        return {};
    });
    return true;
}

/// Lowers MatMul. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_matmul(compiler& c, layer_id l) {
    const tensor_id a = c.operand(l, 0);
    const float* b = c.constant_floats(c.operand(l, 1));
    const auto& shape_b = c.dims(c.operand(l, 1));
    if (!c.is_f32(a) || !c.is_f32(c.operand(l, 1)) || elements(c.dims(a)) == 0) return false;
    if (b == nullptr) return lower_batched_product(c, l);
    if (shape_b.size() != 2 || c.dims(a).size() < 2 || shape_b[0] == 0) return false;
    epilogue_slots post;
    tail first{.result = c.at(l).outputs[0]};
    take_bias(c, first, post, shape_b[1]);
    tail end = c.tail_after(first.result);
    end.fused.insert(end.fused.end(), first.fused.begin(), first.fused.end());
    post.act = end.act;
    emit_product(c, a, elements(c.dims(a)) / shape_b[0], {.depth = shape_b[0], .columns = shape_b[1], .b = b},
                 end, post);
    return true;
}

/// Lowers Softmax over contiguous rows. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_softmax(compiler& c, layer_id l) {
    const auto& d = c.dims(c.operand(l, 0));
    const bool old = c.opset() < 13;  // until then, all axes from `axis` on count as one
    const auto axis =
        dispart::detail::normal_axis(get_or<std::int64_t>(c.at(l).attrs, "axis", old ? 1 : -1), d.size());
    if (!c.is_f32(c.operand(l, 0)) || !axis || elements(d) == 0 || (!old && *axis + 1 != d.size()))
        return false;
    const index_t columns = elements(std::span(d).subspan(*axis));
    const index_t rows = elements(d) / columns;
    const slot_id in = c.read(c.operand(l, 0), layout::plain);
    const slot_id out = c.write(c.at(l).outputs[0], layout::plain);
    c.emit([=](machine& m) -> result<void> {
        kernels::softmax(m.floats(in), m.floats(out), rows, columns);
        return {};
    });
    return true;
}

/// Lowers LayerNormalization over the last axis with constant scale and shift.
[[nodiscard]] inline result<bool> lower_layer_norm(compiler& c, layer_id l) {
    const auto& d = c.dims(c.operand(l, 0));
    const auto axis = dispart::detail::normal_axis(get_or<std::int64_t>(c.at(l).attrs, "axis", -1), d.size());
    if (!c.is_f32(c.operand(l, 0)) || !axis || *axis + 1 != d.size() || elements(d) == 0) return false;
    for (std::size_t i = 1; i < c.at(l).outputs.size(); ++i)
        if (c.at(l).outputs[i] != no_id) return false;
    const tensor_id shift = c.operand(l, 2);
    if (!c.is_f32(c.operand(l, 1)) || elements(c.dims(c.operand(l, 1))) != d.back() ||
        (shift != no_id && elements(c.dims(shift)) != d.back()))
        return false;
    kernels::layer_norm_args args{.rows = elements(d) / d.back(),
                                  .columns = d.back(),
                                  .epsilon = get_or(c.at(l).attrs, "epsilon", 1e-5F)};
    const slot_id in = c.read(c.operand(l, 0), layout::plain);
    const slot_id scale = c.read(c.operand(l, 1), layout::plain);
    const slot_id bias = shift == no_id ? no_id : c.read(shift, layout::plain);
    const slot_id out = c.write(c.at(l).outputs[0], layout::plain);
    c.emit([=](machine& m) -> result<void> {
        auto all = args;
        all.in = m.floats(in), all.scale = m.floats(scale), all.out = m.floats(out);
        if (bias != no_id) all.shift = m.floats(bias);
        kernels::layer_norm(all);
        return {};
    });
    return true;
}

}  // namespace dispart::eigen
