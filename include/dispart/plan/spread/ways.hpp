#pragma once
/// \file
/// Candidate ways of spreading a model over a cluster: tiles in fused runs, replicas, pipelines of tiled stages.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/chain.hpp"
#include "dispart/partition/tiles/aofl.hpp"
#include "dispart/plan/spread/replicas.hpp"
#include "dispart/plan/spread/shards.hpp"
#include "dispart/plan/spread/spread_model.hpp"
#include "dispart/plan/spread/tiles.hpp"
#include "dispart/plan/spread/turns.hpp"
#include "dispart/problem/build.hpp"
#include "dispart/problem/build_tiles.hpp"

namespace dispart {

/// One way to spread, not priced yet.
struct spread_candidate {
    std::string name{};
    bool pure = false;  ///< one way for the whole body; false: several runs, groups or ways
    spread_model model{};
    std::vector<tiled_layers> tiles{};  ///< of the net, for pictures and words
};

/// What the generators of candidates see.
struct spread_setting {
    const model& net;
    const instance& problem;           ///< of the net, see `build_instance`
    std::vector<layer_id> body{};      ///< layers that can be tiled
    tile_block block{};                ///< of the body
    std::vector<device_id> devices{};  ///< that may run every layer, the fastest first
    std::vector<double> seconds{};     ///< [device of the cluster] the body's
    device_id home = 0;                ///< where the input is, if it computes; else the fastest

