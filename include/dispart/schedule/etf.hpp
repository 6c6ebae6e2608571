#pragma once
/// \file
/// Earliest task first.

#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/ready_pairs.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

/// ETF: of all ready tasks and devices the pair that can start first, the task with the longest way ahead where several can.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(tasks * ready tasks * devices + dependencies * devices). Source: Hwang, Chow, Anger, Lee, "Scheduling precedence graphs
/// in systems with interprocessor communication times", SIAM J. Computing 18(2), 1989; ways ahead are upward ranks.
struct etf {
    [[nodiscard]] static constexpr std::string_view name() { return "etf"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto rank =
            detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
        return detail::place_best_pairs(problem, [&](task_id t, const detail::slot& s) {
            return detail::pair_value{-s.start, rank[t]};
        });
    }
};
static_assert(scheduler<etf>);

}  // namespace dispart
