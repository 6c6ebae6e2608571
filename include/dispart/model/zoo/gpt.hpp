#pragma once
/// \file
/// A GPT-style decoder.

#include <string>
#include <vector>

#include "dispart/model/zoo/bert.hpp"

namespace dispart::zoo {

/// The decoder of GPT-2 small; input_ids [batch, 64] of i64 to logits [batch, 64, 50257]. The table of words is shared by
/// the embedding and the last layer. GELU is the exact one. Source: Radford, Wu, Child, Luan, Amodei, Sutskever, "Language
/// models are unsupervised multitask learners", 2019.
[[nodiscard]] inline result<model> gpt2(const options& o) {
    constexpr std::int64_t vocabulary = 50257;
    const transformer_plan plan{};
    const auto length = o.sequence > 0 ? o.sequence : 64;
    if (length > 1024) return fail(errc::invalid_argument, "sequence", "gpt2 has 1024 positions");
    net n("gpt2", o);
    transformer t(n, plan);
    const auto ids = n.builder().input("input_ids", {o.batch, length}, dtype::i64);
    const auto table = n.weight("words.table", {vocabulary, plan.width}, 0.0,
                                1.0 / std::sqrt(static_cast<double>(plan.width)));
    auto x = n.binary("Gather", "words", table, ids);
    x = n.binary("Add", "embedded", x, detail::positions(n, t, 1024, length, plan.width));
    std::vector<float> later(static_cast<std::size_t>(length * length), 0.0F);
    for (std::int64_t i = 0; i < length; ++i)
        for (std::int64_t j = i + 1; j < length; ++j)
            later[static_cast<std::size_t>(i * length + j)] = -10000.0F;
    const auto mask = n.builder().constant("causal_mask", tensor::of({length, length}, later));
    for (int i = 0; i < plan.layers; ++i) x = t.pre_norm_block("block" + std::to_string(i), x, mask);
    x = n.binary("Reshape", "rows", t.norm("norm", x), t.ints("rows.shape", {-1, plan.width}));
    x = n.builder().add("Gemm", {x, table}, {.name = "head", .attrs = {{"transB", std::int64_t{1}}}});
    return n.finish(n.binary("Reshape", "head.rows", x, t.ints("head.shape", {o.batch, length, vocabulary})),
                    "logits");
}

}  // namespace dispart::zoo
