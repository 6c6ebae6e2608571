#pragma once
/// \file
/// Duplex.

#include <string_view>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/max_min.hpp"
#include "dispart/schedule/min_min.hpp"

namespace dispart {

/// Duplex: the better of Min-Min and Max-Min.
///
/// Errors: infeasible (neither finds a schedule). Heuristic. As expensive as both. Source: Braun et al., "A comparison of eleven static heuristics for mapping a class of
/// independent tasks onto heterogeneous distributed computing systems", JPDC 61(6), 2001.
struct duplex {
    [[nodiscard]] static constexpr std::string_view name() { return "duplex"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        auto shortest = min_min{}(problem);
        auto longest = max_min{}(problem);
        if (!shortest || (longest && longest->makespan() < shortest->makespan())) return longest;
        return shortest;
    }
};
static_assert(scheduler<duplex>);

}  // namespace dispart
