#pragma once
/// \file
/// The judge: whether a schedule, ours or a stranger's, can be executed as it stands.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

namespace detail {

/// Room for rounding: a share of the schedule's length.
[[nodiscard]] inline double time_tolerance(const schedule& given) { return 1e-9 * given.makespan(); }

inline result<void> check_tasks(const schedule_problem& problem, const schedule& given, double tolerance) {
    for (task_id t = 0; t < problem.task_count(); ++t) {
        const auto& [device, start, finish] = given.tasks[t];
        const auto wrong = [&](const char* what) {
            return fail(errc::invalid_argument, problem.task_label(t), what);
        };
        if (device >= problem.device_count()) return wrong("the task is on no device");
        if (!std::isfinite(start) || !std::isfinite(finish)) return wrong("a time is not finite");
        if (!problem.is_allowed(t, device)) return wrong("the task may not run on its device");
        if (start < problem.release(t) - tolerance || start < -tolerance)
            return wrong("the task starts before its release");
        if (std::abs(finish - start - problem.seconds(t, device)) > tolerance)
            return wrong("the task does not take its duration");
    }
    return {};
}

inline result<void> check_transfers(const schedule_problem& problem, const schedule& given, double tolerance) {
    for (const dependency& d : problem.tables().dependencies) {
        const scheduled_task& from = given.tasks[d.from];
        const scheduled_task& to = given.tasks[d.to];
        const double arrival = from.finish + problem.transfer(from.device, to.device, d.bytes);
        if (!(to.start >= arrival - tolerance))
            return fail(errc::invalid_argument, problem.task_label(d.to),
                        "the task starts at " + std::to_string(to.start) + ", its input from " +
                            problem.task_label(d.from) + " arrives at " + std::to_string(arrival));
    }
    return {};
}

/// [device] its tasks by start; those without duration before others that start with them, in topological order.
[[nodiscard]] inline std::vector<std::vector<task_id>> device_orders(const schedule_problem& problem,
                                                                     const schedule& given) {
    std::vector<std::vector<task_id>> orders(problem.device_count());
    for (const task_id t : problem.topological_order()) orders[given.tasks[t].device].push_back(t);
    for (auto& order : orders)
        std::stable_sort(order.begin(), order.end(), [&](task_id a, task_id b) {
            const auto &x = given.tasks[a], &y = given.tasks[b];
            return std::tie(x.start, x.finish) < std::tie(y.start, y.finish);
        });
    return orders;
}

inline result<void> check_exclusive(const schedule_problem& problem, const schedule& given, double tolerance) {
    for (const auto& order : device_orders(problem, given))
        for (std::size_t i = 1; i < order.size(); ++i)
            if (given.tasks[order[i]].start < given.tasks[order[i - 1]].finish - tolerance)
                return fail(errc::invalid_argument, problem.task_label(order[i]),
                            "the task overlaps " + problem.task_label(order[i - 1]) + " on " +
                                problem.device_label(given.tasks[order[i]].device));
    return {};
}

/// A change of what a device holds.
struct memory_change {
    double at;
    double bytes;
};

/// Adds `bytes` from `begin` to `end`.
inline void hold(std::vector<memory_change>& changes, double begin, double end, double amount) {
    if (amount == 0.0) return;
    changes.push_back({begin, amount});
    changes.push_back({end, -amount});
}

/// Adds a task's result on its own device and on those that read it.
inline void hold_output(const schedule_problem& problem, const schedule& given, task_id t, double amount,
                        std::vector<std::vector<memory_change>>& changes) {
    const scheduled_task& made = given.tasks[t];
    std::vector<std::pair<device_id, double>> readers;  // device, end of the last reader there
    double kept = made.finish;                          // until every reader elsewhere has its copy
    for (const neighbour& out : problem.outputs(t)) {
        const scheduled_task& reader = given.tasks[out.task];
        readers.emplace_back(reader.device, reader.finish);
        kept = std::max(kept, reader.device == made.device
                                  ? reader.finish
                                  : made.finish + problem.transfer(made.device, reader.device, out.bytes));
    }
    hold(changes[made.device], made.start, kept, amount);
    std::sort(readers.begin(), readers.end());
    for (std::size_t i = 0; i < readers.size(); ++i)
        if (readers[i].first != made.device &&
            (i + 1 == readers.size() || readers[i + 1].first != readers[i].first))
            hold(changes[readers[i].first], made.finish, readers[i].second, amount);
}

}  // namespace detail

