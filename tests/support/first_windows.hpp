#pragma once

#include <vector>

#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"

namespace dispart::test {

/// The layers up to the n-th convolution or pooling, with what follows it element by element.
inline std::vector<layer_id> first_windows(const model& g, int n) {
    std::vector<layer_id> layers;
    const auto order = topological_order(g).value();
    for (const auto v : order) {
        if (g[v].op == "Conv" || g[v].op == "MaxPool") --n;
        if (n < 0) break;
        layers.push_back(v);
    }
    return layers;
}

}  // namespace dispart::test
