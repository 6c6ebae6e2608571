#pragma once
/// \file
/// Two-dimensional convolution of NHWC activations with packed weights, as a product of indirect rows: no im2col.

#include "dispart/run/kernels/simd/detail/gemm_block.hpp"

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

namespace detail {

/// Fewer channels than this make a tap too short to be a piece of a row; see row_source.
inline constexpr index_t short_tap = 32;

/// How the rows of a convolution are pieced together. Taps of many channels are pieces of their own, read from the
/// input or, in the padding, from a row of zeros. Short taps of one kernel row are one piece, read from a copy of the
/// block's input rows that carries the padding.
struct row_source {
    bool padded_copy = false;
    index_t segments = 1;
    index_t segment_length = 0;  ///< of one group
    index_t table = 0;           ///< pointers
    index_t scratch = 0;         ///< floats: zeros, or padded rows
};

inline index_t padded_width(const conv2d_shape& s) noexcept {
    return (s.out_width() - 1) * s.stride_width + s.kernel_width;
}

/// Output rows that a block of output pixels of one image may touch.
inline index_t touched_rows(const conv2d_shape& s) noexcept {
    const index_t rows = (block_rows + s.out_width() - 2) / s.out_width() + 1;
    return rows < s.out_height() ? rows : s.out_height();
}

inline row_source source_of(const conv2d_shape& s) noexcept {
    row_source source;
    source.padded_copy =
        s.groups == 1 && s.kernel_width > 1 && s.dilation_width == 1 && s.in_channels < short_tap;
    if (source.padded_copy) {
        source.segments = s.kernel_height;
        source.segment_length = s.kernel_width * s.in_channels;
        const index_t rows =
            (touched_rows(s) - 1) * s.stride_height + (s.kernel_height - 1) * s.dilation_height + 1;
        source.scratch = rows * padded_width(s) * s.in_channels;
    } else {
        source.segments = s.kernel_height * s.kernel_width;
        source.segment_length = s.in_channels / s.groups;
        source.scratch = s.in_channels;
    }
    source.table = source.segments * block_rows;
    return source;
}

/// Copies input rows [first, first + rows) with their horizontal padding; rows outside the image are zeros.
inline void copy_padded(const conv2d_shape& s, const float* image, index_t first, index_t rows,
                        float* out) noexcept {
    const index_t width = padded_width(s);
    const index_t channels = s.in_channels;
    const index_t left = s.pad_left < width ? s.pad_left : width;
    const index_t inside = s.in_width < width - left ? s.in_width : width - left;
    constexpr auto size = sizeof(float);
    for (index_t y = first; y < first + rows; ++y, out += width * channels) {
        if (y < 0 || y >= s.in_height) {
            std::memset(out, 0, static_cast<std::size_t>(width * channels) * size);
            continue;
        }
        const float* in = image + y * s.in_width * s.input_stride();
        std::memset(out, 0, static_cast<std::size_t>(left * channels) * size);
        float* body = out + left * channels;
        if (s.input_stride() == channels) {
            std::memcpy(body, in, static_cast<std::size_t>(inside * channels) * size);
        } else {
            for (index_t x = 0; x < inside; ++x)
                std::memcpy(body + x * channels, in + x * s.input_stride(),
                            static_cast<std::size_t>(channels) * size);
        }
        std::memset(body + inside * channels, 0,
                    static_cast<std::size_t>((width - left - inside) * channels) * size);
    }
}

/// Pointers of output pixels [first, first + count) of an image into a padded copy of its input rows.
inline void point_into_copy(const conv2d_shape& s, const float* image, index_t first, index_t count,
                            float* copy, const float** rows) noexcept {
    const index_t out_width = s.out_width();
    const index_t top = first / out_width;
    const index_t bottom = (first + count - 1) / out_width;
    const index_t reach = (bottom - top) * s.stride_height + (s.kernel_height - 1) * s.dilation_height + 1;
    copy_padded(s, image, top * s.stride_height - s.pad_top, reach, copy);
    const index_t row_floats = padded_width(s) * s.in_channels;
    index_t ox = first % out_width;
    const float* start = copy + ox * s.stride_width * s.in_channels;
    for (index_t i = 0; i < count; ++i, start += s.stride_width * s.in_channels) {
        if (ox == out_width) {
            start += s.stride_height * row_floats - out_width * s.stride_width * s.in_channels;
            ox = 0;
        }
        ++ox;
        for (index_t ky = 0; ky < s.kernel_height; ++ky)
            rows[ky * block_rows + i] = start + ky * s.dilation_height * row_floats;
    }
}

/// Pointers of `count` output pixels of row oy from ox on, tap by tap, into the input or to zeros.
inline void point_along_row(const conv2d_shape& s, const float* image, index_t oy, index_t ox, index_t count,
                            const float* zeros, const float** rows) noexcept {
    const index_t pixel = s.input_stride();
    for (index_t ky = 0; ky < s.kernel_height; ++ky) {
        const index_t y = oy * s.stride_height - s.pad_top + ky * s.dilation_height;
        const index_t width = y >= 0 && y < s.in_height ? s.in_width : 0;
        for (index_t kx = 0; kx < s.kernel_width; ++kx, rows += block_rows) {
            index_t x = ox * s.stride_width - s.pad_left + kx * s.dilation_width;
            index_t at = (y * s.in_width + x) * pixel;
            for (index_t i = 0; i < count; ++i, x += s.stride_width, at += s.stride_width * pixel)
                rows[i] = x >= 0 && x < width ? image + at : zeros;
        }
    }
}

/// Pointers of output pixels [first, first + count) of an image.
inline void point_into_input(const conv2d_shape& s, const float* image, index_t first, index_t count,
                             const float* zeros, const float** rows) noexcept {
    const index_t out_width = s.out_width();
    for (index_t i = 0; i < count;) {
        const index_t ox = (first + i) % out_width;
        const index_t run = out_width - ox < count - i ? out_width - ox : count - i;
        point_along_row(s, image, (first + i) / out_width, ox, run, zeros, rows + i);
        i += run;
    }
}

}  // namespace detail

