#pragma once
/// \file
/// Where the rows of a convolution's product lie: pointers into the input, or into a padded copy of a few of its rows.

#include <cstring>

#include "dispart/run/kernels/simd/conv2d_shape.hpp"
#include "dispart/run/kernels/simd/detail/gemm_block.hpp"

namespace dispart::kernels::detail {

/// Fewer channels than this make a tap too short to be a piece of a row; see row_source.
inline constexpr index_t short_tap = 32;

/// How the rows of a convolution are pieced together. Taps of many channels are pieces of their own, read from the
/// input or, in the padding, from a row of zeros. Short taps of one kernel row are one piece, read from a copy of the
/// block's input rows that carries the padding.
struct row_source {
    bool padded_copy = false;
    index_t segments = 1;
    index_t segment_length = 0;  ///< of one group
    index_t rows = 1;            ///< output rows in a block; more than one only if they are whole
    index_t columns = 1;         ///< output columns in a block
    index_t table = 0;           ///< pointers
    index_t scratch = 0;         ///< floats: zeros, or padded rows
};

inline index_t padded_width(const conv2d_shape& s) noexcept {
    return (s.out_width() - 1) * s.stride_width + s.kernel_width;
}

/// Input rows under `rows` output rows.
inline index_t rows_under(const conv2d_shape& s, index_t rows) noexcept {
    return (rows - 1) * s.stride_height + (s.kernel_height - 1) * s.dilation_height + 1;
}

inline row_source source_of(const conv2d_shape& s) noexcept {
    row_source source;
    const index_t width = s.out_width();
    source.columns = even_block(width, block_rows);
    source.rows = width > block_rows ? 1 : even_block(s.out_height(), block_rows / width);
    source.padded_copy =
        s.groups == 1 && s.kernel_width > 1 && s.dilation_width == 1 && s.in_channels < short_tap;
    if (source.padded_copy) {
        source.segments = s.kernel_height;
        source.segment_length = s.kernel_width * s.in_channels;
        source.scratch = rows_under(s, source.rows) * padded_width(s) * s.in_channels;
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
    const auto bytes = [channels](index_t pixels) {
        return static_cast<std::size_t>(pixels * channels) * sizeof(float);
    };
    for (index_t y = first; y < first + rows; ++y, out += width * channels) {
        if (y < 0 || y >= s.in_height) {
            std::memset(out, 0, bytes(width));
            continue;
        }
        const float* in = image + y * s.in_width * s.input_stride();
        float* body = out + left * channels;
        std::memset(out, 0, bytes(left));
        if (s.input_stride() == channels) std::memcpy(body, in, bytes(inside));
        else
            for (index_t x = 0; x < inside; ++x)
                std::memcpy(body + x * channels, in + x * s.input_stride(), bytes(1));
        std::memset(body + inside * channels, 0, bytes(width - left - inside));
    }
}

/// Pointers of `count` output pixels of a row from column ox on, kernel row by kernel row, into a padded copy; `copy`
/// is the copy of the first input row under it.
inline void point_into_copy(const conv2d_shape& s, const float* copy, index_t ox, index_t count,
                            const float** rows) noexcept {
    const index_t line = padded_width(s) * s.in_channels;
    for (index_t ky = 0; ky < s.kernel_height; ++ky, rows += block_rows) {
        const float* at = copy + ky * s.dilation_height * line + ox * s.stride_width * s.in_channels;
        for (index_t i = 0; i < count; ++i, at += s.stride_width * s.in_channels) rows[i] = at;
    }
}

/// Pointers of `count` output pixels of row oy from column ox on, tap by tap, into the input or to zeros.
inline void point_into_input(const conv2d_shape& s, const float* image, index_t oy, index_t ox, index_t count,
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

/// Fills the table for `rows` output rows from oy on and `columns` output columns from ox on, of one image.
inline void point_at_block(const conv2d_shape& s, const row_source& source, const float* image, index_t oy,
                           index_t rows, index_t ox, index_t columns, float* scratch,
                           const float** table) noexcept {
    if (source.padded_copy)
        copy_padded(s, image, oy * s.stride_height - s.pad_top, rows_under(s, rows), scratch);
    const index_t line = s.stride_height * padded_width(s) * s.in_channels;
    for (index_t r = 0; r < rows; ++r, table += columns) {
        if (source.padded_copy) point_into_copy(s, scratch + r * line, ox, columns, table);
        else point_into_input(s, image, oy + r, ox, columns, scratch, table);
    }
}

}  // namespace dispart::kernels::detail
