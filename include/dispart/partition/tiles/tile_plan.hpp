#pragma once
/// \file
/// Who computes which tile of a block, in which order, and from whom it takes halos: what tile algorithms hand on.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/tile_block.hpp"
#include "dispart/problem/tile_regions.hpp"

namespace dispart {

/// One tile's turn.
struct tile_turn {
    std::size_t tile = 0;  ///< row of the grid times its columns, plus column
    device_id device = no_id;
    std::vector<std::size_t> takes_from{};  ///< tiles with an earlier turn whose maps it waits for; others it recomputes

    friend bool operator==(const tile_turn&, const tile_turn&) = default;
};

/// A grid and its tiles' turns; every tile that delivers something has exactly one.
struct tile_plan {
    tile_grid grid{};
    std::vector<tile_turn> turns{};

    friend bool operator==(const tile_plan&, const tile_plan&) = default;
};

namespace detail {

[[nodiscard]] inline bool are_cuts(const std::vector<std::int64_t>& cuts, std::int64_t extent) {
    return cuts.size() >= 2 && cuts.front() == 0 && cuts.back() == extent &&
           std::is_sorted(cuts.begin(), cuts.end());
}

}  // namespace detail

/// Errors: invalid_argument unless the grid cuts the block's first output, every turn is of a tile of the grid, no tile
/// has two, none takes from a tile without an earlier turn, and tiles without a turn deliver nothing.
[[nodiscard]] inline result<void> validate(const tile_block& block, const tile_plan& plan) {
    const tile_map& first = block.maps[block.outputs.front()];
    if (!detail::are_cuts(plan.grid.rows, first.height) || !detail::are_cuts(plan.grid.columns, first.width))
        return fail(errc::invalid_argument, "grid", "its cuts do not cover the block's output");
    std::vector<bool> done(plan.grid.size(), false);
    for (const tile_turn& turn : plan.turns) {
        const std::string name = "tile " + std::to_string(turn.tile);
        if (turn.tile >= done.size() || done[turn.tile])
            return fail(errc::invalid_argument, name, "there is no such tile, or it has two turns");
        for (const std::size_t from : turn.takes_from)
            if (from >= done.size() || !done[from])
                return fail(errc::invalid_argument, name, "it takes from a tile that has no earlier turn");
        done[turn.tile] = true;
    }
    for (std::size_t t = 0; t < done.size(); ++t) {
        if (done[t]) continue;
        for (const region& cell :
             grid_cell(block, plan.grid, t / plan.grid.column_count(), t % plan.grid.column_count()))
            if (!cell.empty())
                return fail(errc::invalid_argument, "tile " + std::to_string(t), "it has no turn");
    }
    return {};
}

/// The regions of every tile under the plan's choices, by tile. Precondition: valid. O(turns · maps).
[[nodiscard]] inline std::vector<tile_regions> regions_of(const tile_block& block, const tile_plan& plan) {
    std::vector<tile_regions> tiles(plan.grid.size());
    for (const tile_turn& turn : plan.turns) {
        std::vector<halo_source> sources;
        for (const std::size_t from : turn.takes_from) sources.push_back({from, &tiles[from].held});
        const auto columns = plan.grid.column_count();
        tiles[turn.tile] = regions_of_tile(
            block, grid_cell(block, plan.grid, turn.tile / columns, turn.tile % columns), sources);
    }
    return tiles;
}

/// One turn for each tile that delivers something, row by row, on the devices in turn; halos are recomputed.
[[nodiscard]] inline tile_plan dealt_out(const tile_block& block, tile_grid grid,
                                         const std::vector<device_id>& devices) {
    tile_plan plan{std::move(grid), {}};
    for (std::size_t t = 0; t < plan.grid.size(); ++t) {
        const auto cells =
            grid_cell(block, plan.grid, t / plan.grid.column_count(), t % plan.grid.column_count());
        bool delivers = false;
        for (const region& cell : cells) delivers = delivers || !cell.empty();
        if (delivers) plan.turns.push_back({t, devices[plan.turns.size() % devices.size()], {}});
    }
    return plan;
}

}  // namespace dispart
