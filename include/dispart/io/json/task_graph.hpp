#pragma once
/// \file
/// `task-graph/1` files: tasks, dependencies and devices of a scheduling problem; schedules as JSON.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart::io {

namespace detail {

/// A field that may be missing in all items; then `values` stays empty.
struct optional_column {
    const char* name;
    std::vector<double>* values;
    double missing = 0.0;
};

/// Reads `{"id": N, FIELD: x}` items into ids and values; ids are distinct, in any order.
/// \return id -> position. Errors: parse_error.
struct numbered_values {
    std::map<std::int64_t, std::size_t> position{};
    std::vector<std::string> names{};
    std::vector<double> values{};

    result<void> read(const json& item, const std::string& path, const char* field, bool positive,
                      std::initializer_list<optional_column> others) {
        std::int64_t id = 0;
        double value = 0.0;
        json_object in(item, path);
        in.get("id", id);
        in.get(field, value);
        for (const optional_column& each : others)
            in.with(each.name, false, [&](const json& v, const std::string& at) -> result<void> {
                each.values->resize(values.size() + 1, each.missing);
                return io::read_value(v, at, each.values->back());
            });
        DISPART_CHECK(in.finish());
        if (!(value >= 0.0) || (positive && value == 0.0))
            return fail(errc::parse_error, path + "." + field,
                        positive ? "it is not positive" : "it is negative");
        if (!position.emplace(id, values.size()).second)
            return fail(errc::parse_error, path + ".id", "the id " + std::to_string(id) + " occurs twice");
        names.push_back(std::to_string(id));
        values.push_back(value);
        return {};
    }

    result<void> find(const json& value, const std::string& path, std::size_t& out) const {
        std::int64_t id = 0;
        DISPART_CHECK(io::read_value(value, path, id));
        const auto found = position.find(id);
        if (found == position.end())
            return fail(errc::parse_error, path, "there is no task " + std::to_string(id));
        out = found->second;
        return {};
    }
};

inline constexpr std::size_t most_task_graph_devices = 4096;
inline constexpr std::size_t most_task_graph_times = 100'000'000;

/// A square table, `size` on a side. Errors: parse_error.
inline result<std::vector<double>> square(const json& value, const std::string& path, std::size_t size) {
    std::vector<double> table;
    const auto append = [&](const json& row, const std::string& at) -> result<void> {
        std::vector<double> numbers;
        DISPART_CHECK(io::read_value(row, at, numbers));
        if (numbers.size() != size) return fail(errc::parse_error, at, "it has not one entry per device");
        table.insert(table.end(), numbers.begin(), numbers.end());
        return {};
    };
    DISPART_CHECK(read_items(value, path, append));
    if (table.size() != size * size) return fail(errc::parse_error, path, "it has not one row per device");
    for (const double x : table)
        if (x < 0.0) return fail(errc::parse_error, path, "an entry is negative");
    return table;
}

}  // namespace detail

/// A scheduling problem from a `task-graph/1` document.
///
///     {"format": "task-graph/1", "tasks": [{"id": 0, "cost": 3}], "edges": [{"src": 0, "dst": 1, "size": 2}],
///      "nodes": [{"id": 0, "speed": 2}], "link_speed": [[0]], "link_latency": [[0]]}
///
/// A task takes cost / speed, a transfer link_latency (optional: 0) + size / link_speed; a link_speed of 0 between two
/// devices means that there is no route. Tasks may have `resident`, `working` and `output` bytes, nodes `memory`
/// (`schedule_memory`; missing: 0, no limit). `name`, `kind`, `seed` and `ccr` may be there and are not read.
/// Errors: parse_error with the field's path; limit_exceeded (over 4,096 nodes, or 10^8 tasks times nodes); those of
/// `schedule_problem::make`. O(size log size).
[[nodiscard]] inline result<schedule_problem> task_graph_from_json(const json& document) {
    constexpr double no_limit = std::numeric_limits<double>::infinity();
    detail::numbered_values tasks, nodes;
    schedule_tables tables;
    std::string format;
    json_object in(document, "");
    in.get("format", format);
    if (!format.empty() && format != "task-graph/1")
        in.refuse("format", "'" + format + "' is not known", "it is task-graph/1");
    in.with("tasks", true, [&](const json& list, const std::string& path) {
        return read_items(list, path, [&](const json& item, const std::string& at) {
            schedule_memory& memory = tables.memory;
            return tasks.read(
                item, at, "cost", false,
                {{"resident", &memory.resident}, {"working", &memory.working}, {"output", &memory.output}});
        });
    });
    in.with("nodes", true, [&](const json& list, const std::string& path) {
        return read_items(list, path, [&](const json& item, const std::string& at) {
            return nodes.read(item, at, "speed", true, {{"memory", &tables.memory.capacity, no_limit}});
        });
    });
    in.each("edges", [&](const json& item, const std::string& at) -> result<void> {
        dependency made;
        json_object edge(item, at);
        edge.with("src", true,
                  [&](const json& v, const std::string& p) { return tasks.find(v, p, made.from); });
        edge.with("dst", true, [&](const json& v, const std::string& p) { return tasks.find(v, p, made.to); });
        edge.get("size", made.bytes);
        DISPART_CHECK(edge.finish());
        if (made.bytes < 0.0) return fail(errc::parse_error, at + ".size", "it is negative");
        tables.dependencies.push_back(made);
        return {};
    });
    const std::size_t devices = nodes.values.size();
    if (devices > detail::most_task_graph_devices ||
        tasks.values.size() * devices > detail::most_task_graph_times)
        return fail(errc::limit_exceeded, "nodes", "there are too many nodes, or tasks times nodes");
    tables.latency.assign(devices * devices, 0.0);
    in.with("link_speed", true, [&](const json& item, const std::string& at) -> result<void> {
        DISPART_TRY(tables.seconds_per_byte, detail::square(item, at, devices));
        for (double& x : tables.seconds_per_byte)
            x = x > 0.0 ? 1.0 / x : std::numeric_limits<double>::infinity();
        return {};
    });
    in.with("link_latency", false, [&](const json& item, const std::string& at) -> result<void> {
        DISPART_TRY(tables.latency, detail::square(item, at, devices));
        return {};
    });
    const auto ignored = [](const json&, const std::string&) -> result<void> { return {}; };
    for (const char* note : {"name", "kind", "seed", "ccr"}) in.with(note, false, ignored);
    DISPART_CHECK(in.finish());

    tables.tasks = tasks.values.size();
    tables.devices = devices;
    for (auto* column : {&tables.memory.resident, &tables.memory.working, &tables.memory.output})
        if (!column->empty()) column->resize(tables.tasks, 0.0);
    if (!tables.memory.capacity.empty()) tables.memory.capacity.resize(devices, no_limit);
    for (const double cost : tasks.values)
        for (const double speed : nodes.values) tables.seconds.push_back(cost / speed);
    tables.task_names = std::move(tasks.names);
    tables.device_names = std::move(nodes.names);
    return schedule_problem::make(std::move(tables));
}

