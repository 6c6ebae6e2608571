#pragma once
/// \file
/// An instance's devices and links as a platform of the simulator.

#include <algorithm>
#include <cstddef>
#include <limits>

#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/simulate/platform.hpp"

namespace dispart {

/// The devices (of one processor each) and links of an instance, which must outlive the platform.
[[nodiscard]] inline platform platform_of(const instance& problem) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    platform made;
    made.processors.assign(problem.device_count(), 1);
    made.memory = problem.memory_capacity;
    made.memory.resize(problem.device_count(), infinity);
    made.names = problem.device_names;
    made.link_names = problem.link_names;
    for (const double spb : problem.link_seconds_per_byte)
        made.link_capacity.push_back(spb > 0.0 ? 1.0 / spb : infinity);
    made.route = [&problem](device_id from, device_id to, simulated_route& out) {
        const std::size_t pair = from * problem.device_count() + to;
        out.links.clear();
        double slowest = 0.0;
        if (pair < problem.routes.size())
            for (const link_id l : problem.routes[pair]) {
                out.links.push_back(l);
                slowest = std::max(slowest, problem.link_seconds_per_byte[l]);
            }
        out.latency = problem.latency(from, to);
        const double own = problem.seconds_per_byte(from, to);
        out.limit = own > slowest ? 1.0 / own : infinity;  // otherwise a link on the way says so already
    };
    return made;
}

}  // namespace dispart
