#pragma once

#include <vector>

#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace dispart::test {

/// The model's outputs, layer by layer with the reference kernels; each tensor is dropped after its last reader.
inline result<std::vector<tensor>> run_model(const model& m, const std::vector<tensor>& inputs) {
    DISPART_TRY(const auto order, topological_order(m));
    std::vector<tensor> values;
    for (const auto& t : info(m).tensors) values.push_back(t.value);
    for (std::size_t i = 0; i < inputs.size(); ++i) values[info(m).inputs[i]] = inputs[i];
    std::vector<std::size_t> readers(values.size(), 0);
    for (const auto v : order)
        for (const auto t : m[v].inputs)
            if (t != no_id) ++readers[t];
    for (const auto t : info(m).outputs) ++readers[t];
    for (const auto v : order) {
        std::vector<tensor> operands;
        for (const auto t : m[v].inputs) operands.push_back(t == no_id ? tensor() : values[t]);
        DISPART_TRY(const auto results, kernels::evaluate_layer(m[v], operands, info(m).opset));
        for (std::size_t i = 0; i < results.size(); ++i)
            if (m[v].outputs[i] != no_id) values[m[v].outputs[i]] = results[i];
        for (const auto t : m[v].inputs)
            if (t != no_id && --readers[t] == 0) values[t] = {};
    }
    std::vector<tensor> outputs;
    for (const auto t : info(m).outputs) outputs.push_back(values[t]);
    return outputs;
}

}  // namespace dispart::test
