#pragma once
/// \file
/// Exact regions of tiles: what each tile needs of every map, what it computes, what it takes from its neighbours.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/problem/tile_block.hpp"

namespace dispart {

/// A part of a map that a tile takes from another one instead of computing it.
struct halo {
    std::size_t map = 0;
    std::size_t from = 0;  ///< the tile that has it
    region what{};
};

/// One tile's share of every map of the block.
struct tile_regions {
    std::vector<region> held{};  ///< [map] all that the tile has of it: the smallest rectangle with all it reads
    std::vector<region> computed{};   ///< [map] what it computes itself (of inputs: all that it is given)
    std::vector<region> delivered{};  ///< [output of the block] its cell
    std::vector<halo> halos{};  ///< what it receives, by map; of one map from the outermost strip to the innermost
};

/// The cell (row, column) of the grid on each output of the block. Precondition: the cuts are the first output's.
[[nodiscard]] inline std::vector<region> grid_cell(const tile_block& block, const tile_grid& grid,
                                                   std::size_t row, std::size_t column) {
    const tile_map& first = block.maps[block.outputs.front()];
    std::vector<region> cells;
    for (const std::size_t out : block.outputs) {
        const tile_map& map = block.maps[out];
        const auto scaled = [](std::int64_t cut, std::int64_t to, std::int64_t from) {
            return cut * to / from;
        };
        const region cell{{scaled(grid.rows[row], map.height, first.height),
                           scaled(grid.rows[row + 1], map.height, first.height)},
                          {scaled(grid.columns[column], map.width, first.width),
                           scaled(grid.columns[column + 1], map.width, first.width)}};
        cells.push_back(cell.empty() ? region{} : cell);
    }
    return cells;
}

/// What a layer reads of a map along one axis for the results `out`: clipped to the map, and everything of an operand
/// that is broadcast along the axis.
[[nodiscard]] constexpr interval read_along(const axis_window& w, const interval& out, std::int64_t extent,
                                            std::int64_t result_extent) noexcept {
    if (out.empty()) return {};
    if (extent == 1 && result_extent > 1 && w == axis_window{}) return {0, 1};
    return read_interval(w, out, extent);
}

/// What a layer reads of one of its operands for a region of its result.
[[nodiscard]] inline region read_region(const tile_block& block, const tile_layer& layer, std::size_t map,
                                        const region& out) {
    const tile_map& in = block.maps[map];
    const tile_map& result = block.maps[layer.writes];
    if (out.empty()) return {};
    const region read{read_along(layer.rows, out.rows, in.height, result.height),
                      read_along(layer.columns, out.columns, in.width, result.width)};
    return read.empty() ? region{} : read;
}

/// A tile whose maps may be taken from instead of computed again.
struct halo_source {
    std::size_t tile = 0;
    const std::vector<region>* held = nullptr;  ///< [map]
};

namespace detail {

/// Takes from `left` what lies at one end of it and inside `have`; empty where `have` does not span it crosswise.
[[nodiscard]] inline region shave(region& left, const region& have) {
    const region both = intersection(left, have);
    if (both.empty()) return {};
    region taken = both;
    if (both.rows == left.rows) {
        if (both.columns == left.columns) left = {};
        else if (both.columns.begin == left.columns.begin) left.columns.begin = both.columns.end;
        else if (both.columns.end == left.columns.end) left.columns.end = both.columns.begin;
        else taken = {};
    } else if (both.columns == left.columns) {
        if (both.rows.begin == left.rows.begin) left.rows.begin = both.rows.end;
        else if (both.rows.end == left.rows.end) left.rows.end = both.rows.begin;
        else taken = {};
    } else {
        taken = {};
    }
    return taken;
}

/// True where halos of the map are worth a message: a layer reads more of it than it computes, and the block makes it.
[[nodiscard]] inline std::vector<bool> exchanged_maps(const tile_block& block) {
    std::vector<bool> made(block.maps.size(), false), wide(block.maps.size(), false);
    for (const tile_layer& each : block.layers) {
        made[each.writes] = true;
        const bool reaches_out =
            each.rows.kernel > each.rows.stride || each.columns.kernel > each.columns.stride;
        for (const std::size_t map : each.reads) wide[map] = wide[map] || reaches_out;
    }
    for (std::size_t m = 0; m < made.size(); ++m) made[m] = made[m] && wide[m];
    return made;
}

/// Shrinks `computed[map]` by what the sources have of it.
inline void take_halos(std::size_t map, std::span<const halo_source> sources, tile_regions& tile) {
    region& left = tile.computed[map];
    for (bool again = true; again;) {
        again = false;
        for (const halo_source& each : sources) {
            const region taken = shave(left, (*each.held)[map]);
            if (taken.empty()) continue;
            tile.halos.push_back({map, each.tile, taken});
            again = true;
        }
    }
}

}  // namespace detail

/// The regions of one tile, from what it must deliver of each output back to the inputs.
/// \param cells what it delivers of each output, see `grid_cell`
/// \param sources tiles that are finished before, in order of preference; what they hold of a map between two layers, as
/// far as it lies along an edge of what is needed, is received instead of computed
/// Exact: every region is the smallest rectangle that contains all positions that are read. O(maps · (sources + readers)).
[[nodiscard]] inline tile_regions regions_of_tile(const tile_block& block, const std::vector<region>& cells,
                                                  std::span<const halo_source> sources = {}) {
    DISPART_EXPECTS(cells.size() == block.outputs.size());
    tile_regions tile{std::vector<region>(block.maps.size()), {}, cells, {}};
    for (std::size_t i = 0; i < cells.size(); ++i)
        tile.held[block.outputs[i]] = hull(tile.held[block.outputs[i]], cells[i]);
    tile.computed = tile.held;
    const auto exchanged =
        sources.empty() ? std::vector<bool>(block.maps.size(), false) : detail::exchanged_maps(block);
    for (std::size_t l = block.layers.size(); l-- > 0;) {
        const tile_layer& layer = block.layers[l];
        tile.computed[layer.writes] = tile.held[layer.writes];
        if (exchanged[layer.writes]) detail::take_halos(layer.writes, sources, tile);
        for (const std::size_t map : layer.reads)
            tile.held[map] = hull(tile.held[map], read_region(block, layer, map, tile.computed[layer.writes]));
    }
    for (const std::size_t map : block.inputs) tile.computed[map] = tile.held[map];
    return tile;
}

/// The regions of every tile of a grid, row by row, without exchange: all halos are computed.
[[nodiscard]] inline std::vector<tile_regions> regions_of_grid(const tile_block& block, const tile_grid& grid) {
    std::vector<tile_regions> tiles;
    for (std::size_t r = 0; r < grid.row_count(); ++r)
        for (std::size_t c = 0; c < grid.column_count(); ++c)
            tiles.push_back(regions_of_tile(block, grid_cell(block, grid, r, c)));
    return tiles;
}

/// What a tile costs.
struct tile_work {
    double flops = 0.0;
    double macs = 0.0;  ///< multiply-adds of convolutions
    double input_bytes = 0.0;
    double output_bytes = 0.0;
    double halo_bytes = 0.0;  ///< received
    double map_bytes = 0.0;   ///< peak of the maps that live at the same time
};

namespace detail {

/// Peak of the live maps along the layers' order; a layer that may work in place does so where its operand ends there.
[[nodiscard]] inline double peak_bytes(const tile_block& block, const std::vector<region>& held) {
    std::vector<std::size_t> last(block.maps.size(), 0);
    for (std::size_t l = 0; l < block.layers.size(); ++l)
        for (const std::size_t map : block.layers[l].reads) last[map] = l;
    for (const std::size_t map : block.outputs) last[map] = block.layers.size();
    double live = 0.0, peak = 0.0;
    for (const std::size_t map : block.inputs) live += block.maps[map].bytes_of(held[map]);
    for (std::size_t l = 0; l < block.layers.size(); ++l) {
        const tile_layer& layer = block.layers[l];
        const double made = block.maps[layer.writes].bytes_of(held[layer.writes]);
        double freed = 0.0;
        bool replaces = false;
        for (const std::size_t map : layer.reads) {
            if (last[map] != l) continue;
            const double size = block.maps[map].bytes_of(held[map]);
            freed += size;
            replaces = replaces || (layer.in_place && size >= made);
        }
        peak = std::max(peak, live + (replaces ? 0.0 : made));
        live += made - freed;
    }
    return peak;
}

[[nodiscard]] inline double share(const region& part, const tile_map& map) {
    const double all = static_cast<double>(map.whole().area());
    return all > 0.0 ? static_cast<double>(part.area()) / all : 0.0;
}

}  // namespace detail

/// Work, traffic and memory of a tile. A layer's work is taken in proportion to the area of what it computes. O(layers).
[[nodiscard]] inline tile_work work_of_tile(const tile_block& block, const tile_regions& tile) {
    tile_work sum;
    for (const tile_layer& layer : block.layers) {
        const double part = detail::share(tile.computed[layer.writes], block.maps[layer.writes]);
        sum.flops += layer.flops * part;
        sum.macs += layer.macs * part;
    }
    for (const std::size_t map : block.inputs) sum.input_bytes += block.maps[map].bytes_of(tile.held[map]);
    for (std::size_t i = 0; i < block.outputs.size(); ++i)
        sum.output_bytes += block.maps[block.outputs[i]].bytes_of(tile.delivered[i]);
    for (const halo& each : tile.halos) sum.halo_bytes += block.maps[each.map].bytes_of(each.what);
    sum.map_bytes = detail::peak_bytes(block, tile.held);
    return sum;
}

}  // namespace dispart
