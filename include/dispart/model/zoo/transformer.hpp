#pragma once
/// \file
/// What ViT, BERT and the GPT decoder are made of, in ONNX's opset 17: linear layers, attention, GELU.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

/// A transformer's sizes.
struct transformer_plan {
    std::int64_t width = 768;
    std::int64_t heads = 12;
    std::int64_t hidden = 3072;
    int layers = 12;
    float epsilon = 1e-5F;  ///< of the layer normalisations
};

/// Adds a transformer's layers to a net. Activations are [batch, sequence, width].
class transformer {
  public:
    transformer(net& n, const transformer_plan& plan)
        : net_(&n)
        , plan_(plan)
        , split_(ints("heads.split", {0, 0, plan.heads, plan.width / plan.heads}))
        , join_(ints("heads.join", {0, 0, plan.width}))
        , scale_(number("attention.scale", 1.0F / std::sqrt(static_cast<float>(plan.width / plan.heads))))
        , half_(number("half", 0.5F))
        , one_(number("one", 1.0F))
        , root_half_(number("root_half", std::sqrt(0.5F))) {}

    /// A constant list of integers.
    tensor_id ints(const std::string& name, const std::vector<std::int64_t>& values) {
        return net_->builder().constant(name, tensor::of({static_cast<std::int64_t>(values.size())}, values));
    }
    /// A constant number.
    tensor_id number(const std::string& name, float value) {
        return net_->builder().constant(name, tensor::of({}, std::vector{value}));
    }

    tensor_id norm(const std::string& name, tensor_id x) {
        const shape dims{plan_.width};
        return net_->builder().add(
            "LayerNormalization",
            {x, net_->weight(name + ".weight", dims, 1.0, 0.1), net_->weight(name + ".bias", dims, 0.0, 0.1)},
            {.name = name, .attrs = {{"axis", std::int64_t{-1}}, {"epsilon", plan_.epsilon}}});
    }

    /// x * W + b over the last axis.
    tensor_id linear(const std::string& name, tensor_id x, std::int64_t in, std::int64_t out,
                     double gain = 1.0) {
        const auto w =
            net_->weight(name + ".weight", {in, out}, 0.0, std::sqrt(gain / static_cast<double>(in)));
        const auto product = net_->binary("MatMul", name + ".matmul", x, w);
        return net_->binary("Add", name, product, net_->weight(name + ".bias", {out}, 0.0, 0.05));
    }

    /// x / 2 * (1 + erf(x / sqrt 2)).
    tensor_id gelu(const std::string& name, tensor_id x) {
        auto& n = *net_;
        const auto erf = n.unary("Erf", name + ".erf", n.binary("Mul", name + ".scaled", x, root_half_));
        return n.binary("Mul", name, n.binary("Mul", name + ".half", x, half_),
                        n.binary("Add", name + ".sum", erf, one_));
    }

    /// Multi-head self-attention; `mask` (`no_id`: none) is added to the scores [batch, heads, sequence, sequence].
    tensor_id attention(const std::string& name, tensor_id x, tensor_id mask) {
        auto& n = *net_;
        const auto w = plan_.width;
        const auto query = heads(name + ".query", linear(name + ".query", x, w, w, 2.0), {0, 2, 1, 3});
        const auto key = heads(name + ".key", linear(name + ".key", x, w, w, 2.0), {0, 2, 3, 1});
        const auto value = heads(name + ".value", linear(name + ".value", x, w, w), {0, 2, 1, 3});
        auto scores = n.binary("Mul", name + ".scores", n.binary("MatMul", name + ".qk", query, key), scale_);
        if (mask != no_id) scores = n.binary("Add", name + ".masked", scores, mask);
        const auto share = n.unary("Softmax", name + ".softmax", scores, {{"axis", std::int64_t{-1}}});
        auto mixed = n.binary("MatMul", name + ".mix", share, value);
        mixed = n.unary("Transpose", name + ".back", mixed, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
        return linear(name + ".out", n.binary("Reshape", name + ".joined", mixed, join_), w, w);
    }

    tensor_id feed_forward(const std::string& name, tensor_id x) {
        const auto wide = gelu(name + ".gelu", linear(name + ".up", x, plan_.width, plan_.hidden, 2.0));
        return linear(name + ".down", wide, plan_.hidden, plan_.width);
    }

    /// A block that normalises before attention and before the feed-forward part (ViT, GPT).
    tensor_id pre_norm_block(const std::string& name, tensor_id x, tensor_id mask) {
        auto& n = *net_;
        x = n.binary("Add", name + ".add1", x, attention(name + ".attention", norm(name + ".norm1", x), mask));
        return n.binary("Add", name + ".add2", x, feed_forward(name + ".mlp", norm(name + ".norm2", x)));
    }
    /// A block that normalises after each sum (BERT).
    tensor_id post_norm_block(const std::string& name, tensor_id x, tensor_id mask) {
        auto& n = *net_;
        x = norm(name + ".norm1", n.binary("Add", name + ".add1", x, attention(name + ".attention", x, mask)));
        return norm(name + ".norm2", n.binary("Add", name + ".add2", x, feed_forward(name + ".mlp", x)));
    }

  private:
    tensor_id heads(const std::string& name, tensor_id x, std::vector<std::int64_t> order) {
        const auto apart = net_->binary("Reshape", name + ".split", x, split_);
        return net_->unary("Transpose", name + ".heads", apart, {{"perm", std::move(order)}});
    }

    net* net_;
    transformer_plan plan_;
    tensor_id split_, join_, scale_, half_, one_, root_half_;
};

}  // namespace dispart::zoo
