#pragma once
/// \file
/// A divided model as a scheduling problem: its parts are the tasks, and where they run is open again.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/part.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

namespace detail {

/// Adds a task of no duration that only one device may run. \return its number
inline task_id add_anchor(schedule_tables& tables, device_id at, const char* name) {
    for (device_id d = 0; d < tables.devices; ++d)
        tables.seconds.push_back(d == at ? 0.0 : std::numeric_limits<double>::infinity());
    tables.memory.resident.push_back(0.0);
    tables.task_names.emplace_back(name);
    return tables.tasks++;
}

}  // namespace detail

/// The scheduling problem whose tasks are the parts of a partition, in its order, for one request.
///
/// A part may run wherever all its layers may, and takes the sum of their seconds there; its weights are resident. Where
/// the instance has a source or a sink, a last task or two of no duration stand for them. The devices that the partition
/// names are not looked at, except with `pinned`, which leaves each part there.
/// Errors: those of `expand`; infeasible (a part that no device may run as a whole).
/// O(layers * devices + devices^2 + dependencies).
[[nodiscard]] inline result<schedule_problem>
schedule_problem_of(const instance& problem, const partition& division, bool pinned = false) {
    DISPART_TRY(const task_graph graph, expand(problem, division));
    const std::size_t devices = problem.device_count();
    schedule_tables tables{.tasks = division.parts.size(), .devices = devices};
    for (const part& p : division.parts) {
        double weights = 0.0;
        for (const layer_id l : p.layers) weights += problem.weight_bytes[l];
        tables.memory.resident.push_back(weights);
        tables.task_names.push_back("part " + std::to_string(tables.task_names.size()));
        for (device_id d = 0; d < devices; ++d) {
            double takes = pinned && d != p.device ? std::numeric_limits<double>::infinity() : 0.0;
            for (const layer_id l : p.layers)
                takes += problem.is_allowed(l, d) ? problem.compute(l, d)
                                                  : std::numeric_limits<double>::infinity();
            tables.seconds.push_back(takes);
        }
    }
    task_id source = no_id, sink = no_id;
    if (problem.source != no_id) source = detail::add_anchor(tables, problem.source, "source");
    if (problem.sink != no_id) sink = detail::add_anchor(tables, problem.sink, "sink");
    for (const message& m : graph.messages) {
        const task_id from = m.from == no_id ? source : m.from, to = m.to == no_id ? sink : m.to;
        if (from != no_id && to != no_id) tables.dependencies.push_back({from, to, m.bytes});
    }
    for (device_id a = 0; a < devices; ++a)
        for (device_id b = 0; b < devices; ++b) {
            tables.latency.push_back(problem.latency(a, b));
            tables.seconds_per_byte.push_back(problem.seconds_per_byte(a, b));
        }
    tables.memory.capacity = problem.memory_capacity;
    tables.device_names = problem.device_names;
    return schedule_problem::make(std::move(tables));
}

/// The scheduling problem whose tasks are the layers of an instance, for one request.
/// Errors: unsupported (load model `nets`; layers that must share a device), those of `schedule_problem_of`.
/// O(layers * devices + devices^2 + dependencies).
[[nodiscard]] inline result<schedule_problem> schedule_problem_of(const instance& problem) {
    const auto bound = [](std::size_t group) { return group != no_id; };
    if (problem.load == load_model::nets ||
        std::any_of(problem.together.begin(), problem.together.end(), bound))
        return fail(errc::unsupported, "instance",
                    "layers are scheduled one by one, over links, without layers that must share a device");
    partition division;
    for (layer_id l = 0; l < problem.layer_count(); ++l) {
        device_id may = 0;
        while (may + 1 < problem.device_count() && !problem.is_allowed(l, may)) ++may;
        division.parts.push_back({{l}, may});
    }
    DISPART_TRY(const schedule_problem numbered, schedule_problem_of(problem, division));
    schedule_tables tables = numbered.tables();
    for (layer_id l = 0; l < problem.layer_names.size(); ++l)
        if (!problem.layer_names[l].empty()) tables.task_names[l] = problem.layer_names[l];
    return schedule_problem::make(std::move(tables));
}

}  // namespace dispart
