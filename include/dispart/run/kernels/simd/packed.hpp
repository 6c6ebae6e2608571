#pragma once
/// \file
/// The right-hand side of a matrix product, laid out in the panels that the micro-kernels read in sequence.

#include <cstring>
#include <memory>
#include <new>

#include "dispart/run/kernels/simd/isa.hpp"

namespace dispart::kernels {

namespace detail {

/// Where the panels of a [depth, columns] matrix lie: panel p holds `panel_columns` columns as [depth, panel_columns];
/// the last panel may be of another width, and columns beyond the matrix are 0.
struct panel_layout {
    int lanes = 4;          ///< floats in a vector
    int panel_vectors = 2;  ///< vectors across a full panel
    int tail_vectors = 0;   ///< vectors across the last panel; 0: there is none of another width
    index_t depth = 0;
    index_t columns = 0;
    index_t full_panels = 0;

    [[nodiscard]] constexpr index_t panels() const noexcept {
        return full_panels + (tail_vectors > 0 ? 1 : 0);
    }
    /// First column of a panel; panels() gives the padded number of columns less the tail's.
    [[nodiscard]] constexpr index_t column(index_t panel) const noexcept {
        return panel * panel_vectors * lanes;
    }
    [[nodiscard]] constexpr int vectors(index_t panel) const noexcept {
        return panel < full_panels ? panel_vectors : tail_vectors;
    }
    /// Columns held, with the padding.
    [[nodiscard]] constexpr index_t padded_columns() const noexcept {
        return column(full_panels) + tail_vectors * lanes;
    }
    [[nodiscard]] constexpr index_t floats() const noexcept { return depth * padded_columns(); }
};

/// The layout of the kernels of one instruction set. One vector that is left over makes AVX2's last panel three wide.
constexpr panel_layout layout_for(isa which, index_t depth, index_t columns) noexcept {
    const int width = lanes(which);
    const int full = which == isa::avx512 ? 4 : 2;
    const index_t vectors = (columns + width - 1) / width;
    auto tail = static_cast<int>(vectors % full);
    if (which == isa::avx2 && tail == 1 && vectors > 1) tail = 3;
    return {.lanes = width,
            .panel_vectors = full,
            .tail_vectors = tail,
            .depth = depth,
            .columns = columns,
            .full_panels = (vectors - tail) / full};
}

/// Floats aligned to a cache line, shared and never changed once packed.
inline std::shared_ptr<float[]> aligned_floats(index_t count) {
    constexpr std::align_val_t line{64};
    const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
    return {static_cast<float*>(::operator new(bytes, line)), [](float* p) { ::operator delete(p, line); }};
}

}  // namespace detail

/// A [depth, columns] matrix in panels; cheap to copy (the values are shared). Made by pack_b or pack_conv2d.
class packed_matrix {
  public:
    packed_matrix() = default;
    /// Room for `count` matrices of one shape, not yet filled.
    packed_matrix(isa which, index_t depth, index_t columns, index_t count = 1)
        : layout_(detail::layout_for(usable(which), depth, columns))
        , isa_(usable(which))
        , count_(count)
        , values_(detail::aligned_floats(layout_.floats() * count)) {}

    [[nodiscard]] index_t depth() const noexcept { return layout_.depth; }
    [[nodiscard]] index_t columns() const noexcept { return layout_.columns; }
    /// Instruction set whose kernels read this layout.
    [[nodiscard]] isa instruction_set() const noexcept { return isa_; }
    /// How many matrices it holds (the groups of a convolution).
    [[nodiscard]] index_t count() const noexcept { return count_; }
    /// Bytes held.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(layout_.floats() * count_) * sizeof(float);
    }

    [[nodiscard]] const detail::panel_layout& layout() const noexcept { return layout_; }
    [[nodiscard]] const float* values(index_t matrix = 0) const noexcept {
        return values_.get() + matrix * layout_.floats();
    }
    [[nodiscard]] float* values(index_t matrix = 0) noexcept {
        return values_.get() + matrix * layout_.floats();
    }

  private:
    detail::panel_layout layout_;
    isa isa_ = isa::baseline;
    index_t count_ = 1;
    std::shared_ptr<float[]> values_;
};

/// What pack_b reads: B as [depth, columns], or transposed as [columns, depth].
struct pack_b_args {
    index_t depth = 0;
    index_t columns = 0;
    const float* b = nullptr;
    index_t stride = 0;  ///< floats from one row of the array to the next; 0 means rows are contiguous
    bool transposed = false;
    float scale = 1.0F;  ///< every value is multiplied by it
};

namespace detail {

/// Fills one panel of `width` columns from column `first` on.
inline void pack_panel(const pack_b_args& args, index_t stride, index_t first, index_t width,
                       float* out) noexcept {
    const index_t present = args.columns - first < width ? args.columns - first : width;
    if (present < width || args.transposed)
        std::memset(out, 0, static_cast<std::size_t>(args.depth * width) * sizeof(float));
    if (args.transposed) {
        for (index_t j = 0; j < present; ++j) {
            const float* column = args.b + (first + j) * stride;
            for (index_t k = 0; k < args.depth; ++k) out[k * width + j] = column[k] * args.scale;
        }
        return;
    }
    for (index_t k = 0; k < args.depth; ++k) {
        const float* row = args.b + k * stride + first;
        for (index_t j = 0; j < present; ++j) out[k * width + j] = row[j] * args.scale;
    }
}

inline void pack_panels(const pack_b_args& args, const panel_layout& layout, float* out) noexcept {
    const index_t stride = args.stride != 0 ? args.stride : args.transposed ? args.depth : args.columns;
    for (index_t p = 0; p < layout.panels(); ++p) {
        const index_t width = index_t{layout.vectors(p)} * layout.lanes;
        pack_panel(args, stride, layout.column(p), width, out + layout.column(p) * layout.depth);
    }
}

}  // namespace detail

/// Packs B once, for many products; O(depth * columns). `which` is narrowed to what may run here.
[[nodiscard]] inline packed_matrix pack_b(const pack_b_args& args, isa which = best_isa()) {
    packed_matrix packed(which, args.depth, args.columns);
    detail::pack_panels(args, packed.layout(), packed.values());
    return packed;
}

}  // namespace dispart::kernels
