#pragma once
/// \file
/// Sufferage.

#include <string_view>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/pool.hpp"

namespace dispart {

/// Sufferage: of the ready tasks the one that would lose most if it could not have its best device, appended there.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices + tasks * ready tasks) to that times the devices. Source: Maheswaran et al., "Dynamic matching
/// and scheduling of a class of independent tasks onto heterogeneous computing systems", HCW 1999. Ties as in `heft`.
struct sufferage {
    [[nodiscard]] static constexpr std::string_view name() { return "sufferage"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return detail::place_when_ready(problem, [&](const detail::candidate& c) {
            return problem.device_count() == 1 ? 0.0 : c.second_finish - c.best.finish;
        });
    }
};
static_assert(scheduler<sufferage>);

}  // namespace dispart
