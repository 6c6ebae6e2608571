#pragma once
/// \file
/// The one topological order that everything agrees on.

#include <functional>
#include <queue>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"

namespace dispart {

namespace detail {

/// A vertex on a cycle: walks backwards from a vertex that could not be ordered until one repeats.
template <class Graph>
[[nodiscard]] layer_id vertex_on_cycle(const Graph& g, const std::vector<std::size_t>& open) {
    layer_id at = 0;
    while (open[at] == 0) ++at;
    std::vector<bool> seen(open.size(), false);
    while (!seen[at]) {
        seen[at] = true;
        const auto [first, last] = in_edges(at, g);
        for (auto e = first; e != last; ++e)
            if (const layer_id before = source(*e, g); open[before] > 0) {
                at = before;
                break;
            }
    }
    return at;
}

}  // namespace detail

/// Layers such that each comes after all whose results it reads; among those that are ready, the lowest id first.
/// Errors: invalid_model naming a layer on a cycle. O((layers + edges) log layers).
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<layer_id>> topological_order(const layer_graph<Layer, Tensor>& g) {
    std::vector<std::size_t> open(num_vertices(g));
    std::priority_queue<layer_id, std::vector<layer_id>, std::greater<>> ready;
    for (layer_id v = 0; v < open.size(); ++v) {
        open[v] = in_degree(v, g);
        if (open[v] == 0) ready.push(v);
    }
    std::vector<layer_id> order;
    order.reserve(open.size());
    while (!ready.empty()) {
        const auto v = ready.top();
        ready.pop();
        order.push_back(v);
        const auto [first, last] = out_edges(v, g);
        for (auto e = first; e != last; ++e)
            if (--open[target(*e, g)] == 0) ready.push(target(*e, g));
    }
    if (order.size() == open.size()) return order;
    return fail(errc::invalid_model, g[detail::vertex_on_cycle(g, open)].name, "the layer is on a cycle");
}

}  // namespace dispart
