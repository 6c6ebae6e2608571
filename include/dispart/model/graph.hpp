#pragma once
/// \file
/// The layer graph: a Boost.Graph graph whose vertices are layers and whose edges say which tensor flows where.
///
/// A tensor has an id because it may have several consumers and operands have an order: an edge is
/// {tensor, output port, input port}, and costs are charged per tensor, not per edge. Constants have no edge.

#include <boost/graph/adjacency_list.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/model/layer.hpp"

namespace dispart {

/// Bundle of an edge: the tensor that flows, and its place among the producer's results and the consumer's operands.
struct connection {
    tensor_id tensor = no_id;
    std::size_t output_port = 0;
    std::size_t input_port = 0;
};

/// Bundle of the whole graph.
template <class Tensor = tensor_info>
struct graph_info {
    std::string name{};
    std::int64_t opset = 17;        ///< version of the ONNX operator set that gives the layers their meaning
    std::vector<Tensor> tensors{};  ///< indexed by tensor_id
    std::vector<tensor_id> inputs{};   ///< fed by the caller, in order; constants are not among them
    std::vector<tensor_id> outputs{};  ///< returned to the caller, in order
};

/// A directed graph of layers; any Boost.Graph algorithm works on it. `g[v]` is a layer, `g[e]` a connection,
/// `g[boost::graph_bundle]` the graph_info. Built and kept consistent by `model_builder`; checked by `validate`.
template <class Layer = layer, class Tensor = tensor_info>
using layer_graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Layer, connection, graph_info<Tensor>>;

/// The graph with the default bundles: what importers return and backends load.
using model = layer_graph<>;

/// The graph's bundle: name, opset, tensors, inputs, outputs.
template <class Layer, class Tensor>
[[nodiscard]] graph_info<Tensor>& info(layer_graph<Layer, Tensor>& g) {
    return g[boost::graph_bundle];
}
template <class Layer, class Tensor>
[[nodiscard]] const graph_info<Tensor>& info(const layer_graph<Layer, Tensor>& g) {
    return g[boost::graph_bundle];
}

}  // namespace dispart
