#pragma once
/// \file
/// DenseNet121.

#include <array>
#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

[[nodiscard]] inline tensor_id norm_relu(net& n, const std::string& name, tensor_id x) {
    return n.relu(name + ".relu", n.batch_norm(name + ".norm", x));
}

/// Normalise, narrow to 128 channels, compute 32 new ones, and append them.
[[nodiscard]] inline tensor_id dense_layer(net& n, const std::string& name, tensor_id x) {
    constexpr std::int64_t growth = 32;
    auto y = n.conv(name + ".conv1", norm_relu(n, name + ".1", x), 4 * growth, {.bias = false});
    y = n.conv(name + ".conv2", norm_relu(n, name + ".2", y), growth, {.kernel = 3, .pad = 1, .bias = false});
    return n.concat(name + ".concat", {x, y});
}

}  // namespace detail

/// DenseNet121; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", CVPR 2017, table 1.
[[nodiscard]] inline result<model> densenet121(const options& o) {
    constexpr std::array<int, 4> depths{6, 12, 24, 16};
    net n("densenet121", o);
    auto x = n.conv("conv0", n.image(3, 224), 64, {.kernel = 7, .stride = 2, .pad = 3, .bias = false});
    x = n.pool("MaxPool", "pool0", detail::norm_relu(n, "conv0", x), 3, 2, 1);
    for (std::size_t block = 0; block < depths.size(); ++block) {
        const auto number = std::to_string(block + 1);
        for (int i = 1; i <= depths[block]; ++i)
            x = detail::dense_layer(n, "block" + number + "." + std::to_string(i), x);
        if (block + 1 == depths.size()) break;
        const auto name = "transition" + number;
        x = n.conv(name + ".conv", detail::norm_relu(n, name, x), n.channels(x) / 2,
                   {.bias = false, .gain = 1.5});
        x = n.pool("AveragePool", name + ".pool", x, 2, 2);
    }
    x = detail::norm_relu(n, "final", x);
    return n.finish(n.dense("fc", n.global_average("pool", x), 1000), "logits");
}

}  // namespace dispart::zoo
