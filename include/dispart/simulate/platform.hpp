#pragma once
/// \file
/// Machines and the network between them as the simulator sees them: large ones have no table of all pairs.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart {

/// What a message needs to get from one device to another.
struct simulated_route {
    std::vector<link_id> links{};                            ///< each once
    double latency = 0.0;                                    ///< seconds; infinite: there is no way
    double limit = std::numeric_limits<double>::infinity();  ///< bytes per second of its own
};

/// Devices, links, and a function that knows the way.
struct platform {
    std::vector<std::size_t> processors{};  ///< [device] tasks that it computes at a time
    std::vector<double> memory{};           ///< [device] bytes; infinite: no limit
    std::vector<double> link_capacity{};    ///< [link] bytes per second; infinite: never a bottleneck
    std::vector<std::string> names{};       ///< [device]; may be empty
    std::vector<std::string> link_names{};  ///< [link]; may be empty
    /// Writes the route from one device to another one; called once per transfer.
    std::function<void(device_id from, device_id to, simulated_route& out)> route{};

    [[nodiscard]] std::size_t device_count() const noexcept { return processors.size(); }
};

/// A node of a tree of switches; devices are nodes, too.
struct tree_node {
    std::size_t parent = no_id;                             ///< a node before this one; no_id: the root
    double up = std::numeric_limits<double>::infinity();    ///< bytes per second towards the parent
    double down = std::numeric_limits<double>::infinity();  ///< bytes per second from the parent
    double latency = 0.0;                                   ///< seconds, each way
    double inside =
        std::numeric_limits<double>::infinity();  ///< bytes per second of all that turns round here
};

/// A platform whose network is a tree: a message goes up to the first common ancestor and down again. Links 3i, 3i+1
/// and 3i+2 are node i's way up, its way down and its inside (a backbone that all traffic which turns round shares).
/// \param nodes parents before children
/// \param devices the node of each device
/// Memory is O(nodes), a route O(depth). One processor and unlimited memory per device, for the caller to change.
[[nodiscard]] inline platform tree_platform(std::vector<tree_node> nodes, std::vector<std::size_t> devices) {
    platform made;
    made.processors.assign(devices.size(), 1);
    made.memory.assign(devices.size(), std::numeric_limits<double>::infinity());
    for (const tree_node& n : nodes)
        made.link_capacity.insert(made.link_capacity.end(), {n.up, n.down, n.inside});
    const auto shared = std::make_shared<const std::pair<std::vector<tree_node>, std::vector<std::size_t>>>(
        std::move(nodes), std::move(devices));
    made.route = [shared](device_id from, device_id to, simulated_route& out) {
        const auto& [tree, place] = *shared;
        out = {};
        std::size_t a = place[from];
        std::size_t b = place[to];
        while (a != b) {  // parents have smaller numbers
            const std::size_t child = std::max(a, b);
            if (tree[child].parent == no_id)
                return void(out.latency = std::numeric_limits<double>::infinity());
            out.links.push_back(3 * child + (a > b ? 0 : 1));
            out.latency += tree[child].latency;
            (a > b ? a : b) = tree[child].parent;
        }
        if (tree[a].inside < std::numeric_limits<double>::infinity()) out.links.push_back(3 * a + 2);
    };
    return made;
}

/// Devices at one switch, each with its own way up and down; `inside` is the switch's backbone.
[[nodiscard]] inline platform star_platform(std::size_t devices, double bandwidth, double latency,
                                            double inside = std::numeric_limits<double>::infinity()) {
    std::vector<tree_node> nodes{{.inside = inside}};
    std::vector<std::size_t> places;
    for (device_id d = 0; d < devices; ++d) {
        places.push_back(nodes.size());
        nodes.push_back({.parent = 0, .up = bandwidth, .down = bandwidth, .latency = latency});
    }
    return tree_platform(std::move(nodes), std::move(places));
}

}  // namespace dispart
