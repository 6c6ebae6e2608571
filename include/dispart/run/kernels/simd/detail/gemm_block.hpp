#pragma once
/// \file
/// The product of a block of rows, each given by pointers to its pieces, with a packed matrix: what matrix products
/// and convolutions share. After the blocking of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix
/// multiplication", ACM TOMS 34(3), 2008, and the indirect rows of M. Dukhan, "The indirect convolution algorithm", 2019.

#include "dispart/run/kernels/simd/elementwise.hpp"
#include "dispart/run/kernels/simd/packed.hpp"

namespace dispart::kernels::detail {

/// Rows of A are scattered: row i is the concatenation over s of `segment_length` values from
/// rows[s * row_stride + i] + offset on. Each value of C is summed in the order of the depth, whatever the blocks,
/// so it does not depend on which rows are computed together.
struct block_job {
    const float* const* rows = nullptr;  ///< [segments][row_stride]
    index_t row_stride = 0;
    index_t row_count = 0;  ///< at most block_rows
    index_t segments = 1;
    index_t segment_length = 0;
    index_t offset = 0;
    const float* panels = nullptr;
    const panel_layout* layout = nullptr;  ///< depth = segments * segment_length
    float* c = nullptr;
    index_t c_stride = 0;
    const float* bias = nullptr;
    const float* residual = nullptr;
    index_t residual_stride = 0;
    activation act = {};
};

/// Rows of A that are worked through per block of the depth: their values stay in L2.
inline constexpr index_t block_rows = 144;
/// `count` things in as few blocks of at most `most` as possible, of nearly equal sizes: that size.
constexpr index_t even_block(index_t count, index_t most) noexcept {
    const index_t blocks = (count + most - 1) / most;
    return blocks > 0 ? (count + blocks - 1) / blocks : 1;
}

/// Longest block of the depth: a panel of it fits in L1 beside a tile's rows.
inline constexpr index_t block_depth = 256;
/// Panels whose part of C stays in L2 between the blocks of the depth.
inline constexpr index_t column_group = 32;

/// Blocks of the depth: several whole segments, or part of one.
struct depth_blocks {
    index_t segments = 1;
    index_t length = 0;
};

inline depth_blocks split_depth(index_t segments, index_t length) noexcept {
    if (length > block_depth) return {.segments = 1, .length = even_block(length, block_depth)};
    return {.segments = even_block(segments, length > 0 ? block_depth / length : 1), .length = length};
}

}  // namespace dispart::kernels::detail

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/gemm.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"
