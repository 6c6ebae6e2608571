#pragma once
/// \file
/// Which layers a backend does in the same pass as the layer before them, learned from measurements.
///
/// An activation that joins its convolution costs nothing, the same activation behind a concatenation does. Whether it
/// joins depends on its producer, which a cost model is not shown: so it is found out once for a whole model.

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dispart/cost/family.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/model/work.hpp"

namespace dispart {

namespace detail {

/// All convolutions count as one, and both kinds of matrix products.
inline std::string producer_kind(op_family family) {
    const std::string name(to_string(family));
    if (name.starts_with("conv_")) return "conv";
    return family == op_family::gemm || family == op_family::matmul ? "product" : name;
}

/// `elementwise/2`: a family and the number of operands that are not constant.
template <class Layer, class Tensor>
std::string consumer_kind(const layer_view<Layer, Tensor>& view) {
    std::size_t operands = 0;
    for (const Tensor* t : view.inputs) operands += t != nullptr && !t->constant;
    return std::string(to_string(family_of(view))) + "/" + std::to_string(operands);
}

}  // namespace detail

/// The ways in which each layer could be fused: `conv > elementwise/1` for every operand that only this layer reads and
/// that is no output of the model. Where an operand goes to a gate and to the product with the gate's result, as in
/// x * Sigmoid(x), both layers have the one candidate `conv > gate`. O(operands).
template <class Layer, class Tensor>
[[nodiscard]] std::vector<std::vector<std::string>> fusion_candidates(const layer_graph<Layer, Tensor>& g) {
    const auto maker = producers(g);
    const csr readers = consumers(g);
    std::vector<bool> is_output(info(g).tensors.size(), false);
    for (const tensor_id t : info(g).outputs) is_output[t] = true;
    const auto gates = [&](layer_id a, layer_id b) {  // b = Mul(x, a(x)), and nobody else reads a(x)
        const op_family family = family_of(viewed_layer<Layer, Tensor>(g, a).view());
        return (family == op_family::transcendental || family == op_family::elementwise) &&
               g[b].op == "Mul" && g[a].outputs.size() == 1 && readers[g[a].outputs[0]].size() == 1 &&
               readers[g[a].outputs[0]][0] == b;
    };
    std::vector<std::string> kinds;
    for (layer_id v = 0; v < num_vertices(g); ++v)
        kinds.push_back(detail::producer_kind(family_of(viewed_layer<Layer, Tensor>(g, v).view())));
    std::vector<std::vector<std::string>> candidates(num_vertices(g));
    for (layer_id v = 0; v < num_vertices(g); ++v) {
        const std::string self = detail::consumer_kind(viewed_layer<Layer, Tensor>(g, v).view());
        for (const tensor_id t : g[v].inputs) {
            if (t == no_id || maker[t] == no_id || is_output[t]) continue;
            const auto who = readers[t];
            const bool gated = who.size() == 2 && (gates(who[0], who[1]) || gates(who[1], who[0]));
            if (gated) candidates[v].insert(candidates[v].begin(), kinds[maker[t]] + " > gate");
            else if (who.size() == 1) candidates[v].push_back(kinds[maker[t]] + " > " + self);
        }
        if (!candidates[v].empty() && candidates[v].front().ends_with("gate")) candidates[v].resize(1);
    }
    return candidates;
}

/// The transcendental layers that each layer does in its own pass.
/// \param took_time [vertex] false for layers that were fused
/// \return [vertex]; nothing for the fused layers themselves
template <class Layer, class Tensor>
[[nodiscard]] std::vector<tail_work> tails(const layer_graph<Layer, Tensor>& g,
                                           const std::vector<bool>& took_time) {
    const auto maker = producers(g);
    std::vector<tail_work> of_host(num_vertices(g));
    for (layer_id v = 0; v < num_vertices(g); ++v) {
        const viewed_layer<Layer, Tensor> viewed(g, v);
        if (took_time[v] || family_of(viewed.view()) != op_family::transcendental) continue;
        layer_id host = v;
        for (std::size_t steps = num_vertices(g); host != no_id && !took_time[host] && steps > 0; --steps) {
            const tensor_id t = g[host].inputs.empty() ? no_id : g[host].inputs[0];
            host = t == no_id ? no_id : maker[t];
        }
        if (host == no_id || !took_time[host]) continue;
        of_host[host].amount += viewed.view().work.compute;
        if (of_host[host].op.empty()) of_host[host].op = g[v].op;
    }
    return of_host;
}

/// How often each kind of pair was fused, and how often not.
class fusion_rules {
  public:
    struct count {
        std::size_t fused = 0;
        std::size_t separate = 0;

        friend bool operator==(const count&, const count&) = default;
    };

    /// Learns from a model's layers: whether each took time of its own. `took_time[v]` is about vertex v.
    template <class Layer, class Tensor>
    void learn(const layer_graph<Layer, Tensor>& g, const std::vector<bool>& took_time) {
        const auto candidates = fusion_candidates(g);
        for (layer_id v = 0; v < candidates.size(); ++v)
            for (const std::string& pair : candidates[v])
                ++(took_time[v] ? counts_[pair].separate : counts_[pair].fused);
    }

    /// Names of the layers of another model that will be fused: those with a pair that was fused more often than not.
    template <class Layer, class Tensor>
    [[nodiscard]] std::set<std::string> fused_layers(const layer_graph<Layer, Tensor>& g) const {
        std::set<std::string> fused;
        const auto candidates = fusion_candidates(g);
        for (layer_id v = 0; v < candidates.size(); ++v)
            for (const std::string& pair : candidates[v])
                if (const auto known = counts_.find(pair);
                    known != counts_.end() && known->second.fused > known->second.separate)
                    fused.insert(g[v].name);
        return fused;
    }

    /// Pair -> how often.
    [[nodiscard]] const std::map<std::string, count>& counts() const noexcept { return counts_; }
    void set(const std::string& pair, count seen) { counts_[pair] = seen; }

  private:
    std::map<std::string, count> counts_{};
};

}  // namespace dispart
