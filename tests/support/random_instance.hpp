#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::test {

/// What a random instance looks like; every number is an integer multiple of a power of two, so that sums are exact.
struct instance_shape {
    std::size_t layers = 6;
    std::size_t devices = 3;
    std::size_t extra_reads = 4;    ///< skip connections, besides one read per layer
    double forbidden = 0.1;         ///< share of (layer, device) pairs
    double unreachable = 0.0;       ///< share of device pairs without a route
    double unlimited_memory = 0.5;  ///< share of devices
    bool places = false;            ///< a random source and sink
    std::size_t inputs = 1;         ///< model inputs
    bool shared_links =
        false;  ///< routes over an uplink and a downlink per device instead of links of their own
};

/// A valid instance: a random acyclic net on random devices, each pair of devices joined by one link of its own unless
/// `shared_links`.
inline instance random_instance(random_source& random, const instance_shape& like = {}) {
    const auto number = [&](std::int64_t most) { return static_cast<double>(random.integer(0, most)); };
    const std::size_t n = like.layers, m = like.devices;
    instance made;
    made.fixed_seconds = xt::zeros<double>({n, m});
    made.marginal_seconds = xt::zeros<double>({n, m});
    made.workspace_bytes = xt::zeros<double>({n, m});
    made.allowed = xt::ones<std::uint8_t>({n, m});
    std::vector<double> speed;
    for (device_id d = 0; d < m; ++d) {
        speed.push_back(std::ldexp(1.0, static_cast<int>(random.integer(0, 3))));
        made.device_class.push_back(d);
    }
    for (layer_id l = 0; l < n; ++l) {
        made.layer_class.push_back(l);
        made.weight_bytes.push_back(number(20));
        const double work = number(64);
        for (device_id d = 0; d < m; ++d) {
            made.fixed_seconds(l, d) = random.chance(0.3) ? 0.25 : 0.0;
            made.marginal_seconds(l, d) = random.chance(0.7) ? work / speed[d] : number(64);
            made.workspace_bytes(l, d) = number(8);
            made.allowed(l, d) = random.chance(like.forbidden) ? 0 : 1;
        }
        made.allowed(l, random.index(m)) = 1;
    }

    // the first tensors are the model's inputs; each layer makes one, and some make a second one
    std::vector<std::vector<std::size_t>> consumers(like.inputs), reads(n), writes(n);
    made.producer.assign(like.inputs, no_id);
    for (layer_id l = 0; l < n; ++l)
        for (std::size_t k = random.chance(0.2) ? 2 : 1; k > 0; --k) {
            writes[l].push_back(made.producer.size());
            made.producer.push_back(l);
            consumers.emplace_back();
        }
    const auto read = [&](layer_id l, tensor_id t) {
        if (std::find(reads[l].begin(), reads[l].end(), t) != reads[l].end()) return;
        reads[l].push_back(t);
        consumers[t].push_back(l);
    };
    const auto earlier = [&](layer_id l) { return random.index(writes[l].front()); };
    for (layer_id l = 0; l < n; ++l) read(l, random.chance(0.7) ? writes[l].front() - 1 : earlier(l));
    for (std::size_t k = 0; k < like.extra_reads; ++k) {
        const layer_id l = random.index(n);
        read(l, earlier(l));
    }
    for (auto& row : reads) std::sort(row.begin(), row.end());
    for (auto& row : consumers) std::sort(row.begin(), row.end());
    made.consumers = csr(consumers);
    made.reads = csr(reads);
    made.writes = csr(writes);
    for (tensor_id t = 0; t < made.producer.size(); ++t) {
        made.tensor_bytes.push_back(number(16));
        if (t >= like.inputs && (made.consumers[t].empty() ? random.chance(0.9) : random.chance(0.1)))
            made.model_outputs.push_back(t);
    }
    for (tensor_id t = 0; t < like.inputs; ++t) made.model_inputs.push_back(t);

    made.latency = xt::zeros<double>({m, m});
    made.seconds_per_byte = xt::zeros<double>({m, m});
    if (like.shared_links)
        for (std::size_t l = 0; l < 2 * m; ++l)
            made.link_seconds_per_byte.push_back(std::ldexp(number(16), -2));
    for (device_id from = 0; from < m; ++from)
        for (device_id to = 0; to < m; ++to) {
            std::vector<std::size_t> way;
            if (from != to && random.chance(like.unreachable)) {
                made.latency(from, to) = std::numeric_limits<double>::infinity();
            } else if (from != to) {
                made.latency(from, to) = number(4);
                if (like.shared_links) {
                    way = {from, m + to};
                    made.seconds_per_byte(from, to) =
                        std::max(made.link_seconds_per_byte[from], made.link_seconds_per_byte[m + to]);
                    made.routes.push_back(way);
                    continue;
                }
                made.seconds_per_byte(from, to) = std::ldexp(number(16), -2);
                way.push_back(made.link_seconds_per_byte.size());
                made.link_seconds_per_byte.push_back(made.seconds_per_byte(from, to));
            }
            made.routes.push_back(way);
        }
    const bool limited = !random.chance(like.unlimited_memory);
    for (device_id d = 0; d < m; ++d)
        made.memory_capacity.push_back(limited ? 30.0 + number(static_cast<std::int64_t>(30 * n))
                                               : std::numeric_limits<double>::infinity());
    made.queues.inputs = number(2);
    made.queues.outputs = number(2);
    if (like.places && random.chance(0.7)) made.source = random.index(m);
    if (like.places && random.chance(0.7)) made.sink = random.index(m);
    return made;
}

/// The same work and devices, with every layer reading what the one before it makes, and nothing else: a chain.
inline instance as_chain(instance problem) {
    std::vector<std::vector<std::size_t>> reads, consumers(problem.tensor_count());
    for (layer_id l = 0; l < problem.layer_count(); ++l) {
        const tensor_id last_before = problem.writes[l].front() - 1;
        reads.push_back({last_before});
        consumers[last_before].push_back(l);
    }
    problem.reads = csr(reads);
    problem.consumers = csr(consumers);
    problem.model_outputs = {problem.tensor_count() - 1};
    return problem;
}

}  // namespace dispart::test
