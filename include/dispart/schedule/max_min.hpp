#pragma once
/// \file
/// Max-Min.

#include <string_view>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/pool.hpp"

namespace dispart {

/// Max-Min: of a wave of ready tasks the one whose earliest completion is latest, appended where it has it.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(dependencies * devices + tasks * widest wave) to that times the devices. Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001;
/// written for independent tasks: a wave is what is ready when the last wave is placed. Ties as in `heft`.
struct max_min {
    [[nodiscard]] static constexpr std::string_view name() { return "max-min"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return detail::place_in_waves(problem, [](const detail::candidate& c) { return c.best.finish; });
    }
};
static_assert(scheduler<max_min>);

}  // namespace dispart
