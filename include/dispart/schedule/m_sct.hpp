#pragma once
/// \file
/// Small communication times under memory limits.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

namespace detail {

/// [task] the reader that should follow it on its device, each of at most one task; `no_id`: none. Tasks with the longest
/// ways ahead choose first, each the reader on its own longest way that is left. O(n log n + dependencies).
[[nodiscard]] inline std::vector<task_id> favourite_children(const schedule_problem& problem,
                                                             const std::vector<double>& rank,
                                                             const mean_transfer& transfer) {
    std::vector<task_id> favourite(problem.task_count(), no_id);
    std::vector<bool> taken(problem.task_count(), false);
    for (const task_id t : by_priority(problem, rank)) {
        double longest = -1.0;
        for (const neighbour& out : problem.outputs(t))
            if (const double way = transfer(out.bytes) + rank[out.task]; !taken[out.task] && way > longest)
                longest = way, favourite[t] = out.task;
        if (favourite[t] != no_id) taken[favourite[t]] = true;
    }
    return favourite;
}

}  // namespace detail

/// m-SCT: of all ready tasks and devices the pair that can start first, where a device that has just run a task is kept
/// for that task's favourite child as long as a transfer would take, except for tasks that could start anywhere; ties go to
/// the longest way ahead, then to the earliest finish. Resident memory limits are kept.
///
/// The source finds favourite children by rounding a linear program; here longest ways choose greedily.
/// Errors: infeasible (no device has routes from all inputs of some task), limit_exceeded (no memory is left for it). Heuristic.
/// O(tasks * ready tasks * devices + dependencies * devices). Sources: Hanen, Munier, "An approximation algorithm for
/// scheduling dependent tasks on m processors with small communication delays", Discrete Applied Mathematics 108(3), 2001;
/// Jeon et al., "Baechi: fast device placement of machine learning graphs", SoCC 2020 (memory).
struct m_sct {
    [[nodiscard]] static constexpr std::string_view name() { return "m-sct"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        return run(problem).place_all();
    }

  private:
    struct ready_task {
        task_id task;
        std::vector<double> arrivals;
        double anywhere;  ///< when its inputs are on every device that may run it
    };

    class run {
      public:
        explicit run(const schedule_problem& problem)
            : problem_(problem)
            , transfer_(detail::mean_over_pairs(problem, false))
            , rank_(detail::upward_ranks(problem, detail::mean_seconds(problem), transfer_))
            , favourite_(detail::favourite_children(problem, rank_, transfer_))
            , table_(problem)
            , last_(problem.device_count(), no_id)
            , used_(problem.device_count(), 0.0) {}

        [[nodiscard]] result<schedule> place_all() {
            detail::readiness ready(problem_);
            std::vector<ready_task> line;
            const auto add = [&](task_id t) { line.push_back(arrived(t)); };
            for (const task_id t : ready.initial()) add(t);
            while (!line.empty()) {
                const auto [index, slot] = first_to_start(line);
                const task_id t = line[index].task;
                if (slot.device == no_id && !fits_somewhere(t))
                    return fail(errc::limit_exceeded, problem_.task_label(t),
                                "no device that may run the task has memory left for it");
                DISPART_CHECK(table_.try_place(t, slot));
                last_[slot.device] = t;
                used_[slot.device] += resident(t);
                line.erase(line.begin() + static_cast<std::ptrdiff_t>(index));
                ready.placed(t, add);
            }
            return std::move(table_).take();
        }

      private:
        [[nodiscard]] ready_task arrived(task_id t) {
            ready_task made{t, table_.arrivals(t), 0.0};
            for (device_id d = 0; d < last_.size(); ++d)
                if (problem_.is_allowed(t, d)) made.anywhere = std::max(made.anywhere, made.arrivals[d]);
            return made;
        }
        [[nodiscard]] double resident(task_id t) const {
            const auto& all = problem_.tables().memory.resident;
            return all.empty() ? 0.0 : all[t];
        }
        [[nodiscard]] bool fits(task_id t, device_id d) const {
            const auto& capacity = problem_.tables().memory.capacity;
            return capacity.empty() || used_[d] + resident(t) <= capacity[d];
        }

        [[nodiscard]] bool fits_somewhere(task_id t) const {
            for (device_id d = 0; d < last_.size(); ++d)
                if (problem_.is_allowed(t, d) && fits(t, d)) return true;
            return false;
        }

        /// Until when a device is kept for the favourite child of what it ran last.
        [[nodiscard]] double kept_until(device_id d, task_id t) const {
            const task_id last = last_[d];
            if (last == no_id || favourite_[last] == no_id || favourite_[last] == t ||
                table_.is_placed(favourite_[last]))
                return 0.0;
            double wait = 0.0;
            for (const neighbour& out : problem_.outputs(last))
                if (out.task == favourite_[last]) wait = std::max(wait, transfer_(out.bytes));
            return table_.available(d) + wait;
        }

        [[nodiscard]] std::pair<std::size_t, detail::slot>
        first_to_start(const std::vector<ready_task>& line) const {
            std::pair<std::size_t, detail::slot> best{0, {}};
            std::tuple<double, double, double> least{detail::never, 0.0, 0.0};
            for (std::size_t i = 0; i < line.size(); ++i)
                for (device_id d = 0; d < last_.size(); ++d) {
                    const auto& [t, arrivals, anywhere] = line[i];
                    if (!fits(t, d)) continue;
                    const bool urgent = anywhere <= table_.available(d);
                    const double from = urgent ? arrivals[d] : std::max(arrivals[d], kept_until(d, t));
                    const detail::slot s = table_.slot_on(t, d, from, false);
                    if (s.device == no_id) continue;
                    if (const std::tuple value(s.start, -rank_[t], s.finish); value < least)
                        least = value, best = {i, s};
                }
            return best;
        }

        const schedule_problem& problem_;
        detail::mean_transfer transfer_;
        std::vector<double> rank_;
        std::vector<task_id> favourite_;
        detail::timetable table_;
        std::vector<task_id> last_;  // [device]
        std::vector<double> used_;   // [device] bytes
    };
};
static_assert(scheduler<m_sct>);

}  // namespace dispart
