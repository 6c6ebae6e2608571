#pragma once
/// \file
/// Cuts a set of layers out of a model, as a model of its own.

#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/uses.hpp"

namespace dispart {

/// A sub-model and where its parts come from.
template <class Layer = layer, class Tensor = tensor_info>
struct extracted {
    layer_graph<Layer, Tensor> graph;
    std::vector<layer_id> layers{};    ///< the original id of each layer
    std::vector<tensor_id> tensors{};  ///< the original id of each tensor
};

namespace detail {

/// A mask of the listed layers. Errors: invalid_argument (none, twice), not_found (no such layer).
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<bool>> chosen_layers(const layer_graph<Layer, Tensor>& g,
                                                      const std::vector<layer_id>& layers) {
    std::vector<bool> chosen(num_vertices(g), false);
    for (const auto v : layers) {
        if (v >= chosen.size())
            return fail(errc::not_found, "layer " + std::to_string(v), "the model has no such layer");
        if (chosen[v]) return fail(errc::invalid_argument, g[v].name, "the layer is listed twice");
        chosen[v] = true;
    }
    if (layers.empty()) return fail(errc::invalid_argument, info(g).name, "no layers to extract");
    return chosen;
}

/// Copies the chosen layers and the tensors that `keep` names, under new ids in the old order, and adds the edges.
/// Inputs and outputs are left to the caller.
template <class Layer, class Tensor>
[[nodiscard]] extracted<Layer, Tensor> copy_part(const layer_graph<Layer, Tensor>& g,
                                                 const std::vector<bool>& chosen,
                                                 const std::vector<bool>& keep) {
    extracted<Layer, Tensor> part;
    info(part.graph).name = info(g).name;
    info(part.graph).opset = info(g).opset;
    std::vector<tensor_id> renumbered(keep.size(), no_id);
    for (tensor_id t = 0; t < keep.size(); ++t) {
        if (!keep[t]) continue;
        renumbered[t] = part.tensors.size();
        part.tensors.push_back(t);
        info(part.graph).tensors.push_back(info(g).tensors[t]);
    }
    const auto renumber = [&](std::vector<tensor_id>& ids) {
        for (auto& t : ids)
            if (t != no_id) t = renumbered[t];
    };
    for (layer_id v = 0; v < chosen.size(); ++v) {
        if (!chosen[v]) continue;
        part.layers.push_back(v);
        auto& copy = part.graph[add_vertex(g[v], part.graph)];
        renumber(copy.inputs);
        renumber(copy.outputs);
    }
    connect(part.graph);
    return part;
}

}  // namespace detail

/// The sub-model of a set of layers, in ascending order of their ids. Its inputs are the tensors that it reads and that
/// are produced outside (graph inputs too), its outputs those of its results that are read outside or that the graph
/// returns; both in ascending order of their original ids. It holds only the constants that it reads; storage is shared.
/// Precondition: `validate(g)` succeeds. Errors: invalid_argument (no layers, one twice), not_found. O(model).
template <class Layer, class Tensor>
[[nodiscard]] result<extracted<Layer, Tensor>> extract(const layer_graph<Layer, Tensor>& g,
                                                       const std::vector<layer_id>& layers) {
    DISPART_TRY(const auto chosen, detail::chosen_layers(g, layers));
    const auto count = info(g).tensors.size();
    std::vector<bool> made(count, false), read(count, false), read_outside(count, false);
    for (layer_id v = 0; v < chosen.size(); ++v) {
        for (const auto t : g[v].inputs)
            if (t != no_id) (chosen[v] ? read : read_outside)[t] = true;
        for (const auto t : g[v].outputs)
            if (t != no_id && chosen[v]) made[t] = true;
    }
    for (const auto t : info(g).outputs) read_outside[t] = true;
    std::vector<bool> keep(count);
    for (tensor_id t = 0; t < count; ++t) keep[t] = made[t] || read[t];
    auto part = detail::copy_part(g, chosen, keep);
    for (tensor_id t = 0; t < part.tensors.size(); ++t) {
        const auto old = part.tensors[t];
        if (read[old] && !made[old] && !info(g).tensors[old].constant) info(part.graph).inputs.push_back(t);
        if (made[old] && read_outside[old]) info(part.graph).outputs.push_back(t);
    }
    return part;
}

}  // namespace dispart
