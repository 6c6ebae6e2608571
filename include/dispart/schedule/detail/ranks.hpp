#pragma once
/// \file
/// Priorities of tasks from means over the devices.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart::detail {

/// Seconds of a transfer as a line in bytes, averaged over pairs of devices.
struct mean_transfer {
    double latency = 0.0;
    double seconds_per_byte = 0.0;

    [[nodiscard]] double operator()(double bytes) const noexcept {
        return latency + seconds_per_byte * bytes;
    }
};

/// The mean over the unordered pairs of devices with a route; by default a device with itself (free) is one of them.
/// O(devices^2).
[[nodiscard]] inline mean_transfer mean_over_pairs(const schedule_problem& problem, bool with_itself = true) {
    mean_transfer mean;
    std::size_t pairs = 0;
    for (device_id a = 0; a < problem.device_count(); ++a)
        for (device_id b = 0; b < problem.device_count(); ++b) {
            if (!std::isfinite(problem.latency(a)[b])) continue;
            mean.latency += problem.latency(a)[b];
            mean.seconds_per_byte += problem.seconds_per_byte(a)[b];
            pairs += a != b ? 1 : with_itself ? 2 : 0;
        }
    if (pairs == 0) return {};
    mean.latency /= static_cast<double>(pairs);
    mean.seconds_per_byte /= static_cast<double>(pairs);
    return mean;
}

/// [task] mean duration over the devices that may run it. O(tasks * devices).
[[nodiscard]] inline std::vector<double> mean_seconds(const schedule_problem& problem) {
    std::vector<double> mean(problem.task_count(), 0.0);
    for (task_id t = 0; t < mean.size(); ++t) {
        double devices = 0.0;
        for (const double s : problem.seconds(t))
            if (std::isfinite(s)) mean[t] += s, devices += 1.0;
        mean[t] /= devices;
    }
    return mean;
}

/// [task] longest way from its start to the end, in mean durations and mean transfers. O(tasks + dependencies).
/// Source: Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task scheduling for heterogeneous
/// computing", IEEE TPDS 13(3), 2002, section 4.1 (rank_u).
[[nodiscard]] inline std::vector<double> upward_ranks(const schedule_problem& problem,
                                                      const std::vector<double>& duration,
                                                      const mean_transfer& transfer) {
    std::vector<double> rank(problem.task_count(), 0.0);
    const auto& order = problem.topological_order();
    for (auto t = order.rbegin(); t != order.rend(); ++t) {
        double rest = 0.0;
        for (const neighbour& out : problem.outputs(*t))
            rest = std::max(rest, rank[out.task] + transfer(out.bytes));
        rank[*t] = duration[*t] + rest;
    }
    return rank;
}

/// [task] longest way from the beginning to its start (rank_d of the same source). O(tasks + dependencies).
[[nodiscard]] inline std::vector<double> downward_ranks(const schedule_problem& problem,
                                                        const std::vector<double>& duration,
                                                        const mean_transfer& transfer) {
    std::vector<double> rank(problem.task_count(), 0.0);
    for (const task_id t : problem.topological_order())
        for (const neighbour& in : problem.inputs(t))
            rank[t] = std::max(rank[t], rank[in.task] + duration[in.task] + transfer(in.bytes));
    return rank;
}

/// Tasks by falling priority, each after its inputs; ties in topological order. O(tasks log tasks + dependencies).
[[nodiscard]] inline std::vector<task_id> by_priority(const schedule_problem& problem,
                                                      const std::vector<double>& priority) {
    const auto& topological = problem.topological_order();
    std::vector<std::size_t> position(topological.size());
    for (std::size_t i = 0; i < topological.size(); ++i) position[topological[i]] = i;
    std::vector<std::pair<double, std::size_t>> queue;  // a heap, the greatest first
    const auto push = [&](task_id t) {
        queue.emplace_back(priority[t], topological.size() - position[t]);
        std::push_heap(queue.begin(), queue.end());
    };
    readiness ready(problem);
    for (const task_id t : ready.initial()) push(t);
    std::vector<task_id> order;
    order.reserve(topological.size());
    while (!queue.empty()) {
        std::pop_heap(queue.begin(), queue.end());
        order.push_back(topological[topological.size() - queue.back().second]);
        queue.pop_back();
        ready.placed(order.back(), push);
    }
    return order;
}

}  // namespace dispart::detail
