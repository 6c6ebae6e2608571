#pragma once
/// \file
/// Depthwise convolution of NHWC activations (each channel with a kernel of its own), vectorised over channels.

#include "dispart/run/kernels/simd/conv.hpp"

namespace dispart::kernels {

/// Weights of a depthwise convolution as [kernel_height, kernel_width, channels]; cheap to copy.
class packed_depthwise {
  public:
    packed_depthwise() = default;
    packed_depthwise(isa which, index_t taps, index_t channels)
        : isa_(usable(which))
        , taps_(taps)
        , channels_(channels)
        , values_(detail::aligned_floats(taps * channels)) {}

    /// Instruction set that runs it.
    [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
    /// Bytes held.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(taps_ * channels_) * sizeof(float);
    }
    [[nodiscard]] const float* values() const noexcept { return values_.get(); }
    [[nodiscard]] float* values() noexcept { return values_.get(); }

  private:
    isa isa_ = isa::baseline;
    index_t taps_ = 0;
    index_t channels_ = 0;
    std::shared_ptr<float[]> values_;
};

/// True if a convolution is depthwise with one output channel per input channel: what depthwise_conv2d computes.
[[nodiscard]] constexpr bool is_depthwise(const conv2d_shape& shape) noexcept {
    return shape.groups > 1 && shape.groups == shape.in_channels && shape.out_channels == shape.in_channels;
}

/// Packs weights [channels, 1, kernel_height, kernel_width]. O(weights).
[[nodiscard]] inline packed_depthwise pack_depthwise(const conv2d_shape& shape, const float* weights,
                                                     isa which = best_isa()) {
    const index_t taps = shape.kernel_height * shape.kernel_width;
    packed_depthwise packed(which, taps, shape.in_channels);
    for (index_t c = 0; c < shape.in_channels; ++c)
        for (index_t t = 0; t < taps; ++t) packed.values()[t * shape.in_channels + c] = weights[c * taps + t];
    return packed;
}

}  // namespace dispart::kernels

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/depthwise.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"

namespace dispart::kernels {

/// Computes a depthwise convolution: any kernel, stride, padding and dilation, with its epilogue; no workspace.
/// O(multiply-adds). A value has the same bits whatever the row range.
inline void depthwise_conv2d(const conv2d_shape& shape, const conv2d_args& args,
                             const packed_depthwise& weights) noexcept {
    DISPART_SIMD_CALL(weights.instruction_set(), run_depthwise, shape, args, weights.values());
}

}  // namespace dispart::kernels
