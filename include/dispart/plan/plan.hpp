#pragma once
/// \file
/// A plan: who does what, what will happen, how far from the optimum it can be, and why.

#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

/// Seconds that a plan is expected to take.
struct plan_prediction {
    double latency_s = 0.0;  ///< of one request in an idle system
    double period_s = 0.0;   ///< between results in steady state

    [[nodiscard]] double value(objective goal) const {
        return goal == objective::latency ? latency_s : period_s;
    }
    friend bool operator==(const plan_prediction&, const plan_prediction&) = default;
};

/// One stage: a part and what it means in the model's and cluster's own words.
struct plan_stage {
    device_id device = no_id;           ///< of the cluster
    std::vector<std::string> layers{};  ///< names, in the order of execution
    double compute_s = 0.0;             ///< per request
    double flops = 0.0;                 ///< per request
    double memory_bytes = 0.0;          ///< weights, peak of live activations, workspace, queues

    friend bool operator==(const plan_stage&, const plan_stage&) = default;
};

/// One device of the cluster under the plan.
struct plan_device {
    std::string name{};
    bool computes = true;         ///< false: a host or switch
    double busy_s = 0.0;          ///< per request
    double memory_bytes = 0.0;    ///< used
    double capacity_bytes = 0.0;  ///< infinite: unlimited
    std::string left_out{};       ///< why it got nothing; empty where it works

    friend bool operator==(const plan_device&, const plan_device&) = default;
};

/// Another way to divide, for comparison.
struct plan_alternative {
    std::string name{};
    bool feasible = false;
    std::string problem{};         ///< why not
    plan_prediction prediction{};  ///< by closed formula
    std::vector<std::string> devices{};

    friend bool operator==(const plan_alternative&, const plan_alternative&) = default;
};

/// The links as the simulator needs them; indices are those of the cluster.
struct plan_network {
    std::vector<std::vector<double>> latency_s{};         ///< [from][to]; infinite: no route
    std::vector<std::vector<double>> seconds_per_byte{};  ///< [from][to]
    std::vector<std::vector<std::size_t>> routes{};       ///< [from * devices + to] link ids
    std::vector<double> link_seconds_per_byte{};          ///< [link]
    std::vector<std::string> link_names{};                ///< [link]

    friend bool operator==(const plan_network&, const plan_network&) = default;
};

/// What `make_plan` returns. Self-contained: it can be explained, simulated and run without planning again.
struct plan {
    std::string model{};
    std::string cluster{};
    objective goal = objective::throughput;
    std::string algorithm{};           ///< that found it
    bool exact = false;                ///< the best contiguous division on the device orders that were tried
    partition division{};              ///< layers are positions in the model's topological order
    std::vector<plan_stage> stages{};  ///< [part]
    std::vector<plan_device> devices{};  ///< [device of the cluster]
    task_graph tasks{};
    plan_network network{};

    plan_prediction prediction{};  ///< by simulation
    std::string binding{};         ///< the resource that sets the period
    std::string bound_name{};      ///< the argument that proves the bound
    double bound_s = 0.0;          ///< no plan has a smaller objective
    double gap = 0.0;              ///< (objective - bound) / objective: at most so much could be gained
    std::vector<plan_alternative> baselines{};   ///< best single device, even, proportional
    std::vector<plan_alternative> runner_ups{};  ///< other plans that were found, best first

    [[nodiscard]] std::size_t devices_used() const {
        std::size_t used = 0;
        for (const auto& each : devices)
            used += each.busy_s > 0.0 || (each.computes && each.left_out.empty()) ? 1 : 0;
        return used;
    }
};

/// The part of an instance that `simulate` reads: devices and links, without layers.
[[nodiscard]] inline instance network_instance(const plan& p) {
    const std::size_t n = p.devices.size();
    instance made;
    made.device_class.assign(n, 0);
    made.latency = xt::zeros<double>({n, n});
    made.seconds_per_byte = xt::zeros<double>({n, n});
    for (device_id a = 0; a < n; ++a)
        for (device_id b = 0; b < n; ++b) {
            made.latency(a, b) = p.network.latency_s[a][b];
            made.seconds_per_byte(a, b) = p.network.seconds_per_byte[a][b];
        }
    made.routes = csr(p.network.routes);
    made.link_seconds_per_byte = p.network.link_seconds_per_byte;
    made.link_names = p.network.link_names;
    for (const auto& each : p.devices) made.device_names.push_back(each.name);
    return made;
}

}  // namespace dispart
