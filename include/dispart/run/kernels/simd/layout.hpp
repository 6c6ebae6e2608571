#pragma once
/// \file
/// Transposes and conversions between NCHW and NHWC.

#include "dispart/run/kernels/simd/isa.hpp"

namespace dispart::kernels {

namespace detail {

using four_floats = float __attribute__((vector_size(16)));

inline void transpose_4x4(const float* in, index_t in_stride, float* out, index_t out_stride) noexcept {
    const auto get = [](const float* p) { return four_floats{p[0], p[1], p[2], p[3]}; };
    const four_floats a = get(in);
    const four_floats b = get(in + in_stride);
    const four_floats c = get(in + 2 * in_stride);
    const four_floats d = get(in + 3 * in_stride);
    const four_floats ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four_floats ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four_floats cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four_floats cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const auto put = [](float* p, four_floats v) { __builtin_memcpy(p, &v, sizeof v); };
    put(out, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    put(out + out_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    put(out + 2 * out_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    put(out + 3 * out_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

inline void transpose_block(index_t rows, index_t columns, const float* in, index_t in_stride, float* out,
                            index_t out_stride) noexcept {
    const index_t whole_rows = rows / 4 * 4;
    const index_t whole_columns = columns / 4 * 4;
    for (index_t r = 0; r < whole_rows; r += 4)
        for (index_t c = 0; c < whole_columns; c += 4)
            transpose_4x4(in + r * in_stride + c, in_stride, out + c * out_stride + r, out_stride);
    for (index_t r = 0; r < rows; ++r)
        for (index_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c)
            out[c * out_stride + r] = in[r * in_stride + c];
}

}  // namespace detail

/// out[c][r] = in[r][c] for in [rows, columns] and out [columns, rows], with their row strides in floats (0 means
/// contiguous rows). `in` and `out` do not overlap. O(rows * columns), in blocks that keep both sides in L1.
inline void transpose(index_t rows, index_t columns, const float* in, float* out, index_t in_stride = 0,
                      index_t out_stride = 0) noexcept {
    constexpr index_t block = 32;
    if (in_stride == 0) in_stride = columns;
    if (out_stride == 0) out_stride = rows;
    for (index_t r = 0; r < rows; r += block)
        for (index_t c = 0; c < columns; c += block)
            detail::transpose_block(rows - r < block ? rows - r : block,
                                    columns - c < block ? columns - c : block, in + r * in_stride + c,
                                    in_stride, out + c * out_stride + r, out_stride);
}

/// NCHW [batch, channels, pixels] to NHWC [batch, pixels, channels]; pixels = height * width.
inline void nchw_to_nhwc(index_t batch, index_t channels, index_t pixels, const float* in,
                         float* out) noexcept {
    for (index_t n = 0; n < batch; ++n)
        transpose(channels, pixels, in + n * channels * pixels, out + n * channels * pixels);
}

/// NHWC [batch, pixels, channels] to NCHW [batch, channels, pixels]; pixels = height * width.
inline void nhwc_to_nchw(index_t batch, index_t channels, index_t pixels, const float* in,
                         float* out) noexcept {
    for (index_t n = 0; n < batch; ++n)
        transpose(pixels, channels, in + n * channels * pixels, out + n * channels * pixels);
}

}  // namespace dispart::kernels
