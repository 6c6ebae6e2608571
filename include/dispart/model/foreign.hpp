#pragma once
/// \file
/// Takes in any Boost.Graph graph of operators, once, through property maps.

#include <boost/graph/graph_concepts.hpp>
#include <boost/graph/graph_traits.hpp>
#include <boost/property_map/property_map.hpp>

#include <algorithm>
#include <concepts>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/infer.hpp"
#include "dispart/model/validate.hpp"

namespace dispart {

/// What a foreign graph does not say itself.
struct foreign_options {
    std::string name = "foreign";
    std::int64_t opset = 17;
};

/// Operand positions where edges do not say: edges in the order of their sources, then of those's out-edges.
struct edges_in_order {};

namespace detail {

template <class Map>
using value_of_map = std::remove_cvref_t<typename boost::property_traits<Map>::value_type>;

/// State of one adaptation: what the foreign graph's vertices and named tensors became.
template <class Graph, class Layer, class Tensor>
struct adaptation {
    using vertex = typename boost::graph_traits<Graph>::vertex_descriptor;

    layer_graph<Layer, Tensor> made{};
    std::map<vertex, layer_id> layers{};  ///< `no_id` for Input and Output vertices
    std::map<std::pair<vertex, std::string>, tensor_id> tensors{};
    std::map<vertex, std::vector<std::pair<std::size_t, tensor_id>>> operands{};

    /// The tensor that leaves `from` under that description; edges that agree on its name share it.
    tensor_id flowing(vertex from, Tensor about) {
        const auto [at, is_new] = tensors.try_emplace({from, about.name}, info(made).tensors.size());
        if (!is_new) return at->second;
        const auto t = at->second;
        if (const auto v = layers.at(from); v != no_id) made[v].outputs.push_back(t);
        else if (!about.constant) info(made).inputs.push_back(t);
        info(made).tensors.push_back(std::move(about));
        return t;
    }
};

template <class Graph, class LayerMap, class State>
void adapt_vertices(const Graph& g, LayerMap layers, State& state) {
    const auto [first, last] = vertices(g);
    for (auto v = first; v != last; ++v) {
        auto described = get(layers, *v);
        described.inputs.clear();
        described.outputs.clear();
        const bool marker = described.op == "Input" || described.op == "Output";
        state.layers[*v] = marker ? no_id : add_vertex(std::move(described), state.made);
    }
}

template <class Graph, class TensorMap, class PortMap, class State>
void adapt_edges(const Graph& g, TensorMap tensors, PortMap ports, State& state) {
    const auto [first, last] = vertices(g);
    for (auto v = first; v != last; ++v) {
        const auto [begin, end] = out_edges(*v, g);
        for (auto e = begin; e != end; ++e) {
            auto& operands = state.operands[target(*e, g)];
            std::size_t port = operands.size();
            if constexpr (!std::same_as<PortMap, edges_in_order>)
                port = static_cast<std::size_t>(get(ports, *e));
            operands.emplace_back(port, state.flowing(*v, get(tensors, *e)));
        }
    }
}

/// Hands each vertex its operands by position; an Output vertex's operands are the graph's outputs, and where there is
/// none, layers without a reader get a result that is one.
template <class Graph, class LayerMap, class State>
[[nodiscard]] result<void> adapt_operands(const Graph& g, LayerMap layers, State& state) {
    auto& made = state.made;
    const auto [first, last] = vertices(g);
    for (auto v = first; v != last; ++v) {
        auto& operands = state.operands[*v];
        std::stable_sort(operands.begin(), operands.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        const auto id = state.layers.at(*v);
        for (std::size_t i = 0; i < operands.size(); ++i) {
            if (operands[i].first != i)
                return fail(errc::invalid_model, get(layers, *v).name,
                            "operand " + std::to_string(i) + " has no edge or two");
            if (id != no_id) made[id].inputs.push_back(operands[i].second);
            else if (get(layers, *v).op == "Output") info(made).outputs.push_back(operands[i].second);
            else return fail(errc::invalid_model, get(layers, *v).name, "an Input has an edge into it");
        }
    }
    if (!info(made).outputs.empty()) return {};
    for (layer_id v = 0; v < num_vertices(made); ++v) {
        if (!made[v].outputs.empty()) continue;
        auto& tensors = info(made).tensors;
        made[v].outputs.push_back(tensors.size());
        info(made).outputs.push_back(tensors.size());
        tensors.emplace_back();
        tensors.back().name = made[v].name + ":result";
    }
    return {};
}

}  // namespace detail

/// Makes a layer graph of a foreign one.
///
/// - `layers`: a readable property map from vertices to a type derived from `layer`; `inputs` and `outputs` are ignored.
///   A vertex whose op is "Input" stands for a graph input (or, where its tensor is constant, for that constant); one
///   whose op is "Output" for the caller. Without an Output vertex, what layers without a reader make is returned.
/// - `tensors`: a readable property map from edges to a type derived from `tensor_info`, which describes what flows.
///   Edges of one source that agree on the name carry the same tensor.
/// - `ports`: a readable property map from edges to operand positions; by default, the order of the sources and of
///   their out-edges.
///
/// Operators that the table knows are inferred and must agree with it; unknown ones keep the described shapes.
/// Errors: those of `validate` and `infer_shapes`. O((V + E) log V).
template <class Graph, class LayerMap, class TensorMap, class PortMap = edges_in_order>
    requires std::derived_from<detail::value_of_map<LayerMap>, layer> &&
        std::derived_from<detail::value_of_map<TensorMap>, tensor_info>
[[nodiscard]] result<layer_graph<detail::value_of_map<LayerMap>, detail::value_of_map<TensorMap>>>
from_graph(const Graph& g, LayerMap layers, TensorMap tensors, PortMap ports = {},
           const foreign_options& options = {}) {
    BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<Graph>));
    BOOST_CONCEPT_ASSERT((boost::IncidenceGraphConcept<Graph>));
    detail::adaptation<Graph, detail::value_of_map<LayerMap>, detail::value_of_map<TensorMap>> state;
    info(state.made).name = options.name;
    info(state.made).opset = options.opset;
    detail::adapt_vertices(g, layers, state);
    detail::adapt_edges(g, tensors, ports, state);
    DISPART_CHECK(detail::adapt_operands(g, layers, state));
    connect(state.made);
    DISPART_CHECK(validate(state.made));
    DISPART_CHECK(infer_shapes(state.made, {}, {.keep_unknown = true}));
    return std::move(state.made);
}

}  // namespace dispart
