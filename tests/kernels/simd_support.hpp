#pragma once
/// \file
/// Random operands and the plain loops that the kernels are held against.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "dispart/run/kernels/simd/conv.hpp"

namespace dispart::test {

using kernels::index_t;
using kernels::isa;

/// The instruction sets that can run here; baseline always.
inline std::vector<isa> available_isas() {
    std::vector<isa> all;
    for (const isa which : {isa::baseline, isa::avx2, isa::avx512})
        if (kernels::is_available(which)) all.push_back(which);
    return all;
}

/// Draws whose sequence the standard fixes.
class draws {
  public:
    explicit draws(std::uint32_t seed) : engine_(seed) {}
    /// In [low, high], both included.
    index_t integer(index_t low, index_t high) {
        return low + static_cast<index_t>(engine_() % static_cast<std::uint32_t>(high - low + 1));
    }
    bool coin() { return integer(0, 1) == 1; }
    /// In [-1, 1).
    float value() { return static_cast<float>(static_cast<double>(engine_()) / 2147483648.0 - 1.0); }
    std::vector<float> values(index_t count) {
        std::vector<float> v(static_cast<std::size_t>(count));
        for (float& x : v) x = value();
        return v;
    }

  private:
    std::mt19937 engine_;
};

/// A workspace for kernels that state their need in bytes, full of NaN so that nothing relies on its content.
inline std::vector<float> scratch(std::size_t bytes) { return std::vector<float>(bytes / 4 + 2, NAN); }

/// Largest |x - y|; infinity where one is NaN and the other is not, or sizes differ.
inline double max_difference(const std::vector<float>& x, const std::vector<float>& y) {
    if (x.size() != y.size()) return INFINITY;
    double most = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i]) != std::isnan(y[i])) return INFINITY;
        if (x[i] != y[i] && !std::isnan(x[i])) most = std::max(most, std::abs(double{x[i]} - double{y[i]}));
    }
    return most;
}

/// Reference activation in double.
inline double activated(const kernels::activation& act, double x) {
    using enum kernels::activation_kind;
    const double alpha = act.alpha;
    const double beta = act.beta;
    const auto clip01 = [](double v) { return std::min(1.0, std::max(0.0, v)); };
    if (std::isnan(x)) return x;
    switch (act.kind) {
    case none:
        return x;
    case relu:
        return std::max(0.0, x);
    case clip:
        return std::min(beta, std::max(alpha, x));
    case leaky_relu:
        return x < 0 ? alpha * x : x;
    case sigmoid:
        return 1 / (1 + std::exp(-x));
    case silu:
        return x / (1 + std::exp(-x));
    case hard_sigmoid:
        return clip01(alpha * x + beta);
    case hard_swish:
        return x * clip01(x / 6 + 0.5);
    case tanh:
        return std::tanh(x);
    case elu:
        return x < 0 ? alpha * (std::exp(x) - 1) : x;
    case gelu:
        return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case gelu_tanh:
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case mish:
        return x * std::tanh(std::log1p(std::exp(x)));
    case exp:
        return std::exp(x);
    case erf:
        return std::erf(x);
    case abs:
        return std::abs(x);
    case sqrt:
        return std::sqrt(x);
    case square:
        return x * x;
    case negate:
        return -x;
    case reciprocal:
        return 1 / x;
    case affine:
        return alpha * x + beta;
    }
    return x;
}

/// A few activations that epilogues are tried with.
inline kernels::activation some_activation(draws& draw) {
    using enum kernels::activation_kind;
    const std::vector<kernels::activation> choices{{},
                                                   {},
                                                   {.kind = relu},
                                                   {.kind = clip, .alpha = -0.5F, .beta = 0.7F},
                                                   {.kind = silu},
                                                   {.kind = leaky_relu, .alpha = 0.1F}};
    return choices[static_cast<std::size_t>(draw.integer(0, static_cast<index_t>(choices.size()) - 1))];
}

