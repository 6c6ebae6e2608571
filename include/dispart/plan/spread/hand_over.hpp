#pragma once
/// \file
/// A division whose busiest device hands strips of its layers to others: what whole layers cannot balance.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/tiles/modnn.hpp"
#include "dispart/plan/spread/spread_model.hpp"
#include "dispart/plan/spread/tiles.hpp"
#include "dispart/problem/build_tiles.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

/// Finds runs of layers of one part whose division between the part's device and a helper promises most, by closed
/// estimates; keeps those that were accepted, and writes the spread model.
class hand_over {
  public:
    /// \param base parts whose layers are positions in `topological_order(net)` \param problem of the net
    hand_over(const model& net, const instance& problem, const partition& base, objective goal)
        : net_(net)
        , problem_(problem)
        , goal_(goal)
        , whole_{net, std::vector<std::size_t>(num_vertices(net), 0), {}}
        , vertex_(topological_order(net).value_or(std::vector<layer_id>{}))
        , rows_(vertex_.size())
        , height_(vertex_.size(), 0)
        , free_(vertex_.size(), false)
        , device_(vertex_.size(), no_id) {
        for (const part& each : base.parts) {
            whole_.device.push_back(each.device);
            members_.push_back(each.layers);
            for (const layer_id l : each.layers) {
                whole_.group[vertex_[l]] = whole_.device.size() - 1;
                device_[l] = each.device;
            }
        }
        for (layer_id l = 0; l < vertex_.size(); ++l) {
            const auto alone = build_tile_block(net, {vertex_[l]});
            if (!alone) continue;
            free_[l] = true;
            rows_[l] = alone->layers.front().rows;
            height_[l] = alone->maps[alone->layers.front().writes].height;
        }
    }

    /// The most promising next steps, the best estimate first, no two of the same layers and helper.
    /// O(layers of the busiest device · longest run² · helpers).
    [[nodiscard]] std::vector<tiled_layers> steps(const evaluation& now, std::size_t most) const {
        std::vector<step> found;
        const state loads(problem_, now);
        const bool one_device = goal_ == objective::throughput;
        if (one_device && now.binding.what != resource::kind::device) return {};
        for (std::size_t p = 0; p < members_.size(); ++p) {
            if (one_device && whole_.device[p] != now.binding.id) continue;
            for (std::size_t first = 0; first < members_[p].size(); ++first)
                look_at_runs(p, first, loads, found);
        }
        std::stable_sort(found.begin(), found.end(),
                         [](const step& a, const step& b) { return a.estimate < b.estimate; });
        std::vector<tiled_layers> made;
        for (const step& each : found) {
            if (made.size() == most) break;
            if (auto block = block_of(each)) made.push_back(std::move(*block));
        }
        return made;
    }

    /// The base with what was accepted and one step more. Errors: those of `spread_tiles`.
    [[nodiscard]] result<spread_model> with(const tiled_layers& step_more) const {
        return spread_tiles(whole_, blocks_with(step_more), {.home = whole_.device.front()});
    }

    void accept(const tiled_layers& taken) {
        blocks_ = blocks_with(taken);
        for (layer_id l = 0; l < vertex_.size(); ++l)
            if (std::find(taken.layers.begin(), taken.layers.end(), vertex_[l]) != taken.layers.end())
                free_[l] = false;
    }

    [[nodiscard]] const std::vector<tiled_layers>& blocks() const noexcept { return blocks_; }

  private:
    static constexpr std::size_t longest_run = 24;

    /// Members first .. last - 1 of a part; the helper computes so much of them.
    struct step {
        std::size_t part = 0, first = 0, last = 0;
        device_id helper = no_id;
        double share = 0.0;
        double estimate = 0.0;  ///< the period, or what the latency grows by (it shrinks)
    };
    /// Bytes of one tensor between the run and a device.
    struct flow {
        device_id other = no_id;
        double bytes = 0.0;
    };
    struct run {
        std::vector<flow> in{}, out{};
        double halo = 0.0;  ///< share of the work that each of two strips computes beyond its own
    };
    /// Loads before the step.
    struct state {
        std::vector<double> device{}, pair{}, link{};
        double others = 0.0;  ///< largest load of a pair or link

        state(const instance& problem, const evaluation& now)
            : device(now.device_load)
            , pair(problem.device_count() * problem.device_count(), 0.0)
            , link(now.link_load) {
            for (const resource& each : now.pair_load) {
                pair[each.id * problem.device_count() + each.peer] = each.seconds;
                others = std::max(others, each.seconds);
            }
            for (const double each : link) others = std::max(others, each);
        }
    };

