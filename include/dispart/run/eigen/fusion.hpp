#pragma once
/// \file
/// Which layers can be done in the same pass as the convolution or product before them.

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/run/kernels/simd/epilogue.hpp"

namespace dispart::eigen {

/// A scalar f32 constant's value, or nothing.
[[nodiscard]] inline std::optional<float> scalar_constant(const tensor_info& t) {
    if (!t.constant || !t.value.has_value() || t.value.type() != dtype::f32 || t.value.size() != 1)
        return std::nullopt;
    return t.value.data<float>()[0];
}

/// The bounds of a Clip, from operands or attributes, if they are known beforehand.
[[nodiscard]] inline std::optional<kernels::activation> clip_of(const model& m, const layer& l) {
    kernels::activation clip{kernels::activation_kind::clip,
                             get_or(l.attrs, "min", std::numeric_limits<float>::lowest()),
                             get_or(l.attrs, "max", std::numeric_limits<float>::max())};
    for (std::size_t i = 1; i < l.inputs.size(); ++i) {
        if (l.inputs[i] == no_id) continue;
        const auto bound = scalar_constant(info(m).tensors[l.inputs[i]]);
        if (!bound) return std::nullopt;
        (i == 1 ? clip.alpha : clip.beta) = *bound;
    }
    return clip;
}

/// The layer as a function of one value, if it is one that the kernels know.
[[nodiscard]] inline std::optional<kernels::activation> activation_of(const model& m, const layer& l) {
    using kind = kernels::activation_kind;
    const auto with = [&](kind k, float alpha = 0.0F, float beta = 0.0F) {
        return kernels::activation{k, alpha, beta};
    };
    if (l.op == "Relu") return with(kind::relu);
    if (l.op == "Clip") return clip_of(m, l);
    if (l.op == "Sigmoid") return with(kind::sigmoid);
    if (l.op == "Tanh") return with(kind::tanh);
    if (l.op == "LeakyRelu") return with(kind::leaky_relu, get_or(l.attrs, "alpha", 0.01F));
    if (l.op == "Elu") return with(kind::elu, get_or(l.attrs, "alpha", 1.0F));
    if (l.op == "HardSigmoid")
        return with(kind::hard_sigmoid, get_or(l.attrs, "alpha", 0.2F), get_or(l.attrs, "beta", 0.5F));
    if (l.op == "HardSwish") return with(kind::hard_swish);
    if (l.op == "Gelu")
        return with(get_or<std::string>(l.attrs, "approximate", "none") == "tanh" ? kind::gelu_tanh
                                                                                  : kind::gelu);
    if (l.op == "Mish") return with(kind::mish);
    if (l.op == "Exp") return with(kind::exp);
    if (l.op == "Erf") return with(kind::erf);
    if (l.op == "Abs") return with(kind::abs);
    if (l.op == "Sqrt") return with(kind::sqrt);
    if (l.op == "Neg") return with(kind::negate);
    if (l.op == "Reciprocal") return with(kind::reciprocal);
    return std::nullopt;
}

/// What follows a result: a residual that is added, an activation, and the tensor that holds the value after both.
struct tail {
    tensor_id result = no_id;
    tensor_id residual = no_id;
    kernels::activation act{};
    std::vector<layer_id> fused{};
};

/// Finds tails in a model whose consumers are known.
class tail_finder {
  public:
    tail_finder(const model& m, const csr& consumers) : model_(m), consumers_(consumers) {
        is_output_.resize(info(m).tensors.size(), false);
        for (const auto t : info(m).outputs) is_output_[t] = true;
    }

    /// The layer that alone reads t, where t is not wanted outside and what the layer makes of it is one tensor of the
    /// same type and shape, so that it can take its place; else no_id.
    [[nodiscard]] layer_id sole_consumer(tensor_id t) const {
        if (is_output_[t] || consumers_[t].size() != 1 || !replaces(consumers_[t][0], t)) return no_id;
        return consumers_[t][0];
    }
    [[nodiscard]] bool is_output(tensor_id t) const { return is_output_[t]; }
    [[nodiscard]] const csr& consumers() const { return consumers_; }

    /// The tail behind t. `is_ready(u)` says whether a tensor has been computed by now, so that it can be a residual.
    template <class Ready>
    [[nodiscard]] tail after(tensor_id t, Ready&& is_ready) const {
        tail found{.result = t};
        add_residual(found, is_ready);
        if (!add_activation(found)) add_gated(found);
        return found;
    }

  private:
    [[nodiscard]] const shape& dims(tensor_id t) const { return *info(model_).tensors[t].dims; }

    [[nodiscard]] bool replaces(layer_id l, tensor_id t) const {
        const auto& out = model_[l].outputs;
        return out.size() == 1 && out[0] != no_id && dims(out[0]) == dims(t) &&
               info(model_).tensors[out[0]].type == info(model_).tensors[t].type;
    }

    template <class Ready>
    void add_residual(tail& found, Ready&& is_ready) const {
        const layer_id next = sole_consumer(found.result);
        if (next == no_id || (model_[next].op != "Add" && model_[next].op != "Sum") ||
            model_[next].inputs.size() != 2)
            return;
        const auto& in = model_[next].inputs;
        const tensor_id other = in[0] == found.result ? in[1] : in[0];
        if (other == found.result || other == no_id || info(model_).tensors[other].constant ||
            !is_ready(other) || dims(other) != dims(found.result) ||
            info(model_).tensors[other].type != dtype::f32)
            return;
        found.residual = other;
        accept(found, next);
    }

    bool add_activation(tail& found) const {
        const layer_id next = sole_consumer(found.result);
        if (next == no_id || model_[next].inputs[0] != found.result) return false;
        const auto act = activation_of(model_, model_[next]);
        if (!act) return false;
        found.act = *act;
        accept(found, next);
        return true;
    }

    /// x * Sigmoid(x) and x * HardSigmoid(x) with ONNX's HardSwish parameters.
    void add_gated(tail& found) const {
        const tensor_id x = found.result;
        if (is_output_[x] || consumers_[x].size() != 2) return;
        for (const std::size_t first : {std::size_t{0}, std::size_t{1}}) {
            const layer_id gate = consumers_[x][first];
            const layer_id product = consumers_[x][1 - first];
            const auto act = activation_of(model_, model_[gate]);
            if (!act || model_[product].op != "Mul" || !replaces(gate, x) || !replaces(product, x) ||
                sole_consumer(model_[gate].outputs[0]) != product)
                continue;
            const bool hard = act->kind == kernels::activation_kind::hard_sigmoid && act->beta == 0.5F &&
                              act->alpha > 0.16666F && act->alpha < 0.16667F;
            if (act->kind != kernels::activation_kind::sigmoid && !hard) continue;
            found.act.kind = hard ? kernels::activation_kind::hard_swish : kernels::activation_kind::silu;
            found.fused.push_back(gate);
            accept(found, product);
            return;
        }
    }

    void accept(tail& found, layer_id l) const {
        found.fused.push_back(l);
        found.result = model_[l].outputs[0];
    }

    const model& model_;
    const csr& consumers_;
    std::vector<bool> is_output_{};
};

}  // namespace dispart::eigen
