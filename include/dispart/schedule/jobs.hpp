#pragma once
/// \file
/// Several models on one set of devices, each with a release, a deadline, a weight and a priority.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

/// What is wanted of one model's graph.
struct job {
    double release = 0.0;                                       ///< seconds; nothing of it starts before
    double deadline = std::numeric_limits<double>::infinity();  ///< seconds; when it should be done
    double weight = 1.0;                                        ///< of its lateness and of its end
    int priority = 0;  ///< a greater one goes first, whatever it costs others
};

/// Several graphs as one problem: the tasks of one follow those of the one before.
struct job_set {
    schedule_problem problem;
    std::vector<job> jobs{};
    std::vector<std::size_t> job_of{};  ///< [task]
};

/// What a schedule does for each job.
struct job_outcome {
    schedule made{};
    std::vector<double> finish{};     ///< [job] seconds
    std::vector<double> tardiness{};  ///< [job] seconds after the deadline; 0: in time
    std::size_t late = 0;             ///< jobs that miss their deadline
    double weighted_tardiness = 0.0;  ///< sum of weight * tardiness
    double weighted_finish = 0.0;     ///< sum of weight * finish
};

/// Joins graphs over the same devices.
/// Errors: invalid_argument (no graph, another number of jobs, other devices or transfers than the first graph's, a weight
/// or release that is negative or not finite). O(size of all).
[[nodiscard]] inline result<job_set> join_jobs(std::span<const schedule_problem> graphs,
                                               std::vector<job> jobs) {
    if (graphs.empty() || graphs.size() != jobs.size())
        return fail(errc::invalid_argument, "jobs", "every graph needs a job, and there must be one");
    const schedule_tables& first = graphs[0].tables();
    schedule_tables all{.devices = first.devices,
                        .latency = first.latency,
                        .seconds_per_byte = first.seconds_per_byte,
                        .device_names = first.device_names};
    all.memory.capacity = first.memory.capacity;
    std::vector<std::size_t> job_of;
    for (std::size_t j = 0; j < graphs.size(); ++j) {
        const schedule_tables& each = graphs[j].tables();
        const std::string name = "job " + std::to_string(j);
        if (each.devices != all.devices || each.latency != all.latency ||
            each.seconds_per_byte != all.seconds_per_byte)
            return fail(errc::invalid_argument, name, "its devices are not those of the first job");
        if (!(jobs[j].weight >= 0.0) || !std::isfinite(jobs[j].weight) || !(jobs[j].release >= 0.0) ||
            !std::isfinite(jobs[j].release) || std::isnan(jobs[j].deadline))
            return fail(errc::invalid_argument, name, "weight and release must be finite and not negative");
        const auto append = [&](std::vector<double>& to, const std::vector<double>& from) {
            to.resize(all.tasks, 0.0);
            to.insert(to.end(), from.begin(), from.end());
            to.resize(all.tasks + each.tasks, 0.0);
        };
        append(all.memory.resident, each.memory.resident);
        append(all.memory.working, each.memory.working);
        append(all.memory.output, each.memory.output);
        all.seconds.insert(all.seconds.end(), each.seconds.begin(), each.seconds.end());
        for (const dependency& d : each.dependencies)
            all.dependencies.push_back({d.from + all.tasks, d.to + all.tasks, d.bytes});
        for (task_id t = 0; t < each.tasks; ++t) {
            all.release.push_back(std::max(jobs[j].release, graphs[j].release(t)));
            all.task_names.push_back(name + ": " + graphs[j].task_label(t));
        }
        job_of.insert(job_of.end(), each.tasks, j);
        all.tasks += each.tasks;
    }
    DISPART_TRY(schedule_problem joined, schedule_problem::make(std::move(all)));
    return job_set{std::move(joined), std::move(jobs), std::move(job_of)};
}

