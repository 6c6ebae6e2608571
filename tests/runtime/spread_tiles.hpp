#pragma once
// Tilings to try: grids, uneven cuts, halos recomputed and exchanged.
#include "dispart/core/random.hpp"
#include "dispart/plan/spread/tiles.hpp"
#include "runtime/spread.hpp"

namespace dispart::test {

/// Every tile takes what its earlier neighbours, above and to the left, have.
inline void exchange_halos(tile_plan& plan) {
    const auto columns = plan.grid.column_count();
    std::vector<bool> done(plan.grid.size(), false);
    for (auto& turn : plan.turns) {
        if (turn.tile % columns > 0 && done[turn.tile - 1]) turn.takes_from.push_back(turn.tile - 1);
        if (turn.tile >= columns && done[turn.tile - columns]) turn.takes_from.push_back(turn.tile - columns);
        done[turn.tile] = true;
    }
}

/// Cuts at random positions, some of them twice.
[[nodiscard]] inline std::vector<std::int64_t> uneven_cuts(random_source& random, std::int64_t extent,
                                                           std::size_t n) {
    std::vector<std::int64_t> cuts{0, extent};
    while (cuts.size() < n + 1) cuts.push_back(random.integer(0, extent));
    std::sort(cuts.begin(), cuts.end());
    return cuts;
}

/// The worst deviation of a model whose body is tiled: an even grid with halos recomputed and exchanged, and an uneven one.
[[nodiscard]] inline double worst_of_tilings(const model& g, const std::vector<layer_id>& body,
                                             const std::vector<std::array<std::size_t, 2>>& grids) {
    const auto block = build_tile_block(g, body).value();
    const auto inputs = sample_inputs(g).value();
    const auto expected = outputs_of(g, inputs);
    const auto& map = block.maps[block.outputs.front()];
    random_source random(3);
    double worst = 0.0;
    for (const auto& [rows, columns] : grids) {
        auto plan = dealt_out(block, even_grid(block, rows, columns), {0, 1, 2});
        worst = std::max(worst, deviation(spread_tiles(on_one_device(g, 0), body, plan, 0), inputs, expected));
        exchange_halos(plan);
        worst = std::max(worst, deviation(spread_tiles(on_one_device(g, 0), body, plan, 0), inputs, expected));
        plan = dealt_out(
            block, {uneven_cuts(random, map.height, rows), uneven_cuts(random, map.width, columns)}, {2, 1});
        if (random.chance(0.5)) exchange_halos(plan);
        worst = std::max(worst, deviation(spread_tiles(on_one_device(g, 0), body, plan, 0), inputs, expected));
    }
    return worst;
}

}  // namespace dispart::test
