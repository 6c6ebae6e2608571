#pragma once
/// \file
/// Minimum execution time.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/immediate.hpp"

namespace dispart {

/// MET: tasks level by level, each appended where it runs for the shortest time, however busy that device is.
///
/// Errors: infeasible (the fastest devices of some task and its input have no route). Heuristic.
/// O(tasks * devices + dependencies). Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001.
struct met {
    [[nodiscard]] static constexpr std::string_view name() { return "met"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto fastest = [&](detail::timetable& table, task_id t) {
            const auto durations = problem.seconds(t);
            const auto at = std::min_element(durations.begin(), durations.end());
            const auto d = static_cast<device_id>(at - durations.begin());
            return table.slot_on(t, d, table.arrival(t, d), false);
        };
        return detail::place_in_order(problem, problem.topological_order(), fastest);
    }
};
static_assert(scheduler<met>);

}  // namespace dispart
