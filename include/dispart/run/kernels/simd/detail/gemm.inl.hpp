// Body of detail/gemm_block.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

/// One register tile: some rows of a panel, over one block of the depth.
struct tile_job {
    const float* const* rows = nullptr;  ///< pointers of the tile's first row, [segments][row_stride]
    index_t row_stride = 0;
    index_t segments = 0;
    index_t offset = 0;  ///< floats from each pointer to the first value read
    index_t length = 0;  ///< values read from each pointer
    const float* b = nullptr;
    float* c = nullptr;
    index_t c_stride = 0;
    const float* bias = nullptr;      ///< of the tile's first column, or none
    const float* residual = nullptr;  ///< of the tile's first value, or none
    index_t residual_stride = 0;
    bool first = true;    ///< start from bias and residual, else from what C holds
    bool clamped = true;  ///< clamp to `bounds` before storing
    clamp_bounds bounds = {};
};

/// Rows of a register tile: as many as leave room for the panel's vectors and one broadcast among 16 registers
/// (32 with AVX-512), and at least 8 accumulators where a tile can have them, which hide the latency of two FMA units.
template <int Vectors>
inline constexpr int tile_rows = Vectors == 3 && DISPART_SIMD_PANEL == 2 ? 4 : 6;

/// What the sums of a tile start from.
template <int Rows, int Vectors>
DISPART_SIMD_INLINE void tile_start(const tile_job& job, const float* c, const float* residual,
                                    vfloat (&sum)[Rows][Vectors]) noexcept {
    if (!job.first) {
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) sum[i][j] = load(c + i * job.c_stride + j * lanes);
        return;
    }
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) {
        const vfloat start = job.bias != nullptr ? load(job.bias + j * lanes) : vfloat{};
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) sum[i][j] = start;
    }
    if (residual == nullptr) return;
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) sum[i][j] += load(residual + i * job.residual_stride + j * lanes);
}

/// `count` tiles of equal height, one below the other; returns the job of the tile below them.
template <int Rows, int Vectors>
inline tile_job tiles(tile_job job, index_t count) noexcept {
    const float* const* const end = job.rows + count * Rows;
    for (; job.rows < end; job.rows += Rows) {
        vfloat sum[Rows][Vectors];
        tile_start(job, job.c, job.residual, sum);
        const float* b = job.b;
        const float* const* rows = job.rows;
        for (index_t s = 0; s < job.segments; ++s, rows += job.row_stride) {
            const float* a[Rows];
#pragma GCC unroll 8
            for (int i = 0; i < Rows; ++i) a[i] = rows[i] + job.offset;
            for (index_t k = 0; k < job.length; ++k, b += Vectors * lanes) {
                vfloat right[Vectors];
#pragma GCC unroll 8
                for (int j = 0; j < Vectors; ++j) right[j] = load(b + j * lanes);
#pragma GCC unroll 8
                for (int i = 0; i < Rows; ++i) {
                    const vfloat left = broadcast(a[i][k]);
#pragma GCC unroll 8
                    for (int j = 0; j < Vectors; ++j) sum[i][j] += left * right[j];
                }
            }
        }
        if (job.clamped) {
            const vfloat low = broadcast(job.bounds.low);
            const vfloat high = broadcast(job.bounds.high);
#pragma GCC unroll 8
            for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
                for (int j = 0; j < Vectors; ++j) sum[i][j] = at_most(high, at_least(low, sum[i][j]));
        }
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) store(job.c + i * job.c_stride + j * lanes, sum[i][j]);
        job.c += Rows * job.c_stride;
        if (job.residual != nullptr) job.residual += Rows * job.residual_stride;
    }
    return job;
}

template <int Vectors>
inline tile_job tiles_of(int rows, const tile_job& job, index_t count) noexcept {
    switch (rows) {
    case 1:
        return tiles<1, Vectors>(job, count);
    case 2:
        return tiles<2, Vectors>(job, count);
    case 3:
        return tiles<3, Vectors>(job, count);
    case 4:
        return tiles<4, Vectors>(job, count);
    default:
        if constexpr (tile_rows < Vectors >> 4) {
            if (rows == 5) return tiles<5, Vectors>(job, count);
            return tiles<6, Vectors>(job, count);
        }
        return job;
    }
}

/// A tile of fewer columns than its vectors hold: through a copy of the tile, so that nothing beyond is touched.
template <int Vectors>
inline tile_job edge_tile_of(int rows, const tile_job& job, index_t columns) noexcept {
    constexpr index_t width = Vectors * lanes;
    float c[tile_rows<Vectors> * width];
    float residual[tile_rows<Vectors> * width];
    float bias[width];
    const auto bytes = static_cast<std::size_t>(columns) * sizeof(float);
    for (index_t i = 0; i < rows; ++i) {
        if (!job.first) __builtin_memcpy(c + i * width, job.c + i * job.c_stride, bytes);
        if (job.residual != nullptr)
            __builtin_memcpy(residual + i * width, job.residual + i * job.residual_stride, bytes);
    }
    if (job.bias != nullptr) __builtin_memcpy(bias, job.bias, bytes);
    tile_job copy = job;
    copy.c = c;
    copy.c_stride = width;
    copy.bias = job.bias != nullptr ? bias : nullptr;
    copy.residual = job.residual != nullptr ? residual : nullptr;
    copy.residual_stride = width;
    tiles_of<Vectors>(rows, copy, 1);
    for (index_t i = 0; i < rows; ++i) __builtin_memcpy(job.c + i * job.c_stride, c + i * width, bytes);
    tile_job below = job;
    below.rows += rows;
    below.c += rows * job.c_stride;
    if (job.residual != nullptr) below.residual += rows * job.residual_stride;
    return below;
}

