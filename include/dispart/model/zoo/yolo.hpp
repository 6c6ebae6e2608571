#pragma once
/// \file
/// YOLOv2.

#include <string>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

/// Darknet's layers, numbered in order: a convolution without bias, batch normalisation, leaky ReLU.
class darknet {
  public:
    explicit darknet(net& n) : net_(&n) {}

    tensor_id conv(tensor_id x, std::int64_t out, std::int64_t kernel) {
        const auto name = "conv" + std::to_string(++count_);
        x = net_->batch_norm(name + ".bn",
                             net_->conv(name, x, out, {.kernel = kernel, .pad = kernel / 2, .bias = false}));
        return net_->unary("LeakyRelu", name + ".leaky", x, {{"alpha", 0.1F}});
    }
    tensor_id pool(tensor_id x) { return net_->pool("MaxPool", "pool" + std::to_string(++pools_), x, 2, 2); }
    /// 3x3 convolutions of `wide` channels, with 1x1 ones of half as many between them.
    tensor_id stack(tensor_id x, std::int64_t wide, int convolutions) {
        for (int i = 0; i < convolutions; ++i) x = i % 2 == 0 ? conv(x, wide, 3) : conv(x, wide / 2, 1);
        return x;
    }

  private:
    net* net_;
    int count_ = 0;
    int pools_ = 0;
};

}  // namespace detail

/// YOLOv2 for COCO on Darknet-19; image [batch, 3, 416, 416] to detections [batch, 425, 13, 13] (5 anchors of 4 box
/// numbers, 1 objectness and 80 classes). The passthrough layer is ONNX's SpaceToDepth, whose order of channels differs
/// from Darknet's "reorg". Source: Redmon, Farhadi, "YOLO9000: better, faster, stronger", CVPR 2017.
[[nodiscard]] inline result<model> yolov2(const options& o) {
    net n("yolov2", o);
    detail::darknet d(n);
    auto x = d.pool(d.conv(n.image(3, 416), 32, 3));
    x = d.pool(d.conv(x, 64, 3));
    x = d.pool(d.stack(x, 128, 3));
    x = d.pool(d.stack(x, 256, 3));
    const auto fine = d.stack(x, 512, 5);
    x = d.stack(d.pool(fine), 1024, 5);
    x = d.conv(d.conv(x, 1024, 3), 1024, 3);
    auto passed = d.conv(fine, 64, 1);
    passed = n.unary("SpaceToDepth", "reorg", passed, {{"blocksize", std::int64_t{2}}});
    x = d.conv(n.concat("concat", {passed, x}), 1024, 3);
    // Each of the five pools raises what it passes on: the last layer brings it back to order 1.
    return n.finish(n.conv("detect", x, 425, {.gain = 0.02}), "detections");
}

}  // namespace dispart::zoo
