#pragma once
/// \file
/// Heterogeneous earliest finish time.

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

/// HEFT: tasks by falling upward rank, each where it finishes first.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices + tasks * devices * (log k + gaps)) for k tasks on a device; with look-ahead, times the
/// devices and the readers of a task. Source: Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task
/// scheduling for heterogeneous computing", IEEE TPDS 13(3), 2002; look-ahead: Bittencourt, Sakellariou, Madeira,
/// "DAG scheduling using a lookahead variant of HEFT", PDP 2010. Mean transfers count a device with itself as a pair.
/// Of orders that differ only where ranks tie, small problems try up to 16 and keep the best.
struct heft {
    bool insertion = true;    ///< also use gaps between tasks
    bool look_ahead = false;  ///< choose the device for the sake of the task's readers

    [[nodiscard]] constexpr std::string_view name() const {
        return look_ahead ? "heft-lookahead" : insertion ? "heft" : "heft-append";
    }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto rank =
            detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
        const std::size_t ways = detail::has_ties(rank) ? detail::affordable_ways(problem) : 1;
        return detail::best_way(ways, [&](std::uint64_t way) {
            return place_all(problem, detail::by_priority(problem, detail::tie_breaker(way)(rank)));
        });
    }

  private:
    [[nodiscard]] result<schedule> place_all(const schedule_problem& problem,
                                             const std::vector<task_id>& order) const {
        detail::timetable table(problem);
        for (const task_id t : order)
            DISPART_CHECK(table.try_place(t, look_ahead ? look(table, t) : table.best_slot(t, insertion)));
        return std::move(table).take();
    }

    /// The slot after which the readers of a task finish first, placed each by itself without what is still missing.
    [[nodiscard]] detail::slot look(detail::timetable& table, task_id t) const {
        const schedule_problem& problem = table.problem();
        const std::vector<double> ready = table.arrivals(t);
        std::pair<double, double> best_value{detail::never, detail::never};
        detail::slot best;
        for (device_id d = 0; d < problem.device_count(); ++d) {
            const detail::slot s = table.slot_on(t, d, ready[d], insertion);
            double last = s.finish;
            if (s.device != no_id)
                for (const neighbour& out : problem.outputs(t))
                    last = std::max(last, reader_finish(table, out, s));
            if (const std::pair value(last, s.finish); value < best_value) best = s, best_value = value;
        }
        return best;
    }

    /// When a reader of a task could end if the task had that slot, by the inputs that are known.
    [[nodiscard]] double reader_finish(const detail::timetable& table, const neighbour& out,
                                       const detail::slot& given) const {
        const schedule_problem& problem = table.problem();
        double finish = detail::never;
        for (device_id d = 0; d < problem.device_count(); ++d) {
            double ready = std::max(problem.release(out.task),
                                    given.finish + problem.transfer(given.device, d, out.bytes));
            for (const neighbour& in : problem.inputs(out.task))
                if (table.is_placed(in.task))
                    ready = std::max(ready, table[in.task].finish +
                                                problem.transfer(table[in.task].device, d, in.bytes));
            if (d == given.device && problem.is_allowed(out.task, d)) {
                // behind or before the given slot, whichever the gaps allow
                const double after = std::max(ready, given.finish);
                finish = std::min(finish, table.slot_on(out.task, d, after, insertion).finish);
            } else {
                finish = std::min(finish, table.slot_on(out.task, d, ready, insertion).finish);
            }
        }
        return finish;
    }
};
static_assert(scheduler<heft>);

}  // namespace dispart
