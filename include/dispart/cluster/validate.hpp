#pragma once
/// \file
/// What every cluster must satisfy before anything is planned on it.

#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/graph/adjacency_list.hpp>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

namespace detail {

/// Checks one number of a device or link: finite, and at least (or, if strict, above) a limit.
inline result<void> check_quantity(const std::string& owner, std::string_view field, double value,
                                   double least, bool strict = false) {
    if (std::isfinite(value) && (strict ? value > least : value >= least)) return {};
    const std::string bound =
        (strict ? "above " : "at least ") + std::to_string(static_cast<long long>(least));
    return fail(errc::invalid_cluster, owner,
                std::string(field) + " is " + std::to_string(value) + ", not a finite number " + bound);
}

inline result<void> check_device(const device& d) {
    const std::string owner = "device " + d.name;
    if (d.name.empty()) return fail(errc::invalid_cluster, "device", "it has no name");
    if (d.computes) DISPART_CHECK(check_quantity(owner, "speed", d.speed.value, 0.0, true));
    DISPART_CHECK(check_quantity(owner, "speed", d.speed.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "memory_bandwidth", d.memory_bandwidth.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "layer_overhead", d.layer_overhead.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "memory", d.memory.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "reserve", d.reserve.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "storage", d.storage.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "busy_power", d.busy_power.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "idle_power", d.idle_power.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "price_per_hour", d.price_per_hour.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "slowdown", d.slowdown, 1.0));
    if (d.memory.value > 0.0 && d.reserve >= d.memory)
        return fail(errc::invalid_cluster, owner, "reserve leaves nothing of its memory", "lower reserve");
    return {};
}

/// `link wifi (pi -> laptop)`.
inline std::string link_title(const link& l, const std::string& from, const std::string& to) {
    const std::string ends = from + " -> " + to;
    return l.name.empty() || l.name == ends ? "link " + ends : "link " + l.name + " (" + ends + ")";
}

inline result<void> check_link(const link& l, const std::string& owner) {
    DISPART_CHECK(check_quantity(owner, "bandwidth", l.bandwidth.value, 0.0, true));
    DISPART_CHECK(check_quantity(owner, "latency", l.latency.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "energy_per_byte", l.energy_per_byte.value, 0.0));
    DISPART_CHECK(check_quantity(owner, "price_per_byte", l.price_per_byte.value, 0.0));
    return check_quantity(owner, "measured_at", l.measured_at, 0.0);
}

/// Marks what can be reached from a device along links (or against them, or either way). O(devices + links).
template <class Device, class Link>
std::vector<bool> reached(const resource_graph<Device, Link>& g, device_id start, bool along, bool against) {
    std::vector<bool> seen(num_vertices(g), false);
    std::vector<device_id> open{start};
    seen[start] = true;
    const auto visit = [&](device_id d) {
        if (!seen[d]) open.push_back(d);
        seen[d] = true;
    };
    while (!open.empty()) {
        const device_id d = open.back();
        open.pop_back();
        if (along)
            for (auto [e, end] = out_edges(d, g); e != end; ++e) visit(target(*e, g));
        if (against)
            for (auto [e, end] = in_edges(d, g); e != end; ++e) visit(source(*e, g));
    }
    return seen;
}

template <class Device, class Link>
result<void> check_reached(const resource_graph<Device, Link>& g, device_id end, bool along, bool against,
                           const std::string& message) {
    const std::vector<bool> seen = reached(g, end, along, against);
    for (device_id d = 0; d < num_vertices(g); ++d)
        if (g[d].computes && !seen[d])
            return fail(errc::invalid_cluster, "device " + g[d].name, message + " " + g[end].name,
                        "add a link or remove the device");
    return {};
}

/// Every computing device must be reached from the source, must reach the sink, and be connected to the others.
template <class Device, class Link>
result<void> check_connected(const resource_graph<Device, Link>& g) {
    const cluster_info& about = info(g);
    device_id first = 0;
    while (first < num_vertices(g) && !g[first].computes) ++first;
    if (first == num_vertices(g))
        return fail(errc::invalid_cluster, about.name, "no device of the cluster computes",
                    "set computes on one");
    for (const device_id end : {about.source, about.sink})
        if (end != no_id && end >= num_vertices(g))
            return fail(errc::invalid_cluster, about.name, "its source or sink is not one of its devices");
    DISPART_CHECK(check_reached(g, first, true, true, "no chain of links connects it with"));
    if (about.source != no_id)
        DISPART_CHECK(check_reached(g, about.source, true, false, "no route leads here from"));
    if (about.sink != no_id)
        DISPART_CHECK(check_reached(g, about.sink, false, true, "no route leads from here to"));
    return {};
}

}  // namespace detail

/// Checks a cluster: unique device names; positive finite speeds, bandwidths and slowdowns >= 1; no negative, NaN or
/// infinite number; no link from a device to itself; every computing device connected, to source and sink too.
///
/// Errors: invalid_cluster, naming the device or link and the field. O(devices log devices + links).
template <class Device, class Link>
[[nodiscard]] result<void> validate(const resource_graph<Device, Link>& g) {
    std::set<std::string_view> names;
    for (device_id d = 0; d < num_vertices(g); ++d) {
        DISPART_CHECK(detail::check_device(g[d]));
        if (!names.insert(g[d].name).second)
            return fail(errc::invalid_cluster, "device " + g[d].name, "two devices have this name");
    }
    for (auto [e, end] = edges(g); e != end; ++e) {
        const std::string title = detail::link_title(g[*e], g[source(*e, g)].name, g[target(*e, g)].name);
        if (source(*e, g) == target(*e, g))
            return fail(errc::invalid_cluster, title, "a link cannot lead back to its own device");
        DISPART_CHECK(detail::check_link(g[*e], title));
    }
    return detail::check_connected(g);
}

}  // namespace dispart
