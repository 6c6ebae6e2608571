#pragma once
/// \file
/// Steady state: one schedule that is repeated every period, so that several requests are under way at a time.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

/// Where and when each task of request 0 runs; request k does the same `k * period` later.
struct periodic_schedule {
    double period = 0.0;  ///< seconds between requests
    schedule first{};     ///< of request 0; its makespan is every request's latency

    /// How many requests are under way at a time, at most.
    [[nodiscard]] std::size_t in_flight() const {
        return period > 0.0 ? static_cast<std::size_t>(std::ceil(first.makespan() / period - 1e-9)) : 1;
    }
};

namespace detail {

/// The share of a period that has passed at a time, in [0, period).
[[nodiscard]] inline double phase_of(double time, double period) {
    const double rest = std::fmod(time, period);
    return rest < period ? rest : 0.0;
}

/// The first time at or after `ready` that has a phase.
[[nodiscard]] inline double next_with_phase(double ready, double phase, double period) {
    const double wait = phase - phase_of(ready, period);
    return ready + (wait < -1e-12 * period ? wait + period : std::max(wait, 0.0));
}

/// [device] seconds per request.
[[nodiscard]] inline std::vector<double> steady_loads(const schedule_problem& problem,
                                                      const std::vector<device_id>& device) {
    std::vector<double> load(problem.device_count(), 0.0);
    for (task_id t = 0; t < device.size(); ++t) load[device[t]] += problem.seconds(t, device[t]);
    return load;
}

}  // namespace detail

/// Devices for a short period: long tasks first, each where the load stays least; then single tasks are moved off the
/// busiest device as long as that helps. Resident memory limits are kept. Transfers only count where there is no route.
///
/// Errors: infeasible (no device has memory for some task). Heuristic; O(tasks * devices) per round. Source: Graham, "Bounds
/// on multiprocessing timing anomalies", SIAM J. Applied Mathematics 17(2), 1969 (longest first).
[[nodiscard]] inline result<std::vector<device_id>> steady_devices(const schedule_problem& problem) {
    const std::size_t devices = problem.device_count();
    const schedule_memory& memory = problem.tables().memory;
    std::vector<device_id> on(problem.task_count(), no_id);
    std::vector<double> load(devices, 0.0), used(devices, 0.0);
    const auto resident = [&](task_id t) { return memory.resident.empty() ? 0.0 : memory.resident[t]; };
    const auto fits = [&](task_id t, device_id d) {
        return problem.is_allowed(t, d) &&
               (memory.capacity.empty() || used[d] + resident(t) <= memory.capacity[d]);
    };
    const auto least_loaded = [&](task_id t) {
        device_id best = no_id;
        for (device_id d = 0; d < devices; ++d)
            if (d != on[t] && fits(t, d) &&
                (best == no_id || load[d] + problem.seconds(t, d) < load[best] + problem.seconds(t, best)))
                best = d;
        return best;
    };
    const auto put = [&](task_id t, device_id d) {
        if (on[t] != no_id) load[on[t]] -= problem.seconds(t, on[t]), used[on[t]] -= resident(t);
        on[t] = d;
        load[d] += problem.seconds(t, d);
        used[d] += resident(t);
    };
    std::vector<double> shortest(on.size());
    for (task_id t = 0; t < on.size(); ++t) {
        const auto row = problem.seconds(t);
        shortest[t] = *std::min_element(row.begin(), row.end());
    }
    std::vector<task_id> line(on.size());
    std::iota(line.begin(), line.end(), task_id{0});
    std::stable_sort(line.begin(), line.end(),
                     [&](task_id a, task_id b) { return shortest[a] > shortest[b]; });
    for (const task_id t : line) {
        const device_id d = least_loaded(t);
        if (d == no_id)
            return fail(errc::infeasible, problem.task_label(t), "no device has memory left for the task");
        put(t, d);
    }
    for (bool moved = true; moved;) {
        moved = false;
        const auto busiest = static_cast<device_id>(std::max_element(load.begin(), load.end()) - load.begin());
        for (const task_id t : line) {
            if (on[t] != busiest) continue;
            const device_id d = least_loaded(t);
            if (d == no_id || load[d] + problem.seconds(t, d) >= load[busiest] * (1.0 - 1e-9)) continue;
            put(t, d);
            moved = true;
            break;
        }
    }
    return on;
}

/// No period of one device per task is shorter: work spread over all devices, or the shortest run of a task.
/// O(tasks * devices).
[[nodiscard]] inline double period_bound(const schedule_problem& problem) {
    const auto share = detail::spread_work(problem).share;
    double bound = std::accumulate(share.begin(), share.end(), 0.0) * (1.0 - 1e-12);
    for (task_id t = 0; t < problem.task_count(); ++t) {
        const auto row = problem.seconds(t);
        bound = std::max(bound, *std::min_element(row.begin(), row.end()));
    }
    return bound;
}

