#pragma once
/// \file
/// Cluster files; `docs/schema/cluster.schema.json` describes them.

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"

namespace dispart::io {

/// Most directed links that a cluster file may describe.
inline constexpr std::size_t max_file_links = 1'000'000;

namespace detail {

inline result<void> read_value(const json& value, const std::string& path, device& out) {
    json_object in(value, path);
    in.get("name", out.name);
    in.maybe("computes", out.computes);
    in.maybe("speed_flops", out.speed);
    in.maybe("memory_bandwidth_bytes_per_s", out.memory_bandwidth);
    in.maybe("layer_overhead_s", out.layer_overhead);
    in.maybe("memory_bytes", out.memory);
    in.maybe("reserve_bytes", out.reserve);
    in.maybe("storage_bytes", out.storage);
    in.maybe("busy_power_w", out.busy_power);
    in.maybe("idle_power_w", out.idle_power);
    in.maybe("price_per_hour", out.price_per_hour);
    in.maybe("operators", out.operators);
    in.maybe("labels", out.labels);
    in.maybe("address", out.address);
    in.maybe("slowdown", out.slowdown);
    return in.finish();
}

/// A link as a file has it: one way or both, between two devices or among several.
struct written_link {
    link properties{};
    std::vector<std::string> ends{};
    bool one_way = false;
};

inline result<void> read_value(const json& value, const std::string& path, written_link& out) {
    json_object in(value, path);
    if (in.has("between")) {
        in.get("between", out.ends);
        if (out.ends.size() < 2) in.refuse("between", "it names fewer than two devices");
    } else {
        out.ends.resize(2);
        in.get("from", out.ends[0]);
        in.get("to", out.ends[1]);
        in.maybe("one_way", out.one_way);
    }
    in.maybe("name", out.properties.name);
    in.maybe("latency_s", out.properties.latency);
    in.get("bandwidth_bytes_per_s", out.properties.bandwidth);
    in.maybe("energy_j_per_byte", out.properties.energy_per_byte);
    in.maybe("price_per_byte", out.properties.price_per_byte);
    in.maybe("measured_at", out.properties.measured_at);
    return in.finish();
}

template <class T>
void write_unless(ordered_json& into, const char* name, const T& value, const T& usual) {
    if (!(value == usual)) into[name] = value;
}

inline ordered_json device_to_json(const device& d) {
    const device usual;
    ordered_json out{{"name", d.name}};
    write_unless(out, "computes", d.computes, usual.computes);
    write_unless(out, "speed_flops", d.speed.value, 0.0);
    write_unless(out, "memory_bandwidth_bytes_per_s", d.memory_bandwidth.value, 0.0);
    write_unless(out, "layer_overhead_s", d.layer_overhead.value, 0.0);
    write_unless(out, "memory_bytes", d.memory.value, 0.0);
    write_unless(out, "reserve_bytes", d.reserve.value, 0.0);
    write_unless(out, "storage_bytes", d.storage.value, 0.0);
    write_unless(out, "busy_power_w", d.busy_power.value, 0.0);
    write_unless(out, "idle_power_w", d.idle_power.value, 0.0);
    write_unless(out, "price_per_hour", d.price_per_hour.value, 0.0);
    write_unless(out, "operators", d.operators, usual.operators);
    write_unless(out, "labels", d.labels, usual.labels);
    write_unless(out, "address", d.address, usual.address);
    write_unless(out, "slowdown", d.slowdown, usual.slowdown);
    return out;
}

inline ordered_json link_to_json(const link& l, const std::string& from, const std::string& to, bool one_way) {
    ordered_json out{{"from", from}, {"to", to}};
    write_unless(out, "one_way", one_way, false);
    write_unless(out, "name", l.name, from + " -> " + to);
    write_unless(out, "latency_s", l.latency.value, 0.0);
    out["bandwidth_bytes_per_s"] = l.bandwidth.value;
    write_unless(out, "energy_j_per_byte", l.energy_per_byte.value, 0.0);
    write_unless(out, "price_per_byte", l.price_per_byte.value, 0.0);
    write_unless(out, "measured_at", l.measured_at, 0.0);
    return out;
}

/// Whether b is a's way back, with the same properties, so that one entry of a file stands for both.
inline bool is_way_back(const ordered_json& a, const ordered_json& b) {
    ordered_json turned = b;
    std::swap(turned["from"], turned["to"]);
    return a == turned;
}

/// Adds an entry's links; `room` counts down how many a file may still have.
inline result<void> add_links(cluster_builder& into, const written_link& l, std::size_t& room,
                              const std::string& path) {
    const std::size_t n = l.ends.size();
    if (n > max_file_links || n * (n - 1) > room)
        return fail(errc::limit_exceeded, path,
                    "the file has more than " + std::to_string(max_file_links) + " links",
                    "connect the devices with a switch (a device with computes = false)");
    room -= n * (n - 1);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) {
            if (l.one_way) into.one_way(l.ends[i], l.ends[j], l.properties);
            else into.link(l.ends[i], l.ends[j], l.properties);
        }
    return {};
}

}  // namespace detail

