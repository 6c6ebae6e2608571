#pragma once
/// \file
/// Two-dimensional convolution of NHWC activations with packed weights, as a product of indirect rows: no im2col.

#include "dispart/run/kernels/simd/conv2d_shape.hpp"
#include "dispart/run/kernels/simd/detail/conv_rows.hpp"
#include "dispart/run/kernels/simd/gemm.hpp"

namespace dispart::kernels {

/// Operands of one run of a convolution. Row r of the output is row r % out_height of image r / out_height.
struct conv2d_args {
    const float* input = nullptr;  ///< [batch, in_height, in_width, in_channels]
    float* output = nullptr;       ///< [batch, out_height, out_width, out_channels]
    float* workspace = nullptr;    ///< workspace_bytes of the shape, aligned to 8 bytes
    epilogue post = {};            ///< residual_stride 0 means the output's pixel stride
    index_t row_begin = 0;         ///< output rows [row_begin, row_end) are computed; pointers are to row 0
    index_t row_end = -1;          ///< -1 means batch * out_height
};

/// Packs OIHW weights [out_channels, in_channels / groups, kernel_height, kernel_width]; one matrix per group.
/// in_channels and out_channels are multiples of groups. O(weights).
[[nodiscard]] inline packed_matrix pack_conv2d(const conv2d_shape& shape, const float* weights,
                                               isa which = best_isa()) {
    const index_t taps = shape.kernel_height * shape.kernel_width;
    const index_t channels = shape.in_channels / shape.groups;
    const index_t outputs = shape.out_channels / shape.groups;
    packed_matrix packed(which, taps * channels, outputs, shape.groups);
    const detail::panel_layout& layout = packed.layout();
    for (index_t g = 0; g < shape.groups; ++g) {
        for (index_t p = 0; p < layout.panels(); ++p) {
            const index_t width = index_t{layout.vectors(p)} * layout.lanes;
            float* panel = packed.values(g) + layout.column(p) * layout.depth;
            for (index_t k = 0; k < layout.depth; ++k) {
                const index_t tap = k / channels;
                const index_t channel = k % channels;
                for (index_t j = 0; j < width; ++j) {
                    const index_t o = layout.column(p) + j;
                    panel[k * width + j] =
                        o < outputs ? weights[((g * outputs + o) * channels + channel) * taps + tap] : 0.0F;
                }
            }
        }
    }
    return packed;
}

/// Bytes of scratch that conv2d needs: a table of pointers, and some zeros or padded rows; independent of the ISA.
[[nodiscard]] inline std::size_t workspace_bytes(const conv2d_shape& shape) noexcept {
    const detail::row_source source = detail::source_of(shape);
    return static_cast<std::size_t>(source.table) * sizeof(const float*) +
           static_cast<std::size_t>(source.scratch) * sizeof(float);
}

namespace detail {

/// The groups of a block of output pixels, the first of which is `first`, whose rows job.rows tabulates.
inline void convolve_block(const conv2d_shape& s, const conv2d_args& args, const packed_matrix& weights,
                           index_t first, block_job job) noexcept {
    const index_t outputs = s.out_channels / s.groups;
    for (index_t g = 0; g < s.groups; ++g) {
        job.offset = g * (s.in_channels / s.groups);
        job.panels = weights.values(g);
        job.c = args.output + first * job.c_stride + g * outputs;
        job.bias = args.post.bias != nullptr ? args.post.bias + g * outputs : nullptr;
        if (args.post.residual != nullptr)
            job.residual = args.post.residual + first * job.residual_stride + g * outputs;
        DISPART_SIMD_CALL(weights.instruction_set(), gemm_block, job);
    }
}

}  // namespace detail

namespace detail {

/// True if every output pixel depends on the input pixel of the same place alone, over all channels.
constexpr bool is_pointwise(const conv2d_shape& s) noexcept {
    return s.kernel_height == 1 && s.kernel_width == 1 && s.stride_height == 1 && s.stride_width == 1 &&
           s.pad_top == 0 && s.pad_left == 0 && s.pad_bottom == 0 && s.pad_right == 0 && s.groups == 1;
}

inline void convolve_pointwise(const conv2d_shape& s, const conv2d_args& args, const packed_matrix& weights,
                               index_t row_end) noexcept {
    gemm({.rows = s.batch * s.in_height * s.in_width,
          .a = args.input,
          .a_stride = s.input_stride(),
          .c = args.output,
          .c_stride = s.output_stride(),
          .post = args.post,
          .row_begin = args.row_begin * s.in_width,
          .row_end = row_end * s.in_width},
         weights);
}

}  // namespace detail

/// Computes a convolution: any kernel, stride, padding, dilation and groups, with its epilogue.
/// O(multiply-adds). A value has the same bits whatever the row range and however the input is padded or split.
inline void conv2d(const conv2d_shape& shape, const conv2d_args& args, const packed_matrix& weights) noexcept {
    const index_t height = shape.out_height();
    const index_t width = shape.out_width();
    const index_t end = args.row_end < 0 ? shape.batch * height : args.row_end;
    if (detail::is_pointwise(shape)) return detail::convolve_pointwise(shape, args, weights, end);
    const detail::row_source source = detail::source_of(shape);
    auto* const table = reinterpret_cast<const float**>(args.workspace);
    float* const scratch = reinterpret_cast<float*>(table + source.table);
    if (!source.padded_copy)
        std::memset(scratch, 0, static_cast<std::size_t>(source.scratch) * sizeof(float));
    detail::block_job job{.rows = table,
                          .row_stride = detail::block_rows,
                          .segments = source.segments,
                          .segment_length = source.segment_length,
                          .layout = &weights.layout(),
                          .c_stride = shape.output_stride(),
                          .residual_stride = args.post.residual_stride != 0 ? args.post.residual_stride
                                                                            : shape.output_stride(),
                          .act = args.post.act};
    for (index_t r = args.row_begin; r < end;) {
        const index_t image = r / height;
        const index_t left = ((image + 1) * height < end ? (image + 1) * height : end) - r;
        const index_t rows = left < source.rows ? left : source.rows;
        const float* in = args.input + image * shape.in_height * shape.in_width * shape.input_stride();
        for (index_t x = 0; x < width; x += source.columns) {
            const index_t columns = width - x < source.columns ? width - x : source.columns;
            point_at_block(shape, source, in, r - image * height, rows, x, columns, scratch, table);
            job.row_count = rows * columns;
            detail::convolve_block(shape, args, weights, r * width + x, job);
        }
        r += rows;
    }
}

}  // namespace dispart::kernels