    void look_at_runs(std::size_t p, std::size_t first, const state& loads, std::vector<step>& found) const {
        const auto& members = members_[p];
        const device_id own = whole_.device[p];
        std::vector<double> compute(problem_.device_count(), 0.0);
        for (std::size_t last = first + 1; last <= members.size() && last - first <= longest_run; ++last) {
            const layer_id added = members[last - 1];
            if (!free_[added]) return;
            for (device_id d = 0; d < compute.size(); ++d)
                compute[d] += problem_.is_allowed(added, d) ? problem_.compute(added, d)
                                                            : std::numeric_limits<double>::infinity();
            const run what = run_of(members, first, last);
            for (device_id helper = 0; helper < compute.size(); ++helper) {
                if (helper == own || !(compute[helper] < std::numeric_limits<double>::infinity())) continue;
                step best{p, first, last, helper, 0.0, std::numeric_limits<double>::infinity()};
                const double most =
                    goal_ == objective::throughput
                        ? (loads.device[own] - loads.device[helper]) / (compute[own] + compute[helper])
                        : balanced_share(what, own, helper, compute);
                const auto rows = static_cast<double>(height_[added]);
                for (const double part : {1.0, 0.7, 0.4, 0.2}) {
                    const double share = std::floor(std::min(0.9, most) * part * rows) / rows;
                    if (!(share > 0.0)) break;
                    const double value = goal_ == objective::throughput
                                             ? period_of(what, own, helper, share, compute, loads)
                                             : delay_of(what, own, helper, share, compute);
                    if (value < best.estimate) best.share = share, best.estimate = value;
                }
                const double before = goal_ == objective::throughput ? loads.device[own] : 0.0;
                if (best.estimate < before) found.push_back(best);
            }
        }
    }

    [[nodiscard]] run run_of(const std::vector<layer_id>& members, std::size_t first, std::size_t last) const {
        run made;
        const auto inside = [&](layer_id l) {
            return l != no_id && std::binary_search(members.begin() + static_cast<std::ptrdiff_t>(first),
                                                    members.begin() + static_cast<std::ptrdiff_t>(last), l);
        };
        std::vector<std::pair<tensor_id, double>> wide;  // rows beyond its own that a strip needs of a tensor
        const auto rows_of = [&](tensor_id t) -> double& {
            for (auto& [tensor, rows] : wide)
                if (tensor == t) return rows;
            wide.emplace_back(t, 0.0);
            return wide.back().second;
        };
        double extra = 0.0, work = 0.0;
        std::vector<tensor_id> entered;
        for (std::size_t i = last; i-- > first;) {
            const layer_id l = members[i];
            double rows = 0.0;
            for (const tensor_id t : problem_.writes[l]) {
                rows = std::max(rows, rows_of(t));
                device_id reader = no_id;
                for (const layer_id c : problem_.consumers[t])
                    if (!inside(c)) reader = device_[c];
                const auto& wanted = problem_.model_outputs;
                if (reader == no_id && std::find(wanted.begin(), wanted.end(), t) != wanted.end())
                    reader = problem_.sink == no_id ? device_[l] : problem_.sink;
                if (reader != no_id) made.out.push_back({reader, problem_.tensor_bytes[t]});
            }
            const double own = problem_.compute(l, device_[l]);
            extra += own * std::min(1.0, 0.5 * rows / static_cast<double>(height_[l]));
            work += own;
            const auto& w = rows_[l];
            const double needed =
                rows * static_cast<double>(w.stride) +
                static_cast<double>(std::max<std::int64_t>(0, (w.kernel - 1) * w.dilation + 1 - w.stride));
            for (const tensor_id t : problem_.reads[l]) {
                double& before = rows_of(t);
                before = std::max(before, needed);
                const layer_id maker = problem_.producer[t];
                if (inside(maker) || std::find(entered.begin(), entered.end(), t) != entered.end()) continue;
                entered.push_back(t);
                const device_id from = maker != no_id             ? device_[maker]
                                       : problem_.source == no_id ? device_[l]
                                                                  : problem_.source;
                made.in.push_back({from, problem_.tensor_bytes[t]});
            }
        }
        made.halo = work > 0.0 ? extra / work : 0.0;
        return made;
    }

