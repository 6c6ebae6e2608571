// dispart run: plan, explain, simulate, start or dial workers, run, check, compare, draw.
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>

#include "dispart/adapting.hpp"
#include "dispart/commands.hpp"
#include "dispart/engine.hpp"
#include "dispart/execution.hpp"
#include "dispart/io/dot.hpp"
#include "dispart/io/json/chrome_trace.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/io/svg.hpp"
#include "dispart/local.hpp"
#include "dispart/machines.hpp"
#include "dispart/model/order.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/planning.hpp"
#include "dispart/progress.hpp"
#include "dispart/trial.hpp"

namespace cli {

using namespace dispart;

namespace {

/// The timeline with the coordinator, which the runtime has no id for, as the device that the cluster calls its source.
timeline with_coordinator(timeline trace, const cluster& machines) {
    const device_id coordinator = info(machines).source;
    for (auto& e : trace.events) {
        if (e.device == no_id) e.device = coordinator;
        if (e.what == activity::transfer && e.peer == no_id) e.peer = coordinator;
    }
    return trace;
}

/// Every output against a run of the whole model in this process. \param allowed error of an output's largest magnitude,
/// where codecs lose something
result<ordered_json> check(const model& net, const std::vector<std::vector<tensor>>& outputs, double allowed) {
    DISPART_TRY(auto whole, local_backend{}.load(net));
    double worst = 0.0;
    double worst_relative = 0.0;
    double of_largest = 0.0;
    std::size_t mismatches = 0;
    progress_bar bar("checking", outputs.size());
    for (request_id r = 0; r < outputs.size(); ++r) {
        DISPART_TRY(const auto inputs, make_inputs(net, r));
        DISPART_TRY(const auto expected, whole.run(inputs));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto off = compare(outputs[r][i], expected[i], 1e-4);
            worst = std::max(worst, off.max_abs);
            worst_relative = std::max(worst_relative, off.max_rel);
            of_largest = std::max(of_largest, off.of_largest);
            mismatches += off.within || off.of_largest <= allowed ? 0 : 1;
        }
        bar.update(r + 1);
    }
    return ordered_json{{"requests", outputs.size()},
                        {"max_abs_error", worst},
                        {"max_rel_error", worst_relative},
                        {"max_error_of_largest", of_largest},
                        {"mismatches", mismatches}};
}

double allowed_error(const dispart::plan& p, const codec_choice& codec) {
    const bool lossy = std::any_of(p.tasks.messages.begin(), p.tasks.messages.end(),
                                   [](const message& m) { return m.max_relative_error > 0.0; });
    return lossy ? codec.max_error : 0.0;
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

result<std::vector<double>> slowdowns_of(const run_arguments& given) {
    auto slowdowns = given.slowdown;
    if (slowdowns.size() > given.local)
        return fail(errc::invalid_argument, "--slowdown", "there are more values than workers");
    slowdowns.resize(given.local, 1.0);
    return slowdowns;
}

/// The stream some times over. Where there are trials, one more of them follows each: a machine's pace wanders, and what
/// is compared should have met the same machine.
result<std::vector<measured_run>> execute_often(const dispart::plan& p, const model& net,
                                                const cluster& machines, const execution_options& how,
                                                std::size_t times, pace_trials* trials) {
    std::vector<measured_run> all;
    std::optional<deployed_plan> deployed;
    while (all.size() < times) {
        if (!deployed) {
            DISPART_TRY(deployed, deployed_plan::deploy(p, net, machines, how));
        }
        DISPART_TRY(auto each, deployed->run(how));
        if (!all.empty()) all.back().outputs.clear();
        all.push_back(std::move(each));
        if (!trials) continue;
        if (!trials->own_workers()) {
            DISPART_CHECK(deployed->shut_down());
            deployed.reset();
        }
        DISPART_CHECK(trials->run());
    }
    if (deployed) DISPART_CHECK(deployed->shut_down());
    return all;
}

/// How many of the last trials say how quick workers were while so many streams ran.
std::size_t trials_around(std::size_t streams) { return std::max<std::size_t>(streams + 1, 3); }

/// [stream] its period.
std::vector<double> periods_of(const std::vector<measured_run>& all) {
    std::vector<double> periods;
    for (const auto& each : all) periods.push_back(each.stream.period.value);
    return periods;
}

/// Of the streams' periods, and of the latencies of single requests.
std::pair<double, double> medians_of(const std::vector<measured_run>& all) {
    std::vector<double> latencies;
    for (const auto& each : all) latencies.push_back(each.alone.latency.value);
    return {median(periods_of(all)), median(std::move(latencies))};
}

/// What each stage's computing took, predicted and measured, for each request.
ordered_json stages_to_json(const dispart::plan& p, const run_report& measured) {
    auto list = ordered_json::array();
    for (part_id s = 0; s < p.stages.size(); ++s)
        list.push_back({{"device", p.devices[p.stages[s].device].name},
                        {"predicted_compute_s", p.stages[s].compute_s},
                        {"compute_s", measured.stages[s].compute.value},
                        {"processor_s", measured.stages[s].used_by_process.value},
                        {"waited_for_input_s", measured.stages[s].waited_for_input.value},
                        {"waited_for_room_s", measured.stages[s].waited_for_room.value}});
    return list;
}

/// How much longer devices' layers took than their costs say, in all trials.
ordered_json paces_to_json(const std::vector<pace>& paces, const cluster& machines) {
    auto list = ordered_json::array();
    for (device_id d = 0; d < paces.size(); ++d)
        if (machines[d].computes)
            list.push_back({{"device", machines[d].name},
                            {"together", paces[d].together},
                            {"alone", paces[d].alone},
                            {"processor_time", paces[d].processor_time},
                            {"share", paces[d].processor.of_core}});
    return list;
}

/// A number and what was predicted of it.
void print_row(const char* what, double predicted, double measured) {
    const double off = predicted > 0.0 ? (measured / predicted - 1.0) * 100.0 : 0.0;
    std::printf("%-9s %13s %12s %+10.1f %%\n", what, time_text(predicted).c_str(),
                time_text(measured).c_str(), off);
}

void print_document(const ordered_json& document) {
    const auto& predicted = document["predicted"];
    const auto& measured = document["measured"];
    std::printf("              predicted     measured   difference\n");
    for (const char* what : {"period", "latency"})
        print_row(what, predicted[std::string(what) + "_s"].get<double>(),
                  measured[std::string(what) + "_s"].get<double>());
    if (measured.contains("speedup"))
        std::printf("throughput: %.2f times that of the best single device (a result every %s)\n",
                    measured["speedup"].get<double>(),
                    time_text(measured["single_device_period_s"].get<double>()).c_str());
    if (document.contains("check"))
        std::printf("checked %zu requests against one device: max abs error %.3g (%.2g of the largest), %zu "
                    "mismatches\n",
                    document["check"]["requests"].get<std::size_t>(),
                    document["check"]["max_abs_error"].get<double>(),
                    document["check"]["max_error_of_largest"].get<double>(),
                    document["check"]["mismatches"].get<std::size_t>());
    std::printf("wrote plan.json, gantt.svg, placement.dot, trace.json to %s/\n",
                document["files"].get<std::string>().c_str());
}

/// run --adapt. The exit status is 0 where every request has one outcome and no answer is wrong.
result<int> serve(const run_arguments& given, const model& net, const cluster& machines,
                  const model_planner& planner, bool as_json) {
    std::vector<model_version> versions{{given.model.name, net}};
    if (!given.rollout.empty()) {
        model_choice next = given.model;
        next.name = given.rollout;
        DISPART_TRY(auto loaded, load_model(next));
        versions.push_back({given.rollout, std::move(loaded)});
    }
    DISPART_TRY(const auto told,
                run_adaptively(
                    versions, machines, planner,
                    {.requests = given.requests,
                     .rollout_after = given.rollout_after > 0 ? given.rollout_after : given.requests / 2,
                     .lasting = given.lasting > 0.0 ? given.lasting : std::numeric_limits<double>::infinity(),
                     .within = given.deadline,
                     .check = given.check,
                     .carrier = given.carrier,
                     .listen = given.listen,
                     .out = given.out,
                     .fallback = given.fallback,
                     .journal = given.journal,
                     .standby = given.standby}));
    if (as_json) print_json(told);
    else std::cout << told.dump(2) << '\n';
    const auto count = [&](const char* what) { return told.value(what, std::size_t{0}); };
    return count("without_outcome") + count("more_than_one_outcome") + count("mismatches") > 0 ? 1 : 0;
}

}  // namespace

result<int> run(const run_arguments& given, bool as_json) {
    DISPART_TRY(const auto goal, objective_of(given.objective));
    if ((given.local > 0) != given.cluster.empty())
        return fail(errc::invalid_argument, "--cluster, --local", "exactly one of them is needed");
    if (given.local > 0 && !(given.carrier.tls.empty() && given.carrier.psk.empty()))
        return fail(errc::invalid_argument, "--local",
                    "local workers need no keys: they stay on this machine");
    if (given.local > 0 && given.carrier.transport == "mpi")
        return fail(errc::invalid_argument, "--local", "mpirun starts the workers of MPI",
                    "mpirun -np 1 dispart run --cluster C ... : -np 1 dispart worker ...");
    if (given.requests == 0 || given.local > 64)
        return fail(errc::invalid_argument, "--requests, --local",
                    "1 request or more on 1 to 64 local workers");
    const std::size_t streams = given.repeat > 0 ? given.repeat : given.local > 0 ? 5 : 1;
    DISPART_TRY(const auto net, load_model(given.model));
    std::optional<calibrated_setting> setting;  // what was measured, of local workers or others
    cluster machines;
    if (given.local > 0) {
        DISPART_TRY(auto slowdowns, slowdowns_of(given));
        DISPART_TRY(setting, start_local(net, slowdowns, given.calibrate_on, given.backend, given.carrier));
        machines = setting->planned.machines;
    } else {
        DISPART_TRY(machines, load_cluster(given.cluster));
        if (given.calibrate) {
            DISPART_TRY(setting, try_workers(net, machines, given.backend,
                                             {.carrier = given.carrier, .listen = given.listen}));
            machines = setting->planned.machines;
        }
    }
    DISPART_TRY(const auto codecs, codec_options_of(given.codec));
    const auto plan_with = [&](const std::string& algorithm, const std::string& spread) -> result<planned> {
        const plan_request wanted{.goal = goal, .algorithm = algorithm, .spread = spread, .codecs = codecs};
        if (!setting) return plan_by_roofline(net, machines, wanted);
        return plan_by_costs(net, machines, setting->planned.costs, wanted);
    };
    if (given.adapt) {
        if (setting) setting->end_trials();
        const auto planner = [&](const model& version, const cluster& left) -> result<planned> {
            const plan_request wanted{.goal = goal,
                                      .algorithm = given.algorithm,
                                      .spread = given.spread,
                                      .or_else_any = true,
                                      .codecs = codecs};
            if (!setting) return plan_by_roofline(version, left, wanted);
            return plan_by_costs(version, left, setting->planned.costs, wanted);
        };
        return serve(given, net, machines, planner, as_json);
    }
    DISPART_TRY(auto found, plan_with(given.algorithm, given.spread));
    auto& p = found.chosen;
    DISPART_TRY(const auto first_inputs, make_inputs(net, 0));
    DISPART_CHECK(refine_codecs(p, found.graph, given.codec, first_inputs));
    if (!as_json) {
        std::cout << dispart::explain(p) << '\n';
        if (setting) std::cout << "Costs measured on " << setting->calibrated_on << ".\n";
    }
    const execution_options stream{.requests = given.requests,
                                   .keep_outputs = given.check,
                                   .carrier = given.carrier,
                                   .listen = given.listen};
    pace_trials* const trials = setting ? &*setting->trials : nullptr;
    DISPART_TRY(const auto all, execute_often(p, found.graph, machines, stream, streams, trials));
    const measured_run& measured = all.back();
    dispart::plan believed = p;
    seconds alone(p.prediction.latency_s);
    std::vector<pace> now;  // [device] while the streams ran
    if (setting) {
        const auto& then = setting->planned.paces;
        now = trials->paces(trials_around(streams));
        believed = repaced(p, then, now, trials->handling(), trials->shared_cores());
        DISPART_TRY(alone, latency_alone(p, then, now, trials->handling()));
    }
    DISPART_TRY(const auto predicted, predict_stream(believed, given.requests));
    const double predicted_period = given.requests > 1 ? predicted.period().value : p.prediction.period_s;
    const auto [period, latency] = medians_of(all);
    ordered_json document{{"plan", io::plan_to_json(p)},
                          {"calibrated_on", setting ? setting->calibrated_on : ""},
                          {"predicted", {{"period_s", predicted_period}, {"latency_s", alone.value}}},
                          {"measured",
                           {{"period_s", period},
                            {"latency_s", latency},
                            {"periods_s", periods_of(all)},
                            {"requests", given.requests},
                            {"stages", stages_to_json(believed, measured.stream)}}}};
    if (setting) document["paces"] = paces_to_json(now, machines);
    if (given.compare) {
        DISPART_TRY(const auto single, plan_with("best-single-device", ""));
        DISPART_TRY(const auto one,
                    execute(single.chosen, net, machines,
                            {.requests = given.requests, .carrier = given.carrier, .listen = given.listen}));
        document["measured"]["single_device_period_s"] = one.stream.period.value;
        document["measured"]["speedup"] = period > 0.0 ? one.stream.period.value / period : 0.0;
    }
    if (given.check) {
        DISPART_TRY(document["check"], check(net, measured.outputs, allowed_error(p, given.codec)));
    }
    DISPART_CHECK(write_files(given.out, p, found.graph, predicted.trace,
                              with_coordinator(measured.stream.events, machines)));
    document["files"] = given.out;
    if (as_json) print_json(document);
    else print_document(document);
    return given.check && document["check"]["mismatches"].get<std::size_t>() > 0 ? 1 : 0;
}

}  // namespace cli
