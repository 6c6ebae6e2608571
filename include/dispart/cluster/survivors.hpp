#pragma once
/// \file
/// A cluster without what failed, for planning again.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "dispart/cluster/graph.hpp"

namespace dispart {

/// The cluster in which only these devices compute; of two that cannot reach each other, only the faster one.
///
/// Ids stay what they are: who does not compute still stands in the graph. Devices that never computed stay as they are.
/// \param present names \param broken pairs of names between which nothing gets through
/// O(devices * present + pairs * devices).
template <class Device, class Link>
[[nodiscard]] resource_graph<Device, Link>
survivors(resource_graph<Device, Link> of, std::span<const std::string> present,
          std::span<const std::pair<std::string, std::string>> broken = {}) {
    const std::size_t n = num_vertices(of);
    for (device_id d = 0; d < n; ++d)
        of[d].computes =
            of[d].computes && std::find(present.begin(), present.end(), of[d].name) != present.end();
    const auto computing = [&](const std::string& name) {
        device_id d = 0;
        while (d < n && !(of[d].name == name && of[d].computes)) ++d;
        return d;
    };
    for (const auto& [a, b] : broken) {
        const device_id x = computing(a), y = computing(b);
        if (x == n || y == n || x == y) continue;
        const auto speed = [&](device_id d) { return of[d].speed.value / of[d].slowdown; };
        of[speed(y) > speed(x) ? x : y].computes = false;
    }
    return of;
}

}  // namespace dispart
