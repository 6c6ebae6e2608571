// dispart run: plan, explain, simulate, start or dial workers, run, check, compare, draw.
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <optional>
#include <thread>

#include "dispart/calibration.hpp"
#include "dispart/cluster/builder.hpp"
#include "dispart/commands.hpp"
#include "dispart/cost/probe_models.hpp"
#include "dispart/engine.hpp"
#include "dispart/io/dot.hpp"
#include "dispart/io/json/chrome_trace.hpp"
#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/io/svg.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/planning.hpp"
#include "dispart/process.hpp"
#include "dispart/progress.hpp"
#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/probe.hpp"

namespace cli {

using namespace dispart;

namespace {

/// Requests in flight that keep the pipeline full; the prediction is simulated with as many.
std::size_t window_of(const dispart::plan& p) { return 3 * p.stages.size() + 1; }

/// Worker processes of this binary on loopback, gone with this object.
struct local_workers {
    std::vector<child_process> processes{};
    std::vector<std::string> addresses{};

    static result<local_workers> start(const std::vector<double>& slowdowns) {
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
                return fail(errc::protocol_error, "worker",
                            "it said '" + line + "' instead of where it listens");
            started.addresses.push_back(line.substr(10));
        }
        return started;
    }
};

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

/// Where the devices' workers listen. Errors: invalid_cluster for a device that is used and has no address.
result<std::vector<worker_host>> hosts_of(const cluster& machines, const dispart::plan& p) {
    std::vector<worker_host> hosts;
    for (device_id d = 0; d < num_vertices(machines); ++d)
        hosts.push_back({machines[d].name, machines[d].address});
    for (const auto& s : p.stages)
        if (hosts[s.device].address.empty())
            return fail(
                errc::invalid_cluster, hosts[s.device].name, "the device has no address to dial",
                "start `dispart worker --listen HOST:PORT` there and put HOST:PORT into the cluster file");
    return hosts;
}

struct measured_run {
    run_report stream{};
    run_report alone{};
    std::vector<std::vector<tensor>> outputs{};
};

/// The plan on its workers: a few requests one after the other for the latency, then all of them as a stream.
result<measured_run> execute(const dispart::plan& p, const model& net, const cluster& machines,
                             const run_arguments& given) {
    DISPART_TRY(auto hosts, hosts_of(machines, p));
    const auto encode = [](const model& stage) { return io::write_onnx(stage); };
    DISPART_TRY(auto stages, make_deployment(net, p.division, std::move(hosts), encode));
    tcp_transport carrier({.allow_plaintext_off_machine = given.plaintext});
    DISPART_TRY(auto running, coordinator<tcp_transport>::deploy(carrier, std::move(stages)));
    const auto inputs = [&](request_id r) { return make_inputs(net, r); };

    measured_run made;
    const std::size_t singles = std::min<std::size_t>(given.requests, 5);
    DISPART_TRY(made.alone,
                running.run(singles, inputs, [](request_id, std::vector<tensor>) {}, {.window = 1}));
    progress_bar bar("running", given.requests);
    const auto keep = [&](request_id r, std::vector<tensor> outputs) {
        if (given.check) made.outputs.push_back(std::move(outputs));
        bar.update(r + 1);
    };
    DISPART_TRY(made.stream, running.run(given.requests, inputs, keep, {.window = window_of(p)}));
    DISPART_CHECK(running.shut_down());
    return made;
}

/// The timeline with the coordinator, which the runtime has no id for, as the device that the cluster calls its source.
timeline with_coordinator(timeline trace, const cluster& machines) {
    const device_id coordinator = info(machines).source;
    for (auto& e : trace.events) {
        if (e.device == no_id) e.device = coordinator;
        if (e.what == activity::transfer && e.peer == no_id) e.peer = coordinator;
    }
    return trace;
}

/// Every output against a run of the whole model in this process.
result<ordered_json> check(const model& net, const std::vector<std::vector<tensor>>& outputs) {
    DISPART_TRY(auto whole, local_backend{}.load(net));
    double worst = 0.0;
    double worst_relative = 0.0;
    std::size_t mismatches = 0;
    progress_bar bar("checking", outputs.size());
    for (request_id r = 0; r < outputs.size(); ++r) {
        DISPART_TRY(const auto inputs, make_inputs(net, r));
        DISPART_TRY(const auto expected, whole.run(inputs));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto off = compare(outputs[r][i], expected[i], 1e-4);
            worst = std::max(worst, off.max_abs);
            worst_relative = std::max(worst_relative, off.max_rel);
            mismatches += off.within ? 0 : 1;
        }
        bar.update(r + 1);
    }
    return ordered_json{{"requests", outputs.size()},
                        {"max_abs_error", worst},
                        {"max_rel_error", worst_relative},
                        {"mismatches", mismatches}};
}

