#pragma once
/// \file
/// Amount of work of layers and of whole models.

#include <algorithm>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/layer_view.hpp"
#include "dispart/model/operators.hpp"

namespace dispart {

namespace detail {

template <class Base, class Tensor>
[[nodiscard]] std::vector<const Base*> described(const std::vector<Tensor>& tensors,
                                                 const std::vector<tensor_id>& ids) {
    std::vector<const Base*> pointers;
    pointers.reserve(ids.size());
    for (const auto t : ids) pointers.push_back(t == no_id ? nullptr : &tensors[t]);
    return pointers;
}

}  // namespace detail

/// Work of one layer: operations by the convention of `operators.hpp`, bytes of each distinct operand and result.
/// Shapes that are unknown count 0. Precondition: v is a layer of the valid graph g. O(operands log operands).
template <class Layer, class Tensor>
[[nodiscard]] layer_work work_of(const layer_graph<Layer, Tensor>& g, layer_id v) {
    DISPART_EXPECTS(v < num_vertices(g));
    const auto& tensors = info(g).tensors;
    const auto inputs = detail::described<tensor_info>(tensors, g[v].inputs);
    const auto outputs = detail::described<tensor_info>(tensors, g[v].outputs);
    layer_work work;
    const bool known =
        std::all_of(outputs.begin(), outputs.end(), [](const auto* t) { return t == nullptr || t->dims; });
    if (known) work.compute = layer_flops({g[v], inputs, outputs, info(g).opset});
    auto distinct = g[v].inputs;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (const auto t : distinct)
        if (t != no_id) (tensors[t].constant ? work.weights : work.input) += bytes(tensors[t].size_bytes());
    for (const auto* t : outputs)
        if (t != nullptr) work.output += bytes(t->size_bytes());
    return work;
}

/// Holds the lists that a `layer_view` points into. It must not outlive the graph.
template <class Layer = layer, class Tensor = tensor_info>
class viewed_layer {
  public:
    /// Precondition: v is a layer of the valid graph g.
    viewed_layer(const layer_graph<Layer, Tensor>& g, layer_id v)
        : layer_(&g[v])
        , inputs_(detail::described<Tensor>(info(g).tensors, g[v].inputs))
        , outputs_(detail::described<Tensor>(info(g).tensors, g[v].outputs))
        , work_(work_of(g, v)) {}

    /// What a cost model is shown; valid as long as this object.
    [[nodiscard]] layer_view<Layer, Tensor> view() const { return {*layer_, inputs_, outputs_, work_}; }

  private:
    const Layer* layer_;
    std::vector<const Tensor*> inputs_;
    std::vector<const Tensor*> outputs_;
    layer_work work_;
};

/// Operations of one execution of all layers.
template <class Layer, class Tensor>
[[nodiscard]] flops total_flops(const layer_graph<Layer, Tensor>& g) {
    flops sum{};
    for (layer_id v = 0; v < num_vertices(g); ++v) sum += work_of(g, v).compute;
    return sum;
}

/// Bytes of the constants that layers read; one that several layers share counts once.
template <class Layer, class Tensor>
[[nodiscard]] bytes total_weight_bytes(const layer_graph<Layer, Tensor>& g) {
    std::vector<bool> read(info(g).tensors.size(), false);
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const auto t : g[v].inputs)
            if (t != no_id) read[t] = true;
    bytes sum{};
    for (tensor_id t = 0; t < read.size(); ++t)
        if (read[t] && info(g).tensors[t].constant) sum += bytes(info(g).tensors[t].size_bytes());
    return sum;
}

}  // namespace dispart
