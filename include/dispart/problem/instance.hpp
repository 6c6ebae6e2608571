#pragma once
/// \file
/// The dense instance that every partitioner, scheduler and bound reads: flat tables and integer ids, no strings in
/// the way, no model, cluster or cost model any more. `build_instance` (problem/build.hpp) makes one; so do tests.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <xtensor/xtensor.hpp>

#include "dispart/core/csr.hpp"
#include "dispart/core/ids.hpp"

namespace dispart {

/// What a plan makes small.
enum class objective {
    latency,  ///< seconds from a request's input at the source to its last output at the sink, on an idle system
    throughput,  ///< the period: seconds between results in steady state, set by the slowest device or link
};

/// How compute and communication add up to a device's load (the period of throughput).
enum class load_model {
    overlapped,  ///< a device computes while its links carry: period = max over devices and links (dispart's runtime)
    serial,  ///< a device computes, then sends: period of a device = compute + its sends (DEFER)
    nets,  ///< a device computes and pays, one after the other, for each tensor that it shares with another device:
    ///< once, whether it makes or reads it (Tarnawski et al., NeurIPS 2020); see `net_seconds_per_byte`
};

/// Memory that a pipeline holds besides weights and scratch: copies of tensors.
struct queue_depth {
    double inputs = 1.0;   ///< copies of each tensor that a part receives, beyond the one being computed on
    double outputs = 1.0;  ///< copies of each tensor that a part sends
    double live = 1.0;     ///< copies of each tensor while a layer runs and it is live
};

/// Layers are numbered 0..layer_count-1 in a topological order: every producer precedes its consumers.
/// Times are seconds, sizes bytes, all finite and non-negative; `validate(instance)` checks.
struct instance {
    // --- work: layers and devices that behave alike share a row or column
    std::vector<std::size_t> layer_class{};   ///< [layer] row of the tables below
    std::vector<std::size_t> device_class{};  ///< [device] column of the tables below
    xt::xtensor<double, 2> fixed_seconds{};  ///< [layer class, device class] per call, however small the piece
    xt::xtensor<double, 2> marginal_seconds{};  ///< [layer class, device class] for a whole layer, on top of fixed
    xt::xtensor<std::uint8_t, 2> allowed{};  ///< [layer class, device class] 1 where labels, operators, pins permit
    xt::xtensor<double, 2> workspace_bytes{};  ///< [layer class, device class] scratch while the layer runs

    // --- data
    std::vector<double> weight_bytes{};      ///< [layer] constants that must be resident
    std::vector<double> tensor_bytes{};      ///< [tensor] activations only; constants are in weight_bytes
    std::vector<layer_id> producer{};        ///< [tensor] or no_id for a model input
    csr consumers{};                         ///< tensor -> layers that read it, ascending, each once
    csr reads{};                             ///< layer -> tensors, each once
    csr writes{};                            ///< layer -> tensors
    std::vector<tensor_id> model_inputs{};   ///< tensors that appear at the source
    std::vector<tensor_id> model_outputs{};  ///< tensors that are wanted at the sink

    // --- transfers, per ordered pair of devices; the diagonal is 0; load_model::nets does without
    xt::xtensor<double, 2> latency{};  ///< [from, to] seconds before the first byte arrives; infinite: no route
    xt::xtensor<double, 2> seconds_per_byte{};    ///< [from, to] of the route's slowest link
    csr routes{};                                 ///< from * device_count + to -> physical link ids in order
    std::vector<double> link_seconds_per_byte{};  ///< [link] a link is shared by all routes over it

    // --- limits
    std::vector<double> memory_capacity{};  ///< [device] what parts may use (reserve already taken off); inf = unlimited
    queue_depth queues{};
    std::size_t max_devices = 0;  ///< at most so many may be used; 0: no limit
    device_id source = no_id;     ///< device where inputs appear; no_id: for free at their consumers
    device_id sink = no_id;       ///< device where outputs are wanted; no_id: they stay where they are made
    load_model load = load_model::overlapped;

    // --- placement of single layers; each may be empty
    std::vector<std::size_t> together{};  ///< [layer] layers with the same number share a device; no_id: free
    std::vector<std::uint8_t> backward{};        ///< [layer] 1: of the backward pass, exempt from contiguity
    std::vector<double> net_seconds_per_byte{};  ///< [device] load_model::nets: what sharing a tensor costs it
    std::vector<std::uint8_t> unlimited{};  ///< [device] 1: for latency, stands for as many devices as layers

    // --- names, for messages only; may be empty
    std::vector<std::string> layer_names{};
    std::vector<std::string> tensor_names{};
    std::vector<std::string> device_names{};
    std::vector<std::string> link_names{};

    [[nodiscard]] std::size_t layer_count() const noexcept { return layer_class.size(); }
    [[nodiscard]] std::size_t device_count() const noexcept { return device_class.size(); }
    [[nodiscard]] std::size_t tensor_count() const noexcept { return tensor_bytes.size(); }
    [[nodiscard]] std::size_t link_count() const noexcept { return link_seconds_per_byte.size(); }

    /// Seconds of one whole layer on a device.
    [[nodiscard]] double compute(layer_id l, device_id d) const {
        return fixed_seconds(layer_class[l], device_class[d]) +
               marginal_seconds(layer_class[l], device_class[d]);
    }
    [[nodiscard]] bool is_allowed(layer_id l, device_id d) const {
        return allowed(layer_class[l], device_class[d]) != 0;
    }
    [[nodiscard]] double workspace(layer_id l, device_id d) const {
        return workspace_bytes(layer_class[l], device_class[d]);
    }
    /// Seconds from sending to having a message; 0 on one device.
    [[nodiscard]] double transfer(device_id from, device_id to, double size) const {
        return from == to ? 0.0 : latency(from, to) + seconds_per_byte(from, to) * size;
    }
    [[nodiscard]] const std::string& name_of_layer(layer_id l) const { return name_in(layer_names, l); }
    [[nodiscard]] const std::string& name_of_device(device_id d) const { return name_in(device_names, d); }

  private:
    static const std::string& name_in(const std::vector<std::string>& names, std::size_t i) {
        static const std::string none{};
        return i < names.size() ? names[i] : none;
    }
};

}  // namespace dispart