/// plan.json, gantt.svg, placement.dot, trace.json.
result<void> write_files(const std::filesystem::path& folder, const dispart::plan& p, const model& net,
                         const timeline& predicted, const timeline& measured) {
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem) return fail(errc::io_error, folder.string(), "cannot make the folder: " + problem.message());
    DISPART_CHECK(io::write_plan(folder / "plan.json", p));
    const std::vector<io::gantt_panel> panels{{"predicted", &predicted}, {"measured", &measured}};
    DISPART_CHECK(io::write_text(folder / "gantt.svg", io::gantt_svg(panels)));
    const std::vector<io::trace_process> processes{{"predicted", &predicted}, {"measured", &measured}};
    DISPART_CHECK(io::write_text(folder / "trace.json", io::chrome_trace(processes)));
    DISPART_TRY(const auto order, topological_order(net));
    std::vector<part_id> part_of(order.size(), 0);
    std::vector<std::string> labels;
    for (part_id s = 0; s < p.stages.size(); ++s) {
        labels.push_back("stage " + std::to_string(s) + ": " + p.devices[p.stages[s].device].name);
        for (const auto position : p.division.parts[s].layers) part_of[order[position]] = s;
    }
    return io::write_text(folder / "placement.dot", io::placement_dot(net, part_of, labels));
}

/// What a run is made on and with: machines, and what layers cost there.
struct setting {
    std::optional<local_workers> workers{};
    cluster machines{};
    std::optional<measured_costs> costs{};  // none: what the cluster file declares
    std::string calibrated_on{};
};

/// Makes each worker as slow as it shows itself inside a pipeline: a short stream of a calibration network, divided over all
/// of them. Processes that share caches, memory and cores with each other and the coordinator are slower than a probe.
result<void> correct_in_place(setting& where, const model& net, const run_arguments& given) {
    DISPART_TRY(const auto trial, make_plan(net, where.machines, *where.costs, {.algorithm = "proportional"}));
    auto how = given;
    how.requests = 16;
    how.check = false;
    DISPART_TRY(const auto measured, execute(trial, net, where.machines, how));
    for (part_id s = 0; s < trial.stages.size(); ++s) {
        device& d = where.machines[trial.stages[s].device];
        if (trial.stages[s].compute_s <= 0.0) continue;
        const double factor = measured.stream.stages[s].compute.value / trial.stages[s].compute_s;
        d.slowdown = std::max(1.0, d.slowdown * std::clamp(factor, 0.5, 2.0));
    }
    return {};
}

