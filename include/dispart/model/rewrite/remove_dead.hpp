#pragma once
/// \file
/// Removes what no output needs.

#include <vector>

#include "dispart/model/extract.hpp"
#include "dispart/model/graph.hpp"

namespace dispart {

namespace detail {

/// Rebuilds the graph from the layers to keep: tensors that nobody mentions any more go, ids are compacted in order.
/// The graph's inputs stay, and so does the order of inputs and outputs.
template <class Layer, class Tensor>
void keep_only(layer_graph<Layer, Tensor>& g, const std::vector<bool>& chosen) {
    std::vector<bool> keep(info(g).tensors.size(), false);
    const auto mention = [&](const std::vector<tensor_id>& ids) {
        for (const auto t : ids)
            if (t != no_id) keep[t] = true;
    };
    mention(info(g).inputs);
    mention(info(g).outputs);
    for (layer_id v = 0; v < chosen.size(); ++v) {
        if (!chosen[v]) continue;
        mention(g[v].inputs);
        mention(g[v].outputs);
    }
    auto part = copy_part(g, chosen, keep);
    std::vector<tensor_id> renumbered(keep.size(), no_id);
    for (tensor_id t = 0; t < part.tensors.size(); ++t) renumbered[part.tensors[t]] = t;
    for (const auto t : info(g).inputs) info(part.graph).inputs.push_back(renumbered[t]);
    for (const auto t : info(g).outputs) info(part.graph).outputs.push_back(renumbered[t]);
    g = std::move(part.graph);
}

/// True where somebody needs a result besides the first.
template <class Layer>
[[nodiscard]] bool further_results_needed(const Layer& self, const csr& readers,
                                          const std::vector<bool>& returned) {
    for (std::size_t i = 1; i < self.outputs.size(); ++i)
        if (const auto t = self.outputs[i]; t != no_id && (returned[t] || readers[t].size() > 0)) return true;
    return false;
}

}  // namespace detail

/// Removes layers from which no path leads to an output, and tensors that nobody mentions. Inputs stay, even unused.
/// Precondition: `validate(g)` succeeds. O(model).
template <class Layer, class Tensor>
void remove_dead(layer_graph<Layer, Tensor>& g) {
    const auto by = producers(g);
    std::vector<bool> needed(num_vertices(g), false);
    std::vector<layer_id> open;
    const auto need = [&](tensor_id t) {
        if (t == no_id || by[t] == no_id || needed[by[t]]) return;
        needed[by[t]] = true;
        open.push_back(by[t]);
    };
    for (const auto t : info(g).outputs) need(t);
    while (!open.empty()) {
        const auto v = open.back();
        open.pop_back();
        for (const auto t : g[v].inputs) need(t);
    }
    detail::keep_only(g, needed);
}

}  // namespace dispart
