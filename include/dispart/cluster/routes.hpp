#pragma once
/// \file
/// Which links a message takes between two devices, and what the whole way costs.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/csr.hpp"
#include "dispart/core/units.hpp"

namespace dispart {

/// What one link contributes to a route: seconds before the first byte, and seconds per byte.
struct link_cost {
    seconds latency{};
    double seconds_per_byte = 0.0;
};

/// The declared cost of a link.
[[nodiscard]] inline link_cost declared_cost(const link& l) { return {l.latency, 1.0 / l.bandwidth.value}; }

struct route_options {
    bytes reference{1e6};  ///< the message size for which routes are the fastest
};

/// One route for each ordered pair of devices. Links are numbered in the order in which they were added to the graph.
struct route_table {
    std::vector<double> latency{};  ///< [from * devices + to] seconds; infinite: no route; diagonal 0
    std::vector<double> seconds_per_byte{};  ///< [from * devices + to] of the route's slowest link; diagonal 0
    csr links{};                             ///< from * devices + to -> link ids in order
    std::vector<double> link_seconds_per_byte{};  ///< [link]
};

namespace detail {

/// A directed link with its ends; its index is its link_id.
struct arc {
    device_id from = no_id;
    device_id to = no_id;
    link_cost cost{};
    double weight = 0.0;  ///< seconds that a message of the reference size needs
};

/// Length of a path: seconds, and among equals the number of links, so that free links make no cycle.
using path_length = std::pair<double, std::size_t>;

inline path_length append(path_length way, double weight) { return {way.first + weight, way.second + 1}; }

/// Length of the shortest way from a device to every device; `outgoing`: device -> its arcs. O(arcs * log arcs).
inline std::vector<path_length> path_lengths(const csr& outgoing, const std::vector<arc>& arcs,
                                             device_id from) {
    std::vector<path_length> length(outgoing.size(), {std::numeric_limits<double>::infinity(), 0});
    using step = std::pair<path_length, device_id>;
    std::vector<step> open{{{0.0, 0}, from}};  // a heap whose top is the nearest
    const auto farther = [](const step& a, const step& b) { return a.first > b.first; };
    length[from] = {0.0, 0};
    while (!open.empty()) {
        const auto [way, at] = open.front();
        std::pop_heap(open.begin(), open.end(), farther);
        open.pop_back();
        if (way > length[at]) continue;  // a shorter one was found since
        for (const link_id i : outgoing[at]) {
            const path_length next = append(way, arcs[i].weight);
            if (!(next < length[arcs[i].to])) continue;
            length[arcs[i].to] = next;
            open.push_back({next, arcs[i].to});
            std::push_heap(open.begin(), open.end(), farther);
        }
    }
    return length;
}

/// The last link of the way to each device: of those on a shortest way, the one with the lowest id.
inline std::vector<link_id> last_links(const std::vector<arc>& arcs, const std::vector<path_length>& length) {
    std::vector<link_id> last(length.size(), no_id);
    for (link_id i = arcs.size(); i-- > 0;)
        if (length[arcs[i].to].second > 0 && append(length[arcs[i].from], arcs[i].weight) == length[arcs[i].to])
            last[arcs[i].to] = i;
    return last;
}

/// The links from where `last` starts to a device, in order.
inline std::vector<link_id> way_to(device_id to, const std::vector<arc>& arcs,
                                   const std::vector<link_id>& last) {
    std::vector<link_id> way;
    for (; last[to] != no_id; to = arcs[last[to]].from) way.push_back(last[to]);
    return {way.rbegin(), way.rend()};
}

/// All arcs of a cluster in the order of their ids.
template <class Device, class Link, class Cost>
std::vector<arc> arcs_of(const resource_graph<Device, Link>& g, bytes reference, const Cost& cost) {
    std::vector<arc> arcs;
    for (auto [e, end] = edges(g); e != end; ++e) {
        const link_cost c = cost(g[*e]);
        arcs.push_back(
            {source(*e, g), target(*e, g), c, c.latency.value + c.seconds_per_byte * reference.value});
    }
    return arcs;
}

}  // namespace detail

/// The fastest route for messages of the reference size, for each ordered pair of devices.
///
/// The latency of a route is the sum over its links, its seconds per byte those of its slowest link. Ties go to fewer
/// links, then to the lowest id of the last link, then of the one before. Any device may forward.
/// \param cost what a link costs; `declared_cost` unless told otherwise; not negative
/// Complexity: O(devices * links * log links). Precondition: `validate(cluster)` holds.
/// Source: Dijkstra, "A note on two problems in connexion with graphs", Numerische Mathematik 1, 1959.
template <class Device, class Link, class Cost = link_cost (*)(const link&)>
[[nodiscard]] route_table make_routes(const resource_graph<Device, Link>& g,
                                      const route_options& options = {}, const Cost& cost = &declared_cost) {
    const std::vector<detail::arc> arcs = detail::arcs_of(g, options.reference, cost);
    std::vector<std::vector<link_id>> of_device(num_vertices(g));
    for (link_id i = 0; i < arcs.size(); ++i) of_device[arcs[i].from].push_back(i);
    const csr outgoing(of_device);

    route_table table;
    for (const auto& a : arcs) table.link_seconds_per_byte.push_back(a.cost.seconds_per_byte);
    for (device_id from = 0; from < num_vertices(g); ++from) {
        const auto length = detail::path_lengths(outgoing, arcs, from);
        const auto last = detail::last_links(arcs, length);
        for (device_id to = 0; to < num_vertices(g); ++to) {
            const auto way = detail::way_to(to, arcs, last);
            double latency = from == to || !way.empty() ? 0.0 : std::numeric_limits<double>::infinity();
            double slowest = 0.0;
            for (const link_id i : way) {
                latency += arcs[i].cost.latency.value;
                slowest = std::max(slowest, arcs[i].cost.seconds_per_byte);
            }
            table.latency.push_back(latency);
            table.seconds_per_byte.push_back(slowest);
            table.links.push_back(way);
        }
    }
    return table;
}

}  // namespace dispart
