#pragma once
/// \file
/// Functions of one and of two values, batch normalisation, concatenation, and layers that only rename memory.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/run/eigen/compiler.hpp"
#include "dispart/run/kernels/simd/elementwise.hpp"

namespace dispart::eigen {

/// The layout in which a function of single values leaves its operand.
[[nodiscard]] inline layout natural_layout(const compiler& c, tensor_id t) {
    return c.is_channels_last(t) ? layout::channels_last : layout::plain;
}

/// Lowers activations and other functions of one value. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_unary(compiler& c, layer_id l) {
    const tensor_id x = c.operand(l, 0);
    const auto act = activation_of(c.graph(), c.at(l));
    if (!act || !c.is_f32(x)) return false;
    const layout as = natural_layout(c, x);
    const index_t count = elements(c.dims(x));
    const slot_id in = c.read(x, as);
    const slot_id out = c.write(c.at(l).outputs[0], as);
    c.emit([=, act = *act](machine& m) -> result<void> {
        kernels::activate(act, m.floats(in), m.floats(out), count);
        return {};
    });
    return true;
}

[[nodiscard]] inline std::optional<kernels::binary_kind> binary_kind_of(const layer& l) {
    if (l.inputs.size() != 2 || l.attrs.contains("broadcast") || l.attrs.contains("axis"))
        return std::nullopt;
    if (l.op == "Add" || l.op == "Sum") return kernels::binary_kind::add;
    if (l.op == "Sub") return kernels::binary_kind::subtract;
    if (l.op == "Mul") return kernels::binary_kind::multiply;
    if (l.op == "Div") return kernels::binary_kind::divide;
    return std::nullopt;
}

/// How a smaller operand meets a larger one: in which layout, and along what.
struct meeting {
    layout as = layout::plain;
    kernels::broadcast_kind how = kernels::broadcast_kind::none;
    index_t columns = 0;
};

/// Nothing where the kernels have no such broadcast.
[[nodiscard]] inline std::optional<meeting> meet(const compiler& c, tensor_id large, tensor_id small) {
    const auto& a = c.dims(large);
    const auto& b = c.dims(small);
    const index_t count = elements(a);
    const layout home = natural_layout(c, large);
    if (elements(b) == 1) return meeting{home, kernels::broadcast_kind::scalar, count};
    if (a == b) {
        const bool turned = home == layout::channels_last || c.is_channels_last(small);
        return meeting{turned ? layout::channels_last : layout::plain, kernels::broadcast_kind::none, count};
    }
    const bool per_channel = home == layout::channels_last && elements(b) == a[1] && a[0] == 1 &&
                             b.size() >= 3 && b[b.size() - 3] == a[1];
    if (per_channel) return meeting{layout::channels_last, kernels::broadcast_kind::rows, a[1]};
    if (!a.empty() && !b.empty() && b.back() == a.back() && elements(b) == a.back())
        return meeting{layout::plain, kernels::broadcast_kind::rows, a.back()};
    return std::nullopt;
}

/// Lowers Add, Sub, Mul and Div and an activation behind them. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_binary(compiler& c, layer_id l) {
    const auto kind = binary_kind_of(c.at(l));
    const tensor_id y = c.at(l).outputs[0];
    if (!kind || !c.is_f32(c.operand(l, 0)) || !c.is_f32(c.operand(l, 1)) || elements(c.dims(y)) == 0)
        return false;
    const bool swapped = c.dims(c.operand(l, 0)) != c.dims(y);
    const tensor_id large = c.operand(l, swapped ? 1 : 0);
    const tensor_id small = c.operand(l, swapped ? 0 : 1);
    if (c.dims(large) != c.dims(y) || c.about(large).constant) return false;
    const auto how = meet(c, large, small);
    if (!how) return false;
    const bool whole = how->how == kernels::broadcast_kind::none;
    const tail end = c.tails().after(y, [](tensor_id) { return false; });
    kernels::binary_args args{.kind = *kind,
                              .broadcast = how->how,
                              .swapped = swapped,
                              .rows = elements(c.dims(y)) / how->columns,
                              .columns = how->columns,
                              .act = end.act};
    const slot_id a = c.read(large, how->as);
    const slot_id b = c.read(small, whole ? how->as : layout::plain);
    const slot_id out = c.write(end.result, how->as);
    c.emit([=](machine& m) -> result<void> {
        auto all = args;
        all.a = m.floats(a), all.b = m.floats(b), all.out = m.floats(out);
        kernels::binary(all);
        return {};
    });
    c.mark_done(end.fused);
    return true;
}