/// All rows of a block against one panel: tiles of nearly equal heights. `job` describes the first tile.
template <int Vectors>
inline void panel_of(index_t rows, tile_job job, index_t columns) noexcept {
    const index_t count = (rows + tile_rows<Vectors> - 1) / tile_rows<Vectors>;
    const int height = static_cast<int>(rows / count);
    const index_t higher = rows % count;
    if (columns < Vectors * lanes) {
        for (index_t t = 0; t < count; ++t)
            job = edge_tile_of<Vectors>(height + (t < higher ? 1 : 0), job, columns);
        return;
    }
    if (higher > 0) job = tiles_of<Vectors>(height + 1, job, higher);
    tiles_of<Vectors>(height, job, count - higher);
}

inline void panel_of(int vectors, index_t rows, const tile_job& job, index_t columns) noexcept {
    switch (vectors) {
    case 1:
        return panel_of<1>(rows, job, columns);
    case 2:
        return panel_of<2>(rows, job, columns);
    case 3:
        if constexpr (lanes > 4) return panel_of<3>(rows, job, columns);
        return;
    default:
        if constexpr (DISPART_SIMD_PANEL == 4) return panel_of<4>(rows, job, columns);
    }
}

/// One row against several full panels at once: as many streams through B as keep the memory busy.
template <int Panels>
inline void single_row(const float* a, const float* b, index_t depth, float* c, const float* bias,
                       const float* residual, clamp_bounds bounds) noexcept {
    constexpr int vectors = DISPART_SIMD_PANEL;
    vfloat sum[Panels * vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Panels * vectors; ++j) {
        sum[j] = bias != nullptr ? load(bias + j * lanes) : vfloat{};
        if (residual != nullptr) sum[j] += load(residual + j * lanes);
    }
    const index_t panel = depth * vectors * lanes;
    for (index_t k = 0; k < depth; ++k, b += vectors * lanes) {
        const vfloat left = broadcast(a[k]);
#pragma GCC unroll 8
        for (int p = 0; p < Panels; ++p)
#pragma GCC unroll 8
            for (int j = 0; j < vectors; ++j) sum[p * vectors + j] += left * load(b + p * panel + j * lanes);
    }
    const vfloat low = broadcast(bounds.low);
    const vfloat high = broadcast(bounds.high);
#pragma GCC unroll 8
    for (int j = 0; j < Panels * vectors; ++j) store(c + j * lanes, at_most(high, at_least(low, sum[j])));
}

/// The block's only row against the leading full panels; returns how many panels are done.
inline index_t single_row_panels(const block_job& job, clamp_bounds bounds) noexcept {
    constexpr int group = 8 / DISPART_SIMD_PANEL;
    const panel_layout& layout = *job.layout;
    index_t p = 0;
    const index_t present = layout.columns / (DISPART_SIMD_PANEL * lanes);
    const index_t whole = present < layout.full_panels ? present : layout.full_panels;
    for (; p + group <= whole; p += group) {
        const index_t column = layout.column(p);
        single_row<group>(job.rows[0] + job.offset, job.panels + column * layout.depth, layout.depth,
                          job.c + column, job.bias != nullptr ? job.bias + column : nullptr,
                          job.residual != nullptr ? job.residual + column : nullptr, bounds);
    }
    return p;
}

/// Panels [first, last) over all depth blocks. A block of the depth is short enough that a panel of it stays in L1.
inline void panel_range(const block_job& job, index_t first, index_t last, clamp_bounds bounds) noexcept {
    const panel_layout& layout = *job.layout;
    const depth_blocks blocks = split_depth(job.segments, job.segment_length);
    for (index_t s = 0; s < job.segments; s += blocks.segments) {
        for (index_t k = 0; k < job.segment_length; k += blocks.length) {
            const index_t segments = job.segments - s < blocks.segments ? job.segments - s : blocks.segments;
            const index_t rest = job.segment_length - k;
            tile_job part{.rows = job.rows + s * job.row_stride,
                          .row_stride = job.row_stride,
                          .segments = segments,
                          .offset = job.offset + k,
                          .length = rest < blocks.length ? rest : blocks.length,
                          .c_stride = job.c_stride,
                          .residual_stride = job.residual_stride,
                          .first = s == 0 && k == 0,
                          .bounds = bounds};
            const bool final_block = s + segments == job.segments && k + part.length == job.segment_length;
            part.clamped = final_block && job.act.kind != activation_kind::none;
            for (index_t p = first; p < last; ++p) {
                const index_t column = layout.column(p);
                const index_t width = index_t{layout.vectors(p)} * lanes;
                part.b = job.panels + column * layout.depth + (s * job.segment_length + k) * width;
                part.c = job.c + column;
                part.bias = job.bias != nullptr ? job.bias + column : nullptr;
                part.residual = part.first && job.residual != nullptr ? job.residual + column : nullptr;
                panel_of(layout.vectors(p), job.row_count, part, layout.columns - column);
            }
        }
    }
}

DISPART_SIMD_ENTRY void gemm_block(const block_job& job) noexcept {
    const panel_layout& layout = *job.layout;
    const clamp_bounds bounds = bounds_of(job.act);
    index_t p = job.row_count == 1 && job.segments == 1 ? single_row_panels(job, bounds) : 0;
    for (const index_t panels = layout.panels(); p < panels;) {
        const index_t last = p + column_group < panels ? p + column_group : panels;
        panel_range(job, p, last, bounds);
        p = last;
    }
    if (is_clamp(job.act)) return;
    for (index_t i = 0; i < job.row_count; ++i)
        run_activate(job.act, job.c + i * job.c_stride, job.c + i * job.c_stride, layout.columns);
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
