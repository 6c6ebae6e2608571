#pragma once
/// \file
/// MoDNN: rows in proportion to speed.

#include <cstddef>
#include <vector>

#include "dispart/partition/tiles/medium.hpp"

namespace dispart {

/// Along which axis strips are cut.
enum class strip_axis { rows, columns };

/// Strips of the block's first output, one after the other on those devices, in proportion to the weights; halos are
/// recomputed. A weight of 0 gives nothing. Precondition: as many weights as devices.
[[nodiscard]] inline tile_plan strips(const tile_block& block, const std::vector<device_id>& devices,
                                      const std::vector<double>& weights, strip_axis axis = strip_axis::rows) {
    const tile_map& map = block.maps[block.outputs.front()];
    const bool rows = axis == strip_axis::rows;
    auto cuts = weighted_cuts(rows ? map.height : map.width, weights);
    std::vector<std::int64_t> whole{0, rows ? map.width : map.height};
    tile_plan plan{rows ? tile_grid{std::move(cuts), std::move(whole)}
                        : tile_grid{std::move(whole), std::move(cuts)},
                   {}};
    const auto turns = dealt_out(block, plan.grid, {no_id}).turns;
    for (const tile_turn& turn : turns) plan.turns.push_back({turn.tile, devices[turn.tile], {}});
    return plan;
}

/// MoDNN's biased one-dimensional partition of a layer or block: each device gets rows in proportion to its speed.
/// Heuristic: transfers are not weighed. O(devices).
/// Source: Mao, Chen, Nixon, Krieger, Chen, "MoDNN: local distributed mobile computing system for deep neural network", DATE
/// 2017. It cuts every layer by itself; give one layer as the block for that.
[[nodiscard]] inline tile_plan modnn(const tile_block& block, const tile_machines& on) {
    std::vector<device_id> devices;
    for (device_id d = 0; d < on.size(); ++d) devices.push_back(d);
    return strips(block, devices, on.macs_per_second);
}

}  // namespace dispart
