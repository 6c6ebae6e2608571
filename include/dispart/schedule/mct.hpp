#pragma once
/// \file
/// Minimum completion time.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/immediate.hpp"

namespace dispart {

/// MCT: tasks as they come, each appended where it completes first.
///
/// The source's order is arbitrary; a problem without arrival times has none, so `orders` are tried and the best is kept.
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(orders * (dependencies + tasks) * devices). Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001.
struct mct {
    std::size_t orders = 0;  ///< how many topological orders are tried; 0: 64, on small problems up to 256

    [[nodiscard]] static constexpr std::string_view name() { return "mct"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return detail::place_in_any_order(
            problem, orders,
            [](detail::timetable& table, task_id t, const auto&) { return table.best_slot(t, false); });
    }
};
static_assert(scheduler<mct>);

}  // namespace dispart