    /// The period if the helper computes that share: the largest of what changes, and of what stays.
    [[nodiscard]] double period_of(const run& what, device_id own, device_id helper, double share,
                                   const std::vector<double>& compute, const state& loads) const {
        double worst = loads.others;
        for (device_id d = 0; d < loads.device.size(); ++d) {
            double load = loads.device[d];
            if (d == own) load -= compute[own] * (share - what.halo);
            if (d == helper) load += compute[helper] * (share + what.halo);
            worst = std::max(worst, load);
        }
        std::vector<std::pair<std::size_t, double>> pairs;
        const auto carry = [&](device_id from, device_id to, double size) {
            if (from == to) return;
            const std::size_t pair = from * problem_.device_count() + to;
            pairs.emplace_back(pair, size);
        };
        for (const flow& each : what.in) carry(each.other, helper, each.bytes * (share + what.halo));
        for (const flow& each : what.out) carry(helper, each.other, each.bytes * share);
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const auto& [pair, size] = pairs[i];
            double all = 0.0;
            for (const auto& [other, more] : pairs) all += other == pair ? more : 0.0;
            const device_id from = pair / problem_.device_count(), to = pair % problem_.device_count();
            worst = std::max(worst, loads.pair[pair] + all * problem_.seconds_per_byte(from, to));
            if (pair >= problem_.routes.size()) continue;
            for (const link_id l : problem_.routes[pair]) {
                double over = loads.link[l];
                for (const auto& [other, more] : pairs)
                    for (const link_id used : problem_.routes[other])
                        over += used == l ? more * problem_.link_seconds_per_byte[l] : 0.0;
                worst = std::max(worst, over);
            }
        }
        return worst;
    }

    /// Seconds that the helper's way takes per share, and before it begins to count.
    [[nodiscard]] std::array<double, 2> way_of_helper(const run& what, device_id own, device_id helper,
                                                      double compute) const {
        double in = 0.0, out = 0.0, latency = problem_.latency(own, helper) + problem_.latency(helper, own);
        for (const flow& each : what.in) in += each.bytes * problem_.seconds_per_byte(own, helper);
        for (const flow& each : what.out) out += each.bytes * problem_.seconds_per_byte(helper, own);
        return {compute + in + out, latency + what.halo * (compute + in)};
    }
    [[nodiscard]] double balanced_share(const run& what, device_id own, device_id helper,
                                        const std::vector<double>& compute) const {
        const auto [per_share, fixed] = way_of_helper(what, own, helper, compute[helper]);
        return (compute[own] * (1.0 + what.halo) - fixed) / (compute[own] + per_share);
    }
    /// What the latency grows by.
    [[nodiscard]] double delay_of(const run& what, device_id own, device_id helper, double share,
                                  const std::vector<double>& compute) const {
        const auto [per_share, fixed] = way_of_helper(what, own, helper, compute[helper]);
        return std::max(compute[own] * (1.0 - share + what.halo), fixed + share * per_share) - compute[own];
    }

    /// Strips of the run. Errors: those of `build_tile_block`; infeasible where a share rounds to nothing.
    [[nodiscard]] result<tiled_layers> block_of(const step& taken) const {
        const auto& members = members_[taken.part];
        const device_id own = whole_.device[taken.part];
        tiled_layers made{{}, {}, own};
        for (std::size_t i = taken.first; i < taken.last; ++i) made.layers.push_back(vertex_[members[i]]);
        if (taken.last == members.size()) made.home = reader_of(members.back(), own);
        DISPART_TRY(const auto block, build_tile_block(net_, made.layers));
        made.plan = strips(block, {own, taken.helper}, {1.0 - taken.share, taken.share});
        if (made.plan.turns.size() < 2)
            return fail(errc::infeasible, net_[made.layers.front()].name, "the helper's share has no rows");
        return made;
    }
    /// Who joins the strips of a part's last layers.
    [[nodiscard]] device_id reader_of(layer_id last, device_id own) const {
        for (const tensor_id t : problem_.writes[last])
            for (const layer_id c : problem_.consumers[t]) return device_[c];
        return own;
    }

    [[nodiscard]] std::vector<tiled_layers> blocks_with(const tiled_layers& more) const {
        auto all = blocks_;
        all.push_back(more);
        std::vector<std::size_t> position(vertex_.size());
        for (layer_id l = 0; l < vertex_.size(); ++l) position[vertex_[l]] = l;
        std::stable_sort(all.begin(), all.end(), [&](const tiled_layers& a, const tiled_layers& b) {
            return position[a.layers.front()] < position[b.layers.front()];
        });
        return all;
    }

    const model& net_;
    const instance& problem_;
    objective goal_;
    spread_model whole_;
    std::vector<layer_id> vertex_;                  // [position]
    std::vector<axis_window> rows_;                 // [position]
    std::vector<std::int64_t> height_;              // [position] of its result
    std::vector<bool> free_;                        // [position] can be tiled, and is not
    std::vector<device_id> device_;                 // [position]
    std::vector<std::vector<layer_id>> members_{};  // [part] positions
    std::vector<tiled_layers> blocks_{};
};

}  // namespace dispart
