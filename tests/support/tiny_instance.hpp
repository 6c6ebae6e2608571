#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/problem/instance.hpp"

namespace dispart::test {

/// One layer of a hand-made instance: its time on every device, what it reads and the sizes of what it makes.
struct tiny_layer {
    std::vector<double> seconds{};
    std::vector<tensor_id> reads{};
    std::vector<double> writes{};
    double weights = 0.0;
};

/// A hand-made instance. Tensors are numbered: model inputs first, then what the layers make, in order. The last
/// tensor is the model output. Every ordered pair of devices has a link of its own, latency 1 s and 1 s per byte.
inline instance tiny_instance(std::size_t devices, const std::vector<double>& inputs,
                              const std::vector<tiny_layer>& layers) {
    instance out;
    const std::size_t count = layers.size();
    out.tensor_bytes = inputs;
    out.producer.assign(inputs.size(), no_id);
    for (tensor_id t = 0; t < inputs.size(); ++t) out.model_inputs.push_back(t);
    out.fixed_seconds = xt::zeros<double>({count, devices});
    out.marginal_seconds = xt::zeros<double>({count, devices});
    out.workspace_bytes = xt::zeros<double>({count, devices});
    out.allowed = xt::ones<std::uint8_t>({count, devices});
    std::vector<std::vector<std::size_t>> reads, writes(count);
    for (layer_id l = 0; l < count; ++l) {
        out.layer_class.push_back(l);
        out.layer_names.push_back("layer" + std::to_string(l));
        out.weight_bytes.push_back(layers[l].weights);
        for (std::size_t d = 0; d < devices; ++d) out.marginal_seconds(l, d) = layers[l].seconds[d];
        reads.push_back(layers[l].reads);
        for (const double size : layers[l].writes) {
            writes[l].push_back(out.tensor_bytes.size());
            out.tensor_bytes.push_back(size);
            out.producer.push_back(l);
        }
    }
    std::vector<std::vector<std::size_t>> consumers(out.tensor_bytes.size());
    for (layer_id l = 0; l < count; ++l)
        for (const tensor_id t : reads[l]) consumers[t].push_back(l);
    out.reads = csr(reads);
    out.writes = csr(writes);
    out.consumers = csr(consumers);
    out.model_outputs = {out.tensor_bytes.size() - 1};
    out.latency = xt::ones<double>({devices, devices});
    out.seconds_per_byte = xt::ones<double>({devices, devices});
    std::vector<std::vector<std::size_t>> routes(devices * devices);
    for (std::size_t d = 0; d < devices; ++d) {
        out.device_class.push_back(d);
        out.device_names.push_back("device" + std::to_string(d));
        out.memory_capacity.push_back(std::numeric_limits<double>::infinity());
        out.latency(d, d) = out.seconds_per_byte(d, d) = 0.0;
        for (std::size_t e = 0; e < devices; ++e)
            if (e != d) {
                routes[d * devices + e] = {out.link_count()};
                out.link_seconds_per_byte.push_back(1.0);
            }
    }
    out.routes = csr(routes);
    return out;
}

}  // namespace dispart::test