/// What any schedule of the joined problem does for each job. O(tasks).
[[nodiscard]] inline job_outcome judge_jobs(const job_set& set, schedule made) {
    job_outcome out;
    out.finish.assign(set.jobs.size(), 0.0);
    for (task_id t = 0; t < made.tasks.size(); ++t)
        out.finish[set.job_of[t]] = std::max(out.finish[set.job_of[t]], made.tasks[t].finish);
    for (std::size_t j = 0; j < set.jobs.size(); ++j) {
        out.tardiness.push_back(std::max(0.0, out.finish[j] - set.jobs[j].deadline));
        out.late += out.tardiness[j] > 0.0 ? 1 : 0;
        out.weighted_tardiness += set.jobs[j].weight * out.tardiness[j];
        out.weighted_finish += set.jobs[j].weight * out.finish[j];
    }
    out.made = std::move(made);
    return out;
}

namespace detail {

/// What goes first among jobs of one priority.
enum class job_order { latest_start, deadline, shortest_per_weight, longest_way };
inline constexpr std::array job_orders{job_order::latest_start, job_order::deadline,
                                       job_order::shortest_per_weight, job_order::longest_way};

/// [task] the smaller, the earlier: by the job's priority, then by the order, then by the longest way ahead.
[[nodiscard]] inline std::vector<double> job_keys(const job_set& set, job_order order,
                                                  const std::vector<double>& rank) {
    std::vector<double> length(set.jobs.size(), 0.0);  // longest way of the job
    for (task_id t = 0; t < rank.size(); ++t)
        length[set.job_of[t]] = std::max(length[set.job_of[t]], rank[t]);
    const auto key = [&](task_id t) {
        const std::size_t j = set.job_of[t];
        const job& of = set.jobs[j];
        double value = 0.0;
        if (order == job_order::latest_start) value = of.deadline - rank[t];
        else if (order == job_order::deadline) value = of.deadline;
        else if (order == job_order::shortest_per_weight)
            value = of.weight > 0.0 ? of.release + length[j] / of.weight : never;
        return std::tuple(-static_cast<double>(of.priority), value, -rank[t], t);
    };
    std::vector<task_id> line(rank.size());
    std::iota(line.begin(), line.end(), task_id{0});
    std::sort(line.begin(), line.end(), [&](task_id a, task_id b) { return key(a) < key(b); });
    std::vector<double> place(rank.size());
    for (std::size_t i = 0; i < line.size(); ++i) place[line[i]] = static_cast<double>(i);
    return place;
}

}  // namespace detail

/// A schedule of several jobs: tasks in order of priority, each where it finishes first, gaps included.
///
/// No job is delayed by one of lower priority. Within a priority four orders are tried (latest start before the deadline,
/// deadline, shortest job per weight, longest way ahead) and the best kept: least weighted tardiness, then least weighted
/// sum of ends. Errors: infeasible (no device has routes from all inputs of some task). Heuristic.
/// O(tasks log tasks + dependencies * devices + tasks * devices * gaps). Sources: Jackson, "Scheduling a production line to
/// minimize maximum tardiness", UCLA 1955 (deadlines); Smith, "Various optimizers for single-stage production", Naval
/// Research Logistics Quarterly 3, 1956 (weights); placing as in `heft`.
[[nodiscard]] inline result<job_outcome> schedule_jobs(const job_set& set) {
    const schedule_problem& problem = set.problem;
    const auto rank =
        detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
    result<job_outcome> best = fail(errc::infeasible, "jobs", "no schedule was found");
    for (const detail::job_order order : detail::job_orders) {
        auto keys = detail::job_keys(set, order, rank);
        for (double& k : keys) k = -k;
        detail::timetable table(problem);
        for (const task_id t : detail::by_priority(problem, keys))
            DISPART_CHECK(table.try_place(t, table.best_slot(t, true)));
        job_outcome made = judge_jobs(set, std::move(table).take());
        const auto value = [](const job_outcome& o) {
            return std::pair(o.weighted_tardiness, o.weighted_finish);
        };
        if (!best || value(made) < value(*best)) best = std::move(made);
    }
    return best;
}

}  // namespace dispart
