#pragma once
/// \file
/// Plan files: everything that is needed to explain, simulate or run a plan.

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/io/json/value.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/plan/validate.hpp"

namespace dispart::io {

/// First field of a plan file.
inline constexpr const char* plan_format = "dispart-plan/1";

namespace detail {

// JSON has neither infinity nor an id that names nothing: both are null.
inline ordered_json finite_or_null(double x) {
    return std::isfinite(x) ? ordered_json(x) : ordered_json(nullptr);
}
inline ordered_json id_or_null(std::size_t id) {
    return id == no_id ? ordered_json(nullptr) : ordered_json(id);
}

inline void get_or_infinite(json_object& in, const std::string& name, double& out) {
    in.with(name, true, [&](const json& item, const std::string& at) -> result<void> {
        if (!item.is_null()) return io::read_value(item, at, out);
        out = std::numeric_limits<double>::infinity();
        return {};
    });
}

inline void get_id(json_object& in, const std::string& name, std::size_t& out) {
    in.with(name, true, [&](const json& item, const std::string& at) -> result<void> {
        if (!item.is_null()) return io::read_value(item, at, out);
        out = no_id;
        return {};
    });
}

/// Appends what `read(object, value)` fills in to a list, item by item.
template <class T, class Read>
void get_list(json_object& in, const std::string& name, std::vector<T>& out, Read read) {
    in.with(name, true, [&](const json& value, const std::string& path) {
        return read_items(value, path, [&](const json& item, const std::string& at) -> result<void> {
            json_object object(item, at);
            T made{};
            read(object, made);
            DISPART_CHECK(object.finish());
            out.push_back(std::move(made));
            return {};
        });
    });
}

inline ordered_json table_to_json(const std::vector<std::vector<double>>& table) {
    ordered_json rows = ordered_json::array();
    for (const auto& row : table) {
        ordered_json cells = ordered_json::array();
        for (const double x : row) cells.push_back(finite_or_null(x));
        rows.push_back(std::move(cells));
    }
    return rows;
}

inline void get_table(json_object& in, const std::string& name, std::vector<std::vector<double>>& out) {
    in.with(name, true, [&](const json& value, const std::string& path) {
        return read_items(value, path, [&](const json& row, const std::string& at) -> result<void> {
            out.emplace_back();
            return read_items(row, at, [&](const json& cell, const std::string& where) -> result<void> {
                out.back().push_back(std::numeric_limits<double>::infinity());
                return cell.is_null() ? result<void>() : io::read_value(cell, where, out.back().back());
            });
        });
    });
}

inline ordered_json alternative_to_json(const plan_alternative& a) {
    if (!a.feasible) return {{"name", a.name}, {"feasible", false}, {"problem", a.problem}};
    return {{"name", a.name},
            {"feasible", true},
            {"latency_s", a.prediction.latency_s},
            {"period_s", a.prediction.period_s},
            {"devices", a.devices}};
}

inline void get_alternative(json_object& in, plan_alternative& a) {
    in.get("name", a.name);
    in.get("feasible", a.feasible);
    in.maybe("problem", a.problem);
    in.maybe("latency_s", a.prediction.latency_s);
    in.maybe("period_s", a.prediction.period_s);
    in.maybe("devices", a.devices);
}

inline ordered_json alternatives_to_json(const std::vector<plan_alternative>& list) {
    ordered_json made = ordered_json::array();
    for (const auto& each : list) made.push_back(alternative_to_json(each));
    return made;
}

inline ordered_json stages_to_json(const plan& p) {
    ordered_json list = ordered_json::array();
    for (std::size_t s = 0; s < p.stages.size(); ++s) {
        list.push_back({{"device", p.stages[s].device},
                        {"layers", p.stages[s].layers},
                        {"positions", p.division.parts[s].layers},
                        {"compute_s", p.stages[s].compute_s},
                        {"flops", p.stages[s].flops},
                        {"memory_bytes", p.stages[s].memory_bytes}});
        if (p.division.turns > 1) list.back()["turn"] = p.division.parts[s].turn;
    }
    return list;
}

inline void get_stages(json_object& in, plan& p) {
    std::vector<std::vector<layer_id>> positions;
    std::vector<std::size_t> turns;
    in.maybe("turns", p.division.turns);
    p.tasks.turns = p.division.turns;
    get_list(in, "stages", p.stages, [&](json_object& one, plan_stage& s) {
        get_id(one, "device", s.device);
        one.get("layers", s.layers);
        one.get("positions", positions.emplace_back());
        one.get("compute_s", s.compute_s);
        one.get("flops", s.flops);
        one.get("memory_bytes", s.memory_bytes);
        one.maybe("turn", turns.emplace_back(0));
    });
    for (std::size_t s = 0; s < p.stages.size(); ++s) {
        p.division.parts.push_back({std::move(positions[s]), p.stages[s].device, turns[s]});
        p.tasks.tasks.push_back({s, p.stages[s].device, p.stages[s].compute_s, turns[s]});
    }
}

inline ordered_json devices_to_json(const std::vector<plan_device>& devices) {
    ordered_json list = ordered_json::array();
    for (const auto& d : devices)
        list.push_back({{"name", d.name},
                        {"computes", d.computes},
                        {"busy_s", d.busy_s},
                        {"memory_bytes", d.memory_bytes},
                        {"capacity_bytes", finite_or_null(d.capacity_bytes)},
                        {"left_out", d.left_out}});
    return list;
}

inline ordered_json messages_to_json(const task_graph& tasks) {
    ordered_json list = ordered_json::array();
    for (const auto& m : tasks.messages) {
        list.push_back({{"from", id_or_null(m.from)},
                        {"to", id_or_null(m.to)},
                        {"from_device", id_or_null(m.from_device)},
                        {"to_device", id_or_null(m.to_device)},
                        {"tensors", m.tensors},
                        {"bytes", m.bytes}});
        if (m.codec.empty()) continue;
        list.back().update({{"codec", m.codec},
                            {"raw_bytes", m.raw_bytes},
                            {"encode_s", m.encode_s},
                            {"decode_s", m.decode_s},
                            {"max_relative_error", m.max_relative_error}});
    }
    return list;
}

inline ordered_json network_to_json(const plan_network& n) {
    return {{"latency_s", table_to_json(n.latency_s)},
            {"seconds_per_byte", table_to_json(n.seconds_per_byte)},
            {"routes", n.routes},
            {"link_seconds_per_byte", n.link_seconds_per_byte},
            {"link_names", n.link_names}};
}

inline result<void> read_network(const json& value, const std::string& path, plan_network& n) {
    json_object in(value, path);
    get_table(in, "latency_s", n.latency_s);
    get_table(in, "seconds_per_byte", n.seconds_per_byte);
    in.get("routes", n.routes);
    in.get("link_seconds_per_byte", n.link_seconds_per_byte);
    in.get("link_names", n.link_names);
    return in.finish();
}

inline void get_summary(json_object& in, plan& p) {
    std::string format, goal;
    in.get("format", format);
    if (format != plan_format) in.refuse("format", "it is not " + std::string(plan_format));
    in.get("model", p.model);
    in.get("cluster", p.cluster);
    in.get("objective", goal);
    if (goal != "latency" && goal != "throughput")
        in.refuse("objective", "it is neither latency nor throughput");
    p.goal = goal == "latency" ? objective::latency : objective::throughput;
    in.get("algorithm", p.algorithm);
    in.get("exact", p.exact);
    in.get("latency_s", p.prediction.latency_s);
    in.get("period_s", p.prediction.period_s);
    in.get("binding", p.binding);
    in.get("bound", p.bound_name);
    in.get("bound_s", p.bound_s);
    in.get("gap", p.gap);
}

}  // namespace detail

/// The JSON form of a plan. Reading it gives an equal plan.
[[nodiscard]] inline ordered_json plan_to_json(const plan& p) {
    return {{"format", plan_format},
            {"model", p.model},
            {"cluster", p.cluster},
            {"objective", p.goal == objective::latency ? "latency" : "throughput"},
            {"algorithm", p.algorithm},
            {"exact", p.exact},
            {"latency_s", p.prediction.latency_s},
            {"period_s", p.prediction.period_s},
            {"binding", p.binding},
            {"bound", p.bound_name},
            {"bound_s", p.bound_s},
            {"gap", p.gap},
            {"turns", p.division.turns},
            {"stages", detail::stages_to_json(p)},
            {"messages", detail::messages_to_json(p.tasks)},
            {"devices", detail::devices_to_json(p.devices)},
            {"baselines", detail::alternatives_to_json(p.baselines)},
            {"runner_ups", detail::alternatives_to_json(p.runner_ups)},
            {"network", detail::network_to_json(p.network)}};
}

/// A plan from its JSON form. Errors: parse_error (a field of the wrong type, missing or unknown, with its path);
/// those of `validate_plan`. O(size).
[[nodiscard]] inline result<plan> plan_from_json(const json& document) {
    plan p;
    json_object in(document, "");
    detail::get_summary(in, p);
    detail::get_stages(in, p);
    detail::get_list(in, "messages", p.tasks.messages, [](json_object& one, message& m) {
        detail::get_id(one, "from", m.from);
        detail::get_id(one, "to", m.to);
        detail::get_id(one, "from_device", m.from_device);
        detail::get_id(one, "to_device", m.to_device);
        one.get("tensors", m.tensors);
        one.get("bytes", m.bytes);
        one.maybe("codec", m.codec);
        one.maybe("raw_bytes", m.raw_bytes);
        one.maybe("encode_s", m.encode_s);
        one.maybe("decode_s", m.decode_s);
        one.maybe("max_relative_error", m.max_relative_error);
    });
    detail::get_list(in, "devices", p.devices, [](json_object& one, plan_device& d) {
        one.get("name", d.name);
        one.get("computes", d.computes);
        one.get("busy_s", d.busy_s);
        one.get("memory_bytes", d.memory_bytes);
        detail::get_or_infinite(one, "capacity_bytes", d.capacity_bytes);
        one.get("left_out", d.left_out);
    });
    detail::get_list(in, "baselines", p.baselines, detail::get_alternative);
    detail::get_list(in, "runner_ups", p.runner_ups, detail::get_alternative);
    in.with("network", true, [&](const json& item, const std::string& at) {
        return detail::read_network(item, at, p.network);
    });
    DISPART_CHECK(in.finish());
    DISPART_CHECK(validate_plan(p));
    return p;
}

/// A plan from a file. Errors: those of `read_json` and `plan_from_json`.
[[nodiscard]] inline result<plan> read_plan(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return plan_from_json(document);
}

/// Writes a plan file. Errors: those of `write_text`.
[[nodiscard]] inline result<void> write_plan(const std::filesystem::path& path, const plan& p) {
    return write_json(path, plan_to_json(p));
}

}  // namespace dispart::io
