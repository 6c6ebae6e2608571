#pragma once
/// \file
/// BERT-base.

#include <string>

#include "dispart/model/zoo/transformer.hpp"

namespace dispart::zoo {

namespace detail {

/// The first `length` of `most` learned positions, [length, width].
[[nodiscard]] inline tensor_id positions(net& n, transformer& t, std::int64_t most, std::int64_t length,
                                         std::int64_t width) {
    const auto all = n.weight("positions", {most, width}, 0.0, 0.5);
    return n.builder().add("Slice",
                           {all, t.ints("positions.begin", {0}), t.ints("positions.end", {length}),
                            t.ints("positions.axis", {0})},
                           {.name = "positions.used"});
}

/// 0 where the mask [batch, sequence] is 1, -10000 where it is 0, as [batch, 1, 1, sequence].
[[nodiscard]] inline tensor_id attention_bias(net& n, transformer& t, tensor_id mask) {
    const auto wide = n.binary("Unsqueeze", "mask.wide", mask, t.ints("mask.axes", {1, 2}));
    const auto real = n.unary("Cast", "mask.real", wide, {{"to", std::int64_t{1}}});
    const auto hidden = n.binary("Sub", "mask.hidden", t.number("mask.one", 1.0F), real);
    return n.binary("Mul", "mask.bias", hidden, t.number("mask.low", -10000.0F));
}

}  // namespace detail

/// BERT-base (uncased vocabulary) with its pooler; input_ids, attention_mask and token_type_ids [batch, 128] of i64 to
/// last_hidden_state [batch, 128, 768] and pooler_output [batch, 768].
/// Source: Devlin, Chang, Lee, Toutanova, "BERT: pre-training of deep bidirectional transformers for language
/// understanding", NAACL 2019.
[[nodiscard]] inline result<model> bert_base(const options& o) {
    const transformer_plan plan{.epsilon = 1e-12F};
    const auto length = o.sequence > 0 ? o.sequence : 128;
    net n("bert_base", o);
    transformer t(n, plan);
    const shape text{o.batch, length};
    const auto ids = n.builder().input("input_ids", text, dtype::i64);
    const auto mask = n.builder().input("attention_mask", text, dtype::i64);
    const auto kinds = n.builder().input("token_type_ids", text, dtype::i64);
    const auto words =
        n.binary("Gather", "words", n.weight("words.table", {30522, plan.width}, 0.0, 1.0), ids);
    const auto types = n.binary("Gather", "types", n.weight("types.table", {2, plan.width}, 0.0, 0.5), kinds);
    auto x = n.binary("Add", "embedded.words", words, detail::positions(n, t, 512, length, plan.width));
    x = t.norm("embedded.norm", n.binary("Add", "embedded", x, types));
    const auto bias = detail::attention_bias(n, t, mask);
    for (int i = 0; i < plan.layers; ++i) x = t.post_norm_block("block" + std::to_string(i), x, bias);
    const auto first = n.builder().constant("first", tensor::of({}, std::vector<std::int64_t>{0}));
    const auto head =
        n.builder().add("Gather", {x, first}, {.name = "first_token", .attrs = {{"axis", std::int64_t{1}}}});
    const auto pooled = n.unary("Tanh", "pooler.tanh", n.dense("pooler", head, plan.width, 1.0));
    n.builder().output(x, "last_hidden_state");
    return n.finish(pooled, "pooler_output");
}

}  // namespace dispart::zoo
