#pragma once
/// \file
/// Measures a machine: its layers, its memory, what a call costs.

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/calibrate/layers.hpp"
#include "dispart/calibrate/machine.hpp"
#include "dispart/calibrate/profile.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/cost/kind.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/probe.hpp"

namespace dispart {

/// How a machine is measured.
struct machine_probe_options {
    std::string kind = "*";        ///< under which name its costs are filed
    layer_probe_options layers{};  ///< how each model's layers are measured
    bool memory = true;            ///< measure the memory's bandwidth, which takes 128 MiB for a moment
};

namespace detail {

[[nodiscard]] constexpr bool is_dense(op_family family) {
    return family == op_family::conv_1x1 || family == op_family::conv_kxk || family == op_family::conv_few ||
           family == op_family::gemm;
}

/// Operations per second over all dense layers together; 0 where there are none.
inline flops_per_second dense_speed(std::span<const cost_sample> samples) {
    flops work{};
    seconds spent{};
    for (const cost_sample& s : samples)
        if (is_dense(s.family)) work += s.work.compute, spent += s.measured;
    return spent.value > 0.0 ? work / spent : flops_per_second(0.0);
}

/// The shortest time of a layer that took time of its own; 0 where none did.
inline seconds shortest(std::span<const cost_sample> samples) {
    seconds least{};
    for (const cost_sample& s : samples)
        if (s.measured.value > 0.0 && (least.value == 0.0 || s.measured < least)) least = s.measured;
    return least;
}

}  // namespace detail

/// Measures the layers of models on a backend, and this machine's memory.
///
/// Errors: those of `measure_layers`, for the first model that fails. The time is about `options.layers.budget` a model.
template <backend Backend>
[[nodiscard]] result<profile> probe(const Backend& on, std::span<const model> nets,
                                    const machine_probe_options& options = {}) {
    profile measured;
    measured.kind = options.kind;
    measured.backend = std::string(on.name());
    measured.machine = local_machine();
    for (const model& net : nets) {
        DISPART_TRY(const auto layers, measure_layers(on, net, options.layers));
        add_measurements(measured, net, layers);
    }
    measured.speed = detail::dense_speed(measured.samples);
    measured.layer_overhead = detail::shortest(measured.samples);
    if (options.memory) measured.memory_bandwidth = copy_bandwidth();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    measured.measured_at = std::chrono::duration<double>(now).count();
    return measured;
}

/// The same with the models of `probe_models()`.
template <backend Backend>
[[nodiscard]] result<profile> probe(const Backend& on, const machine_probe_options& options = {}) {
    DISPART_TRY(const auto nets, probe_models());
    return probe(on, nets, options);
}

/// A device as a profile describes it; the profile's kind, where it has one, becomes its label `kind`.
[[nodiscard]] inline device measured_device(const profile& measured, std::string name) {
    device d{.name = std::move(name)};
    d.speed = measured.speed;
    d.memory_bandwidth = measured.memory_bandwidth;
    d.layer_overhead = measured.layer_overhead;
    d.memory = measured.machine.memory;
    if (measured.kind != "*") d.labels[kind_label] = measured.kind;
    return d;
}

/// A link as `probe_link` measured it, at a Unix time.
[[nodiscard]] inline link measured_link(const link_measurement& measured, double at) {
    return {.latency = measured.latency, .bandwidth = measured.bandwidth, .measured_at = at};
}

}  // namespace dispart
