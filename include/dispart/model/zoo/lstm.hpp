#pragma once
/// \file
/// A recurrent language model.

#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

/// One LSTM layer over [sequence, batch, width].
[[nodiscard]] inline tensor_id lstm_layer(net& n, const std::string& name, tensor_id x, std::int64_t width,
                                          tensor_id direction_axis) {
    const double deviation = std::sqrt(1.0 / static_cast<double>(width));
    const auto w = n.weight(name + ".W", {1, 4 * width, width}, 0.0, deviation);
    const auto r = n.weight(name + ".R", {1, 4 * width, width}, 0.0, deviation);
    const auto b = n.weight(name + ".B", {1, 8 * width}, 0.0, 0.1);
    const auto y = n.builder().add("LSTM", {x, w, r, b}, {.name = name, .attrs = {{"hidden_size", width}}});
    return n.binary("Squeeze", name + ".forward", y, direction_axis);
}

}  // namespace detail

/// The medium word-level language model: two LSTM layers of 650 units over 35 words; input_ids [35, batch] of i64 to
/// logits [35, batch, 10000]. Source: Zaremba, Sutskever, Vinyals, "Recurrent neural network regularization", 2014,
/// arXiv:1409.2329, section 4.1 ("medium").
[[nodiscard]] inline result<model> lstm(const options& o) {
    constexpr std::int64_t width = 650, vocabulary = 10000;
    net n("lstm", o);
    const auto ids = n.builder().input("input_ids", {o.sequence > 0 ? o.sequence : 35, o.batch}, dtype::i64);
    auto x = n.binary("Gather", "words", n.weight("words.table", {vocabulary, width}, 0.0, 1.0), ids);
    const auto axis = n.builder().constant("direction_axis", tensor::of({1}, std::vector<std::int64_t>{1}));
    for (const std::string layer : {"lstm1", "lstm2"}) x = detail::lstm_layer(n, layer, x, width, axis);
    const auto w =
        n.weight("head.weight", {width, vocabulary}, 0.0, std::sqrt(4.0 / static_cast<double>(width)));
    const auto product = n.binary("MatMul", "head.matmul", x, w);
    return n.finish(n.binary("Add", "head", product, n.weight("head.bias", {vocabulary}, 0.0, 0.1)),
                    "logits");
}

}  // namespace dispart::zoo
