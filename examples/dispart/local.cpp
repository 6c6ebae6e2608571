#include "dispart/local.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <thread>
#include <utility>

#include "dispart/cluster/builder.hpp"
#include "dispart/common.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/execution.hpp"
#include "dispart/planning.hpp"

namespace cli {

using namespace dispart;

result<local_workers> local_workers::start(const std::vector<double>& slowdowns, const std::string& backend) {
    local_workers started;
    for (std::size_t i = 0; i < slowdowns.size(); ++i) {
        DISPART_TRY(auto child,
                    child_process::start({own_path(), "worker", "--listen", "127.0.0.1:0", "--quiet",
                                          "--backend", backend, "--name", "worker" + std::to_string(i),
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

/// [device] how much longer the stages of the trial took than its layers' costs say: the same for devices of one pace, 0
/// where none of that pace worked.
std::vector<double> factors_of(const dispart::plan& trial, const run_report& measured,
                               const std::vector<double>& paces) {
    std::map<double, std::pair<double, double>> by_pace;  // seconds measured and predicted
    for (part_id s = 0; s < trial.stages.size(); ++s) {
        auto& sums = by_pace[paces[trial.stages[s].device]];
        sums.first += measured.stages[s].compute.value;
        sums.second += trial.stages[s].compute_s;
    }
    std::vector<double> factors;
    for (const double pace : paces) {
        const auto [took, said] = by_pace[pace];
        factors.push_back(said > 0.0 ? std::clamp(took / said, 0.4, 2.5) : 0.0);
    }
    return factors;
}

/// How much longer the trial's period was than its stages' times explain.
result<double> unexplained(dispart::plan trial, const run_report& measured) {
    for (part_id s = 0; s < trial.stages.size(); ++s)
        trial.tasks.tasks[s].seconds = measured.stages[s].compute.value;
    DISPART_TRY(const auto explained, predict_stream(trial, measured.finished.size()));
    return std::clamp(measured.period.value / explained.period().value, 1.0, 1.25);
}

/// Runs the trial a few times and keeps the quickest: what else a machine does only ever makes it slower.
result<measured_run> quickest_run(const dispart::plan& trial, const model& net, const cluster& machines) {
    const execution_options how{
        .requests = static_cast<std::size_t>(std::clamp(1.5 / trial.prediction.period_s, 16.0, 64.0))};
    DISPART_TRY(auto best, execute(trial, net, machines, how));
    for (int more = 0; more < 2; ++more) {
        DISPART_TRY(auto again, execute(trial, net, machines, how));
        if (again.stream.period < best.stream.period) best.stream = std::move(again.stream);
        if (again.alone.latency < best.alone.latency) best.alone = std::move(again.alone);
    }
    return best;
}

/// Makes each worker as slow as it shows itself inside a pipeline: a short stream of a calibration network, whose layers
/// were measured, divided over all of them. Processes that share caches, memory and cores with each other and the
/// coordinator are slower than a probe; what the stream needs beyond its stages' computing is charged to the workers alike.
/// Workers that turn out faster than the probe make all costs smaller, since a slowdown is never below 1.
result<void> correct_in_place(local_setting& where, const model& net, profile& measured, bool exact) {
    DISPART_TRY(const auto found,
                plan_by_costs(net, where.machines, costs_of(measured, true), {.algorithm = "proportional"}));
    const dispart::plan& trial = found.chosen;
    DISPART_TRY(const auto ran, quickest_run(trial, net, where.machines));
    DISPART_TRY(const double more, unexplained(trial, ran.stream));
    std::vector<double> paces;
    for (device_id d = 0; d < num_vertices(where.machines); ++d) paces.push_back(where.machines[d].slowdown);
    auto together = factors_of(trial, ran.stream, paces);
    const auto single = factors_of(trial, ran.alone, paces);
    where.alone.assign(paces.size(), 1.0);
    double least = 1.0;
    for (device_id d = 0; d < paces.size(); ++d) {
        if (together[d] <= 0.0) continue;
        together[d] *= more;
        where.alone[d] = std::clamp(single[d] / together[d], 0.5, 1.1);
        least = std::min(least, together[d]);
    }
    for (auto& sample : measured.samples) sample.measured = sample.measured * least;
    where.costs = costs_of(measured, exact);
    for (device_id d = 0; d < paces.size(); ++d)
        if (together[d] > 0.0) where.machines[d].slowdown *= together[d] / least;
    return {};
}

}  // namespace

result<local_setting> start_local(const model& net, const std::vector<double>& slowdowns,
                                  const std::vector<std::string>& calibrate_on, const std::string& backend) {
    for (const double each : slowdowns)
        if (!(each >= 1.0))
            return fail(errc::invalid_argument, "--slowdown", "every value must be 1 or more");
    local_setting made;
    DISPART_TRY(made.workers, local_workers::start(slowdowns, backend));
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
    const std::size_t together = std::min(slowdowns.size(), cores);
    DISPART_TRY(auto measured, measure(nets, together, 7, backend));
    DISPART_TRY(const auto loopback, probe_worker(made.workers.addresses.front()));
    DISPART_TRY(made.machines, local_cluster(slowdowns, made.workers.addresses, loopback, measured.speed));
    DISPART_CHECK(correct_in_place(made, nets.front(), measured, itself));
    return made;
}

result<seconds> latency_alone(dispart::plan p, const local_setting& where) {
    for (auto& task : p.tasks.tasks) task.seconds *= where.alone[task.device];
    DISPART_TRY(const auto played, predict_stream(p, 1));
    return played.first_latency();
}

}  // namespace cli
