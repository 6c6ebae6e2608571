#pragma once
/// \file
/// AOFL: which layers to fuse, and on how many devices, by dynamic programming over the cuts of a block.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/partition/tiles/medium.hpp"
#include "dispart/partition/tiles/modnn.hpp"

namespace dispart {

/// Positions k of the layers, 0 and their number among them, such that one map alone goes from layers [0, k) to [k, n).
[[nodiscard]] inline std::vector<std::size_t> cut_positions(const tile_block& block) {
    const std::size_t n = block.layers.size();
    std::vector<std::size_t> last(block.maps.size(), 0);
    for (std::size_t l = 0; l < n; ++l)
        for (const std::size_t map : block.layers[l].reads) last[map] = l;
    for (const std::size_t map : block.outputs) last[map] = n;
    std::vector<std::size_t> cuts{0};
    std::vector<std::size_t> alive = block.inputs;
    for (std::size_t l = 0; l < n; ++l) {
        alive.push_back(block.layers[l].writes);
        std::erase_if(alive, [&](std::size_t map) { return last[map] <= l; });
        if (l + 1 == n || alive.size() == 1) cuts.push_back(l + 1);
    }
    return cuts;
}

/// Layers [first, last) as a block of their own; maps keep their numbers.
[[nodiscard]] inline tile_block sub_block(const tile_block& block, std::size_t first, std::size_t last) {
    tile_block part{.maps = block.maps};
    std::vector<bool> made(block.maps.size(), false), read(block.maps.size(), false),
        later(block.maps.size(), false);
    for (std::size_t l = 0; l < block.layers.size(); ++l) {
        const bool inside = first <= l && l < last;
        if (inside) part.layers.push_back(block.layers[l]);
        if (inside) made[block.layers[l].writes] = true;
        for (const std::size_t map : block.layers[l].reads) (inside ? read : later)[map] = true;
    }
    for (const std::size_t map : block.outputs) later[map] = true;
    for (std::size_t map = 0; map < made.size(); ++map) {
        if (read[map] && !made[map]) part.inputs.push_back(map);
        if (made[map] && later[map]) part.outputs.push_back(map);
    }
    std::stable_sort(part.outputs.begin(), part.outputs.end(), [&](std::size_t a, std::size_t b) {
        return block.maps[a].whole().area() > block.maps[b].whole().area();
    });
    part.weight_bytes = block.weight_bytes;
    return part;
}

/// Fused layers and their strips.
struct fused_strips {
    std::size_t first = 0;  ///< layers [first, last) of the block
    std::size_t last = 0;
    tile_plan plan{};
};

/// What `aofl` found: fused runs of layers in order, and the latency by its own measure.
struct aofl_result {
    std::vector<fused_strips> runs{};
    double latency = 0.0;
};

struct aofl_options {
    strip_axis axis = strip_axis::rows;
    bool leave_out = true;  ///< devices may be left out, the slowest first; false: all take part in every run
    double seconds_per_run = 0.0;  ///< that each strip costs besides its work: slicing, joining, starting
};

namespace detail {

/// The dynamic programme. Groups are home and the fastest others; strips are in proportion to speed.
class fusion_search {
  public:
    fusion_search(const tile_block& block, const tile_machines& on, const aofl_options& how)
        : block_(block)
        , on_(on)
        , how_(how)
        , cuts_(cut_positions(block))
        , order_(on.size()) {
        std::iota(order_.begin(), order_.end(), device_id{0});
        std::stable_sort(order_.begin(), order_.end(), [&](device_id a, device_id b) {
            if ((a == on.home) != (b == on.home)) return a == on.home;
            return on.macs_per_second[a] > on.macs_per_second[b];
        });
        for (std::size_t k = 1; k < on.size(); k *= 2)
            if (how.leave_out) sizes_.push_back(k);
        sizes_.push_back(on.size());
    }

    aofl_result run() {
        const std::size_t n = cuts_.size(), ways = sizes_.size();
        std::vector<std::vector<step>> best(n, std::vector<step>(ways));
        for (std::size_t j = 1; j < n; ++j)
            for (std::size_t w = 0; w < ways; ++w)
                for (std::size_t i = 0; i < j; ++i) {
                    const auto piece = piece_of(i, j, w);
                    for (std::size_t v = 0; v < (i == 0 ? 1 : ways); ++v) {
                        const double before = i == 0 ? 0.0 : best[i][v].value;
                        const double value = before + entry(i == 0 ? no_id : v, piece) + piece.compute +
                                             (j + 1 == n ? leave(piece) : 0.0);
                        if (value < best[j][w].value * (1.0 - 1e-12)) best[j][w] = {value, i, v};
                    }
                }
        std::size_t w = 0;
        for (std::size_t v = 1; v < ways; ++v)
            if (best[n - 1][v].value < best[n - 1][w].value * (1.0 - 1e-12)) w = v;
        aofl_result found{{}, best[n - 1][w].value};
        for (std::size_t j = n - 1; j > 0;) {
            const step& back = best[j][w];
            found.runs.push_back(
                {cuts_[back.from], cuts_[j], plan_of(sub_block(block_, cuts_[back.from], cuts_[j]), w)});
            j = back.from;
            w = back.way;
        }
        std::reverse(found.runs.begin(), found.runs.end());
        return found;
    }

