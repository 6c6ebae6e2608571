#pragma once
/// \file
/// SqueezeNet 1.0 and 1.1.

#include <array>
#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

/// A fire module: squeeze to few channels, expand by 1x1 and by 3x3 convolutions side by side.
[[nodiscard]] inline tensor_id fire(net& n, const std::string& name, tensor_id x, std::int64_t squeeze,
                                    std::int64_t expand) {
    x = n.relu(name + ".squeeze.relu", n.conv(name + ".squeeze", x, squeeze, {}));
    const auto narrow = n.relu(name + ".expand1.relu", n.conv(name + ".expand1", x, expand, {}));
    const auto wide =
        n.relu(name + ".expand3.relu", n.conv(name + ".expand3", x, expand, {.kernel = 3, .pad = 1}));
    return n.concat(name + ".concat", {narrow, wide});
}

}  // namespace detail

/// SqueezeNet; image [batch, 3, 224, 224] to logits [batch, 1000]. Version 1.1 begins with a smaller convolution and pools
/// earlier. Dropout and softmax are left out.
/// Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016,
/// arXiv:1602.07360, table 1; version 1.1 of the authors' repository.
[[nodiscard]] inline result<model> squeezenet(const std::string& name, bool version_1_1, const options& o) {
    constexpr std::array<std::int64_t, 8> squeezes{16, 16, 32, 32, 48, 48, 64, 64};
    net n(name, o);
    auto x = n.image(3, 224);
    x = version_1_1 ? n.conv("conv1", x, 64, {.kernel = 3, .stride = 2})
                    : n.conv("conv1", x, 96, {.kernel = 7, .stride = 2});
    x = n.pool("MaxPool", "pool1", n.relu("conv1.relu", x), 3, 2, 0, true);
    for (std::size_t i = 0; i < squeezes.size(); ++i) {
        const auto number = i + 2;
        x = detail::fire(n, "fire" + std::to_string(number), x, squeezes[i], 4 * squeezes[i]);
        const bool pools = version_1_1 ? number == 3 || number == 5 : number == 4 || number == 8;
        if (pools) x = n.pool("MaxPool", "pool" + std::to_string(number), x, 3, 2, 0, true);
    }
    x = n.relu("conv10.relu", n.conv("conv10", x, 1000, {}));
    return n.finish(n.global_average("pool10", x), "logits");
}

/// Version 1.1: 1.24 M parameters, 0.35 GMAC.
[[nodiscard]] inline result<model> squeezenet1_1(const options& o) {
    return squeezenet("squeezenet", true, o);
}
/// Version 1.0: 1.25 M parameters, 0.82 GMAC.
[[nodiscard]] inline result<model> squeezenet1_0(const options& o) {
    return squeezenet("squeezenet1_0", false, o);
}

}  // namespace dispart::zoo
