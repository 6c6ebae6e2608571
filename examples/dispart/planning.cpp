// dispart plan, explain, simulate: everything before anything runs.
#include "dispart/planning.hpp"

#include <algorithm>

#include "dispart/commands.hpp"
#include "dispart/cost/profiled_table.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/simulate/simulate.hpp"

namespace cli {

using namespace dispart;

result<objective> objective_of(const std::string& name) {
    if (name == "latency") return objective::latency;
    if (name == "throughput") return objective::throughput;
    return fail(errc::invalid_argument, name, "the objective is latency or throughput");
}

result<int> plan(const plan_arguments& given, bool as_json) {
    DISPART_TRY(const auto goal, objective_of(given.objective));
    DISPART_TRY(const auto net, load_model(given.model, false));
    DISPART_TRY(const auto machines, io::read_cluster(given.cluster));
    DISPART_TRY(const auto made,
                make_plan(net, machines, roofline{}, {.goal = goal, .algorithm = given.algorithm}));
    if (!given.out.empty()) DISPART_CHECK(io::write_plan(given.out, made));
    if (as_json) print_json(io::plan_to_json(made));
    else std::cout << dispart::explain(made);
    return 0;
}

result<int> explain(const explain_arguments& given, bool as_json) {
    DISPART_TRY(const auto read, io::read_plan(given.plan));
    if (as_json) print_json({{"plan", io::plan_to_json(read)}, {"text", dispart::explain(read)}});
    else std::cout << dispart::explain(read);
    return 0;
}

result<int> simulate(const simulate_arguments& given, bool as_json) {
    DISPART_TRY(const auto read, io::read_plan(given.plan));
    const instance network = network_instance(read);
    DISPART_TRY(const auto outcome,
                dispart::simulate(network, read.tasks, {.requests = given.requests, .window = given.window}));
    std::vector<double> latencies;
    for (std::size_t r = 0; r < given.requests; ++r)
        latencies.push_back(outcome.finished[r] - outcome.admitted[r]);
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double share) {
        return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
    };
    ordered_json document{{"requests", given.requests},
                          {"makespan_s", outcome.makespan().value},
                          {"first_latency_s", outcome.first_latency().value},
                          {"period_s", outcome.period().value},
                          {"latency_s", {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}}}};
    for (device_id d = 0; d < read.devices.size(); ++d)
        document["utilisation"][read.devices[d].name] =
            outcome.makespan().value > 0.0 ? outcome.device_busy[d] / outcome.makespan().value : 0.0;
    if (as_json) {
        print_json(document);
        return 0;
    }
    std::cout << given.requests << " requests in " << time_text(outcome.makespan().value)
              << ", the first after " << time_text(outcome.first_latency().value) << ", then one every "
              << time_text(outcome.period().value) << "\nlatency: median " << time_text(at(0.5)) << ", 90 % "
              << time_text(at(0.9)) << ", 99 % " << time_text(at(0.99)) << "\nbusy:\n";
    for (const auto& [device, share] : document["utilisation"].items())
        std::cout << "  " << device << ' ' << static_cast<int>(share.get<double>() * 100.0 + 0.5) << " %\n";
    return 0;
}

}  // namespace cli
