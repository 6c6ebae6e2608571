#pragma once
/// \file
/// Matrix products with a fused epilogue: B packed beforehand (weights), or both operands dynamic (attention).

#include "dispart/run/kernels/simd/detail/gemm_block.hpp"

namespace dispart::kernels {

/// C = epilogue(A B): A [rows, depth], B packed [depth, columns], C [rows, columns], all row-major.
struct gemm_args {
    index_t rows = 0;
    const float* a = nullptr;
    index_t a_stride = 0;  ///< floats from one row of A to the next; 0 means depth
    float* c = nullptr;
    index_t c_stride = 0;  ///< floats from one row of C to the next; 0 means columns
    epilogue post = {};
    index_t row_begin = 0;  ///< rows [row_begin, row_end) are computed; the pointers are to row 0
    index_t row_end = -1;   ///< -1 means `rows`
};

/// C = epilogue(scale A B) with B as [depth, columns], or transposed as [columns, depth].
struct dynamic_gemm_args {
    index_t rows = 0;
    index_t depth = 0;
    index_t columns = 0;
    const float* a = nullptr;
    index_t a_stride = 0;  ///< 0 means depth
    const float* b = nullptr;
    index_t b_stride = 0;  ///< floats from one row of the array to the next; 0 means rows are contiguous
    bool b_transposed = false;
    float scale = 1.0F;
    float* c = nullptr;
    index_t c_stride = 0;  ///< 0 means columns
    epilogue post = {};
    float* workspace = nullptr;  ///< workspace_bytes(args), aligned to 64 bytes for full speed
};

namespace detail {

inline void multiply(const gemm_args& args, const panel_layout& layout, const float* panels,
                     isa which) noexcept {
    const index_t a_stride = args.a_stride != 0 ? args.a_stride : layout.depth;
    const index_t c_stride = args.c_stride != 0 ? args.c_stride : layout.columns;
    const index_t residual_stride = args.post.residual_stride != 0 ? args.post.residual_stride : c_stride;
    const index_t end = args.row_end < 0 ? args.rows : args.row_end;
    const float* rows[block_rows];
    block_job job{.rows = rows,
                  .row_stride = block_rows,
                  .segment_length = layout.depth,
                  .panels = panels,
                  .layout = &layout,
                  .c_stride = c_stride,
                  .bias = args.post.bias,
                  .residual_stride = residual_stride,
                  .act = args.post.act};
    const index_t block = even_block(end - args.row_begin, block_rows);
    for (index_t first = args.row_begin; first < end; first += job.row_count) {
        job.row_count = end - first < block ? end - first : block;
        for (index_t i = 0; i < job.row_count; ++i) rows[i] = args.a + (first + i) * a_stride;
        job.c = args.c + first * c_stride;
        if (args.post.residual != nullptr) job.residual = args.post.residual + first * residual_stride;
        DISPART_SIMD_CALL(which, gemm_block, job);
    }
}

}  // namespace detail

/// Computes a product with a packed right-hand side, depth > 0. O(rows * depth * columns); B is read from memory once
/// per 144 rows, and for one row at the speed of memory. Equal inputs give equal bits whatever the row range.
inline void gemm(const gemm_args& args, const packed_matrix& b) noexcept {
    detail::multiply(args, b.layout(), b.values(), b.instruction_set());
}

/// Bytes of scratch that gemm needs for a right-hand side that is packed on the fly.
[[nodiscard]] inline std::size_t workspace_bytes(const dynamic_gemm_args& args,
                                                 isa which = best_isa()) noexcept {
    const auto layout = detail::layout_for(usable(which), args.depth, args.columns);
    return static_cast<std::size_t>(layout.floats()) * sizeof(float);
}

/// Computes a product whose right-hand side is packed into the workspace first; otherwise as with a packed one.
inline void gemm(const dynamic_gemm_args& args, isa which = best_isa()) noexcept {
    const auto layout = detail::layout_for(usable(which), args.depth, args.columns);
    detail::pack_panels({.depth = args.depth,
                         .columns = args.columns,
                         .b = args.b,
                         .stride = args.b_stride,
                         .transposed = args.b_transposed,
                         .scale = args.scale},
                        layout, args.workspace);
    detail::multiply({.rows = args.rows,
                      .a = args.a,
                      .a_stride = args.a_stride,
                      .c = args.c,
                      .c_stride = args.c_stride,
                      .post = args.post},
                     layout, args.workspace, usable(which));
}

}  // namespace dispart::kernels
