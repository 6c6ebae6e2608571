#pragma once
/// \file
/// Workflow-based allocation.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ties.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

/// WBA: wave by wave, a random pair of ready task and device among those that would lengthen the schedule by little more
/// than the least; the best of several rounds is kept.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(rounds * tasks * widest wave * devices). Source: Blythe et al., "Task scheduling strategies for workflow-based
/// applications in grids", CCGrid 2005.
struct wba {
    double alpha = 0.5;      ///< 0: only pairs that lengthen it least; 1: any pair
    std::size_t rounds = 4;  ///< how many random schedules are made
    std::uint64_t seed = 1;

    [[nodiscard]] static constexpr std::string_view name() { return "wba"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return detail::best_way(std::max<std::size_t>(rounds, 1), [&](std::uint64_t round) {
            return once(problem, random_source(seed + round));
        });
    }

  private:
    struct pair {
        std::size_t at;
        detail::slot where;
        double longer;
    };

    [[nodiscard]] result<schedule> once(const schedule_problem& problem, random_source random) const {
        detail::timetable table(problem);
        detail::readiness ready(problem);
        double makespan = 0.0;
        std::vector<task_id> next;
        for (auto wave = ready.initial(); !wave.empty(); wave = std::exchange(next, {}))
            while (!wave.empty()) {
                auto pairs = all_pairs(table, wave, makespan);
                if (pairs.empty()) return table.try_place(wave.front(), {}).map([] { return schedule{}; });
                const auto [least, most] =
                    std::minmax_element(pairs.begin(), pairs.end(),
                                        [](const pair& a, const pair& b) { return a.longer < b.longer; });
                const double limit = least->longer + alpha * (most->longer - least->longer);
                std::erase_if(pairs, [&](const pair& p) { return p.longer > limit; });
                const pair chosen = pairs[random.index(pairs.size())];
                const task_id t = wave[chosen.at];
                table.place(t, chosen.where);
                makespan = std::max(makespan, chosen.where.finish);
                wave.erase(wave.begin() + static_cast<std::ptrdiff_t>(chosen.at));
                ready.placed(t, [&](task_id r) { next.push_back(r); });
            }
        return std::move(table).take();
    }

    [[nodiscard]] static std::vector<pair> all_pairs(detail::timetable& table,
                                                     const std::vector<task_id>& wave, double makespan) {
        std::vector<pair> pairs;
        for (std::size_t i = 0; i < wave.size(); ++i) {
            const auto& arrivals = table.arrivals(wave[i]);
            for (device_id d = 0; d < arrivals.size(); ++d)
                if (const auto s = table.slot_on(wave[i], d, arrivals[d], false); s.device != no_id)
                    pairs.push_back({i, s, std::max(0.0, s.finish - makespan)});
        }
        return pairs;
    }
};
static_assert(scheduler<wba>);

}  // namespace dispart
