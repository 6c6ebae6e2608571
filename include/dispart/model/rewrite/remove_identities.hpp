#pragma once
/// \file
/// Removes layers that return their first operand unchanged.

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/model/onnx_types.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/rewrite/remove_dead.hpp"
#include "dispart/model/uses.hpp"

namespace dispart {

namespace detail {

/// Operators that return the same elements in the same order, so that they do nothing where the shape stays.
inline constexpr std::array<std::string_view, 7> reshaping{"Expand",  "Flatten", "Identity", "Reshape",
                                                           "Squeeze", "Tile",    "Unsqueeze"};
/// Operators of several operands that return the only one they have.
inline constexpr std::array<std::string_view, 5> joining{"Concat", "Max", "Mean", "Min", "Sum"};

[[nodiscard]] constexpr bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// True where a Transpose leaves every axis in its place.
[[nodiscard]] inline bool keeps_order(const layer& self, const shape& dims) {
    const auto found = self.attrs.find("perm");
    const auto* perm =
        found == self.attrs.end() ? nullptr : std::get_if<std::vector<std::int64_t>>(&found->second);
    if (perm == nullptr) return dims.size() < 2;
    return std::is_sorted(perm->begin(), perm->end()) && perm->size() == dims.size();
}

/// Dropout that is told at run time whether it trains is left alone.
[[nodiscard]] inline bool inert_dropout(const layer& self, std::span<const tensor_info* const> inputs) {
    if (inputs.size() < 3 || inputs[2] == nullptr) return self.op == "Dropout";
    const auto& training = inputs[2]->value;
    return self.op == "Dropout" && training.has_value() && training.type() == dtype::boolean &&
           training.size() == 1 && !training.data<bool>()[0];
}

/// True where the layer's first result equals its first operand, in elements, type and shape.
[[nodiscard]] inline bool is_identity(const layer& self, std::span<const tensor_info* const> inputs,
                                      const tensor_info& out) {
    if (inputs.empty() || inputs[0] == nullptr) return false;
    const auto& in = *inputs[0];
    if (!in.dims || in.dims != out.dims || in.type != out.type) return false;
    if (contains(reshaping, self.op) || self.op == "Cast") return true;
    if (contains(joining, self.op)) return inputs.size() == 1;
    if (self.op == "Transpose") return keeps_order(self, *in.dims);
    return inert_dropout(self, inputs);
}

/// Which tensor stands for which, while layers between equal ones are removed.
class aliases {
  public:
    explicit aliases(std::size_t count) : other_(count, no_id) {}
    /// The tensor that stands for t.
    [[nodiscard]] tensor_id find(tensor_id t) const {
        while (t != no_id && other_[t] != no_id) t = other_[t];
        return t;
    }
    /// From now on `to` stands for t. Precondition: both stand for themselves.
    void replace(tensor_id t, tensor_id to) { other_[t] = to; }

  private:
    std::vector<tensor_id> other_;
};

/// Layers that return their operand, in topological order.
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<layer_id>> identities(const layer_graph<Layer, Tensor>& g,
                                                       const std::vector<bool>& returned) {
    DISPART_TRY(auto order, topological_order(g));
    const auto readers = consumers(g);
    const auto& tensors = info(g).tensors;
    std::erase_if(order, [&](layer_id v) {
        if (g[v].outputs.empty() || g[v].outputs[0] == no_id ||
            further_results_needed(g[v], readers, returned))
            return true;
        std::vector<const tensor_info*> operands;
        for (const auto t : g[v].inputs) operands.push_back(t == no_id ? nullptr : &tensors[t]);
        return !is_identity(g[v], operands, tensors[g[v].outputs[0]]);
    });
    return order;
}

}  // namespace detail

/// Removes Identity, Dropout (at inference), single-operand Concat and Sum, and Reshape, Transpose, Cast, Expand, ...
/// that change neither type, shape nor order. An output of the graph keeps its name: the layer before takes it over,
/// or where that is impossible (it returns an input, a constant or another output) the layer stays.
/// Precondition: `validate(g)` succeeds and shapes are inferred (a layer of unknown shape stays). O(model).
template <class Layer, class Tensor>
[[nodiscard]] result<void> remove_identities(layer_graph<Layer, Tensor>& g) {
    std::vector<bool> returned(info(g).tensors.size(), false);
    for (const auto t : info(g).outputs) returned[t] = true;
    DISPART_TRY(const auto candidates, detail::identities(g, returned));
    auto by = producers(g);
    std::vector<bool> stays(num_vertices(g), true);
    detail::aliases same(returned.size());
    for (const auto v : candidates) {
        const auto in = same.find(g[v].inputs[0]);
        const auto out = g[v].outputs[0];
        if (returned[out] && (by[in] == no_id || returned[in])) continue;
        stays[v] = false;
        if (returned[out]) {
            same.replace(in, out);
            by[out] = by[in];
        } else {
            same.replace(out, in);
        }
    }
    for (layer_id v = 0; v < stays.size(); ++v) {
        for (auto& t : g[v].inputs) t = same.find(t);
        for (auto& t : g[v].outputs) t = same.find(t);
    }
    detail::keep_only(g, stays);
    return {};
}

}  // namespace dispart