/// Reads a `task-graph/1` file. Errors: those of `read_json` and `task_graph_from_json`.
[[nodiscard]] inline result<schedule_problem> read_task_graph(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return task_graph_from_json(document);
}

/// A schedule as `[{"task": id, "node": id, "start": s, "end": s}]` by start, then by task; ids as in the file that the
/// problem came from. Precondition: it is a schedule of that problem.
[[nodiscard]] inline ordered_json schedule_to_json(const schedule_problem& problem, const schedule& made) {
    std::vector<task_id> order(made.tasks.size());
    for (task_id t = 0; t < order.size(); ++t) order[t] = t;
    std::stable_sort(order.begin(), order.end(),
                     [&](task_id a, task_id b) { return made.tasks[a].start < made.tasks[b].start; });
    const auto id = [](const std::vector<std::string>& names, std::size_t i) -> ordered_json {
        if (i >= names.size()) return i;
        std::int64_t number = 0;
        const char* const end = names[i].data() + names[i].size();
        const auto [stop, wrong] = std::from_chars(names[i].data(), end, number);
        return wrong == std::errc() && stop == end ? ordered_json(number) : ordered_json(names[i]);
    };
    ordered_json rows = ordered_json::array();
    for (const task_id t : order)
        rows.push_back({{"task", id(problem.tables().task_names, t)},
                        {"node", id(problem.tables().device_names, made.tasks[t].device)},
                        {"start", made.tasks[t].start},
                        {"end", made.tasks[t].finish}});
    return rows;
}

/// A schedule, anybody's, from what `schedule_to_json` writes, alone or as the field `schedule` of an object; rows in any
/// order. It is as it stands there: `validate` says whether it can be executed.
/// Errors: parse_error with the field's path (an unknown or repeated task or node, a task that is missing).
[[nodiscard]] inline result<schedule> schedule_from_json(const schedule_problem& problem,
                                                         const json& document) {
    const auto indexed = [](const std::vector<std::string>& names, std::size_t size) {
        std::map<std::string, std::size_t> index;
        for (std::size_t i = 0; i < size; ++i)
            index.emplace(i < names.size() ? names[i] : std::to_string(i), i);
        return index;
    };
    const auto tasks = indexed(problem.tables().task_names, problem.task_count());
    const auto nodes = indexed(problem.tables().device_names, problem.device_count());
    const auto find = [](const auto& index, const json& id, const std::string& at,
                         std::size_t& out) -> result<void> {
        const auto found = index.find(id.is_string() ? id.get<std::string>() : id.dump());
        if (found == index.end()) return fail(errc::parse_error, at, "there is no " + id.dump());
        out = found->second;
        return {};
    };
    schedule made;
    made.tasks.resize(problem.task_count());
    const auto read_row = [&](const json& item, const std::string& at) -> result<void> {
        task_id task = 0;
        scheduled_task row;
        json_object in(item, at);
        in.with("task", true, [&](const json& v, const std::string& p) { return find(tasks, v, p, task); });
        in.with("node", true,
                [&](const json& v, const std::string& p) { return find(nodes, v, p, row.device); });
        in.get("start", row.start);
        in.get("end", row.finish);
        DISPART_CHECK(in.finish());
        if (made.tasks[task].device != no_id)
            return fail(errc::parse_error, at + ".task", "the task occurs twice");
        made.tasks[task] = row;
        return {};
    };
    const bool inside = document.is_object() && document.contains("schedule");
    DISPART_CHECK(read_items(inside ? document["schedule"] : document, "schedule", read_row));
    for (task_id t = 0; t < made.tasks.size(); ++t)
        if (made.tasks[t].device == no_id)
            return fail(errc::parse_error, "schedule", "task " + problem.task_label(t) + " is missing");
    return made;
}

}  // namespace dispart::io
