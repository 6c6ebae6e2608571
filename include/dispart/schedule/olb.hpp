#pragma once
/// \file
/// Opportunistic load balancing.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/immediate.hpp"

namespace dispart {

/// OLB: tasks as they come, each appended to the allowed device that is available first, however slow.
///
/// The source's order is arbitrary; a problem without arrival times has none, so `orders` are tried and the best is kept.
/// Errors: infeasible (the chosen device has no route from an input). Heuristic.
/// O(orders * (dependencies + tasks * devices)). Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001.
struct olb {
    std::size_t orders = 32;  ///< how many topological orders are tried

    [[nodiscard]] static constexpr std::string_view name() { return "olb"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return detail::place_in_any_order(problem, orders, [&](detail::timetable& table, task_id t) {
            device_id idle = no_id;
            for (device_id d = 0; d < problem.device_count(); ++d)
                if (problem.is_allowed(t, d) && (idle == no_id || table.available(d) < table.available(idle)))
                    idle = d;
            return table.slot_on(t, idle, table.arrival(t, idle), false);
        });
    }
};
static_assert(scheduler<olb>);

}  // namespace dispart