/// The periodic schedule for given devices, with the shortest period that they allow, or a longer one.
///
/// A device runs its tasks once per period in one fixed order without gaps; a task starts at the first turn at or after the
/// arrival of its inputs, so that it may belong to an older request than its neighbours. The order is that of the earliest
/// starts without waiting, which makes latency short (heuristic); the period is exact: the greatest load of a device.
/// \param device [task] where it runs
/// \param period seconds, if longer than the greatest load
/// Errors: invalid_argument (a device that does not exist or may not run its task; a period that is not finite; a problem
/// with releases), infeasible (no route for a dependency).
/// O(tasks log tasks + dependencies). Source: software pipelining by modulo scheduling: Rau, Glaeser, "Some scheduling
/// techniques and an easily schedulable horizontal architecture for high performance scientific computing", MICRO 1981.
[[nodiscard]] inline result<periodic_schedule>
make_periodic(const schedule_problem& problem, const std::vector<device_id>& device, double period = 0.0) {
    const std::size_t n = problem.task_count();
    if (device.size() != n || !std::isfinite(period) || !problem.tables().release.empty())
        return fail(errc::invalid_argument, "periodic schedule",
                    "it needs a device for every task, a finite period and no releases");
    for (task_id t = 0; t < n; ++t)
        if (device[t] >= problem.device_count() || !problem.is_allowed(t, device[t]))
            return fail(errc::invalid_argument, problem.task_label(t), "the task may not run on its device");
    const auto load = detail::steady_loads(problem, device);
    periodic_schedule made{.period = std::max(period, *std::max_element(load.begin(), load.end()))};
    made.first.tasks.resize(n);
    auto& tasks = made.first.tasks;
    const auto ready = [&](task_id t) {
        double at = 0.0;
        for (const neighbour& in : problem.inputs(t))
            at = std::max(at, tasks[in.task].finish + problem.transfer(device[in.task], device[t], in.bytes));
        return at;
    };
    const auto put = [&](task_id t, double start) {
        tasks[t] = {device[t], start, start + problem.seconds(t, device[t])};
    };
    for (const task_id t : problem.topological_order()) {
        put(t, ready(t));
        if (!std::isfinite(tasks[t].start))
            return fail(errc::infeasible, problem.task_label(t), "its inputs have no route to its device");
    }
    // turns: one behind the other on each device, by earliest start
    std::vector<task_id> line = problem.topological_order();
    std::stable_sort(line.begin(), line.end(),
                     [&](task_id a, task_id b) { return tasks[a].start < tasks[b].start; });
    std::vector<double> free(problem.device_count(), -1.0), phase(n, 0.0);
    for (const task_id t : line) {
        double& at = free[device[t]];
        phase[t] = at < 0.0 ? tasks[t].start : at;
        at = phase[t] + problem.seconds(t, device[t]);
    }
    for (const task_id t : problem.topological_order()) {
        const double at = ready(t);
        put(t, made.period > 0.0
                   ? detail::next_with_phase(at, detail::phase_of(phase[t], made.period), made.period)
                   : at);
    }
    return made;
}

/// Whether a periodic schedule can be executed: devices and durations, arrival of all inputs, and no two tasks of a
/// device at one time, whichever requests they belong to. Times may be off by 1e-9 of latency and period.
/// Errors: invalid_argument, with the first task that breaks a rule. O(tasks log tasks + dependencies).
[[nodiscard]] inline result<void> validate_periodic(const schedule_problem& problem,
                                                    const periodic_schedule& given) {
    const auto& tasks = given.first.tasks;
    const auto wrong = [&](task_id t, const char* what) {
        return fail(errc::invalid_argument, problem.task_label(t), what);
    };
    if (tasks.size() != problem.task_count() || !(given.period >= 0.0))
        return fail(errc::invalid_argument, "schedule", "it is for another number of tasks");
    const double tolerance = 1e-9 * (given.first.makespan() + given.period);
    struct turn {
        double phase;
        task_id task;
    };
    std::vector<std::vector<turn>> turns(problem.device_count());
    for (task_id t = 0; t < tasks.size(); ++t) {
        const auto& [device, start, finish] = tasks[t];
        if (device >= problem.device_count() || !problem.is_allowed(t, device))
            return wrong(t, "the task may not run on its device");
        if (!(start >= 0.0) || std::abs(finish - start - problem.seconds(t, device)) > tolerance)
            return wrong(t, "the task does not take its duration");
        for (const neighbour& in : problem.inputs(t))
            if (!(start >= tasks[in.task].finish + problem.transfer(tasks[in.task].device, device, in.bytes) -
                               tolerance))
                return wrong(t, "the task starts before its input arrives");
        if (finish - start > tolerance)
            turns[device].push_back({given.period > 0.0 ? detail::phase_of(start, given.period) : 0.0, t});
    }
    for (auto& row : turns) {
        std::sort(row.begin(), row.end(), [](const turn& a, const turn& b) { return a.phase < b.phase; });
        for (std::size_t i = 0; i < row.size(); ++i) {
            const bool last = i + 1 == row.size();
            const double next = last ? row[0].phase + given.period : row[i + 1].phase;
            const auto& s = tasks[row[i].task];
            if (row[i].phase + (s.finish - s.start) > next + tolerance)
                return wrong(row[i].task, "the task overlaps another turn of its device");
        }
    }
    return {};
}

}  // namespace dispart