result<setting> local_setting(const model& net, const run_arguments& given) {
    auto slowdowns = given.slowdown;
    if (slowdowns.size() > given.local)
        return fail(errc::invalid_argument, "--slowdown", "there are more values than workers");
    for (const double each : slowdowns)
        if (!(each >= 1.0))
            return fail(errc::invalid_argument, "--slowdown", "every value must be 1 or more");
    slowdowns.resize(given.local, 1.0);
    setting made;
    DISPART_TRY(made.workers, local_workers::start(slowdowns));
    std::vector<model> nets;
    for (const auto& name : given.calibrate_on) {
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
    DISPART_TRY(const auto measured, measure(nets, std::min(given.local, cores), 7));
    made.costs = costs_of(measured, itself);
    tcp_transport carrier;
    DISPART_TRY(const auto loopback, probe_link(carrier, made.workers->addresses.front()));
    DISPART_TRY(made.machines, local_cluster(slowdowns, made.workers->addresses, loopback, measured.speed));
    DISPART_CHECK(correct_in_place(made, nets.front(), given));
    return made;
}

}  // namespace

result<int> run(const run_arguments& given, bool as_json) {
    DISPART_TRY(const auto goal, objective_of(given.objective));
    if ((given.local > 0) != given.cluster.empty())
        return fail(errc::invalid_argument, "--cluster, --local", "exactly one of them is needed");
    if (given.requests == 0 || given.local > 64)
        return fail(errc::invalid_argument, "--requests, --local",
                    "1 request or more on 1 to 64 local workers");
    DISPART_TRY(const auto net, load_model(given.model));
    setting where;
    if (given.local > 0) {
        DISPART_TRY(where, local_setting(net, given));
    } else {
        DISPART_TRY(where.machines, io::read_cluster(given.cluster));
    }
    const plan_options how{.goal = goal, .algorithm = given.algorithm};
    DISPART_TRY(const auto p, where.costs ? make_plan(net, where.machines, *where.costs, how)
                                          : make_plan(net, where.machines, roofline{}, how));
    DISPART_TRY(const auto predicted, dispart::simulate(network_instance(p), p.tasks,
                                                        {.requests = given.requests, .window = window_of(p)}));
    const double predicted_period = given.requests > 1 ? predicted.period().value : p.prediction.period_s;
    if (!as_json) {
        std::cout << dispart::explain(p) << '\n';
        if (where.costs) std::cout << "Costs measured on " << where.calibrated_on << ".\n";
    }
    DISPART_TRY(const auto measured, execute(p, net, where.machines, given));
    ordered_json checked;
    if (given.check) {
        DISPART_TRY(checked, check(net, measured.outputs));
    }
    DISPART_CHECK(write_files(given.out, p, net, predicted.trace,
                              with_coordinator(measured.stream.events, where.machines)));

    const double period = measured.stream.period.value;
    const double latency = measured.alone.latency.value;
    const auto percent = [](double measured_value, double predicted_value) {
        return predicted_value > 0.0 ? (measured_value / predicted_value - 1.0) * 100.0 : 0.0;
    };
    if (as_json) {
        ordered_json document{
            {"plan", io::plan_to_json(p)},
            {"calibrated_on", where.calibrated_on},
            {"predicted", {{"period_s", predicted_period}, {"latency_s", p.prediction.latency_s}}},
            {"measured", {{"period_s", period}, {"latency_s", latency}, {"requests", given.requests}}}};
        if (given.check) document["check"] = checked;
        document["files"] = given.out;
        print_json(document);
    } else {
        std::printf("              predicted     measured   difference\n");
        std::printf("period    %13s %12s %+10.1f %%\n", time_text(predicted_period).c_str(),
                    time_text(period).c_str(), percent(period, predicted_period));
        std::printf("latency   %13s %12s %+10.1f %%\n", time_text(p.prediction.latency_s).c_str(),
                    time_text(latency).c_str(), percent(latency, p.prediction.latency_s));
        if (given.check)
            std::printf("checked %zu requests against one device: max abs error %.3g, %zu mismatches\n",
                        checked["requests"].get<std::size_t>(), checked["max_abs_error"].get<double>(),
                        checked["mismatches"].get<std::size_t>());
        std::printf("wrote plan.json, gantt.svg, placement.dot, trace.json to %s/\n", given.out.c_str());
    }
    return given.check && checked["mismatches"].get<std::size_t>() > 0 ? 1 : 0;
}

}  // namespace cli
