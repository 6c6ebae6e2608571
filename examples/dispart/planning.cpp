// dispart plan, explain, simulate: everything before anything runs.
#include "dispart/planning.hpp"

#include "dispart/commands.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/execution.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/machines.hpp"
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

result<dispart::plan> plan_by_roofline(const model& net, const cluster& machines, const plan_request& wanted) {
    return make_plan(net, machines, roofline{}, {.goal = wanted.goal, .algorithm = wanted.algorithm});
}

result<dispart::plan> plan_by_costs(const model& net, const cluster& machines, const measured_costs& costs,
                                    const plan_request& wanted) {
    return make_plan(net, machines, costs, {.goal = wanted.goal, .algorithm = wanted.algorithm});
}

result<simulation> predict_stream(const dispart::plan& p, std::size_t requests) {
    return dispart::simulate(network_instance(p), p.tasks, {.requests = requests, .window = window_of(p)});
}

result<int> plan(const plan_arguments& given, bool as_json) {
    DISPART_TRY(const auto goal, objective_of(given.objective));
    DISPART_TRY(const auto net, load_model(given.model, false));
    DISPART_TRY(const auto machines, load_cluster(given.cluster));
    DISPART_TRY(const auto made,
                plan_by_roofline(net, machines, {.goal = goal, .algorithm = given.algorithm}));
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

}  // namespace cli