/// A cluster from its JSON form. Errors: parse_error (a field of the wrong type, missing or unknown, with its path);
/// invalid_cluster (whatever `cluster_builder` and `validate` refuse). O(size).
[[nodiscard]] inline result<cluster> cluster_from_json(const json& document) {
    json_object in(document, "");
    std::string name = "cluster", description, schema, source, sink;
    in.maybe("name", name);
    in.maybe("description", description);
    in.maybe("$schema", schema);
    cluster_builder builder(name);
    std::size_t room = max_file_links;
    in.with("devices", true, [&](const json& list, const std::string& path) {
        return read_items(list, path, [&](const json& item, const std::string& at) -> result<void> {
            device read;
            DISPART_CHECK(detail::read_value(item, at, read));
            builder.device(std::move(read));
            return {};
        });
    });
    in.each("links", [&](const json& item, const std::string& at) -> result<void> {
        detail::written_link read;
        DISPART_CHECK(detail::read_value(item, at, read));
        return detail::add_links(builder, read, room, at);
    });
    in.maybe("source", source);
    in.maybe("sink", sink);
    DISPART_CHECK(in.finish());
    if (!source.empty()) builder.source(source);
    if (!sink.empty()) builder.sink(sink);
    return builder.build();
}

/// A cluster from a JSON text. Errors: those of `parse_json` and `cluster_from_json`.
[[nodiscard]] inline result<cluster> parse_cluster(std::string_view text) {
    DISPART_TRY(const json document, parse_json(text, "cluster"));
    return cluster_from_json(document);
}

/// A cluster from a file. Errors: those of `read_json` and `cluster_from_json`, whose offenders are then prefixed by
/// the file's name.
[[nodiscard]] inline result<cluster> read_cluster(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    auto read = cluster_from_json(document);
    if (!read) {
        error wrong = read.error();
        wrong.offender = path.string() + ": " + wrong.offender;
        return tl::unexpected<error>(std::move(wrong));
    }
    return read;
}

/// The JSON form of a cluster; fields at their defaults are left out. Reading it gives the same ids and properties.
[[nodiscard]] inline ordered_json cluster_to_json(const cluster& g) {
    ordered_json out{
        {"name", info(g).name}, {"devices", ordered_json::array()}, {"links", ordered_json::array()}};
    if (info(g).source < num_vertices(g)) out["source"] = g[info(g).source].name;
    if (info(g).sink < num_vertices(g)) out["sink"] = g[info(g).sink].name;
    for (device_id d = 0; d < num_vertices(g); ++d) out["devices"].push_back(detail::device_to_json(g[d]));
    ordered_json& links = out["links"];
    bool paired = true;
    for (auto [e, end] = edges(g); e != end; ++e) {
        ordered_json next = detail::link_to_json(g[*e], g[source(*e, g)].name, g[target(*e, g)].name, true);
        paired = !paired && detail::is_way_back(links.back(), next);
        if (paired) links.back().erase("one_way");
        else links.push_back(std::move(next));
    }
    return out;
}

/// Writes a cluster file. Errors: those of `write_text`.
[[nodiscard]] inline result<void> write_cluster(const std::filesystem::path& path, const cluster& g) {
    return write_json(path, cluster_to_json(g));
}

}  // namespace dispart::io
