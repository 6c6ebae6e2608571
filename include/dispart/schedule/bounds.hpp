#pragma once
/// \file
/// What no schedule can beat: lower bounds on the makespan, and the gap of a schedule.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart {

/// Lower bounds on the makespan of any schedule without duplicated tasks, in seconds.
struct makespan_bounds {
    double critical_path = 0.0;  ///< the longest way through the graph, each task and transfer at its best
    double work = 0.0;           ///< all work, spread over all devices without loss
    double interval = 0.0;       ///< the work between an early and a late moment, spread so

    [[nodiscard]] double best() const noexcept { return std::max({critical_path, work, interval}); }
};

/// (makespan - bound) / makespan: at most so much could be gained; 0 for a schedule of no length.
[[nodiscard]] inline double optimality_gap(double makespan, double bound) noexcept {
    return makespan > 0.0 ? std::max(0.0, (makespan - bound) / makespan) : 0.0;
}

namespace detail {

/// [task * devices + device] least seconds from the beginning to a task's start there, and from its end there to the
/// end of everything, were every device free all the time.
struct way_bounds {
    std::vector<double> before{};
    std::vector<double> after{};
};

/// Raises `to[d]` to the least of `from[e] + transfer(e, d)` over devices e; with `backwards`, transfer(d, e).
inline void raise_to_least(const schedule_problem& problem, const std::vector<double>& from, double size,
                           bool backwards, double* to) {
    for (device_id d = 0; d < problem.device_count(); ++d) {
        double least = from[d];
        for (device_id e = 0; e < problem.device_count(); ++e)
            if (from[e] < least)
                least = std::min(least, from[e] + (backwards ? problem.transfer(d, e, size)
                                                             : problem.transfer(e, d, size)));
        to[d] = std::max(to[d], least);
    }
}

/// O(dependencies * devices^2).
[[nodiscard]] inline way_bounds bound_ways(const schedule_problem& problem) {
    const std::size_t n = problem.task_count(), devices = problem.device_count();
    way_bounds ways{std::vector<double>(n * devices, 0.0), std::vector<double>(n * devices, 0.0)};
    std::vector<double> end(devices);
    const auto ends = [&](task_id t, const std::vector<double>& from) -> const std::vector<double>& {
        for (device_id d = 0; d < devices; ++d) end[d] = from[t * devices + d] + problem.seconds(t, d);
        return end;
    };
    const auto& order = problem.topological_order();
    for (const task_id t : order) {
        double* const row = &ways.before[t * devices];
        std::fill(row, row + devices, problem.release(t));
        for (const neighbour& in : problem.inputs(t))
            raise_to_least(problem, ends(in.task, ways.before), in.bytes, false, row);
    }
    for (auto t = order.rbegin(); t != order.rend(); ++t)
        for (const neighbour& out : problem.outputs(*t))
            raise_to_least(problem, ends(out.task, ways.after), out.bytes, true, &ways.after[*t * devices]);
    return ways;
}

/// Weights of devices that sum to 1, and each task's share of all devices' time under them.
struct work_spread {
    std::vector<double> weight{};  ///< [device]
    std::vector<double> share{};   ///< [task] least weight * duration
};

/// Shares: least over devices of weight * duration, for weights that sum to 1. For any
/// weights the sum over a set of tasks is a lower bound on the time that all devices need for them (the dual of spreading
/// the tasks in fractions); the weights are found by a few multiplicative steps from those that are exact where devices
/// differ by speed alone. O(steps * tasks * devices).
[[nodiscard]] inline work_spread spread_work(const schedule_problem& problem, std::size_t steps = 60) {
    const std::size_t n = problem.task_count(), devices = problem.device_count();
    std::vector<double> weight(devices, 0.0), load(devices), share(n);
    work_spread found{std::vector<double>(devices, 0.0), std::vector<double>(n, 0.0)};
    for (task_id t = 0; t < n; ++t) {
        const auto row = problem.seconds(t);
        const double least = *std::min_element(row.begin(), row.end());
        for (device_id d = 0; d < devices; ++d)
            if (row[d] > 0.0) weight[d] += least * least / row[d];  // long tasks count most
    }
    double best = -1.0;
    for (std::size_t step = 0; step <= steps; ++step) {
        const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
        if (!(sum > 0.0)) break;
        std::fill(load.begin(), load.end(), 0.0);
        for (task_id t = 0; t < n; ++t) {
            share[t] = std::numeric_limits<double>::infinity();
            device_id least = 0;
            for (device_id d = 0; d < devices; ++d)
                if (problem.is_allowed(t, d) && weight[d] * problem.seconds(t, d) < share[t])
                    share[t] = weight[d] * problem.seconds(t, d), least = d;
            load[least] += problem.seconds(t, least);
            share[t] /= sum;
        }
        const double bound = std::accumulate(share.begin(), share.end(), 0.0);
        if (bound > best) {
            best = bound;
            found = {weight, share};
            for (double& w : found.weight) w /= sum;
        }
        const double mean = std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(devices);
        if (!(mean > 0.0)) break;
        const double rate = 0.5 / std::sqrt(static_cast<double>(step + 1));
        for (device_id d = 0; d < devices; ++d)
            weight[d] *= std::pow(std::clamp(load[d] / mean, 0.25, 4.0), rate);
    }
    return found;
}

/// The largest of early + work + late over the sets of tasks that cannot start before `early` and leave at least `late`
/// after them. Up to 256 values of `early` are looked at. O(min(n, 256) * n + n log n).
[[nodiscard]] inline double interval_bound(const std::vector<double>& early, const std::vector<double>& late,
                                           const std::vector<double>& share) {
    std::vector<task_id> by_late(early.size());
    std::iota(by_late.begin(), by_late.end(), task_id{0});
    std::sort(by_late.begin(), by_late.end(), [&](task_id a, task_id b) { return late[a] > late[b]; });
    std::vector<double> moments = early;
    std::sort(moments.begin(), moments.end());
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    const std::size_t stride = (moments.size() + 255) / 256;
    double bound = 0.0;
    for (std::size_t i = 0; i < moments.size(); i += stride) {
        double work = 0.0;
        for (const task_id t : by_late)
            if (early[t] >= moments[i]) bound = std::max(bound, moments[i] + (work += share[t]) + late[t]);
    }
    return bound;
}

}  // namespace detail