/// [device] the most bytes that it holds at any time under a schedule: resident ones of all its tasks, workspaces of
/// running ones, results until they are read (`schedule_memory`). What ends at a moment is gone when the next begins.
/// Precondition: the schedule names a device for every task. O((tasks + dependencies) log).
[[nodiscard]] inline std::vector<double> peak_memory(const schedule_problem& problem, const schedule& given) {
    const schedule_memory& memory = problem.tables().memory;
    const auto of = [](const std::vector<double>& column, task_id t) {
        return column.empty() ? 0.0 : column[t];
    };
    std::vector<double> peak(problem.device_count(), 0.0);
    std::vector<std::vector<detail::memory_change>> changes(problem.device_count());
    for (task_id t = 0; t < problem.task_count(); ++t) {
        const scheduled_task& s = given.tasks[t];
        peak[s.device] += of(memory.resident, t);
        detail::hold(changes[s.device], s.start, s.finish, of(memory.working, t));
        if (!memory.output.empty()) detail::hold_output(problem, given, t, memory.output[t], changes);
    }
    for (device_id d = 0; d < peak.size(); ++d) {
        std::sort(changes[d].begin(), changes[d].end(), [](const auto& a, const auto& b) {
            return std::tie(a.at, a.bytes) < std::tie(b.at, b.bytes);
        });
        double now = peak[d];
        for (const auto& change : changes[d]) peak[d] = std::max(peak[d], now += change.bytes);
    }
    return peak;
}

/// Whether a schedule keeps every rule of its problem but memory limits; see `validate`.
[[nodiscard]] inline result<void> validate_timing(const schedule_problem& problem, const schedule& given) {
    if (given.tasks.size() != problem.task_count())
        return fail(errc::invalid_argument, "schedule",
                    "it has " + std::to_string(given.tasks.size()) + " tasks instead of " +
                        std::to_string(problem.task_count()));
    const double tolerance = detail::time_tolerance(given);
    DISPART_CHECK(detail::check_tasks(problem, given, tolerance));
    DISPART_CHECK(detail::check_transfers(problem, given, tolerance));
    return detail::check_exclusive(problem, given, tolerance);
}

/// Whether every device has memory for what a schedule lets it hold. Precondition: as `peak_memory`.
/// Errors: limit_exceeded, with the device whose memory is too small.
[[nodiscard]] inline result<void> validate_memory(const schedule_problem& problem, const schedule& given) {
    const auto& capacity = problem.tables().memory.capacity;
    if (capacity.empty()) return {};
    const auto peak = peak_memory(problem, given);
    for (device_id d = 0; d < peak.size(); ++d)
        if (peak[d] > capacity[d] * (1.0 + 1e-9))
            return fail(errc::limit_exceeded, problem.device_label(d),
                        "its tasks need " + std::to_string(peak[d]) + " bytes of " +
                            std::to_string(capacity[d]));
    return {};
}

/// Whether a schedule keeps every rule of its problem: a place and its duration for each task, releases, arrival of all
/// inputs, one task at a time on a device, memory at any time. Times may be off by 1e-9 of the schedule's length.
/// Errors: invalid_argument, with the first task that breaks a rule; those of `validate_memory`.
/// O((tasks + dependencies) log).
[[nodiscard]] inline result<void> validate(const schedule_problem& problem, const schedule& given) {
    DISPART_CHECK(validate_timing(problem, given));
    return validate_memory(problem, given);
}

}  // namespace dispart
