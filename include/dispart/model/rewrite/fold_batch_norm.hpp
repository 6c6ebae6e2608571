#pragma once
/// \file
/// Folds batch normalisation into the linear layer before it.

#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/model/rewrite/remove_dead.hpp"
#include "dispart/model/uses.hpp"

namespace dispart {

namespace detail {

/// y = factor * x + shift, one pair per channel.
struct channel_affine {
    std::vector<double> factor{};
    std::vector<double> shift{};
};

[[nodiscard]] inline bool has_floats(const tensor_info& t) {
    return t.constant && t.value.has_value() && t.value.type() == dtype::f32;
}

/// What an inference-time BatchNormalization does, where its statistics are known f32 constants.
template <class Layer, class Tensor>
[[nodiscard]] std::optional<channel_affine> batch_norm_affine(const layer_graph<Layer, Tensor>& g,
                                                              const Layer& bn) {
    if (bn.op != "BatchNormalization" || bn.inputs.size() != 5) return std::nullopt;
    if (get_or<std::int64_t>(bn.attrs, "training_mode", 0) != 0 ||
        get_or<std::int64_t>(bn.attrs, "spatial", 1) == 0)
        return std::nullopt;
    std::array<std::span<const float>, 5> of{};
    for (std::size_t i = 1; i < 5; ++i) {
        if (bn.inputs[i] == no_id || !has_floats(info(g).tensors[bn.inputs[i]])) return std::nullopt;
        of[i] = info(g).tensors[bn.inputs[i]].value.template data<float>();
        if (of[i].size() != of[1].size()) return std::nullopt;
    }
    const double epsilon = static_cast<double>(get_or<float>(bn.attrs, "epsilon", 1e-5F));
    channel_affine a;
    for (std::size_t c = 0; c < of[1].size(); ++c) {
        a.factor.push_back(static_cast<double>(of[1][c]) / std::sqrt(static_cast<double>(of[4][c]) + epsilon));
        a.shift.push_back(static_cast<double>(of[2][c]) - a.factor.back() * static_cast<double>(of[3][c]));
    }
    return a;
}

/// Where a linear layer's weights keep the output channel: element i belongs to channel
/// i / run % inner + i / block * inner.
struct channel_layout {
    std::size_t run = 1;
    std::size_t inner = 1;
    std::size_t block = 1;
};

/// Product of the extents behind axis `from`.
[[nodiscard]] inline std::size_t extent_behind(const shape& dims, std::size_t from) {
    return static_cast<std::size_t>(elements(std::span<const std::int64_t>(dims).subspan(from)));
}

/// The layout of Conv [M, C/g, k...], ConvTranspose [C, M/g, k...] or Gemm weights for M channels; nothing for others.
[[nodiscard]] inline std::optional<channel_layout> weight_layout(const layer& self, const shape& w,
                                                                 std::size_t channels) {
    const auto total = extent_behind(w, 0);
    if (w.size() < 2 || total == 0) return std::nullopt;
    if (self.op == "Conv") return channel_layout{extent_behind(w, 1), channels, total};
    if (self.op == "ConvTranspose") {
        const auto groups = static_cast<std::size_t>(get_or<std::int64_t>(self.attrs, "group", 1));
        return channel_layout{extent_behind(w, 2), static_cast<std::size_t>(w[1]), total / groups};
    }
    if (self.op != "Gemm") return std::nullopt;
    if (get_or<std::int64_t>(self.attrs, "transB", 0) != 0)
        return channel_layout{extent_behind(w, 1), channels, total};
    return channel_layout{1, channels, total};
}

/// Weights whose every element is multiplied by its channel's factor.
[[nodiscard]] inline tensor scaled_weights(const tensor& weights, const channel_layout& at,
                                           const std::vector<double>& factor) {
    auto copy = weights.clone();
    auto data = copy.data<float>();
    for (std::size_t begin = 0; begin < data.size(); begin += at.run) {
        const auto k = factor[begin / at.run % at.inner + begin / at.block * at.inner];
        for (std::size_t i = begin; i < begin + at.run; ++i)
            data[i] = static_cast<float>(static_cast<double>(data[i]) * k);
    }
    return copy;
}

/// factor * (beta * bias) + shift.
[[nodiscard]] inline tensor folded_bias(const tensor& bias, double beta, const channel_affine& a) {
    const auto old = bias.has_value() ? bias.data<float>() : std::span<const float>();
    std::vector<float> values;
    for (std::size_t c = 0; c < a.factor.size(); ++c) {
        const double before = old.empty() ? 0.0 : beta * static_cast<double>(old[old.size() == 1 ? 0 : c]);
        values.push_back(static_cast<float>(a.factor[c] * before + a.shift[c]));
    }
    return tensor::of({static_cast<std::int64_t>(values.size())}, values);
}

/// A constant under a name that nobody has.
template <class Layer, class Tensor>
tensor_id add_constant(layer_graph<Layer, Tensor>& g, const Tensor& like, const std::string& name,
                       tensor value) {
    Tensor made = like;
    made.name = name;
    made.dims = value.dims();
    made.type = value.type();
    made.constant = true;
    made.value = std::move(value);
    info(g).tensors.push_back(std::move(made));
    return info(g).tensors.size() - 1;
}

/// The constant bias of a linear layer where it is one number per channel (or one), an absent tensor where there is none,
/// or nothing where it cannot be folded into.
template <class Layer, class Tensor>
[[nodiscard]] std::optional<tensor> foldable_bias(const layer_graph<Layer, Tensor>& g, const Layer& linear,
                                                  std::size_t channels) {
    if (linear.inputs.size() < 3 || linear.inputs[2] == no_id) return tensor();
    const auto& bias = info(g).tensors[linear.inputs[2]];
    if (!has_floats(bias) || bias.value.size() == 0) return std::nullopt;
    const auto last = bias.value.rank() == 0 ? 1 : static_cast<std::size_t>(bias.value.dims().back());
    if (last != bias.value.size() || (last != 1 && last != channels)) return std::nullopt;
    return bias.value;
}

/// Folds one BatchNormalization into the layer that makes its operand; false where that is not possible.
template <class Layer, class Tensor>
[[nodiscard]] bool fold_into(layer_graph<Layer, Tensor>& g, layer_id linear, layer_id bn) {
    auto& before = g[linear];
    const auto affine = batch_norm_affine(g, g[bn]);
    if (!affine || before.inputs.size() < 2 || before.inputs[1] == no_id) return false;
    const auto channels = affine->factor.size();
    const auto weights = before.inputs[1];
    if (!has_floats(info(g).tensors[weights])) return false;
    const auto layout = weight_layout(before, info(g).tensors[weights].value.dims(), channels);
    const auto bias = foldable_bias(g, before, channels);
    const auto& result = info(g).tensors[before.outputs[0]].dims;
    if (!layout || !bias || !result || result->size() < 2 ||
        (*result)[1] != static_cast<std::int64_t>(channels))
        return false;
    const bool gemm = before.op == "Gemm";
    const double beta = gemm ? static_cast<double>(get_or<float>(before.attrs, "beta", 1.0F)) : 1.0;
    const Tensor like = info(g).tensors[weights];
    const auto new_weights = add_constant(g, like, like.name + "*" + g[bn].name,
                                          scaled_weights(like.value, *layout, affine->factor));
    const auto new_bias = add_constant(g, like, g[bn].name + "*bias", folded_bias(*bias, beta, *affine));
    if (gemm) before.attrs["beta"] = 1.0F;
    before.inputs = {before.inputs[0], new_weights, new_bias};
    before.outputs[0] = g[bn].outputs[0];
    return true;
}

}  // namespace detail

/// Folds each BatchNormalization (at inference, statistics known) into the Conv, ConvTranspose or Gemm before it, where
/// that one's result has no other reader and its weights are known f32 constants. The linear layer takes over the name of
/// the normalised tensor; the graph computes the same function up to rounding.
/// Precondition: `validate(g)` succeeds and shapes are inferred. O(model + folded weights).
template <class Layer, class Tensor>
void fold_batch_norm(layer_graph<Layer, Tensor>& g) {
    const auto by = producers(g);
    const auto readers = consumers(g);
    std::vector<bool> returned(info(g).tensors.size(), false);
    for (const auto t : info(g).outputs) returned[t] = true;
    std::vector<bool> stays(num_vertices(g), true);
    for (layer_id v = 0; v < stays.size(); ++v) {
        if (g[v].op != "BatchNormalization" || g[v].inputs.empty() || g[v].outputs.empty()) continue;
        const auto in = g[v].inputs[0];
        if (in == no_id || g[v].outputs[0] == no_id || by[in] == no_id || readers[in].size() != 1 ||
            returned[in])
            continue;
        if (detail::further_results_needed(g[v], readers, returned)) continue;
        if (g[by[in]].outputs[0] != in) continue;
        stays[v] = !detail::fold_into(g, by[in], v);
    }
    detail::keep_only(g, stays);
}

}  // namespace dispart