/// Convolution by its definition: NHWC input, OIHW weights, sums in double.
inline std::vector<float> plain_conv(const kernels::conv2d_shape& s, const std::vector<float>& in,
                                     const std::vector<float>& weights, const kernels::epilogue& post) {
    const index_t oh = s.out_height();
    const index_t ow = s.out_width();
    const index_t in_group = s.in_channels / s.groups;
    const index_t out_group = s.out_channels / s.groups;
    std::vector<float> out(static_cast<std::size_t>(s.batch * oh * ow * s.output_stride()), NAN);
    for (index_t p = 0; p < s.batch * oh * ow; ++p) {
        const index_t n = p / (oh * ow);
        for (index_t o = 0; o < s.out_channels; ++o) {
            double sum = post.bias != nullptr ? post.bias[o] : 0;
            for (index_t ky = 0; ky < s.kernel_height; ++ky) {
                for (index_t kx = 0; kx < s.kernel_width; ++kx) {
                    const index_t y = p / ow % oh * s.stride_height - s.pad_top + ky * s.dilation_height;
                    const index_t x = p % ow * s.stride_width - s.pad_left + kx * s.dilation_width;
                    if (y < 0 || y >= s.in_height || x < 0 || x >= s.in_width) continue;
                    for (index_t c = 0; c < in_group; ++c) {
                        const index_t at = ((n * s.in_height + y) * s.in_width + x) * s.input_stride() +
                                           o / out_group * in_group + c;
                        const index_t w = ((o * in_group + c) * s.kernel_height + ky) * s.kernel_width + kx;
                        sum += double{in[static_cast<std::size_t>(at)]} *
                               double{weights[static_cast<std::size_t>(w)]};
                    }
                }
            }
            const index_t residual_stride =
                post.residual_stride != 0 ? post.residual_stride : s.output_stride();
            if (post.residual != nullptr) sum += post.residual[p * residual_stride + o];
            out[static_cast<std::size_t>(p * s.output_stride() + o)] =
                static_cast<float>(activated(post.act, sum));
        }
    }
    return out;
}

/// A random convolution, small enough for plain_conv, that reaches the corners of the kernels.
inline kernels::conv2d_shape some_conv(draws& draw, bool depthwise) {
    kernels::conv2d_shape s;
    s.batch = draw.integer(1, 2);
    s.kernel_height = draw.integer(1, 4);
    s.kernel_width = draw.coin() ? s.kernel_height : draw.integer(1, 7);
    s.stride_height = draw.integer(1, 3);
    s.stride_width = draw.integer(1, 3);
    s.dilation_height = draw.integer(1, 2);
    s.dilation_width = draw.coin() ? 1 : draw.integer(1, 3);
    s.pad_top = draw.integer(0, 3);
    s.pad_left = draw.integer(0, 3);
    s.pad_bottom = draw.integer(0, 3);
    s.pad_right = draw.integer(0, 3);
    const auto room = [](index_t kernel, index_t dilation, index_t pads) {
        return std::max<index_t>(1, (kernel - 1) * dilation + 1 - pads);
    };
    s.in_height = room(s.kernel_height, s.dilation_height, s.pad_top + s.pad_bottom) + draw.integer(0, 12);
    s.in_width = room(s.kernel_width, s.dilation_width, s.pad_left + s.pad_right) + draw.integer(0, 12);
    if (depthwise) {
        s.in_channels = s.out_channels = s.groups = draw.integer(2, 75);
    } else {
        s.groups = draw.coin() ? 1 : draw.integer(1, 4);
        s.in_channels = s.groups * (draw.coin() ? draw.integer(1, 5) : draw.integer(1, 80));
        s.out_channels = s.groups * draw.integer(1, 70);
    }
    if (draw.integer(0, 3) == 0) s.in_pixel_stride = s.in_channels + draw.integer(1, 9);
    if (draw.integer(0, 3) == 0) s.out_pixel_stride = s.out_channels + draw.integer(1, 9);
    return s;
}

}  // namespace dispart::test
