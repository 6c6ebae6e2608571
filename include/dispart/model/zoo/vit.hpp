#pragma once
/// \file
/// ViT-Base/16.

#include <string>

#include "dispart/model/zoo/transformer.hpp"

namespace dispart::zoo {

/// Vision transformer, base, patches of 16; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: Dosovitskiy et al., "An image is worth 16x16 words: transformers for image recognition at scale", ICLR 2021.
[[nodiscard]] inline result<model> vit_base(const options& o) {
    const transformer_plan plan{.epsilon = 1e-6F};
    net n("vit_base", o);
    transformer t(n, plan);
    auto x = n.conv("patches", n.image(3, 224), plan.width, {.kernel = 16, .stride = 16, .gain = 1.0});
    const auto count = n.extent(x, 2) * n.extent(x, 3);
    x = n.binary("Reshape", "patches.flat", x, t.ints("patches.shape", {0, plan.width, -1}));
    x = n.unary("Transpose", "patches.rows", x, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
    const auto token = n.weight("class_token", {1, 1, plan.width}, 0.0, 1.0);
    const auto tokens =
        n.binary("Expand", "class_tokens", token, t.ints("class_tokens.shape", {o.batch, 1, plan.width}));
    x = n.concat("tokens", {tokens, x});
    x = n.binary("Add", "embedded", x, n.weight("positions", {1, count + 1, plan.width}, 0.0, 0.5));
    for (int i = 0; i < plan.layers; ++i) x = t.pre_norm_block("block" + std::to_string(i), x, no_id);
    const auto first = n.builder().constant("first", tensor::of({}, std::vector<std::int64_t>{0}));
    x = n.builder().add("Gather", {t.norm("norm", x), first},
                        {.name = "class", .attrs = {{"axis", std::int64_t{1}}}});
    return n.finish(n.dense("head", x, 1000), "logits");
}

}  // namespace dispart::zoo
