// dispart plan, explain, simulate: everything before anything runs.
#include "dispart/planning.hpp"

#include "dispart/commands.hpp"
#include "dispart/cost/profiled_table.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/machines.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"

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
    DISPART_TRY(const auto machines, load_cluster(given.cluster));
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

}  // namespace cli
