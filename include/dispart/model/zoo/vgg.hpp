#pragma once
/// \file
/// VGG16 and VGG19.

#include <array>
#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

/// VGG with that many convolutions in each of its five blocks; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, table 1,
/// columns D and E; the last softmax and dropout are left out.
[[nodiscard]] inline result<model> vgg(const std::string& name, const std::array<int, 5>& depths,
                                       const options& o) {
    constexpr std::array<std::int64_t, 5> widths{64, 128, 256, 512, 512};
    net n(name, o);
    auto x = n.image(3, 224);
    for (std::size_t block = 0; block < 5; ++block) {
        const auto number = std::to_string(block + 1);
        for (int i = 1; i <= depths[block]; ++i) {
            const auto conv = "conv" + number + "_" + std::to_string(i);
            x = n.conv(conv, x, widths[block], {.kernel = 3, .pad = 1});
            x = n.relu(conv + ".relu", x);
        }
        x = n.pool("MaxPool", "pool" + number, x, 2, 2);
    }
    x = n.unary("Flatten", "flatten", x);
    for (const std::string layer : {"fc6", "fc7"}) x = n.relu(layer + ".relu", n.dense(layer, x, 4096));
    return n.finish(n.dense("fc8", x, 1000), "logits");
}

[[nodiscard]] inline result<model> vgg16(const options& o) { return vgg("vgg16", {2, 2, 3, 3, 3}, o); }
[[nodiscard]] inline result<model> vgg19(const options& o) { return vgg("vgg19", {2, 2, 4, 4, 4}, o); }

}  // namespace dispart::zoo
