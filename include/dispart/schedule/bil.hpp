#pragma once
/// \file
/// Best imaginary levels.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

/// BIL: a task's best imaginary level on a device is the least time from its start there to the end, were devices always
/// free; of the ready tasks the one goes next whose makespans (availability + level), best device first, are greatest in
/// lexicographic order of falling values; it goes where the makespan, with a penalty for crowds, is least.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices^2 + tasks * ready tasks * devices log devices). Source: Oh, Ha, "A static scheduling heuristic for
/// heterogeneous processors", Euro-Par 1996; availability takes the arrival of inputs in too.
struct bil {
    [[nodiscard]] static constexpr std::string_view name() { return "bil"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const std::size_t devices = problem.device_count();
        const auto level = levels(problem);
        detail::timetable table(problem);
        detail::readiness ready(problem);
        auto line = ready.initial();
        std::vector<double> makespans(devices), greatest;
        while (!line.empty()) {
            std::size_t chosen = 0;
            greatest.clear();
            for (std::size_t i = 0; i < line.size(); ++i) {
                const auto& arrivals = table.arrivals(line[i]);
                for (device_id d = 0; d < devices; ++d)
                    makespans[d] = table.append_start(d, arrivals[d]) + level[line[i] * devices + d];
                std::sort(makespans.begin(), makespans.end());
                if (i == 0 || makespans > greatest) chosen = i, greatest = makespans;
            }
            const task_id t = line[chosen];
            // where more tasks are ready than there are devices, a slow device costs all of them
            const double crowd =
                std::max(0.0, static_cast<double>(line.size()) / static_cast<double>(devices) - 1.0);
            const auto after = [&](device_id d) {
                return level[t * devices + d] + (crowd - 1.0) * problem.seconds(t, d);
            };
            DISPART_CHECK(table.try_place(t, table.best_slot(t, false, after)));
            line.erase(line.begin() + static_cast<std::ptrdiff_t>(chosen));
            ready.placed(t, [&](task_id next) { line.push_back(next); });
        }
        return std::move(table).take();
    }

  private:
    /// [task * devices + device]
    [[nodiscard]] static std::vector<double> levels(const schedule_problem& problem) {
        const std::size_t devices = problem.device_count();
        std::vector<double> level(problem.task_count() * devices, 0.0);
        const auto& order = problem.topological_order();
        for (auto t = order.rbegin(); t != order.rend(); ++t)
            for (device_id d = 0; d < devices; ++d) {
                double rest = 0.0;
                for (const neighbour& out : problem.outputs(*t)) {
                    double least = detail::never;
                    for (device_id e = 0; e < devices; ++e)
                        least = std::min(least,
                                         level[out.task * devices + e] + problem.transfer(d, e, out.bytes));
                    rest = std::max(rest, least);
                }
                level[*t * devices + d] = problem.seconds(*t, d) + rest;
            }
        return level;
    }
};
static_assert(scheduler<bil>);

}  // namespace dispart
