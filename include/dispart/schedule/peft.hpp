#pragma once
/// \file
/// Predict earliest finish time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/ties.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

/// PEFT: a table says how long everything after a task takes at best if the task runs on a device; ready tasks go by
/// falling mean of it, each where its finish plus that time is least, in gaps too.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices^2 + tasks * devices * gaps). Source: Arabnejad, Barbosa, "List scheduling algorithm for
/// heterogeneous systems by an optimistic cost table", IEEE TPDS 25(3), 2014. The table takes each pair's own transfer
/// time where the paper takes the mean over links. Ties (all tasks that nothing follows tie) as in `heft`.
struct peft {
    [[nodiscard]] static constexpr std::string_view name() { return "peft"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto cost = optimistic_costs(problem);
        const auto rank = mean_costs(problem, cost);
        const std::size_t ways = detail::has_ties(rank) ? detail::affordable_ways(problem) : 1;
        return detail::best_way(ways, [&](std::uint64_t way) {
            return place_all(problem, cost, detail::by_priority(problem, detail::tie_breaker(way)(rank)));
        });
    }

  private:
    /// [task * devices + device] the optimistic cost table.
    [[nodiscard]] static std::vector<double> optimistic_costs(const schedule_problem& problem) {
        const std::size_t devices = problem.device_count();
        std::vector<double> cost(problem.task_count() * devices, 0.0);
        std::vector<double> finish(devices);
        const auto& order = problem.topological_order();
        for (auto t = order.rbegin(); t != order.rend(); ++t)
            for (const neighbour& out : problem.outputs(*t)) {
                for (device_id d = 0; d < devices; ++d)
                    finish[d] = problem.seconds(out.task, d) + cost[out.task * devices + d];
                for (device_id d = 0; d < devices; ++d) {
                    const auto latency = problem.latency(d);
                    const auto per_byte = problem.seconds_per_byte(d);
                    double least = detail::never;
                    for (device_id to = 0; to < devices; ++to)
                        least = std::min(least, (latency[to] + per_byte[to] * out.bytes) + finish[to]);
                    cost[*t * devices + d] = std::max(cost[*t * devices + d], least);
                }
            }
        return cost;
    }

    /// [task] mean of its row, over devices from which the rest can be reached.
    [[nodiscard]] static std::vector<double> mean_costs(const schedule_problem& problem,
                                                        const std::vector<double>& cost) {
        const std::size_t devices = problem.device_count();
        std::vector<double> mean(problem.task_count(), 0.0);
        for (task_id t = 0; t < mean.size(); ++t) {
            std::size_t known = 0;
            for (device_id d = 0; d < devices; ++d)
                if (cost[t * devices + d] < detail::never) mean[t] += cost[t * devices + d], ++known;
            if (known > 0) mean[t] /= static_cast<double>(known);
        }
        return mean;
    }

    [[nodiscard]] static result<schedule> place_all(const schedule_problem& problem,
                                                    const std::vector<double>& cost,
                                                    const std::vector<task_id>& order) {
        detail::timetable table(problem);
        for (const task_id t : order) {
            const double* const after = &cost[t * problem.device_count()];
            DISPART_CHECK(table.try_place(t, table.best_slot(t, true, [&](device_id d) { return after[d]; })));
        }
        return std::move(table).take();
    }
};
static_assert(scheduler<peft>);

}  // namespace dispart
