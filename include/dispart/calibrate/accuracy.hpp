#pragma once
/// \file
/// How far a cost model is from what was measured.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "dispart/calibrate/layers.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/units.hpp"
#include "dispart/cost/concepts.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// A cost model held against the measured layers of one model.
struct cost_accuracy {
    std::size_t layers = 0;           ///< that took time
    double median_layer_error = 0.0;  ///< of |predicted - measured| / measured over them
    seconds predicted{};              ///< the sum over all layers
    seconds measured{};               ///< the whole model, run without observing its layers

    /// (predicted - measured) / measured; 0 where nothing was measured.
    [[nodiscard]] double whole_error() const {
        return measured.value > 0.0 ? (predicted - measured) / measured : 0.0;
    }
};

/// Predicts each layer of a model and compares with its measurement; errors of layers shorter than `floor` count relative
/// to it. Precondition: `measured` is of `net`. O(layers).
template <cost_model Costs>
[[nodiscard]] cost_accuracy accuracy_of(const Costs& costs, const model& net,
                                        const layer_measurements& measured, const device& on,
                                        seconds floor = seconds(5e-6)) {
    const auto& bound = cost_for_model(costs, net);
    cost_accuracy found{.measured = measured.total};
    std::vector<double> errors;
    for (layer_id v = 0; v < num_vertices(net); ++v) {
        const seconds guess = bound.compute(viewed_layer<>(net, v).view(), on);
        found.predicted += guess;
        const seconds took = measured.layers[v];
        if (took.value > 0.0) errors.push_back(std::abs((guess - took).value) / std::max(took, floor).value);
    }
    found.layers = errors.size();
    if (!errors.empty()) found.median_layer_error = detail::quantile_of(std::move(errors), 0.5);
    return found;
}

}  // namespace dispart