    /// Multiply-adds of the body; 1 where there is none, so that speeds are still in proportion.
    [[nodiscard]] double work() const { return body.empty() ? 1.0 : total_macs(block); }
};

namespace detail {

/// Devices around a medium as AOFL sees them: home first, then the fastest.
struct tile_group {
    std::vector<device_id> devices{};
    tile_machines machines{};
};

[[nodiscard]] inline tile_group group_of_fastest(const spread_setting& s, device_id home, std::size_t count) {
    tile_group made{{home}, {}};
    for (const device_id d : s.devices)
        if (d != home && made.devices.size() < count) made.devices.push_back(d);
    double per_byte = 0.0, latency = 0.0;
    for (const device_id d : made.devices) {
        made.machines.macs_per_second.push_back(s.work() / s.seconds[d]);
        if (d == home) continue;
        per_byte += 0.5 * (s.problem.seconds_per_byte(home, d) + s.problem.seconds_per_byte(d, home));
        latency += 0.5 * (s.problem.latency(home, d) + s.problem.latency(d, home));
    }
    const auto others = static_cast<double>(std::max<std::size_t>(1, made.devices.size() - 1));
    made.machines.bytes_per_second = per_byte > 0.0 ? others / per_byte : 1e15;
    made.machines.latency_s = latency / others;
    return made;
}

[[nodiscard]] inline std::vector<layer_id> layers_of(const tile_block& block, std::size_t first,
                                                     std::size_t last) {
    std::vector<layer_id> list;
    for (std::size_t l = first; l < last; ++l) list.push_back(block.layers[l].layer);
    return list;
}

[[nodiscard]] inline tile_plan on_devices(tile_plan plan, const std::vector<device_id>& devices) {
    for (tile_turn& turn : plan.turns) turn.device = devices[turn.device];
    return plan;
}

/// Group sizes to try: 2, 3, 4, 6, 8, 12, ... and all.
[[nodiscard]] inline std::vector<std::size_t> group_sizes(std::size_t most) {
    std::vector<std::size_t> sizes;
    for (std::size_t k = 2; k < most; k = k % 3 == 0 ? k / 3 * 4 : k / 2 * 3) sizes.push_back(k);
    if (most >= 2) sizes.push_back(most);
    return sizes;
}

}  // namespace detail

using candidate_sink = std::function<void(const spread_candidate&)>;  // graphs are copied where they are moved

/// Tiles of the body on a home and the fastest devices: strips of the whole body, a grid of it, and fused runs by AOFL.
inline void propose_tiles_at(const spread_setting& s, device_id home, const candidate_sink& take) {
    const auto whole = on_one_device(s.net, home);
    const auto propose = [&](std::string name, bool pure, const std::vector<tiled_layers>& blocks) {
        auto spread = spread_tiles(whole, blocks, {.home = home});
        if (spread) take({std::move(name), pure, std::move(*spread), blocks});
    };
    for (const std::size_t count : detail::group_sizes(s.devices.size())) {
        const auto group = detail::group_of_fastest(s, home, count);
        std::vector<double> speed(group.machines.macs_per_second);
        const auto number = std::to_string(count);
        for (const auto axis : {strip_axis::rows, strip_axis::columns})
            propose(std::string(axis == strip_axis::rows ? "tiles: rows" : "tiles: columns") + " on " +
                        number + " devices",
                    true, {{s.body, strips(s.block, group.devices, speed, axis), no_id}});
        std::size_t across = 1;
        for (std::size_t c = 2; c * c <= count; ++c)
            if (count % c == 0) across = c;
        if (across > 1)
            propose("tiles: " + std::to_string(count / across) + " x " + std::to_string(across), true,
                    {{s.body, dealt_out(s.block, even_grid(s.block, count / across, across), group.devices),
                      no_id}});
        const bool all = count == s.devices.size();
        for (const bool leave_out : {false, true}) {
            if (leave_out && !all) continue;
            const auto fused = aofl(s.block, group.machines, {.leave_out = leave_out});
            std::vector<tiled_layers> blocks;
            for (const fused_strips& run : fused.runs)
                if (run.plan.turns.size() > 1)
                    blocks.push_back({detail::layers_of(s.block, run.first, run.last),
                                      detail::on_devices(run.plan, group.devices), no_id});
            if (blocks.empty()) continue;
            propose("fused tiles: " + std::to_string(blocks.size()) + " runs on up to " + number + " devices",
                    false, blocks);
        }
    }
}

/// Tiles with the input's device as home, and with the fastest one.
inline void propose_tiles(const spread_setting& s, const candidate_sink& take) {
    if (s.body.empty() || s.devices.size() < 2) return;
    propose_tiles_at(s, s.home, take);
    if (s.seconds[s.devices.front()] < s.seconds[s.home]) propose_tiles_at(s, s.devices.front(), take);
}

/// Shards of the heavy layers on home and the fastest devices; sums by star, tree and ring (of up to 8 devices).
inline void propose_shards(const spread_setting& s, const candidate_sink& take) {
    for (const std::size_t count : detail::group_sizes(s.devices.size())) {
        const auto group = detail::group_of_fastest(s, s.home, count);
        const auto propose = [&](double least, shard_sum sum, const char* how) {
            auto spread = spread_shards(on_one_device(s.net, s.home),
                                        {group.devices, group.machines.macs_per_second, s.home, least, sum});
            if (spread && num_vertices(spread->graph) > num_vertices(s.net))
                take({"shards on " + std::to_string(count) + " devices" + how, true, std::move(*spread), {}});
        };
        propose(0.002, shard_sum::star, "");
        propose(0.02, shard_sum::star, "");
        if (count > 2) propose(0.02, shard_sum::tree, ", sums by tree");
        if (count > 2 && count <= 8) propose(0.02, shard_sum::ring, ", sums by ring");
    }
}

/// Replicas of the model on the fastest devices: for parts of the batch, where it can be divided; for throughput also for
/// requests in turn, the faster a device is, the more of them.
inline void propose_replicas(const spread_setting& s, objective goal, const candidate_sink& take) {
    for (const std::size_t count : detail::group_sizes(s.devices.size())) {
        const auto group = detail::group_of_fastest(s, s.home, count);
        auto spread = spread_replicas(on_one_device(s.net, s.home), group.devices,
                                      group.machines.macs_per_second, s.home);
        if (spread)
            take({"replicas of the batch on " + std::to_string(count) + " devices",
                  true,
                  std::move(*spread),
                  {}});
        if (goal != objective::throughput) continue;
        std::vector<double> request_s;
        for (const device_id d : group.devices) request_s.push_back(s.seconds[d]);
        std::vector<device_id> turns;
        for (const std::size_t i : turns_by_speed(request_s, std::max<std::size_t>(8, count)))
            turns.push_back(group.devices[i]);
        take({"replicas in " + std::to_string(turns.size()) + " turns", true, spread_turns(s.net, turns), {}});
    }
}

/// Makes the instance of a rewritten model.
using instance_maker = std::function<result<instance>(const model&)>;

/// Copies of the model one after the other, cut as one chain over all devices: each takes requests in turn, few of them
/// pass through few devices, and what whole copies cannot balance, their layers can.
inline void propose_turns(const spread_setting& s, const instance_maker& make, const candidate_sink& take) {
    for (std::size_t turns = 2; turns <= std::min<std::size_t>(4, s.devices.size()); ++turns) {
        const model copies = copies_of(s.net, turns);
        const auto order = topological_order(copies);
        const auto problem = make(copies);
        if (!order || !problem) continue;
        auto solver = chain_solver::make(*problem);
        if (!solver) continue;
        for (const bool backwards : {false, true}) {
            auto devices = s.devices;
            if (backwards) std::reverse(devices.begin(), devices.end());
            const auto found = solver->solve(devices, objective::throughput);
            if (!found) continue;
            std::vector<std::size_t> part_of(order->size());
            std::vector<device_id> device;
            for (const part& each : found->division.parts) {
                for (const layer_id l : each.layers) part_of[(*order)[l]] = device.size();
                device.push_back(each.device);
            }
            take({"pipelines in " + std::to_string(turns) + " turns",
                  false,
                  spread_turns(copies, turns, part_of, device),
                  {}});
        }
    }
}

namespace detail {

/// Pipelines whose stages are runs of the body on one device or in strips on several, by dynamic programming over cuts and
/// groups of devices that are neighbours in order of speed.
class tiled_pipeline {
  public:
    tiled_pipeline(const spread_setting& s, std::vector<device_id> order, std::size_t most_cuts)
        : s_(s)
        , order_(std::move(order))
        , cuts_(thinned(cut_positions(s.block), most_cuts)) {
        for (const device_id d : order_) speed_.push_back(s.work() / s.seconds[d]);
        tail_ = tail_seconds();
    }

