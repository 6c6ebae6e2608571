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

/// Seconds that stages took in trials, and that their layers' costs say.
struct comparison {
    double measured = 0.0;
    double said = 0.0;

    [[nodiscard]] double factor() const { return said > 0.0 ? std::clamp(measured / said, 0.4, 2.5) : 0.0; }
};

/// What trials showed of workers of one pace.
struct pace_record {
    comparison together{};  ///< while all workers are busy
    comparison alone{};     ///< one request at a time
};

}  // namespace

result<double> unexplained(dispart::plan trial, const run_report& measured) {
    for (part_id s = 0; s < trial.stages.size(); ++s)
        trial.tasks.tasks[s].seconds = measured.stages[s].compute.value;
    DISPART_TRY(const auto explained, predict_stream(trial, measured.finished.size()));
    return std::clamp(measured.period.value / explained.period().value, 1.0, 1.25);
}

namespace {

/// What short streams of a calibration network showed.
struct trials {
    std::map<double, pace_record> paces{};  ///< by slowdown
    std::vector<double> unexplained{};      ///< [trial]
};

/// Divides the network over all workers and runs it a few times, each time with another worker first: so each worker meets
/// most layers, and what is charged to its pace is no property of the layers that it happened to get.
result<trials> run_trials(const local_machines& workers, const model& net, const measured_costs& costs) {
    trials made;
    for (std::size_t first = 0; first < 3; ++first) {
        DISPART_TRY(const auto machines, workers.beginning_with(first));
        DISPART_TRY(const auto found, plan_by_costs(net, machines, costs, {.algorithm = "proportional"}));
        const dispart::plan& trial = found.chosen;
        const double requests = std::clamp(1.5 / trial.prediction.period_s, 16.0, 64.0);
        DISPART_TRY(const auto ran,
                    execute(trial, net, machines, {.requests = static_cast<std::size_t>(requests)}));
        for (part_id s = 0; s < trial.stages.size(); ++s) {
            auto& record = made.paces[machines[trial.stages[s].device].slowdown];
            const double said = trial.stages[s].compute_s;
            record.together.measured += ran.stream.stages[s].compute.value;
            record.together.said += said;
            record.alone.measured += ran.alone.stages[s].compute.value;
            record.alone.said += said;
        }
        DISPART_TRY(const double more, unexplained(trial, ran.stream));
        made.unexplained.push_back(more);
    }
    return made;
}

/// Makes each worker as slow as it shows itself inside a pipeline: short streams of a calibration network, whose layers
/// were measured, divided over all of them. Processes that share caches, memory and cores with each other and the
/// coordinator are slower than a probe; what the streams need beyond their stages' computing is charged to the workers
/// alike. Workers that turn out faster than the probe make all costs smaller, since a slowdown is never below 1.
result<void> correct_in_place(local_setting& where, const local_machines& workers, const model& net,
                              profile& measured, bool exact) {
    DISPART_TRY(const auto seen, run_trials(workers, net, costs_of(measured, true)));
    const double more = median(seen.unexplained);
    double least = 1.0;
    for (const auto& [pace, record] : seen.paces)
        if (record.together.said > 0.0) least = std::min(least, record.together.factor() * more);
    for (auto& sample : measured.samples) sample.measured = sample.measured * least;
    where.costs = costs_of(measured, exact);
    where.alone.assign(num_vertices(where.machines), 1.0);
    for (device_id d = 0; d < workers.slowdowns.size(); ++d) {
        const auto found = seen.paces.find(workers.slowdowns[d]);
        if (found == seen.paces.end() || found->second.together.said <= 0.0) continue;
        const double together = found->second.together.factor() * more;
        where.alone[d] = std::clamp(found->second.alone.factor() / together, 0.5, 1.1);
        where.machines[d].slowdown *= together / least;
    }
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
    const local_machines workers{slowdowns, made.workers.addresses, loopback, measured.speed};
    DISPART_TRY(made.machines, workers.beginning_with(0));
    DISPART_CHECK(correct_in_place(made, workers, nets.front(), measured, itself));
    return made;
}

result<seconds> latency_alone(dispart::plan p, const std::vector<double>& alone) {
    for (auto& task : p.tasks.tasks) task.seconds *= alone[task.device];
    DISPART_TRY(const auto played, predict_stream(p, 1));
    return played.first_latency();
}

}  // namespace cli
