#pragma once
/// \file
/// A block of layers that is cut into spatial tiles, as dense arrays: maps, and layers with sliding windows.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/problem/region.hpp"

namespace dispart {

/// How a layer's result depends on its operands along one axis: result o reads i = o·stride − pad + k·dilation for
/// k < kernel. A layer that works element by element has kernel 1, stride 1, pad 0.
struct axis_window {
    std::int64_t kernel = 1;
    std::int64_t stride = 1;
    std::int64_t dilation = 1;
    std::int64_t pad = 0;

    friend bool operator==(const axis_window&, const axis_window&) = default;
};

/// What the results `out` read along an axis, before the map's ends are looked at.
[[nodiscard]] constexpr interval reach(const axis_window& w, const interval& out) noexcept {
    if (out.empty()) return {};
    return {out.begin * w.stride - w.pad, (out.end - 1) * w.stride - w.pad + (w.kernel - 1) * w.dilation + 1};
}

/// The least index, 0 or more, that the results `out` read; those begin left of it whose windows' first taps are pads.
[[nodiscard]] constexpr std::int64_t first_read(const axis_window& w, const interval& out) noexcept {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::int64_t o = out.begin; o < out.end; ++o) {
        const std::int64_t at = o * w.stride - w.pad;
        if (at >= 0) return std::min(least, at);
        const std::int64_t skipped = (-at + w.dilation - 1) / w.dilation;
        if (skipped < w.kernel) least = std::min(least, at + skipped * w.dilation);
    }
    return least;
}

/// What the results `out` read of a map of that extent: the smallest interval with all of it; empty where all are pads.
[[nodiscard]] constexpr interval read_interval(const axis_window& w, const interval& out,
                                               std::int64_t extent) noexcept {
    if (out.empty()) return {};
    // Seen from the map's other end, it is the same question.
    const auto mirrored = [&](const interval& i) { return interval{-i.end + 1, -i.begin + 1}; };
    const axis_window back{w.kernel, w.stride, w.dilation, (w.kernel - 1) * w.dilation - w.pad - extent + 1};
    const interval both{first_read(w, out), extent - first_read(back, mirrored(out))};
    return both.empty() || both.begin >= extent ? interval{} : both;
}

/// A feature map [N, C, height, width].
struct tile_map {
    std::int64_t height = 1;
    std::int64_t width = 1;
    double bytes_per_position = 0.0;  ///< of all images and channels
    tensor_id tensor = no_id;         ///< of the model

    [[nodiscard]] region whole() const noexcept { return {{0, height}, {0, width}}; }
    [[nodiscard]] double bytes_of(const region& r) const noexcept {
        return bytes_per_position * static_cast<double>(r.area());
    }
};

/// A layer from maps to a map.
struct tile_layer {
    std::vector<std::size_t> reads{};  ///< maps, each once
    std::size_t writes = 0;            ///< map
    axis_window rows{};
    axis_window columns{};
    double flops = 0.0;      ///< of the whole layer
    double macs = 0.0;       ///< multiply-adds of the whole layer where it is a convolution
    bool in_place = false;   ///< element by element: its result may take its operand's place
    layer_id layer = no_id;  ///< vertex of the model
};

/// A fused block: layers in topological order, every result written once.
struct tile_block {
    std::vector<tile_map> maps{};
    std::vector<tile_layer> layers{};
    std::vector<std::size_t> inputs{};   ///< maps that come from outside
    std::vector<std::size_t> outputs{};  ///< maps that are wanted outside; the first is the one that grids cut
    double weight_bytes = 0.0;           ///< constants of all layers, which every tile's device holds
};

/// Multiply-adds of all convolutions of the block.
[[nodiscard]] inline double total_macs(const tile_block& block) {
    double sum = 0.0;
    for (const auto& each : block.layers) sum += each.macs;
    return sum;
}

/// Operations of all layers of the block.
[[nodiscard]] inline double total_flops(const tile_block& block) {
    double sum = 0.0;
    for (const auto& each : block.layers) sum += each.flops;
    return sum;
}

/// Where a grid cuts the first output's map: from 0 to its height (width), never falling. Other outputs are cut in proportion.
struct tile_grid {
    std::vector<std::int64_t> rows{};
    std::vector<std::int64_t> columns{};

    [[nodiscard]] std::size_t row_count() const noexcept { return rows.size() - 1; }
    [[nodiscard]] std::size_t column_count() const noexcept { return columns.size() - 1; }
    [[nodiscard]] std::size_t size() const noexcept { return row_count() * column_count(); }
    friend bool operator==(const tile_grid&, const tile_grid&) = default;
};

/// Cuts of an extent into n pieces that differ by one at most.
[[nodiscard]] inline std::vector<std::int64_t> even_cuts(std::int64_t extent, std::size_t n) {
    std::vector<std::int64_t> cuts;
    for (std::size_t i = 0; i <= n; ++i)
        cuts.push_back(extent * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(n));
    return cuts;
}

/// Cuts of an extent into pieces of ceil(extent / n), the last of which take the rest: DeepThings' grid.
[[nodiscard]] inline std::vector<std::int64_t> ceiling_cuts(std::int64_t extent, std::size_t n) {
    const auto count = static_cast<std::int64_t>(n);
    const std::int64_t piece = (extent + count - 1) / count;
    std::vector<std::int64_t> cuts;
    for (std::int64_t i = 0; i <= count; ++i)
        cuts.push_back(i == count ? extent : std::min(i * piece, extent));
    return cuts;
}

/// Cuts of an extent in proportion to weights, each rounded to the nearest position.
[[nodiscard]] inline std::vector<std::int64_t> weighted_cuts(std::int64_t extent,
                                                             const std::vector<double>& weights) {
    double total = 0.0;
    for (const double w : weights) total += w;
    std::vector<std::int64_t> cuts{0};
    double sum = 0.0;
    for (const double w : weights) {
        sum += w;
        const double at = total > 0.0 ? static_cast<double>(extent) * sum / total : 0.0;
        cuts.push_back(std::min(extent, std::int64_t{std::llround(at)}));
    }
    cuts.back() = extent;
    return cuts;
}

/// A grid of balanced tiles over the block's first output.
[[nodiscard]] inline tile_grid even_grid(const tile_block& block, std::size_t rows, std::size_t columns) {
    const tile_map& map = block.maps[block.outputs.front()];
    return {even_cuts(map.height, rows), even_cuts(map.width, columns)};
}

/// DeepThings' grid over the block's first output.
[[nodiscard]] inline tile_grid ceiling_grid(const tile_block& block, std::size_t rows, std::size_t columns) {
    const tile_map& map = block.maps[block.outputs.front()];
    return {ceiling_cuts(map.height, rows), ceiling_cuts(map.width, columns)};
}

}  // namespace dispart
