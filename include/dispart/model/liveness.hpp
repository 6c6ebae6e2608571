#pragma once
/// \file
/// When each activation is alive, and how much memory they need together at once.

#include <algorithm>
#include <span>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"

namespace dispart {

/// Steps of an execution order during which a tensor is in memory, both ends included.
struct live_interval {
    std::size_t first = 0;  ///< the step that produces it; 0 for an input
    std::size_t last = 0;   ///< the last step that reads it; the last step of all for an output
    bool alive = false;     ///< false for constants and for tensors that nobody produces

    friend bool operator==(const live_interval&, const live_interval&) = default;
};

/// Interval of each tensor when the layers run in that order. Precondition: `order` lists every layer of the valid graph
/// g once. O(operands).
template <class Layer, class Tensor>
[[nodiscard]] std::vector<live_interval> live_intervals(const layer_graph<Layer, Tensor>& g,
                                                        std::span<const layer_id> order) {
    std::vector<live_interval> live(info(g).tensors.size());
    for (const auto t : info(g).inputs) live[t].alive = true;
    for (std::size_t step = 0; step < order.size(); ++step) {
        for (const auto t : g[order[step]].outputs)
            if (t != no_id) live[t] = {step, step, true};
        for (const auto t : g[order[step]].inputs)
            if (t != no_id) live[t].last = step;
    }
    const auto end = order.empty() ? 0 : order.size() - 1;
    for (const auto t : info(g).outputs) live[t].last = end;
    for (tensor_id t = 0; t < live.size(); ++t)
        if (info(g).tensors[t].constant) live[t] = {};
    return live;
}

/// Bytes of the activations that are alive at each step; operands and results of a step are alive together.
/// O(operands + tensors).
template <class Layer, class Tensor>
[[nodiscard]] std::vector<bytes> live_bytes(const layer_graph<Layer, Tensor>& g,
                                            std::span<const layer_id> order) {
    const auto live = live_intervals(g, order);
    std::vector<double> change(order.size() + 1, 0.0);
    for (tensor_id t = 0; t < live.size() && !order.empty(); ++t) {
        if (!live[t].alive) continue;
        change[live[t].first] += info(g).tensors[t].size_bytes();
        change[live[t].last + 1] -= info(g).tensors[t].size_bytes();
    }
    std::vector<bytes> at;
    double now = 0.0;
    for (std::size_t step = 0; step < order.size(); ++step) at.push_back(bytes(now += change[step]));
    return at;
}

/// Most bytes of activations alive at once, weights not counted, in the model's topological order. No buffer is reused
/// in place. Errors: invalid_model (cycle).
template <class Layer, class Tensor>
[[nodiscard]] result<bytes> peak_live_bytes(const layer_graph<Layer, Tensor>& g) {
    DISPART_TRY(const auto order, topological_order(g));
    bytes peak{};
    for (const auto now : live_bytes(g, std::span<const layer_id>(order))) peak = std::max(peak, now);
    return peak;
}

}  // namespace dispart