/// Lower bounds on the makespan.
///
/// The critical path takes for each task the best device, and for each dependency the best pair; work and intervals spread
/// tasks over all devices in fractions. Each is a bound for every schedule that `validate` accepts.
/// O(dependencies * devices^2 + tasks * (devices + min(tasks, 256))). Source: Fernandez, Bussell, "Bounds on the number of
/// processors and time for multiprocessor optimal schedules", IEEE Trans. Computers C-22(8), 1973, with whole tasks in
/// place of parts of them.
[[nodiscard]] inline makespan_bounds schedule_bounds(const schedule_problem& problem) {
    const std::size_t n = problem.task_count(), devices = problem.device_count();
    const auto ways = detail::bound_ways(problem);
    const auto share = detail::spread_work(problem).share;
    makespan_bounds bounds;
    std::vector<double> early(n), late(n);
    for (task_id t = 0; t < n; ++t) {
        early[t] = late[t] = std::numeric_limits<double>::infinity();
        double through = std::numeric_limits<double>::infinity();
        for (device_id d = 0; d < devices; ++d) {
            if (!problem.is_allowed(t, d)) continue;
            const double before = ways.before[t * devices + d], after = ways.after[t * devices + d];
            early[t] = std::min(early[t], before);
            late[t] = std::min(late[t], after);
            through = std::min(through, before + problem.seconds(t, d) + after);
        }
        bounds.critical_path = std::max(bounds.critical_path, through);
    }
    bounds.work = std::accumulate(share.begin(), share.end(), 0.0);
    bounds.interval = detail::interval_bound(early, late, share);
    // sums in another order may differ in the last digits
    bounds.work *= 1.0 - 1e-12;
    bounds.interval *= 1.0 - 1e-12;
    bounds.critical_path *= 1.0 - 1e-12;
    return bounds;
}

}  // namespace dispart
