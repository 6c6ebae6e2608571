#pragma once
/// \file
/// Opportunistic load balancing.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/immediate.hpp"

namespace dispart {

/// OLB: tasks as they come, each appended to the allowed device that is available first, however slow.
///
/// The source's order is arbitrary; a problem without arrival times has none, so `orders` are tried, also of devices that are
/// idle since the same moment, and the best is kept.
/// Errors: infeasible (the chosen device has no route from an input). Heuristic.
/// O(orders * (dependencies + tasks * devices)). Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001.
struct olb {
    std::size_t orders = 0;  ///< how many topological orders are tried; 0: 64, on small problems up to 256

    [[nodiscard]] static constexpr std::string_view name() { return "olb"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto choose = [&](detail::timetable& table, task_id t, const std::vector<std::size_t>& turn) {
            device_id idle = no_id;
            for (device_id d = 0; d < problem.device_count(); ++d)
                if (problem.is_allowed(t, d) &&
                    (idle == no_id ||
                     std::pair(table.available(d), turn[d]) < std::pair(table.available(idle), turn[idle])))
                    idle = d;
            return table.slot_on(t, idle, table.arrival(t, idle), false);
        };
        return detail::place_in_any_order(problem, orders, choose);
    }
};
static_assert(scheduler<olb>);

}  // namespace dispart
