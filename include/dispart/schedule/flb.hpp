#pragma once
/// \file
/// Fast load balancing.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/detail/two_devices.hpp"

namespace dispart {

/// FLB: of all ready tasks the one that can start first, where its candidates are the device that is free first and the one
/// from which its last input comes; ties go to the longest way ahead.
///
/// Where a task may run on neither, all devices are looked at. Errors: infeasible (no device has routes from all inputs).
/// Heuristic. O(tasks * ready tasks * (inputs + devices)). Source: Radulescu, van Gemund, "FLB: fast load balancing for
/// distributed-memory machines", ICPP 1999.
struct flb {
    [[nodiscard]] static constexpr std::string_view name() { return "flb"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto rank =
            detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
        detail::timetable table(problem);
        detail::readiness ready(problem);
        auto line = ready.initial();
        while (!line.empty()) {
            std::size_t chosen = 0;
            detail::slot best;
            for (std::size_t i = 0; i < line.size(); ++i) {
                const detail::slot s = detail::idle_or_enabling(table, line[i]);
                if (s.start < best.start || (s.start == best.start && rank[line[i]] > rank[line[chosen]]))
                    chosen = i, best = s;
            }
            const task_id t = line[chosen];
            DISPART_CHECK(table.try_place(t, best));
            line.erase(line.begin() + static_cast<std::ptrdiff_t>(chosen));
            ready.placed(t, [&](task_id next) { line.push_back(next); });
        }
        return std::move(table).take();
    }
};
static_assert(scheduler<flb>);

}  // namespace dispart
