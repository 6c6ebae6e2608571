#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::test {

struct nets_shape {
    std::size_t layers = 8;  ///< of the forward pass
    std::size_t accelerators = 2;
    std::size_t cpus = 0;
    bool training = false;  ///< a backward layer for each forward one, some of them on their own
    bool tight = false;     ///< little memory
};

/// A random graph under `load_model::nets`: accelerators that pay for sharing, slower CPUs that do not; some layers
/// belong together, some take no time, a few may only run on CPUs.
inline instance random_nets(std::uint64_t seed, const nets_shape& shape) {
    random_source random(seed);
    const std::size_t forward = shape.layers, count = shape.training ? 2 * forward : forward;
    instance out;
    out.load = load_model::nets;
    double weights = 0.0;
    std::vector<std::vector<std::size_t>> readers(count);
    for (layer_id l = 1; l < forward; ++l)
        for (std::size_t i = 0; i < 1 + random.index(2); ++i) {
            const layer_id from = l - 1 - random.index(std::min<std::size_t>(l, 4));
            readers[from].push_back(l);
            if (shape.training) readers[count - 1 - l].push_back(count - 1 - from);
        }
    out.fixed_seconds = out.marginal_seconds = out.workspace_bytes =
        xt::zeros<double>({count, std::size_t{2}});
    out.allowed = xt::ones<std::uint8_t>({count, std::size_t{2}});
    std::vector<std::vector<std::size_t>> reads(count);
    for (layer_id l = 0; l < count; ++l) {
        out.layer_class.push_back(l);
        const double work = random.chance(0.2) ? 0.0 : random.uniform(1.0, 5.0);
        out.marginal_seconds(l, 0) = work;
        out.marginal_seconds(l, 1) = work * random.uniform(2.0, 6.0);
        if (shape.cpus > 0 && random.chance(0.05)) out.allowed(l, 0) = 0;
        out.weight_bytes.push_back(random.uniform(0.0, 2.0));
        weights += out.weight_bytes.back();
        out.backward.push_back(l >= forward ? 1 : 0);
        const bool alone = l >= forward && random.chance(0.3);
        out.together.push_back(alone ? 1000 + l : l >= forward ? count - 1 - l : l);
        if (l > 0 && l < forward && random.chance(0.15)) out.together.back() = out.together[random.index(l)];
        auto& to = readers[l];
        std::sort(to.begin(), to.end());
        to.erase(std::unique(to.begin(), to.end()), to.end());
        std::vector<std::size_t> written;
        if (!to.empty()) {
            written.push_back(out.tensor_bytes.size());
            for (const layer_id r : to) reads[r].push_back(out.tensor_bytes.size());
            out.producer.push_back(l);
            out.tensor_bytes.push_back(random.uniform(0.0, 2.0));
            out.consumers.push_back(to);
        }
        out.writes.push_back(written);
    }
    out.reads = csr(reads);
    const double capacity = shape.tight ? weights / static_cast<double>(shape.accelerators) * 1.1 : 1e9;
    for (device_id d = 0; d < shape.accelerators + shape.cpus; ++d) {
        const bool is_cpu = d >= shape.accelerators;
        out.device_class.push_back(is_cpu ? 1 : 0);
        out.net_seconds_per_byte.push_back(is_cpu ? 0.0 : 1.0);
        out.memory_capacity.push_back(is_cpu ? std::numeric_limits<double>::infinity() : capacity);
        out.unlimited.push_back(is_cpu ? 1 : 0);
    }
    return out;
}

}  // namespace dispart::test
