#pragma once
/// \file
/// Critical path on a processor.

#include <algorithm>
#include <cmath>
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

/// CPOP: ready tasks by falling sum of upward and downward rank; those on the critical path go to the one device that
/// would run them all fastest, the others where they finish first, in gaps too.
///
/// By default the downward rank counts, as the open implementation SAGA does, a task's own cost at mean speed in place
/// of its input's, so that few tasks but the first count as critical; this is the better rule on most graphs.
/// `as_published` is the paper's, with mean transfers over distinct devices. Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices + tasks * devices * gaps). Source: Topcuoglu, Hariri, Wu, "Performance-effective and
/// low-complexity task scheduling for heterogeneous computing", IEEE TPDS 13(3), 2002. Ties as in `heft`.
struct cpop {
    bool as_published = false;  ///< the downward rank of the paper

    [[nodiscard]] constexpr std::string_view name() const { return as_published ? "cpop-published" : "cpop"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto duration = detail::mean_seconds(problem);
        const auto transfer = detail::mean_over_pairs(problem, !as_published);
        auto priority = detail::upward_ranks(problem, duration, transfer);
        const double critical = *std::max_element(priority.begin(), priority.end());
        const auto down = as_published ? detail::downward_ranks(problem, duration, transfer)
                                       : own_downward_ranks(problem, transfer);
        for (task_id t = 0; t < priority.size(); ++t) priority[t] += down[t];
        std::vector<bool> is_critical(priority.size());
        for (task_id t = 0; t < priority.size(); ++t)
            is_critical[t] = std::abs(priority[t] - critical) <= 1e-5 * critical;
        const device_id chosen = critical_device(problem, is_critical);
        const std::size_t ways = detail::has_ties(priority) ? detail::affordable_ways(problem) : 1;
        return detail::best_way(ways, [&](std::uint64_t way) {
            const auto order = detail::by_priority(problem, detail::tie_breaker(way)(priority));
            return place_all(problem, order, is_critical, chosen);
        });
    }

  private:
    /// Downward ranks in which a way counts the durations of all its tasks at mean speed but the first one's.
    [[nodiscard]] static std::vector<double> own_downward_ranks(const schedule_problem& problem,
                                                                const detail::mean_transfer& transfer) {
        std::vector<double> rank(problem.task_count());
        for (const task_id t : problem.topological_order()) {
            double speed = 0.0;
            for (const double s : problem.seconds(t)) speed += 1.0 / s;
            const double own = static_cast<double>(problem.device_count()) / speed;
            rank[t] = own;
            for (const neighbour& in : problem.inputs(t))
                rank[t] = std::max(rank[t], rank[in.task] + transfer(in.bytes) + own);
        }
        return rank;
    }

    /// The device that runs all critical tasks in the least time, or no_id where none may.
    [[nodiscard]] static device_id critical_device(const schedule_problem& problem,
                                                   const std::vector<bool>& is_critical) {
        std::vector<double> total(problem.device_count(), 0.0);
        for (task_id t = 0; t < problem.task_count(); ++t)
            if (is_critical[t])
                for (device_id d = 0; d < total.size(); ++d) total[d] += problem.seconds(t, d);
        const auto least = std::min_element(total.begin(), total.end());
        return std::isfinite(*least) ? static_cast<device_id>(least - total.begin()) : no_id;
    }

    [[nodiscard]] static result<schedule> place_all(const schedule_problem& problem,
                                                    const std::vector<task_id>& order,
                                                    const std::vector<bool>& is_critical, device_id chosen) {
        detail::timetable table(problem);
        for (const task_id t : order) {
            detail::slot s;
            if (is_critical[t] && chosen != no_id)
                s = table.slot_on(t, chosen, table.arrival(t, chosen), true);
            if (s.device == no_id) s = table.best_slot(t, true);
            DISPART_CHECK(table.try_place(t, s));
        }
        return std::move(table).take();
    }
};
static_assert(scheduler<cpop>);

}  // namespace dispart