    struct stage {
        std::size_t first = 0, last = 0;  ///< cuts
        std::size_t from = 0, to = 0;     ///< devices in order
    };

    [[nodiscard]] std::vector<stage> solve() const {
        const std::size_t n = cuts_.size(), d = order_.size();
        struct cell {
            double value = std::numeric_limits<double>::infinity();
            std::size_t cut = 0, devices = 0;
        };
        std::vector<std::vector<cell>> best(n, std::vector<cell>(d + 1));
        for (auto& each : best[0]) each.value = 0.0;
        for (std::size_t j = 1; j < n; ++j)
            for (std::size_t i = 0; i < j; ++i)
                for (std::size_t k = 1; k <= d; ++k)
                    for (std::size_t g = 1; g <= k && g <= 4; ++g) {
                        const double before = best[i][k - g].value;
                        if (i > 0 && k == g) continue;
                        if (before >= best[j][k].value) continue;
                        const double value = std::max(before, busy(i, j, k - g, k));
                        if (value < best[j][k].value * (1.0 - 1e-12)) best[j][k] = {value, i, k - g};
                    }
        std::size_t k = 0;
        for (std::size_t m = 1; m <= d; ++m)
            if (best[n - 1][m].value < best[n - 1][k].value * (1.0 - 1e-12) || k == 0) k = m;
        std::vector<stage> stages;
        for (std::size_t j = n - 1; j > 0;) {
            const cell& back = best[j][k];
            stages.push_back({back.cut, j, back.devices, k});
            j = back.cut;
            k = back.devices;
        }
        std::reverse(stages.begin(), stages.end());
        return stages;
    }

    /// The stages as a spread model; what follows the body goes with the last stage's first device.
    [[nodiscard]] result<spread_model> build(const std::vector<stage>& stages) const {
        spread_model whole = on_one_device(s_.net, order_[stages.back().from]);
        for (const stage& each : stages) {
            whole.device.push_back(order_[each.from]);
            for (const layer_id v : layers_of(s_.block, cuts_[each.first], cuts_[each.last]))
                whole.group[v] = whole.device.size() - 1;
        }
        return spread_tiles(whole, tiles(stages), {.home = s_.home});
    }

