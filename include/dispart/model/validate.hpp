#pragma once
/// \file
/// The rules that every layer graph keeps, checked.

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/uses.hpp"

namespace dispart {

namespace detail {

[[nodiscard]] inline std::string number_of(std::string_view what, std::size_t id) {
    return std::string(what) + " " + std::to_string(id);
}

template <class Items>
[[nodiscard]] result<void> unique_names(const Items& items, std::string_view what) {
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string& name = items[i]->name;
        if (name.empty()) return fail(errc::invalid_model, number_of(what, i), "the name is empty");
        if (!seen.insert(name).second)
            return fail(errc::invalid_model, name, "two " + std::string(what) + "s have this name");
    }
    return {};
}

template <class Layer, class Tensor>
[[nodiscard]] result<void> check_names(const layer_graph<Layer, Tensor>& g) {
    std::vector<const layer*> layers;
    for (layer_id v = 0; v < num_vertices(g); ++v) layers.push_back(&g[v]);
    std::vector<const tensor_info*> tensors;
    for (const auto& t : info(g).tensors) tensors.push_back(&t);
    DISPART_CHECK(unique_names(layers, "layer"));
    return unique_names(tensors, "tensor");
}

/// Shape and type of a description, and of its value where it has one.
[[nodiscard]] inline result<void> check_tensor(const tensor_info& t) {
    if (t.dims)
        if (const auto n = checked_elements(*t.dims); !n)
            return fail(n.error().code, t.name, n.error().message, n.error().hint);
    if (t.constant && !t.dims) return fail(errc::invalid_model, t.name, "a constant has no shape");
    if (!t.value.has_value()) return {};
    if (!t.constant) return fail(errc::invalid_model, t.name, "a tensor that is not constant has a value");
    if (!t.dims || t.value.dims() != *t.dims || t.value.type() != t.type)
        return fail(errc::invalid_model, t.name, "the value's shape or type is not the described one");
    return {};
}

/// What can be the source of a tensor: exactly one layer, or the caller, or a constant.
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<bool>> check_sources(const layer_graph<Layer, Tensor>& g) {
    const auto& tensors = info(g).tensors;
    std::vector<bool> known(tensors.size());
    for (tensor_id t = 0; t < tensors.size(); ++t) known[t] = tensors[t].constant;
    for (const auto t : info(g).inputs) {
        if (t >= tensors.size())
            return fail(errc::invalid_model, info(g).name, "an input id is out of range");
        if (known[t])
            return fail(errc::invalid_model, tensors[t].name, "an input is constant or listed twice");
        known[t] = true;
    }
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const auto t : g[v].outputs) {
            if (t == no_id) continue;
            if (t >= tensors.size())
                return fail(errc::invalid_model, g[v].name, "a result id is out of range");
            if (known[t])
                return fail(errc::invalid_model, tensors[t].name,
                            "produced by layer '" + g[v].name + "', but it has a value already");
            known[t] = true;
        }
    return known;
}

template <class Layer, class Tensor>
[[nodiscard]] result<void> check_operands_exist(const layer_graph<Layer, Tensor>& g,
                                                const std::vector<bool>& known) {
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const auto t : g[v].inputs) {
            if (t == no_id) continue;
            if (t >= known.size())
                return fail(errc::invalid_model, g[v].name, "an operand id is out of range");
            if (!known[t])
                return fail(errc::invalid_model, g[v].name,
                            "operand '" + info(g).tensors[t].name + "' is produced by nobody");
        }
    for (const auto t : info(g).outputs) {
        if (t >= known.size()) return fail(errc::invalid_model, info(g).name, "an output id is out of range");
        if (!known[t])
            return fail(errc::invalid_model, info(g).tensors[t].name, "an output is produced by nobody");
    }
    return {};
}

/// Edges are exactly the operands that another layer produces.
template <class Layer, class Tensor>
[[nodiscard]] result<void> check_edges(const layer_graph<Layer, Tensor>& g) {
    const auto by = producers(g);
    for (layer_id v = 0; v < num_vertices(g); ++v) {
        std::vector<bool> joined(g[v].inputs.size(), false);
        const auto [first, last] = in_edges(v, g);
        for (auto e = first; e != last; ++e) {
            const auto& c = g[*e];
            const auto& from = g[source(*e, g)].outputs;
            const bool fits = c.input_port < joined.size() && !joined[c.input_port] &&
                              g[v].inputs[c.input_port] == c.tensor && c.output_port < from.size() &&
                              from[c.output_port] == c.tensor;
            if (!fits)
                return fail(errc::invalid_model, g[v].name, "an edge disagrees with the operand lists",
                            "call connect(g)");
            joined[c.input_port] = true;
        }
        for (std::size_t i = 0; i < joined.size(); ++i)
            if (const auto t = g[v].inputs[i]; t != no_id && (by[t] != no_id) != joined[i])
                return fail(errc::invalid_model, g[v].name, "an operand has no edge", "call connect(g)");
    }
    return {};
}

}  // namespace detail

/// Checks that names are unique and not empty, ids in range, every tensor has exactly one source (caller, constant or
/// one layer), every operand and output exists, values are what is described, edges agree with the operand lists, and
/// nothing is cyclic. Errors: invalid_model or shape_mismatch, naming the offender. O((layers + operands) log layers).
template <class Layer, class Tensor>
[[nodiscard]] result<void> validate(const layer_graph<Layer, Tensor>& g) {
    DISPART_CHECK(detail::check_names(g));
    for (const auto& t : info(g).tensors) DISPART_CHECK(detail::check_tensor(t));
    DISPART_TRY(const auto known, detail::check_sources(g));
    DISPART_CHECK(detail::check_operands_exist(g, known));
    DISPART_CHECK(detail::check_edges(g));
    DISPART_CHECK(topological_order(g));
    return {};
}

}  // namespace dispart
