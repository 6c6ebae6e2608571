#pragma once
/// \file
/// Fast critical path.

#include <algorithm>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/detail/two_devices.hpp"

namespace dispart {

/// FCP: ready tasks by longest way ahead; each on one of two devices, whichever it starts on first: the one that is free
/// first, or the one from which its last input comes.
///
/// Where a task may run on neither, all devices are looked at. Errors: infeasible (no device has routes from all inputs).
/// Heuristic. O(tasks * (log tasks + devices) + dependencies). Source: Radulescu, van Gemund, "Fast and effective task
/// scheduling in heterogeneous systems", HCW 2000.
struct fcp {
    [[nodiscard]] static constexpr std::string_view name() { return "fcp"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto rank =
            detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
        detail::timetable table(problem);
        for (const task_id t : detail::by_priority(problem, rank))
            DISPART_CHECK(table.try_place(t, detail::idle_or_enabling(table, t)));
        return std::move(table).take();
    }
};
static_assert(scheduler<fcp>);

}  // namespace dispart