/// Lowers a BatchNormalization that could not be folded, over rank-4 data.
[[nodiscard]] inline result<bool> lower_batch_norm(compiler& c, layer_id l) {
    const tensor_id x = c.operand(l, 0);
    const auto& d = c.dims(x);
    const float* p[4];
    for (std::size_t i = 0; i < 4; ++i)
        if ((p[i] = c.constant_floats(c.operand(l, i + 1))) == nullptr) return false;
    if (!c.is_f32(x) || d.size() != 4 || elements(c.dims(c.operand(l, 1))) != d[1]) return false;
    if (get_or<std::int64_t>(c.at(l).attrs, "training_mode", 0) != 0) return false;
    const float epsilon = get_or(c.at(l).attrs, "epsilon", 1e-5F);
    tensor scale(dtype::f32, {d[1]});
    tensor shift(dtype::f32, {d[1]});
    for (std::size_t j = 0; j < scale.size(); ++j) {
        const double factor = static_cast<double>(p[0][j]) /
                              std::sqrt(static_cast<double>(p[3][j]) + static_cast<double>(epsilon));
        scale.data<float>()[j] = static_cast<float>(factor);
        shift.data<float>()[j] =
            static_cast<float>(static_cast<double>(p[1][j]) - static_cast<double>(p[2][j]) * factor);
    }
    const tail end = c.tails().after(c.at(l).outputs[0], [](tensor_id) { return false; });
    kernels::scale_shift_args args{.rows = elements(d) / d[1], .columns = d[1], .act = end.act};
    const slot_id in = c.read(x, layout::channels_last);
    const slot_id factor = c.constant(std::move(scale));
    const slot_id offset = c.constant(std::move(shift));
    const slot_id out = c.write(end.result, layout::channels_last);
    c.emit([=](machine& m) -> result<void> {
        auto all = args;
        all.in = m.floats(in), all.scale = m.floats(factor), all.shift = m.floats(offset),
        all.out = m.floats(out);
        kernels::scale_shift(all);
        return {};
    });
    c.mark_done(end.fused);
    return true;
}

/// Lowers a Concat of f32 operands: over channels where they lie channels-last, over any axis of plain ones.
[[nodiscard]] inline result<bool> lower_concat(compiler& c, layer_id l) {
    const auto& self = c.at(l);
    const auto& d = c.dims(self.outputs[0]);
    const auto axis = dispart::detail::normal_axis(get_or<std::int64_t>(self.attrs, "axis", 1), d.size());
    const auto is_last = [&](tensor_id t) { return c.is_channels_last(t); };
    if (!axis || elements(d) == 0) return false;
    for (const auto t : self.inputs)
        if (t == no_id || !c.is_f32(t)) return false;
    const bool turned =
        *axis == 1 && d.size() == 4 && std::any_of(self.inputs.begin(), self.inputs.end(), is_last);
    const layout as = turned ? layout::channels_last : layout::plain;
    struct piece {
        slot_id from;
        std::size_t floats;  // per row
    };
    std::vector<piece> pieces;
    std::size_t width = 0;
    for (const auto t : self.inputs) {
        const auto& e = c.dims(t);
        const auto floats = static_cast<std::size_t>(turned ? e[1] : elements(std::span(e).subspan(*axis)));
        pieces.push_back({c.read(t, as), floats});
        width += floats;
    }
    const slot_id out = c.write(self.outputs[0], as);
    const std::size_t rows = static_cast<std::size_t>(elements(d)) / width;
    c.emit([=](machine& m) -> result<void> {
        float* to = m.floats(out);
        for (const auto& each : pieces) {
            const float* from = m.floats(each.from);
            for (std::size_t r = 0; r < rows; ++r)
                std::memcpy(to + r * width, from + r * each.floats, each.floats * sizeof(float));
            to += each.floats;
        }
        return {};
    });
    return true;
}

/// Lowers layers that give the same elements another shape, and transposes that the layout makes free.
[[nodiscard]] inline result<bool> lower_view(compiler& c, layer_id l) {
    const auto& self = c.at(l);
    const tensor_id x = self.inputs[0];
    const tensor_id y = self.outputs[0];
    const bool renames = self.op == "Reshape" || self.op == "Flatten" || self.op == "Squeeze" ||
                         self.op == "Unsqueeze" || self.op == "Identity";
    if (renames || (self.op == "Dropout" && self.inputs.size() < 3)) {
        c.alias(y, c.peek(x, layout::plain), layout::plain);
        return true;
    }
    if (self.op != "Transpose" || c.dims(x).size() != 4 || !c.is_f32(x)) return false;
    const auto order = get_or<std::vector<std::int64_t>>(self.attrs, "perm", {});
    if (order == std::vector<std::int64_t>{0, 2, 3, 1} && c.is_channels_last(x)) {
        c.alias(y, c.peek(x, layout::channels_last), layout::plain);
        return true;
    }
    if (order == std::vector<std::int64_t>{0, 3, 1, 2}) {
        c.alias(y, c.peek(x, layout::plain), layout::channels_last);
        return true;
    }
    return false;
}

}  // namespace dispart::eigen