    /// The stages that are in strips; the next stage's first device joins them.
    [[nodiscard]] std::vector<tiled_layers> tiles(const std::vector<stage>& stages) const {
        std::vector<tiled_layers> blocks;
        for (std::size_t i = 0; i < stages.size(); ++i) {
            const stage& each = stages[i];
            const stage& next = stages[std::min(i + 1, stages.size() - 1)];
            if (each.to - each.from > 1)
                blocks.push_back({layers_of(s_.block, cuts_[each.first], cuts_[each.last]), plan_of(each),
                                  order_[next.from]});
        }
        return blocks;
    }

  private:
    static std::vector<std::size_t> thinned(std::vector<std::size_t> cuts, std::size_t most) {
        if (cuts.size() <= most) return cuts;
        std::vector<std::size_t> kept;
        for (std::size_t i = 0; i < most; ++i) kept.push_back(cuts[i * (cuts.size() - 1) / (most - 1)]);
        return kept;
    }
    [[nodiscard]] double tail_seconds() const {
        std::vector<bool> inside(num_vertices(s_.net), false);
        for (const layer_id v : s_.body) inside[v] = true;
        double sum = 0.0;
        const auto order = topological_order(s_.net);
        for (std::size_t l = 0; order && l < order->size(); ++l)
            if (!inside[(*order)[l]]) sum += s_.problem.compute(l, order_.front());
        return sum;
    }
    [[nodiscard]] tile_plan plan_of(const stage& each) const {
        const auto at = [&](const auto& list, std::size_t i) {
            return list.begin() + static_cast<std::ptrdiff_t>(i);
        };
        const tile_block part = sub_block(s_.block, cuts_[each.first], cuts_[each.last]);
        return strips(part, {at(order_, each.from), at(order_, each.to)},
                      {at(speed_, each.from), at(speed_, each.to)});
    }
    /// The busiest device of a stage, or what it carries, whichever is longer.
    [[nodiscard]] double busy(std::size_t i, std::size_t j, std::size_t from, std::size_t to) const {
        const tile_block part = sub_block(s_.block, cuts_[i], cuts_[j]);
        const double tail = j + 1 == cuts_.size() ? tail_ : 0.0;
        if (to - from == 1) return total_macs(part) / speed_[from] + tail;
        const tile_plan plan = plan_of({i, j, from, to});
        const auto tiles = regions_of(part, plan);
        double longest = 0.0;
        for (std::size_t k = 0; k < plan.turns.size(); ++k) {
            const tile_work work = work_of_tile(part, tiles[plan.turns[k].tile]);
            longest = std::max(longest, work.macs / speed_[from + plan.turns[k].tile] + (k == 0 ? tail : 0.0));
        }
        return longest;
    }

    const spread_setting& s_;
    std::vector<device_id> order_;
    std::vector<std::size_t> cuts_;
    std::vector<double> speed_{};
    double tail_ = 0.0;
};

}  // namespace detail

/// Pipelines of tiled stages, for throughput.
inline void propose_tiled_pipelines(const spread_setting& s, const candidate_sink& take) {
    if (s.body.empty() || s.devices.size() < 2) return;
    auto order = s.devices;
    for (const bool backwards : {false, true}) {
        if (backwards) std::reverse(order.begin(), order.end());
        for (std::size_t most : {order.size(), std::min<std::size_t>(order.size(), 4)}) {
            const detail::tiled_pipeline pipeline(
                s, {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(most)}, 14);
            const auto stages = pipeline.solve();
            const bool spreads = std::any_of(stages.begin(), stages.end(),
                                             [](const auto& each) { return each.to - each.from > 1; });
            if (!spreads) continue;
            if (auto spread = pipeline.build(stages))
                take({"pipeline of " + std::to_string(stages.size()) + " stages, some in strips",
                      false,
                      std::move(*spread),
                      {}});
        }
    }
}

}  // namespace dispart
