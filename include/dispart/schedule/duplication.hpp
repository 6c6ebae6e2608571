#pragma once
/// \file
/// Task duplication: a task may run on several devices, so that its readers need not wait for a transfer.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/calendar.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

/// [task] where and when it runs, once or several times, on different devices; its readers use whichever result they
/// have first.
struct duplicated_schedule {
    std::vector<std::vector<scheduled_task>> copies{};

    /// Seconds until all copies are done.
    [[nodiscard]] double makespan() const noexcept {
        double end = 0.0;
        for (const auto& row : copies)
            for (const scheduled_task& c : row) end = std::max(end, c.finish);
        return end;
    }
};

namespace detail {

/// When the first result of a task arrives on a device.
[[nodiscard]] inline double first_arrival(const schedule_problem& problem,
                                          const std::vector<scheduled_task>& copies, device_id to,
                                          double bytes) {
    double first = std::numeric_limits<double>::infinity();
    for (const scheduled_task& c : copies)
        first = std::min(first, c.finish + problem.transfer(c.device, to, bytes));
    return first;
}

/// Where a task would run, and the copies of its inputs that would be made there for it.
struct duplicating_slot {
    scheduled_task own{no_id, 0.0, std::numeric_limits<double>::infinity()};
    std::vector<std::pair<task_id, scheduled_task>> extra{};
    calendar busy{};  ///< of the device, with the copies
};

class duplicating_table {
  public:
    explicit duplicating_table(const schedule_problem& problem)
        : problem_(problem)
        , busy_(problem.device_count()) {
        made_.copies.resize(problem.task_count());
    }

    /// The slot on a device, with inputs copied there as long as each copy lets the task finish earlier.
    [[nodiscard]] duplicating_slot try_on(task_id t, device_id d) {
        duplicating_slot best;
        if (!problem_.is_allowed(t, d)) return best;
        calendar busy = busy_[d];
        std::vector<std::pair<task_id, scheduled_task>> extra;
        for (;;) {
            const auto [ready, last] = last_input(t, d);
            const double start = busy.earliest(ready, problem_.seconds(t, d));
            const double finish = start + problem_.seconds(t, d);
            if (!(finish < best.own.finish)) break;
            best = {{d, start, finish}, extra, busy};
            if (last == no_id || !problem_.is_allowed(last, d)) break;
            const double begin = busy.earliest(last_input(last, d).first, problem_.seconds(last, d));
            const double end = begin + problem_.seconds(last, d);
            if (!(end < ready)) break;
            busy.enter(begin, end);
            extra.emplace_back(last, scheduled_task{d, begin, end});
            made_.copies[last].push_back(extra.back().second);
        }
        for (auto e = extra.rbegin(); e != extra.rend(); ++e) made_.copies[e->first].pop_back();
        return best;
    }

    void place(task_id t, duplicating_slot&& s) {
        for (const auto& [input, copy] : s.extra) made_.copies[input].push_back(copy);
        made_.copies[t].push_back(s.own);
        busy_[s.own.device] = std::move(s.busy);
        busy_[s.own.device].enter(s.own.start, s.own.finish);
    }
    [[nodiscard]] duplicated_schedule take() && { return std::move(made_); }

  private:
    /// When all inputs are on the device, and which comes last by a transfer (`no_id`: none waits for one).
    [[nodiscard]] std::pair<double, task_id> last_input(task_id t, device_id d) const {
        std::pair<double, task_id> last{problem_.release(t), no_id};
        for (const neighbour& in : problem_.inputs(t)) {
            const auto& copies = made_.copies[in.task];
            const double at = first_arrival(problem_, copies, d, in.bytes);
            if (at <= last.first) continue;
            const bool here = std::any_of(copies.begin(), copies.end(),
                                          [&](const scheduled_task& c) { return c.device == d; });
            last = {at, here ? no_id : in.task};
        }
        return last;
    }

    const schedule_problem& problem_;
    duplicated_schedule made_{};
    std::vector<calendar> busy_;
};

}  // namespace detail

/// Whether a schedule with copies can be executed: every task at least once, releases, durations, one task at a time on a
/// device, and for each copy a result of each input that has arrived. Times may be off by 1e-9 of the schedule's length.
/// Errors: invalid_argument, with the first task that breaks a rule. O((copies + dependencies * copies^2) log).
[[nodiscard]] inline result<void> validate_duplicated(const schedule_problem& problem,
                                                      const duplicated_schedule& given) {
    if (given.copies.size() != problem.task_count())
        return fail(errc::invalid_argument, "schedule", "it is for another number of tasks");
    const double tolerance = 1e-9 * given.makespan();
    std::vector<std::vector<std::pair<scheduled_task, task_id>>> rows(problem.device_count());
    for (task_id t = 0; t < given.copies.size(); ++t) {
        const auto wrong = [&](const char* what) {
            return fail(errc::invalid_argument, problem.task_label(t), what);
        };
        if (given.copies[t].empty()) return wrong("the task runs nowhere");
        for (const scheduled_task& c : given.copies[t]) {
            if (c.device >= problem.device_count() || !problem.is_allowed(t, c.device))
                return wrong("the task may not run on its device");
            if (!(c.start >= problem.release(t) - tolerance) ||
                !(std::abs(c.finish - c.start - problem.seconds(t, c.device)) <= tolerance))
                return wrong("the task starts before its release or does not take its duration");
            for (const neighbour& in : problem.inputs(t))
                if (!(detail::first_arrival(problem, given.copies[in.task], c.device, in.bytes) <=
                      c.start + tolerance))
                    return wrong("the task starts before its input arrives");
            rows[c.device].emplace_back(c, t);
        }
    }
    for (auto& row : rows) {
        std::sort(row.begin(), row.end(), [](const auto& a, const auto& b) {
            return std::pair(a.first.start, a.first.finish) < std::pair(b.first.start, b.first.finish);
        });
        for (std::size_t i = 1; i < row.size(); ++i)
            if (row[i].first.start < row[i - 1].first.finish - tolerance)
                return fail(errc::invalid_argument, problem.task_label(row[i].second),
                            "the task overlaps another on its device");
    }
    return {};
}

/// A schedule with duplicated tasks: tasks by falling upward rank, each where it finishes first if the input that comes
/// last may be run again there, in a gap before it, and then the next that comes last, as long as that helps.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic; not always shorter than `heft`.
/// O(tasks * devices * (inputs^2 * copies + k)) for k tasks on a device. Source: Kruatrachue, Lewis, "Grain size
/// determination for parallel processing", IEEE Software 5(1), 1988 (DSH), with the ranks and insertion of `heft`.
[[nodiscard]] inline result<duplicated_schedule> schedule_with_duplication(const schedule_problem& problem) {
    const auto rank =
        detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
    detail::duplicating_table table(problem);
    for (const task_id t : detail::by_priority(problem, rank)) {
        detail::duplicating_slot best;
        for (device_id d = 0; d < problem.device_count(); ++d)
            if (auto s = table.try_on(t, d); s.own.finish < best.own.finish) best = std::move(s);
        if (best.own.device == no_id)
            return fail(errc::infeasible, problem.task_label(t),
                        "no device may run the task and be reached from where its inputs are made");
        table.place(t, std::move(best));
    }
    return std::move(table).take();
}

}  // namespace dispart
