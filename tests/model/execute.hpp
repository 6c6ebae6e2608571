#pragma once
/// \file
/// Runs a model layer by layer, as the meaning that rewrites must keep.

#include <span>
#include <vector>

#include "dispart/model/evaluator.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"

namespace dispart::test {

/// The kernels' evaluator, compiled once for all tests of this room (execute_test.cpp).
result<std::vector<tensor>> evaluate(const layer& self, std::span<const tensor> operands, std::int64_t opset);

/// The outputs for those inputs.
inline result<std::vector<tensor>> execute(const model& g, const std::vector<tensor>& inputs) {
    std::vector<tensor> values;
    for (const auto& t : info(g).tensors) values.push_back(t.value);
    for (std::size_t i = 0; i < inputs.size(); ++i) values[info(g).inputs[i]] = inputs[i];
    DISPART_TRY(const auto order, topological_order(g));
    for (const auto v : order) {
        std::vector<tensor> operands;
        for (const auto t : g[v].inputs) operands.push_back(t == no_id ? tensor() : values[t]);
        DISPART_TRY(auto results, evaluate(g[v], operands, info(g).opset));
        for (std::size_t i = 0; i < g[v].outputs.size(); ++i)
            if (g[v].outputs[i] != no_id) values[g[v].outputs[i]] = results.at(i);
    }
    std::vector<tensor> outputs;
    for (const auto t : info(g).outputs) outputs.push_back(values[t]);
    return outputs;
}

}  // namespace dispart::test
