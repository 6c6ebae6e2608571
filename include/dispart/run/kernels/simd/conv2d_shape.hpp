#pragma once
/// \file
/// The sizes of a two-dimensional convolution.

#include "dispart/run/kernels/simd/isa.hpp"

namespace dispart::kernels {

/// Sizes of a convolution or depthwise convolution; activations are NHWC, weights OIHW, all counted in elements.
struct conv2d_shape {
    index_t batch = 1;
    index_t in_height = 1;
    index_t in_width = 1;
    index_t in_channels = 1;
    index_t out_channels = 1;
    index_t kernel_height = 1;
    index_t kernel_width = 1;
    index_t stride_height = 1;
    index_t stride_width = 1;
    index_t dilation_height = 1;
    index_t dilation_width = 1;
    index_t pad_top = 0;
    index_t pad_left = 0;
    index_t pad_bottom = 0;
    index_t pad_right = 0;
    index_t groups = 1;
    index_t in_pixel_stride = 0;   ///< floats from one input pixel to the next; 0 means in_channels
    index_t out_pixel_stride = 0;  ///< floats from one output pixel to the next; 0 means out_channels

    [[nodiscard]] constexpr index_t out_height() const noexcept {
        return (in_height + pad_top + pad_bottom - dilation_height * (kernel_height - 1) - 1) / stride_height +
               1;
    }
    [[nodiscard]] constexpr index_t out_width() const noexcept {
        return (in_width + pad_left + pad_right - dilation_width * (kernel_width - 1) - 1) / stride_width + 1;
    }
    [[nodiscard]] constexpr index_t input_stride() const noexcept {
        return in_pixel_stride != 0 ? in_pixel_stride : in_channels;
    }
    [[nodiscard]] constexpr index_t output_stride() const noexcept {
        return out_pixel_stride != 0 ? out_pixel_stride : out_channels;
    }
    /// Multiply-adds of one run.
    [[nodiscard]] constexpr index_t multiply_adds() const noexcept {
        return batch * out_height() * out_width() * out_channels * kernel_height * kernel_width *
               (in_channels / groups);
    }
};

}  // namespace dispart::kernels
