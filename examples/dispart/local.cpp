#include "dispart/local.hpp"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "dispart/cluster/builder.hpp"
#include "dispart/common.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/execution.hpp"

namespace cli {

using namespace dispart;

result<local_workers> local_workers::start(const std::vector<double>& slowdowns, const std::string& backend,
                                           const std::string& transport) {
    local_workers started;
    for (std::size_t i = 0; i < slowdowns.size(); ++i) {
        DISPART_TRY(
            auto child,
            child_process::start({own_path(), "worker", "--transport", transport.empty() ? "tcp" : transport,
                                  "--quiet", "--backend", backend, "--name", "worker" + std::to_string(i),
                                  "--slowdown", std::to_string(slowdowns[i])}));
        started.processes.push_back(std::move(child));
    }
    for (auto& child : started.processes) {
        DISPART_TRY(const auto line, child.read_line(seconds(20.0)));
        if (!line.starts_with("listening "))
            return fail(errc::protocol_error, "worker", "it said '" + line + "' instead of where it listens");
        started.addresses.push_back(line.substr(10));
    }
    return started;
}

namespace {

/// This machine's workers as a cluster: links as measured to the first of them, requests from the coordinator.
struct local_machines {
    std::vector<double> slowdowns{};
    std::vector<std::string> addresses{};
    link_measurement loopback{};
    flops_per_second speed{};

    /// \param first worker that becomes device 0; the others follow in a ring
    [[nodiscard]] result<cluster> beginning_with(std::size_t first) const {
        cluster_builder builder("local");
        std::vector<std::string> names;
        for (std::size_t i = 0; i < slowdowns.size(); ++i) {
            const std::size_t w = (first + i) % slowdowns.size();
            names.push_back("worker" + std::to_string(w));
            builder.device(
                {.name = names.back(), .speed = speed, .address = addresses[w], .slowdown = slowdowns[w]});
        }
        builder.forwarder("coordinator");
        names.push_back("coordinator");
        return builder.mesh(names, {.latency = loopback.latency, .bandwidth = loopback.bandwidth})
            .source("coordinator")
            .sink("coordinator")
            .build();
    }
};

constexpr std::size_t most_orders = 3;

/// Workers like the given ones in some orders, for trials; each order's workers hold their parts of the network for good, so
/// that trials can take turns with what they are compared with. Devices of equal slowdowns are alike.
result<std::vector<worker_order>> start_twins(local_machines workers, const std::string& backend,
                                              const std::string& transport, local_workers& into) {
    std::vector<worker_order> orders;
    for (std::size_t first = 0; first < std::min(workers.slowdowns.size(), most_orders); ++first) {
        DISPART_TRY(auto twins, local_workers::start(workers.slowdowns, backend, transport));
        workers.addresses = std::move(twins.addresses);
        std::move(twins.processes.begin(), twins.processes.end(), std::back_inserter(into.processes));
        worker_order order;
        DISPART_TRY(order.machines, workers.beginning_with(first));
        for (device_id d = 0; d < num_vertices(order.machines); ++d) {
            const double own = order.machines[d].slowdown;
            const auto same = std::find(workers.slowdowns.begin(), workers.slowdowns.end(), own);
            order.kind.push_back(static_cast<std::size_t>(same - workers.slowdowns.begin()));
        }
        orders.push_back(std::move(order));
    }
    return orders;
}

}  // namespace

void calibrated_setting::end_trials() {
    trials.reset();
    auto& all = workers.processes;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(workers.addresses.size()), all.end());
}

result<calibrated_setting> start_local(const model& net, const std::vector<double>& slowdowns,
                                       const std::vector<std::string>& calibrate_on,
                                       const std::string& backend, const carrier_choice& carrier) {
    for (const double each : slowdowns)
        if (!(each >= 1.0))
            return fail(errc::invalid_argument, "--slowdown", "every value must be 1 or more");
    DISPART_TRY(auto workers, local_workers::start(slowdowns, backend, carrier.transport));
    std::vector<model> nets;
    std::string names;
    for (const auto& name : calibrate_on) {
        DISPART_TRY(auto other, load_model({.name = name}));
        nets.push_back(std::move(other));
        names += (names.empty() ? "" : ",") + name;
    }
    const bool itself = nets.empty();
    if (itself) {
        nets.push_back(net);
        names = info(net).name;
    } else {  // laws need a spread of sizes, which one network does not have
        DISPART_TRY(auto spread, probe_models());
        std::move(spread.begin(), spread.end(), std::back_inserter(nets));
        names += " and the built-in probe set";
    }
    DISPART_TRY(auto measured, measure(nets, backend));
    DISPART_TRY(const auto loopback, probe_worker(carrier, workers.addresses.front()));
    const local_machines machines{slowdowns, workers.addresses, loopback, measured.speed};
    DISPART_TRY(auto own, machines.beginning_with(0));
    DISPART_TRY(auto orders, start_twins(machines, backend, carrier.transport, workers));
    const std::size_t first_trials = std::max<std::size_t>(3, orders.size());
    const std::vector<processor_share> whole_cores(orders.front().kind.size());
    pace_trials trials(std::move(nets.front()), std::move(orders), costs_of(measured, true),
                       {.carrier = carrier}, whole_cores, true,
                       std::max(1U, std::thread::hardware_concurrency()));
    for (std::size_t trial = 0; trial < first_trials; ++trial) DISPART_CHECK(trials.run());
    auto planned = at_paces(std::move(own), std::move(measured), itself, trials.paces(first_trials));
    return calibrated_setting{std::move(workers), std::move(planned), std::move(trials), std::move(names)};
}

}  // namespace cli
