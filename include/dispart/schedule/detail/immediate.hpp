#pragma once
/// \file
/// Immediate mapping: tasks come one after the other, and each gets its device before the next is looked at.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/ties.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart::detail {

/// Places tasks in an order, each in the slot `choose(table, task)`. Errors: infeasible.
template <class Choose>
[[nodiscard]] result<schedule> place_in_order(const schedule_problem& problem,
                                              const std::vector<task_id>& order, Choose choose) {
    timetable table(problem);
    for (const task_id t : order) DISPART_CHECK(table.try_place(t, choose(table, t)));
    return std::move(table).take();
}

/// The best of `orders` arrival orders (0: 64, on small problems up to 256): by upward rank, level by level, and shuffled
/// levels; `choose(table, task, turn)` is told whose turn it is where devices tie (`some_device_turns`). Errors: infeasible.
template <class Choose>
[[nodiscard]] result<schedule> place_in_any_order(const schedule_problem& problem, std::size_t orders,
                                                  Choose choose) {
    if (orders == 0) orders = std::max<std::size_t>(64, affordable_ways(problem));
    const auto place = [&](const std::vector<task_id>& order, std::uint64_t way) {
        const auto turn = some_device_turns(problem, way);
        return place_in_order(problem, order,
                              [&](timetable& table, task_id t) { return choose(table, t, turn); });
    };
    auto best = best_way(orders > 1 ? orders - 1 : 1,
                         [&](std::uint64_t way) { return place(some_topological_order(problem, way), way); });
    if (orders < 2) return best;
    const auto rank = upward_ranks(problem, mean_seconds(problem), mean_over_pairs(problem));
    auto ranked = place(by_priority(problem, rank), 1);
    return ranked && (!best || ranked->makespan() < best->makespan()) ? std::move(ranked) : std::move(best);
}

}  // namespace dispart::detail
