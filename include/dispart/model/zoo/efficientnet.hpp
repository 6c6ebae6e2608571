#pragma once
/// \file
/// EfficientNet-B0.

#include <array>
#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

[[nodiscard]] inline tensor_id swish(net& n, const std::string& name, tensor_id x) {
    return n.binary("Mul", name + ".swish", x, n.unary("Sigmoid", name + ".sigmoid", x));
}

[[nodiscard]] inline tensor_id conv_bn_swish(net& n, const std::string& name, tensor_id x, std::int64_t out,
                                             conv_options c) {
    c.bias = false;
    return swish(n, name, n.batch_norm(name + ".bn", n.conv(name, x, out, c)));
}

/// Variance of a weight times fan-in that keeps large activations level behind x * sigmoid(x), and behind gates of about a
/// half; small ones are held up by the biases.
inline constexpr double swish_gain = 2.0;
inline constexpr double gated_gain = 4.0 * swish_gain;

/// Scales each channel by a gate computed from all channels' means.
[[nodiscard]] inline tensor_id squeeze_excite(net& n, const std::string& name, tensor_id x,
                                              std::int64_t squeezed) {
    auto gate = n.conv(name + ".squeeze", n.unary("GlobalAveragePool", name + ".mean", x), squeezed, {});
    gate = n.conv(name + ".excite", swish(n, name + ".squeeze", gate), n.channels(x), {.gain = swish_gain});
    return n.binary("Mul", name + ".scale", x, n.unary("Sigmoid", name + ".gate", gate));
}

/// One row of the paper's table 1.
struct mbconv_row {
    std::int64_t expand, kernel, stride, channels;
    int repeats;
};

[[nodiscard]] inline tensor_id mbconv(net& n, const std::string& name, tensor_id x, const mbconv_row& r,
                                      std::int64_t stride) {
    const auto in = n.channels(x);
    const auto wide = in * r.expand;
    auto y = r.expand == 1 ? x : conv_bn_swish(n, name + ".expand", x, wide, {.gain = 1.0});
    y = conv_bn_swish(
        n, name + ".depthwise", y, wide,
        {.kernel = r.kernel, .stride = stride, .pad = r.kernel / 2, .group = wide, .gain = swish_gain});
    y = squeeze_excite(n, name + ".se", y, in / 4);
    y = n.conv(name + ".project", y, r.channels, {.bias = false, .gain = gated_gain});
    const bool shortcut = stride == 1 && in == r.channels;
    y = n.batch_norm(name + ".project.bn", y, shortcut ? 0.5 : 1.0);
    return shortcut ? n.binary("Add", name + ".add", x, y) : y;
}

}  // namespace detail

/// EfficientNet-B0; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019, table 1.
[[nodiscard]] inline result<model> efficientnet_b0(const options& o) {
    constexpr std::array<detail::mbconv_row, 7> rows{{{1, 3, 1, 16, 1},
                                                      {6, 3, 2, 24, 2},
                                                      {6, 5, 2, 40, 2},
                                                      {6, 3, 2, 80, 3},
                                                      {6, 5, 1, 112, 3},
                                                      {6, 5, 2, 192, 4},
                                                      {6, 3, 1, 320, 1}}};
    net n("efficientnet_b0", o);
    auto x = detail::conv_bn_swish(n, "stem", n.image(3, 224), 32,
                                   {.kernel = 3, .stride = 2, .pad = 1, .gain = 1.0});
    int number = 1;
    for (const auto& r : rows)
        for (int i = 0; i < r.repeats; ++i)
            x = detail::mbconv(n, "block" + std::to_string(number++), x, r, i == 0 ? r.stride : 1);
    x = detail::conv_bn_swish(n, "head", x, 1280, {.gain = 1.0});
    return n.finish(n.dense("fc", n.global_average("pool", x), 1000), "logits");
}

}  // namespace dispart::zoo
