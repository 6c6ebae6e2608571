#pragma once
/// \file
/// AOFL: which layers to fuse, and on how many devices, by dynamic programming over the cuts of a block.

#include <algorithm>
#include <cstddef>
#include <limits>
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
        for (std::size_t c = 0; c + 1 < cuts_.size(); ++c)
            map_at_.push_back(sub_block(block_, cuts_[c], cuts_[c + 1]).inputs.front());
    }

    aofl_result run() {
        const std::size_t n = cuts_.size(), ways = sizes_.size();
        std::vector<std::vector<step>> best(n, std::vector<step>(ways));
        std::vector<std::vector<owners>> have(n, std::vector<owners>(ways));  // of the map at a cut
        for (std::size_t j = 1; j < n; ++j)
            for (std::size_t w = 0; w < ways; ++w) {
                const auto pieces = pieces_until(j, w);
                have[j][w] = pieces.back().delivers;
                for (std::size_t i = j; i-- > 0;) {
                    const piece_costs& piece = pieces[i];
                    if (piece.compute > best[j][w].value * (1.0 + 1e-12)) break;  // it grows with every layer
                    const double after = piece.compute + (j + 1 == n ? leave(piece) : 0.0);
                    for (std::size_t v = 0; v < (i == 0 ? 1 : ways); ++v) {
                        const double value =
                            i == 0 ? entry({{on_.home, block_.maps[piece.in].whole()}}, piece) + after
                                   : best[i][v].value + entry(have[i][v], piece) + after;
                        const double slack =
                            best[j][w].from == i ? -1e-12 : 1e-12;  // of equals the longest run
                        if (value <= best[j][w].value * (1.0 + slack)) best[j][w] = {value, i, v};
                    }
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
        std::size_t from = no_id;
        std::size_t way = 0;
    };
    /// Who has which part of a map.
    using owners = std::vector<std::pair<device_id, region>>;
    /// A run on a group: its compute, and what each device reads and delivers.
    struct piece_costs {
        double compute = 0.0;
        owners reads{};
        owners delivers{};
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

    /// The runs from each cut before `j` to it. What a strip needs of a map depends on what follows only, so one walk back
    /// from the cut gives all of them.
    [[nodiscard]] std::vector<piece_costs> pieces_until(std::size_t j, std::size_t way) const {
        const tile_block part = sub_block(block_, 0, cuts_[j]);
        const tile_plan plan = plan_of(part, way);
        const auto tiles = regions_of(part, plan);
        std::vector<double> macs(plan.turns.size(), 0.0);
        owners delivers;
        for (const tile_turn& turn : plan.turns)
            delivers.emplace_back(turn.device, tiles[turn.tile].delivered.front());
        std::vector<piece_costs> made(j);
        for (std::size_t i = j; i-- > 0;) {
            piece_costs& piece = made[i];
            piece.in = map_at_[i];
            piece.out = part.outputs.front();
            piece.delivers = delivers;
            for (std::size_t k = 0; k < plan.turns.size(); ++k) {
                const auto& tile = tiles[plan.turns[k].tile];
                for (std::size_t l = cuts_[i]; l < cuts_[i + 1]; ++l) {
                    const tile_layer& each = block_.layers[l];
                    macs[k] += each.macs * share(tile.computed[each.writes], block_.maps[each.writes]);
                }
                const double seconds = macs[k] / on_.macs_per_second[plan.turns[k].device];
                piece.compute =
                    std::max(piece.compute, seconds + (plan.turns.size() > 1 ? how_.seconds_per_run : 0.0));
                piece.reads.emplace_back(plan.turns[k].device, tile.held[piece.in]);
            }
        }
        return made;
    }

    /// Seconds until every strip has its input from those who have it: home, or the strips of the run before.
    [[nodiscard]] double entry(const owners& have, const piece_costs& piece) const {
        const tile_map& map = block_.maps[piece.in];
        double sum = 0.0;
        for (const auto& [device, what] : piece.reads) {
            double size = map.bytes_of(what);
            for (const auto& [owner, own] : have)
                if (owner == device) size -= map.bytes_of(intersection(own, what));
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
    std::vector<std::size_t> map_at_{};  // [cut] that a run from there reads
};

}  // namespace detail

/// Fuses runs of layers so that the sum of computing (the slowest strip) and carrying (halos between runs, input from home,
/// output to home, one after the other) is least. Exact over all cuts where one map crosses, groups of the fastest 1, 2, 4,
/// ... devices with home, and strips in proportion to speed. O(cuts · groups · devices · (layers + cuts · groups)).
/// Source: Zhou, Samavatian, Bacha, Majumdar, Teodorescu, "Adaptive parallel execution of deep neural networks on
/// heterogeneous edge devices", SEC 2019. Deviation: the groups.
[[nodiscard]] inline aofl_result aofl(const tile_block& block, const tile_machines& on,
                                      const aofl_options& how = {}) {
    return detail::fusion_search(block, on, how).run();
}

}  // namespace dispart
