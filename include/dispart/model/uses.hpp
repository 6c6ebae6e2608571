#pragma once
/// \file
/// Who produces a tensor and who reads it.

#include <algorithm>
#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/model/graph.hpp"

namespace dispart {

/// The layer that produces each tensor, `no_id` for graph inputs and constants. Ids out of range are passed over.
/// O(operands).
template <class Layer, class Tensor>
[[nodiscard]] std::vector<layer_id> producers(const layer_graph<Layer, Tensor>& g) {
    std::vector<layer_id> by(info(g).tensors.size(), no_id);
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const auto t : g[v].outputs)
            if (t < by.size()) by[t] = v;
    return by;
}

/// The layers that read each tensor, ascending, each once however often it reads it. O(operands).
template <class Layer, class Tensor>
[[nodiscard]] csr consumers(const layer_graph<Layer, Tensor>& g) {
    std::vector<std::vector<std::size_t>> by(info(g).tensors.size());
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const auto t : g[v].inputs)
            if (t < by.size() && (by[t].empty() || by[t].back() != v)) by[t].push_back(v);
    return csr(by);
}

/// Makes the edges what the layers' operand lists say; vertices and tensors stay. Call it after changing those lists.
/// Ids out of range and operands without a producer get no edge. O(operands).
template <class Layer, class Tensor>
void connect(layer_graph<Layer, Tensor>& g) {
    std::vector<connection> from(info(g).tensors.size());
    const auto by = producers(g);
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (std::size_t port = 0; port < g[v].outputs.size(); ++port)
            if (const auto t = g[v].outputs[port]; t < by.size() && by[t] == v) from[t] = {t, port, 0};
    for (layer_id v = 0; v < num_vertices(g); ++v) clear_out_edges(v, g);
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (std::size_t port = 0; port < g[v].inputs.size(); ++port) {
            const auto t = g[v].inputs[port];
            if (t >= by.size() || by[t] == no_id) continue;
            add_edge(by[t], v, connection{t, from[t].output_port, port}, g);
        }
}

}  // namespace dispart