/// Bytes of scratch that conv2d needs: a table of pointers, and some zeros or padded rows; independent of the ISA.
[[nodiscard]] inline std::size_t workspace_bytes(const conv2d_shape& shape) noexcept {
    const detail::row_source source = detail::source_of(shape);
    return static_cast<std::size_t>(source.table) * sizeof(const float*) +
           static_cast<std::size_t>(source.scratch) * sizeof(float);
}

/// Computes a convolution: any kernel, stride, padding, dilation and groups, with its epilogue.
/// O(multiply-adds). A value has the same bits whatever the row range and however the input is padded or split.
inline void conv2d(const conv2d_shape& shape, const conv2d_args& args, const packed_matrix& weights) noexcept {
    const detail::row_source source = detail::source_of(shape);
    auto* const table = reinterpret_cast<const float**>(args.workspace);
    float* const scratch = reinterpret_cast<float*>(table + source.table);
    if (!source.padded_copy)
        std::memset(scratch, 0, static_cast<std::size_t>(source.scratch) * sizeof(float));

    const index_t out_height = shape.out_height();
    const index_t pixels = out_height * shape.out_width();
    const index_t end = args.row_end < 0 ? shape.batch * out_height : args.row_end;
    const index_t group_in = shape.in_channels / shape.groups;
    const index_t group_out = shape.out_channels / shape.groups;
    const index_t residual_stride =
        args.post.residual_stride != 0 ? args.post.residual_stride : shape.output_stride();
    detail::block_job job{.rows = table,
                          .row_stride = detail::block_rows,
                          .segments = source.segments,
                          .segment_length = source.segment_length,
                          .layout = &weights.layout(),
                          .c_stride = shape.output_stride(),
                          .residual_stride = residual_stride,
                          .act = args.post.act};
    for (index_t first = args.row_begin * shape.out_width(); first < end * shape.out_width();
         first += job.row_count) {
        const index_t image = first / pixels;
        const index_t left = (image + 1) * pixels < end * shape.out_width() ? (image + 1) * pixels - first
                                                                            : end * shape.out_width() - first;
        job.row_count = left < detail::block_rows ? left : detail::block_rows;
        const float* in = args.input + image * shape.in_height * shape.in_width * shape.input_stride();
        if (source.padded_copy)
            detail::point_into_copy(shape, in, first - image * pixels, job.row_count, scratch, table);
        else detail::point_into_input(shape, in, first - image * pixels, job.row_count, scratch, table);
        for (index_t g = 0; g < shape.groups; ++g) {
            job.offset = g * group_in;
            job.panels = weights.values(g);
            job.c = args.output + first * shape.output_stride() + g * group_out;
            job.bias = args.post.bias != nullptr ? args.post.bias + g * group_out : nullptr;
            if (args.post.residual != nullptr)
                job.residual = args.post.residual + first * residual_stride + g * group_out;
            DISPART_SIMD_CALL(weights.instruction_set(), gemm_block, job);
        }
    }
}

}  // namespace dispart::kernels
