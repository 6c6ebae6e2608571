#pragma once
/// \file
/// InceptionV3.

#include <array>
#include <string>
#include <vector>

#include "dispart/model/zoo/net.hpp"

namespace dispart::zoo {

namespace detail {

/// InceptionV3's modules. Each takes and returns a tensor; its branches are joined along the channels.
class inception_net {
  public:
    explicit inception_net(net& n) : net_(&n) {}

    /// A convolution without bias, batch normalisation, ReLU.
    tensor_id conv(const std::string& name, tensor_id x, std::int64_t out, conv_options c) {
        c.bias = false;
        return net_->relu(name + ".relu", net_->batch_norm(name + ".bn", net_->conv(name, x, out, c)));
    }
    tensor_id point(const std::string& name, tensor_id x, std::int64_t out) { return conv(name, x, out, {}); }
    tensor_id square(const std::string& name, tensor_id x, std::int64_t out) {
        return conv(name, x, out, {.kernel = 3, .pad = 1});
    }
    tensor_id halve(const std::string& name, tensor_id x, std::int64_t out) {
        return conv(name, x, out, {.kernel = 3, .stride = 2});
    }
    tensor_id row(const std::string& name, tensor_id x, std::int64_t out, std::int64_t k) {
        return conv(name, x, out, {.kernel_hw = {1, k}});
    }
    tensor_id column(const std::string& name, tensor_id x, std::int64_t out, std::int64_t k) {
        return conv(name, x, out, {.kernel_hw = {k, 1}});
    }
    tensor_id averaged(const std::string& name, tensor_id x, std::int64_t out) {
        return point(name + ".pool.conv", net_->pool("AveragePool", name + ".pool", x, 3, 1, 1), out);
    }

    tensor_id a(const std::string& m, tensor_id x, std::int64_t pooled) {
        const auto five = conv(m + ".5x5", point(m + ".5x5.in", x, 48), 64, {.kernel = 5, .pad = 2});
        const auto twice = square(m + ".dbl2", square(m + ".dbl1", point(m + ".dbl.in", x, 64), 96), 96);
        return net_->concat(m, {point(m + ".1x1", x, 64), five, twice, averaged(m, x, pooled)});
    }
    tensor_id b(const std::string& m, tensor_id x) {
        const auto twice = halve(m + ".dbl2", square(m + ".dbl1", point(m + ".dbl.in", x, 64), 96), 96);
        return net_->concat(m,
                            {halve(m + ".3x3", x, 384), twice, net_->pool("MaxPool", m + ".pool", x, 3, 2)});
    }
    tensor_id c(const std::string& m, tensor_id x, std::int64_t width) {
        const auto once =
            column(m + ".7x1", row(m + ".1x7", point(m + ".7x7.in", x, width), width, 7), 192, 7);
        auto twice = point(m + ".dbl.in", x, width);
        twice = row(m + ".dbl2", column(m + ".dbl1", twice, width, 7), width, 7);
        twice = row(m + ".dbl4", column(m + ".dbl3", twice, width, 7), 192, 7);
        return net_->concat(m, {point(m + ".1x1", x, 192), once, twice, averaged(m, x, 192)});
    }
    tensor_id d(const std::string& m, tensor_id x) {
        const auto three = halve(m + ".3x3", point(m + ".3x3.in", x, 192), 320);
        const auto seven = column(m + ".7x1", row(m + ".1x7", point(m + ".7x7.in", x, 192), 192, 7), 192, 7);
        return net_->concat(
            m, {three, halve(m + ".7x7.out", seven, 192), net_->pool("MaxPool", m + ".pool", x, 3, 2)});
    }
    tensor_id e(const std::string& m, tensor_id x) {
        const auto once = point(m + ".3x3.in", x, 384);
        const auto twice = square(m + ".dbl1", point(m + ".dbl.in", x, 448), 384);
        return net_->concat(m, {point(m + ".1x1", x, 320), row(m + ".1x3", once, 384, 3),
                                column(m + ".3x1", once, 384, 3), row(m + ".dbl.1x3", twice, 384, 3),
                                column(m + ".dbl.3x1", twice, 384, 3), averaged(m, x, 192)});
    }

  private:
    net* net_;
};

}  // namespace detail

/// InceptionV3 without the auxiliary classifier; image [batch, 3, 299, 299] to logits [batch, 1000].
/// Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture for computer vision", CVPR
/// 2016; the widths are those of the authors' and torchvision's implementations.
[[nodiscard]] inline result<model> inception_v3(const options& o) {
    net n("inception_v3", o);
    detail::inception_net m(n);
    auto x = m.conv("conv2", m.halve("conv1", n.image(3, 299), 32), 32, {.kernel = 3});
    x = n.pool("MaxPool", "pool1", m.square("conv3", x, 64), 3, 2);
    x = m.conv("conv5", m.point("conv4", x, 80), 192, {.kernel = 3});
    x = n.pool("MaxPool", "pool2", x, 3, 2);
    x = m.a("mixed5d", m.a("mixed5c", m.a("mixed5b", x, 32), 64), 64);
    x = m.b("mixed6a", x);
    x = m.c("mixed6d", m.c("mixed6c", m.c("mixed6b", x, 128), 160), 160);
    x = m.d("mixed7a", m.c("mixed6e", x, 192));
    x = m.e("mixed7c", m.e("mixed7b", x));
    return n.finish(n.dense("fc", n.global_average("pool3", x), 1000), "logits");
}

}  // namespace dispart::zoo
