#pragma once
/// \file
/// Depthwise convolution of NHWC activations (each channel with a kernel of its own), vectorised over channels.

#include "dispart/run/kernels/simd/conv.hpp"

namespace dispart::kernels {

/// Weights of a depthwise convolution as [blocks of one vector of channels][kernel_height][kernel_width][vector];
/// cheap to copy (the values are shared). Made by pack_depthwise.
class packed_depthwise {
  public:
    packed_depthwise() = default;
    /// Room for the weights, not yet filled.
    packed_depthwise(isa which, index_t taps, index_t channels)
        : isa_(usable(which))
        , taps_(taps)
        , blocks_((channels + lanes(isa_) - 1) / lanes(isa_))
        , values_(detail::aligned_floats(taps * blocks_ * lanes(isa_))) {}

    /// Instruction set whose kernels read this layout.
    [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
    /// Bytes held.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(taps_ * blocks_ * lanes(isa_)) * sizeof(float);
    }
    [[nodiscard]] index_t blocks() const noexcept { return blocks_; }
    [[nodiscard]] const float* values() const noexcept { return values_.get(); }
    [[nodiscard]] float* values() noexcept { return values_.get(); }

  private:
    isa isa_ = isa::baseline;
    index_t taps_ = 0;
    index_t blocks_ = 0;
    std::shared_ptr<float[]> values_;
};

/// True if a convolution is depthwise with one output channel per input channel: what depthwise_conv2d computes.
[[nodiscard]] constexpr bool is_depthwise(const conv2d_shape& shape) noexcept {
    return shape.groups > 1 && shape.groups == shape.in_channels && shape.out_channels == shape.in_channels;
}

namespace detail {

/// Fills [blocks][taps][width] from [channels][taps].
inline void pack_channel_blocks(const float* weights, index_t channels, index_t taps, index_t width,
                                float* out) noexcept {
    for (index_t first = 0; first < channels; first += width)
        for (index_t t = 0; t < taps; ++t)
            for (index_t c = first; c < first + width; ++c)
                *out++ = c < channels ? weights[c * taps + t] : 0.0F;
}

}  // namespace detail

/// Packs weights [channels, 1, kernel_height, kernel_width]. O(weights).
[[nodiscard]] inline packed_depthwise pack_depthwise(const conv2d_shape& shape, const float* weights,
                                                     isa which = best_isa()) {
    const index_t taps = shape.kernel_height * shape.kernel_width;
    packed_depthwise packed(which, taps, shape.in_channels);
    detail::pack_channel_blocks(weights, shape.in_channels, taps, lanes(packed.instruction_set()),
                                packed.values());
    return packed;
}

namespace detail {

/// One run of a depthwise convolution.
struct depthwise_job {
    const conv2d_shape& shape;
    const conv2d_args& args;
    const float* weights;
};

/// Output pixels whose input pointers are tabulated at a time, for kernels up to 5x5 and strides up to 2.
inline constexpr index_t window_pixels = 16;
inline constexpr int window_rows = 7;
inline constexpr int window_pitch = 36;

/// What stands for pixels in the padding, some channels at a time.
inline constexpr index_t zero_channels = 1024;
alignas(64) inline constexpr float zeros[zero_channels] = {};

/// True if a job goes through windows of square kernels of that size and stride.
inline bool has_window(const depthwise_job& job, index_t size, index_t stride) noexcept {
    const conv2d_shape& s = job.shape;
    return s.kernel_height == size && s.kernel_width == size && s.stride_height == stride &&
           s.stride_width == stride && s.dilation_height == 1 && s.dilation_width == 1 &&
           job.args.post.residual == nullptr;
}

/// Pointers to channel c of the rows x columns input pixels under output row r and columns from x on.
inline void point_at_window(const depthwise_job& job, index_t r, index_t x, index_t rows, index_t columns,
                            index_t c, const float** window) noexcept {
    const conv2d_shape& s = job.shape;
    const index_t image = r / s.out_height();
    const index_t top = (r - image * s.out_height()) * s.stride_height - s.pad_top;
    const index_t left = x * s.stride_width - s.pad_left;
    for (index_t y = top; y < top + rows; ++y, window += window_pitch) {
        const index_t width = y >= 0 && y < s.in_height ? s.in_width : 0;
        const index_t line = (image * s.in_height + y) * s.in_width;
        for (index_t i = 0; i < columns; ++i) {
            const bool inside = left + i >= 0 && left + i < width;
            window[i] = inside ? job.args.input + (line + left + i) * s.input_stride() + c : zeros;
        }
    }
}

/// One output pixel: the input under its kernel, of which rows and columns [first, last) lie inside.
struct depthwise_pixel {
    const float* in = nullptr;       ///< under the kernel's upper left, which may lie outside
    const float* weights = nullptr;  ///< [blocks][taps][lanes]
    const float* bias = nullptr;
    const float* residual = nullptr;
    float* out = nullptr;
    index_t taps = 0;
    index_t kernel_width = 0;
    index_t row_step = 0;
    index_t column_step = 0;
    index_t first_row = 0;
    index_t last_row = 0;
    index_t first_column = 0;
    index_t last_column = 0;
    clamp_bounds bounds = {};
};

/// How many steps of `step` from `start` until `bound` is reached, at most `most`.
inline index_t steps_below(index_t bound, index_t start, index_t step, index_t most) noexcept {
    const index_t steps = bound > start ? (bound - start + step - 1) / step : 0;
    return steps < most ? steps : most;
}

inline depthwise_pixel pixel_at(const depthwise_job& job, index_t r, index_t x) noexcept {
    const conv2d_shape& s = job.shape;
    const epilogue& post = job.args.post;
    const index_t image = r / s.out_height();
    const index_t top = (r - image * s.out_height()) * s.stride_height - s.pad_top;
    const index_t left = x * s.stride_width - s.pad_left;
    const index_t at = r * s.out_width() + x;
    const index_t residual_stride = post.residual_stride != 0 ? post.residual_stride : s.output_stride();
    return {.in = job.args.input + ((image * s.in_height + top) * s.in_width + left) * s.input_stride(),
            .weights = job.weights,
            .bias = post.bias,
            .residual = post.residual != nullptr ? post.residual + at * residual_stride : nullptr,
            .out = job.args.output + at * s.output_stride(),
            .taps = s.kernel_height * s.kernel_width,
            .kernel_width = s.kernel_width,
            .row_step = s.dilation_height * s.in_width * s.input_stride(),
            .column_step = s.dilation_width * s.input_stride(),
            .first_row = steps_below(0, top, s.dilation_height, s.kernel_height),
            .last_row = steps_below(s.in_height, top, s.dilation_height, s.kernel_height),
            .first_column = steps_below(0, left, s.dilation_width, s.kernel_width),
            .last_column = steps_below(s.in_width, left, s.dilation_width, s.kernel_width),
            .bounds = bounds_of(post.act)};
}

}  // namespace detail
}  // namespace dispart::kernels

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/depthwise.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"

namespace dispart::kernels {

/// Computes a depthwise convolution: any kernel, stride, padding and dilation, with its epilogue; no workspace.
/// Fastest for 3x3 and 5x5 kernels of stride 1 or 2 without dilation and residual. O(multiply-adds). A value has the
/// same bits whatever the row range.
inline void depthwise_conv2d(const conv2d_shape& shape, const conv2d_args& args,
                             const packed_depthwise& weights) noexcept {
    const detail::depthwise_job job{shape, args, weights.values()};
    DISPART_SIMD_CALL(weights.instruction_set(), run_depthwise, job);
}

}  // namespace dispart::kernels
