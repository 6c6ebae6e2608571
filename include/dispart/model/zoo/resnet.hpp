#pragma once
/// \file
/// ResNet18, ResNet50.

#include <array>
#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

/// A residual network's plan.
struct resnet_plan {
    std::array<int, 4> depths{};
    bool bottleneck = false;
    bool stride_in_first =
        true;  ///< bottleneck blocks: the 1x1 convolution strides (v1), or the 3x3 one (v1.5)
};

namespace detail {

[[nodiscard]] inline tensor_id conv_bn(net& n, const std::string& name, tensor_id x, std::int64_t out,
                                       conv_options c, double scale = 1.0) {
    c.bias = false;
    return n.batch_norm(name + ".bn", n.conv(name, x, out, c), scale);
}

[[nodiscard]] inline tensor_id residual_branch(net& n, const std::string& name, tensor_id x,
                                               std::int64_t width, std::int64_t stride,
                                               const resnet_plan& plan) {
    constexpr double branch_scale = 0.5;
    if (!plan.bottleneck) {
        x = n.relu(name + ".relu1",
                   conv_bn(n, name + ".conv1", x, width, {.kernel = 3, .stride = stride, .pad = 1}));
        return conv_bn(n, name + ".conv2", x, width, {.kernel = 3, .pad = 1, .gain = 1.0}, branch_scale);
    }
    const auto first = plan.stride_in_first ? stride : 1;
    x = n.relu(name + ".relu1", conv_bn(n, name + ".conv1", x, width, {.stride = first}));
    x = n.relu(name + ".relu2",
               conv_bn(n, name + ".conv2", x, width, {.kernel = 3, .stride = stride / first, .pad = 1}));
    return conv_bn(n, name + ".conv3", x, 4 * width, {.gain = 1.0}, branch_scale);
}

}  // namespace detail

/// A residual network; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016, table 1.
[[nodiscard]] inline result<model> resnet(const std::string& name, const resnet_plan& plan, const options& o) {
    net n(name, o);
    auto x = detail::conv_bn(n, "conv1", n.image(3, 224), 64, {.kernel = 7, .stride = 2, .pad = 3});
    x = n.pool("MaxPool", "pool1", n.relu("relu1", x), 3, 2, 1);
    for (std::size_t stage = 0; stage < 4; ++stage) {
        const auto width = std::int64_t{64} << stage;
        for (int i = 0; i < plan.depths[stage]; ++i) {
            const auto block = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
            const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
            const auto branch = detail::residual_branch(n, block, x, width, stride, plan);
            if (i == 0 && (stride > 1 || n.channels(x) != n.channels(branch)))
                x = detail::conv_bn(n, block + ".down", x, n.channels(branch),
                                    {.stride = stride, .gain = 1.0});
            x = n.relu(block + ".relu", n.binary("Add", block + ".add", branch, x));
        }
    }
    return n.finish(n.dense("fc", n.global_average("pool5", x), 1000), "logits");
}

[[nodiscard]] inline result<model> resnet18(const options& o) {
    return resnet("resnet18", {.depths = {2, 2, 2, 2}}, o);
}
/// As published (v1): 3.86 GMAC.
[[nodiscard]] inline result<model> resnet50(const options& o) {
    return resnet("resnet50", {.depths = {3, 4, 6, 3}, .bottleneck = true}, o);
}
/// With the stride in the 3x3 convolution, as torchvision has it: 4.09 GMAC.
[[nodiscard]] inline result<model> resnet50_v1_5(const options& o) {
    return resnet("resnet50_v1_5", {.depths = {3, 4, 6, 3}, .bottleneck = true, .stride_in_first = false}, o);
}

}  // namespace dispart::zoo
