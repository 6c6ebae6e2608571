#include "dispart/local.hpp"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "dispart/cluster/builder.hpp"
#include "dispart/common.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/execution.hpp"
#include "dispart/planning.hpp"

namespace cli {

using namespace dispart;

result<local_workers> local_workers::start(const std::vector<double>& slowdowns) {
    local_workers started;
    for (std::size_t i = 0; i < slowdowns.size(); ++i) {
        DISPART_TRY(auto child, child_process::start({own_path(), "worker", "--listen", "127.0.0.1:0",
                                                      "--quiet", "--name", "worker" + std::to_string(i),
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
result<cluster> local_cluster(const std::vector<double>& slowdowns, const std::vector<std::string>& addresses,
                              const link_measurement& loopback, flops_per_second speed) {
    cluster_builder builder("local");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < slowdowns.size(); ++i) {
        names.push_back("worker" + std::to_string(i));
        builder.device(
            {.name = names.back(), .speed = speed, .address = addresses[i], .slowdown = slowdowns[i]});
    }
    builder.forwarder("coordinator");
    names.push_back("coordinator");
    return builder.mesh(names, {.latency = loopback.latency, .bandwidth = loopback.bandwidth})
        .source("coordinator")
        .sink("coordinator")
        .build();
}

/// Makes each worker as slow as it shows itself inside a pipeline: a short stream of a calibration network, divided over all
/// of them. Processes that share caches, memory and cores with each other and the coordinator are slower than a probe; what
/// the stream needs beyond its stages' computing (copies, the transport's threads) is charged to the workers alike.
result<void> correct_in_place(local_setting& where, const model& net) {
    DISPART_TRY(auto found, plan_by_costs(net, where.machines, where.costs, {.algorithm = "proportional"}));
    auto& trial = found.chosen;
    const execution_options how{
        .requests = static_cast<std::size_t>(std::clamp(3.0 / trial.prediction.period_s, 16.0, 64.0))};
    DISPART_TRY(const auto measured, execute(trial, net, where.machines, how));
    for (part_id s = 0; s < trial.stages.size(); ++s)
        trial.tasks.tasks[s].seconds = measured.stream.stages[s].compute.value;
    DISPART_TRY(const auto explained, predict_stream(trial, how.requests));
    const double overhead = std::clamp(measured.stream.period.value / explained.period().value, 1.0, 1.25);
    for (part_id s = 0; s < trial.stages.size(); ++s) {
        device& d = where.machines[trial.stages[s].device];
        if (trial.stages[s].compute_s <= 0.0) continue;
        const double factor = measured.stream.stages[s].compute.value / trial.stages[s].compute_s * overhead;
        d.slowdown = std::max(1.0, d.slowdown * std::clamp(factor, 0.5, 2.0));
    }
    return {};
}

}  // namespace

result<local_setting> start_local(const model& net, const std::vector<double>& slowdowns,
                                  const std::vector<std::string>& calibrate_on) {
    for (const double each : slowdowns)
        if (!(each >= 1.0))
            return fail(errc::invalid_argument, "--slowdown", "every value must be 1 or more");
    local_setting made;
    DISPART_TRY(made.workers, local_workers::start(slowdowns));
    std::vector<model> nets;
    for (const auto& name : calibrate_on) {
        DISPART_TRY(auto other, load_model({.name = name}));
        nets.push_back(std::move(other));
        made.calibrated_on += (made.calibrated_on.empty() ? "" : ",") + name;
    }
    const bool itself = nets.empty();
    if (itself) {
        nets.push_back(net);
        made.calibrated_on = info(net).name;
    } else {  // laws need a spread of sizes, which one network does not have
        DISPART_TRY(auto spread, probe_models());
        std::move(spread.begin(), spread.end(), std::back_inserter(nets));
        made.calibrated_on += " and the built-in probe set";
    }
    // As many copies at once as workers will compute at once, so that what they cost each other is in the numbers.
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    DISPART_TRY(const auto measured, measure(nets, std::min(slowdowns.size(), cores), 7));
    made.costs = costs_of(measured, itself);
    DISPART_TRY(const auto loopback, probe_worker(made.workers.addresses.front()));
    DISPART_TRY(made.machines, local_cluster(slowdowns, made.workers.addresses, loopback, measured.speed));
    DISPART_CHECK(correct_in_place(made, nets.front()));
    return made;
}

}  // namespace cli
