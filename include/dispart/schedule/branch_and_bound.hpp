#pragma once
/// \file
/// The shortest schedule, proven, for small problems.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/registry.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

/// What an exact search found.
struct exact_schedule {
    schedule best{};
    bool proven = false;    ///< nothing is shorter; false where the search was cut off
    std::size_t nodes = 0;  ///< partial schedules that were looked at
};

namespace detail {

/// Depth-first search over schedules built by appending tasks in order of their starts, which every schedule without
/// needless waiting can be.
class exact_search {
  public:
    exact_search(const schedule_problem& problem, std::size_t most_nodes)
        : problem_(problem)
        , most_nodes_(most_nodes)
        , devices_(problem.device_count())
        , ways_(bound_ways(problem))
        , spread_(spread_work(problem))
        , waiting_(problem.task_count())
        , available_(devices_, 0.0)
        , earliest_(problem.task_count() * devices_, 0.0)
        , left_(std::accumulate(spread_.share.begin(), spread_.share.end(), 0.0)) {
        now_.tasks.resize(problem.task_count());
        for (task_id t = 0; t < waiting_.size(); ++t) waiting_[t] = problem.inputs(t).size();
    }

    /// \param known a schedule to beat; may be empty
    exact_schedule run(result<schedule> known) {
        if (known) best_makespan_ = known->makespan(), best_ = std::move(*known);
        descend(0, 0.0, 0.0);
        return {std::move(best_), nodes_ < most_nodes_, nodes_};
    }

  private:
    struct choice {
        task_id task;
        device_id device;
        double start;
        double bound;
    };

    void descend(std::size_t placed, double last_start, double end) {
        if (placed == problem_.task_count()) {
            if (end < best_makespan_) best_makespan_ = end, best_ = now_;
            return;
        }
        for (const choice& c : choices(last_start)) {
            if (nodes_ >= most_nodes_) return;
            if (!can_improve(c.bound)) break;  // choices are sorted by bound
            ++nodes_;
            const double before = available_[c.device];
            const double finish = c.start + problem_.seconds(c.task, c.device);
            now_.tasks[c.task] = {c.device, c.start, finish};
            available_[c.device] = finish;
            left_ -= spread_.share[c.task];
            for (const neighbour& out : problem_.outputs(c.task)) --waiting_[out.task];
            if (can_improve(bound(c.start))) descend(placed + 1, c.start, std::max(end, finish));
            for (const neighbour& out : problem_.outputs(c.task)) ++waiting_[out.task];
            left_ += spread_.share[c.task];
            available_[c.device] = before;
            now_.tasks[c.task] = {};
        }
    }

    [[nodiscard]] bool can_improve(double bound) const noexcept {
        return bound < best_makespan_ * (1.0 - 1e-12);
    }

    /// Every ready task on every device where it would not start before what is placed.
    [[nodiscard]] std::vector<choice> choices(double last_start) const {
        std::vector<choice> all;
        for (const task_id t : problem_.topological_order()) {
            if (waiting_[t] > 0 || now_.tasks[t].device != no_id) continue;
            for (device_id d = 0; d < devices_; ++d) {
                double start = std::max(available_[d], problem_.release(t));
                for (const neighbour& in : problem_.inputs(t)) {
                    const scheduled_task& from = now_.tasks[in.task];
                    start = std::max(start, from.finish + problem_.transfer(from.device, d, in.bytes));
                }
                const double through = start + problem_.seconds(t, d) + ways_.after[t * devices_ + d];
                if (start >= last_start && can_improve(through)) all.push_back({t, d, start, through});
            }
        }
        std::stable_sort(all.begin(), all.end(), [](const choice& a, const choice& b) {
            return std::pair(a.bound, a.start) < std::pair(b.bound, b.start);
        });
        return all;
    }

    /// A lower bound on every completion of the partial schedule.
    [[nodiscard]] double bound(double last_start) {
        double least = std::inner_product(available_.begin(), available_.end(), spread_.weight.begin(), left_);
        least *= 1.0 - 1e-9;  // left_ has been added up and down
        for (const task_id t : problem_.topological_order()) {
            const scheduled_task& s = now_.tasks[t];
            if (s.device != no_id) {
                least = std::max(least, s.finish + ways_.after[t * devices_ + s.device]);
                continue;
            }
            double through = std::numeric_limits<double>::infinity();
            for (device_id d = 0; d < devices_; ++d) {
                const double start = earliest_start(t, d, last_start);
                earliest_[t * devices_ + d] = start;
                through = std::min(through, start + problem_.seconds(t, d) + ways_.after[t * devices_ + d]);
            }
            least = std::max(least, through);
        }
        return least;
    }

    /// Of a task that is not placed, whatever else is done; those before it in topological order have theirs.
    [[nodiscard]] double earliest_start(task_id t, device_id d, double last_start) const {
        double start = std::max({available_[d], last_start, problem_.release(t)});
        for (const neighbour& in : problem_.inputs(t)) {
            const scheduled_task& from = now_.tasks[in.task];
            double arrival = std::numeric_limits<double>::infinity();
            if (from.device != no_id) arrival = from.finish + problem_.transfer(from.device, d, in.bytes);
            else
                for (device_id e = 0; e < devices_; ++e)
                    arrival =
                        std::min(arrival, earliest_[in.task * devices_ + e] + problem_.seconds(in.task, e) +
                                              problem_.transfer(e, d, in.bytes));
            start = std::max(start, arrival);
        }
        return start;
    }

    const schedule_problem& problem_;
    std::size_t most_nodes_;
    std::size_t devices_;
    way_bounds ways_;
    work_spread spread_;
    std::vector<std::size_t> waiting_;
    std::vector<double> available_;
    std::vector<double> earliest_;
    double left_;
    schedule now_{};
    schedule best_{};
    double best_makespan_ = std::numeric_limits<double>::infinity();
    std::size_t nodes_ = 0;
};

}  // namespace detail

/// The shortest schedule, by depth-first branch and bound from the best list schedule. Memory limits are not looked at.
///
/// Errors: infeasible (no schedule exists), limit_exceeded (none was found within `most_nodes`). Exact where `proven`;
/// otherwise the best that was found. Exponential; some ten tasks on a few devices take milliseconds.
/// A node costs O((tasks + dependencies) * devices^2).
[[nodiscard]] inline result<exact_schedule> branch_and_bound(const schedule_problem& problem,
                                                             std::size_t most_nodes = 10'000'000) {
    result<schedule> known = fail(errc::infeasible, "schedule", "no list scheduler found one");
    for (const named_scheduler& each : list_schedulers())
        if (auto made = each.run(problem); made && (!known || made->makespan() < known->makespan()))
            known = std::move(made);
    exact_schedule found = detail::exact_search(problem, most_nodes).run(std::move(known));
    if (!found.best.tasks.empty()) return found;
    if (found.proven)
        return fail(errc::infeasible, "schedule", "no placement has routes for all dependencies");
    return fail(errc::limit_exceeded, "most_nodes", "the search ended before it found a schedule");
}

}  // namespace dispart
