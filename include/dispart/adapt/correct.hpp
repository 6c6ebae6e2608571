#pragma once
/// \file
/// What is believed about the machines, put right by what was measured.

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "dispart/adapt/drift.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/cluster/routes.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

namespace detail {

/// What each link's factor can be: the smallest of the routes over it, for a link is as good as its best route. Links
/// that no measured route uses are not in it.
template <class RouteOf>
[[nodiscard]] std::map<link_id, double> link_factors(const drift_factors& seen, const RouteOf& route_of) {
    std::map<link_id, double> made;
    for (const auto& [way, factor] : seen.between)
        for (const link_id l : route_of(way.first, way.second)) {
            const auto [at, fresh] = made.try_emplace(l, factor);
            if (!fresh) at->second = std::min(at->second, factor);
        }
    return made;
}

}  // namespace detail

/// The cluster with its devices' memory and speeds and its links' speeds corrected. Device and link ids are those of the cluster.
/// O(links * devices log devices).
template <class Device, class Link>
[[nodiscard]] resource_graph<Device, Link> corrected(resource_graph<Device, Link> of, const drift_factors& by) {
    const auto routes = make_routes(of);
    const std::size_t n = num_vertices(of);
    const auto factors =
        detail::link_factors(by, [&](device_id a, device_id b) { return routes.links[a * n + b]; });
    for (const auto& [d, factor] : by.device) {
        if (d >= n) continue;
        of[d].slowdown *= factor;
        if (of[d].slowdown >= 1.0) continue;
        of[d].speed = of[d].speed / of[d].slowdown;  // faster than it was thought to be at its best
        of[d].memory_bandwidth = of[d].memory_bandwidth / of[d].slowdown;
        of[d].slowdown = 1.0;
    }
    for (const auto& [d, factor] : by.memory)
        if (d < n)
            of[d].memory = std::max(of[d].memory * factor, of[d].reserve + bytes(1.0));  // 0 is unlimited
    link_id l = 0;
    for (auto [e, end] = edges(of); e != end; ++e, ++l)
        if (const auto found = factors.find(l); found != factors.end())
            of[*e].bandwidth = of[*e].bandwidth / found->second;
    return of;
}

/// The instance with its devices' times and memory and its links' rates corrected; devices must not share classes with others that
/// drifted differently. O(layers + devices^2 * links of a route).
[[nodiscard]] inline instance corrected(instance of, const drift_factors& by) {
    const std::size_t n = of.device_count();
    for (const auto& [d, factor] : by.device)
        for (std::size_t row = 0; row < of.fixed_seconds.shape(0); ++row) {
            of.fixed_seconds(row, of.device_class[d]) *= factor;
            of.marginal_seconds(row, of.device_class[d]) *= factor;
        }
    for (const auto& [d, factor] : by.memory)
        if (d < of.memory_capacity.size()) of.memory_capacity[d] *= factor;
    const auto factors =
        detail::link_factors(by, [&](device_id a, device_id b) { return of.routes[a * n + b]; });
    const auto slowest = [&](device_id a, device_id b) {
        double worst = 0.0;
        for (const link_id l : of.routes[a * n + b]) worst = std::max(worst, of.link_seconds_per_byte[l]);
        return worst;
    };
    for (const auto& [l, factor] : factors) of.link_seconds_per_byte[l] *= factor;
    for (device_id a = 0; a < n; ++a)
        for (device_id b = 0; b < n; ++b)
            if (!of.routes[a * n + b].empty()) of.seconds_per_byte(a, b) = slowest(a, b);
    return of;
}

}  // namespace dispart
