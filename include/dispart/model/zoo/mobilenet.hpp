#pragma once
/// \file
/// MobileNetV2.

#include <array>
#include <string>
#include <vector>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

/// MobileNetV2's layers: a convolution without bias, batch normalisation, and ReLU6.
class relu6_net {
  public:
    explicit relu6_net(net& n)
        : net_(&n)
        , zero_(n.builder().constant("zero", tensor::of({}, std::vector{0.0F})))
        , six_(n.builder().constant("six", tensor::of({}, std::vector{6.0F}))) {}

    tensor_id conv(const std::string& name, tensor_id x, std::int64_t out, conv_options c) {
        c.bias = false;
        x = net_->batch_norm(name + ".bn", net_->conv(name, x, out, c));
        return net_->builder().add("Clip", {x, zero_, six_}, {.name = name + ".relu6"});
    }

    /// Expansion, depthwise convolution, linear projection, and the shortcut where shapes allow it.
    tensor_id block(const std::string& name, tensor_id x, std::int64_t out, std::int64_t stride,
                    std::int64_t factor) {
        auto& n = *net_;
        const auto in = n.channels(x);
        auto y = factor == 1 ? x : conv(name + ".expand", x, in * factor, {.gain = 1.0});
        y = conv(name + ".depthwise", y, in * factor,
                 {.kernel = 3, .stride = stride, .pad = 1, .group = in * factor});
        y = n.conv(name + ".project", y, out, {.bias = false, .gain = 2.0});
        const bool shortcut = stride == 1 && in == out;
        y = n.batch_norm(name + ".project.bn", y, shortcut ? 0.5 : 1.0);
        return shortcut ? n.binary("Add", name + ".add", x, y) : y;
    }

  private:
    net* net_;
    tensor_id zero_;
    tensor_id six_;
};

}  // namespace detail

/// MobileNetV2 of width 1; image [batch, 3, 224, 224] to logits [batch, 1000].
/// Source: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018,
/// table 2.
[[nodiscard]] inline result<model> mobilenet_v2(const options& o) {
    struct row {
        std::int64_t factor, channels;
        int repeats;
        std::int64_t stride;
    };
    constexpr std::array<row, 7> rows{{{1, 16, 1, 1},
                                       {6, 24, 2, 2},
                                       {6, 32, 3, 2},
                                       {6, 64, 4, 2},
                                       {6, 96, 3, 1},
                                       {6, 160, 3, 2},
                                       {6, 320, 1, 1}}};
    net n("mobilenet_v2", o);
    detail::relu6_net layers(n);
    auto x = layers.conv("conv0", n.image(3, 224), 32, {.kernel = 3, .stride = 2, .pad = 1});
    int number = 1;
    for (const auto& r : rows)
        for (int i = 0; i < r.repeats; ++i)
            x = layers.block("block" + std::to_string(number++), x, r.channels, i == 0 ? r.stride : 1,
                             r.factor);
    x = layers.conv("conv_last", x, 1280, {.gain = 1.0});
    return n.finish(n.dense("fc", n.global_average("pool", x), 1000), "logits");
}

}  // namespace dispart::zoo
