#pragma once
/// \file
/// Pooling of NHWC activations, vectorised over channels.

#include "dispart/run/kernels/simd/detail/vector.hpp"

namespace dispart::kernels {

/// How a window becomes one value.
enum class pool_kind : std::uint8_t { maximum, average };

/// Sizes of a pooling; activations are NHWC, all counted in elements.
struct pool2d_shape {
    pool_kind kind = pool_kind::maximum;
    index_t batch = 1;
    index_t in_height = 1;
    index_t in_width = 1;
    index_t channels = 1;
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
    bool ceil_mode = false;  ///< round the output's size up; windows may then reach beyond the padding
    bool count_include_pad = false;  ///< averages count the padding (never what lies beyond it)
    index_t in_pixel_stride = 0;     ///< floats from one input pixel to the next; 0 means channels
    index_t out_pixel_stride = 0;    ///< floats from one output pixel to the next; 0 means channels

    [[nodiscard]] constexpr index_t out_height() const noexcept {
        return extent(in_height, pad_top, pad_bottom, kernel_height, stride_height, dilation_height);
    }
    [[nodiscard]] constexpr index_t out_width() const noexcept {
        return extent(in_width, pad_left, pad_right, kernel_width, stride_width, dilation_width);
    }
    [[nodiscard]] constexpr index_t input_stride() const noexcept {
        return in_pixel_stride != 0 ? in_pixel_stride : channels;
    }
    [[nodiscard]] constexpr index_t output_stride() const noexcept {
        return out_pixel_stride != 0 ? out_pixel_stride : channels;
    }

  private:
    /// A last window that would start beyond the input and its leading padding does not exist.
    [[nodiscard]] constexpr index_t extent(index_t in, index_t before, index_t after, index_t window,
                                           index_t stride, index_t dilation) const noexcept {
        const index_t room = in + before + after - dilation * (window - 1) - 1;
        const index_t floor = room / stride + 1;
        if (!ceil_mode || room % stride == 0) return floor;
        return floor * stride < in + before ? floor + 1 : floor;
    }
};

/// Operands of one run of a pooling. Row r of the output is row r % out_height of image r / out_height.
struct pool2d_args {
    const float* input = nullptr;  ///< [batch, in_height, in_width, channels]
    float* output = nullptr;       ///< [batch, out_height, out_width, channels]
    index_t row_begin = 0;         ///< output rows [row_begin, row_end) are computed; pointers are to row 0
    index_t row_end = -1;          ///< -1 means batch * out_height
};

}  // namespace dispart::kernels

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/pool.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"

namespace dispart::kernels {

/// Computes a pooling. A window with no input in it gives -infinity (maximum) or 0 (average); a NaN in a window
/// of a maximum gives NaN. O(output * kernel).
inline void pool2d(const pool2d_shape& shape, const pool2d_args& args, isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_pool2d, shape, args);
}

/// Averages (or takes the maximum of) all pixels of each image: in [batch, pixels, channels], out [batch, channels].
inline void global_pool(pool_kind kind, index_t batch, index_t pixels, index_t channels, const float* in,
                        float* out, isa which = best_isa()) noexcept {
    pool2d({.kind = kind, .batch = batch, .in_width = pixels, .channels = channels, .kernel_width = pixels},
           {.input = in, .output = out}, which);
}

}  // namespace dispart::kernels
