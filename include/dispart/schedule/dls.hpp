#pragma once
/// \file
/// Dynamic levels.

#include <algorithm>
#include <string_view>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/ready_pairs.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

/// DLS (generalised dynamic levels, GDL): of all ready tasks and devices the pair with the greatest dynamic level: static
/// level (longest way ahead in median durations, without transfers) - start + (median duration - duration there).
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(tasks * ready tasks * devices + dependencies * devices). Source: Sih, Lee, "A compile-time scheduling heuristic for
/// interconnection-constrained heterogeneous processor architectures", IEEE TPDS 4(2), 1993.
struct dls {
    [[nodiscard]] static constexpr std::string_view name() { return "dls"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        std::vector<double> median(problem.task_count());
        std::vector<double> row;
        for (task_id t = 0; t < median.size(); ++t) {
            row.clear();
            for (const double s : problem.seconds(t))
                if (s < detail::never) row.push_back(s);
            const auto middle = row.begin() + static_cast<std::ptrdiff_t>((row.size() - 1) / 2);
            std::nth_element(row.begin(), middle, row.end());
            median[t] = *middle;
        }
        const auto level = detail::upward_ranks(problem, median, {});
        return detail::place_best_pairs(problem, [&](task_id t, const detail::slot& s) {
            return detail::pair_value{level[t] - s.start + median[t] - (s.finish - s.start), 0.0};
        });
    }
};
static_assert(scheduler<dls>);

}  // namespace dispart