  private:
    struct step {
        double value = std::numeric_limits<double>::infinity();
        std::size_t from = 0;
        std::size_t way = 0;
    };
    /// A run on a group: its compute, and what each device reads and delivers.
    struct piece_costs {
        double compute = 0.0;
        std::vector<std::pair<device_id, region>> reads{};
        std::vector<std::pair<device_id, region>> delivers{};
        std::size_t in = 0;
        std::size_t out = 0;
    };

    [[nodiscard]] tile_plan plan_of(const tile_block& part, std::size_t way) const {
        const std::vector<device_id> group(order_.begin(),
                                           order_.begin() + static_cast<std::ptrdiff_t>(sizes_[way]));
        std::vector<double> speed;
        for (const device_id d : group) speed.push_back(on_.macs_per_second[d]);
        return strips(part, group, speed, how_.axis);
    }

    [[nodiscard]] piece_costs piece_of(std::size_t i, std::size_t j, std::size_t way) const {
        const tile_block part = sub_block(block_, cuts_[i], cuts_[j]);
        const tile_plan plan = plan_of(part, way);
        const auto tiles = regions_of(part, plan);
        piece_costs made{.in = part.inputs.front(), .out = part.outputs.front()};
        for (const tile_turn& turn : plan.turns) {
            const auto& tile = tiles[turn.tile];
            const double seconds = work_of_tile(part, tile).macs / on_.macs_per_second[turn.device];
            made.compute =
                std::max(made.compute, seconds + (plan.turns.size() > 1 ? how_.seconds_per_run : 0.0));
            made.reads.emplace_back(turn.device, tile.held[made.in]);
            made.delivers.emplace_back(turn.device, tile.delivered.front());
        }
        return made;
    }

    /// Seconds until every strip has its input: from home, or from the strips of the run before.
    [[nodiscard]] double entry(std::size_t way_before, const piece_costs& piece) const {
        const tile_map& map = block_.maps[piece.in];
        std::map<device_id, region> have;
        if (way_before == no_id) {
            have[on_.home] = map.whole();
        } else {
            tile_block end{.maps = block_.maps, .outputs = {piece.in}};
            const tile_plan before = plan_of(end, way_before);
            for (const tile_turn& turn : before.turns)
                have[turn.device] = grid_cell(end, before.grid, turn.tile / before.grid.column_count(),
                                              turn.tile % before.grid.column_count())
                                        .front();
        }
        double sum = 0.0;
        for (const auto& [device, what] : piece.reads) {
            const auto own = have.find(device);
            const double kept = own == have.end() ? 0.0 : map.bytes_of(intersection(own->second, what));
            const double size = map.bytes_of(what) - kept;
            if (size > 0.0) sum += on_.carry(size);
        }
        return sum;
    }
    [[nodiscard]] double leave(const piece_costs& piece) const {
        double sum = 0.0;
        for (const auto& [device, what] : piece.delivers)
            if (device != on_.home) sum += on_.carry(block_.maps[piece.out].bytes_of(what));
        return sum;
    }

    const tile_block& block_;
    const tile_machines& on_;
    aofl_options how_;
    std::vector<std::size_t> cuts_;
    std::vector<device_id> order_;
    std::vector<std::size_t> sizes_{};
};

}  // namespace detail

/// Fuses runs of layers so that the sum of computing (the slowest strip) and carrying (halos between runs, input from home,
/// output to home, one after the other) is least. Exact over all cuts where one map crosses, groups of the fastest 1, 2, 4,
/// ... devices with home, and strips in proportion to speed. O(cuts² · groups · (devices · layers + groups)).
/// Source: Zhou, Samavatian, Bacha, Majumdar, Teodorescu, "Adaptive parallel execution of deep neural networks on
/// heterogeneous edge devices", SEC 2019. Deviation: the groups.
[[nodiscard]] inline aofl_result aofl(const tile_block& block, const tile_machines& on,
                                      const aofl_options& how = {}) {
    return detail::fusion_search(block, on, how).run();
}

}  // namespace dispart
