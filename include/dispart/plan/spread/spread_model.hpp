#pragma once
/// \file
/// A model that was rewritten so that several devices work on one layer, and the partition that it asks for.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// A model whose layers are told apart into groups; one device executes a group as a unit.
struct spread_model {
    model graph{};
    std::vector<std::size_t> group{};  ///< [layer]
    std::vector<device_id> device{};   ///< [group]
    std::vector<std::size_t> turn{};   ///< [group] of `turns`; empty: there is one
    std::size_t turns = 1;             ///< requests that are taken in turn; see `partition::turns`
};

/// The whole model on one device.
[[nodiscard]] inline spread_model on_one_device(const model& graph, device_id device) {
    return {graph, std::vector<std::size_t>(num_vertices(graph), 0), {device}, {}};
}

/// One part per group that has layers, each after those that it reads from; layers as positions in
/// `topological_order(spread.graph)`. Errors: invalid_model (a cycle of layers), invalid_argument (groups that wait for one
/// another in a circle). O(groups² + layers log layers).
[[nodiscard]] inline result<partition> parts_of(const spread_model& spread) {
    DISPART_TRY(const auto order, topological_order(spread.graph));
    const std::size_t groups = spread.device.size();
    std::vector<std::vector<layer_id>> members(groups);
    for (std::size_t position = 0; position < order.size(); ++position)
        members[spread.group[order[position]]].push_back(position);
    std::vector<std::vector<bool>> before(groups, std::vector<bool>(groups, false));
    const auto [first, last] = edges(spread.graph);
    for (auto e = first; e != last; ++e) {
        const auto from = spread.group[source(*e, spread.graph)], to = spread.group[target(*e, spread.graph)];
        if (from != to) before[to][from] = true;
    }
    partition made{.turns = spread.turns};
    std::vector<bool> done(groups, false);
    for (std::size_t round = 0; round < groups; ++round) {
        std::size_t next = 0;
        const auto waits = [&](std::size_t g) {
            for (std::size_t other = 0; other < groups; ++other)
                if (before[g][other] && !done[other]) return true;
            return false;
        };
        while (next < groups && (done[next] || waits(next))) ++next;
        if (next == groups)
            return fail(errc::invalid_argument, info(spread.graph).name,
                        "groups of layers wait for one another in a circle", "spread a convex set of layers");
        done[next] = true;
        if (!members[next].empty())
            made.parts.push_back(
                {members[next], spread.device[next], spread.turn.empty() ? 0 : spread.turn[next]});
    }
    return made;
}

}  // namespace dispart
