// dispart plan, explain, simulate: everything before anything runs.
#include "dispart/planning.hpp"

#include "dispart/codecs.hpp"
#include "dispart/commands.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/execution.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/io/tiling_svg.hpp"
#include "dispart/machines.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/spread/respread.hpp"
#include "dispart/simulate/simulate.hpp"

namespace cli {

using namespace dispart;

result<objective> objective_of(const std::string& name) {
    if (name == "latency") return objective::latency;
    if (name == "throughput") return objective::throughput;
    return fail(errc::invalid_argument, name, "the objective is latency or throughput");
}

namespace {

/// Each block that was tiled, one below the other.
result<std::string> picture_of(const model& net, const cluster& machines,
                               const std::vector<tiled_layers>& tiles) {
    std::vector<std::string> names;
    for (device_id d = 0; d < num_vertices(machines); ++d) names.push_back(machines[d].name);
    std::vector<tile_block> blocks;
    std::vector<io::tiling_panel> panels;
    for (const auto& each : tiles) {
        DISPART_TRY(auto block, build_tile_block(net, each.layers));
        blocks.push_back(std::move(block));
    }
    for (std::size_t i = 0; i < tiles.size(); ++i)
        panels.push_back({net[tiles[i].layers.front()].name + " .. " + net[tiles[i].layers.back()].name,
                          &blocks[i], &tiles[i].plan});
    return io::tiling_svg(panels, names);
}

template <class Cost>
result<planned> plan_by(const model& net, const cluster& machines, const Cost& cost,
                        const plan_request& wanted) {
    const plan_options options{.goal = wanted.goal, .algorithm = wanted.algorithm, .codecs = wanted.codecs};
    DISPART_TRY(const auto way, spread_way_of(wanted.spread.empty() ? "pipeline" : wanted.spread));
    DISPART_TRY(auto made, wanted.or_else_any ? respread(net, machines, cost, options, way)
                                              : make_spread_plan(net, machines, cost, options, way));
    planned found{std::move(made.chosen), std::move(made.graph), {}};
    if (!made.tiles.empty()) {
        DISPART_TRY(found.tiling, picture_of(net, machines, made.tiles));
    }
    return found;
}

}  // namespace

result<planned> plan_by_roofline(const model& net, const cluster& machines, const plan_request& wanted) {
    return plan_by(net, machines, roofline{}, wanted);
}

result<planned> plan_by_costs(const model& net, const cluster& machines, const measured_costs& costs,
                              const plan_request& wanted) {
    return plan_by(net, machines, costs, wanted);
}

result<simulation> predict_stream(const dispart::plan& p, std::size_t requests) {
    return dispart::simulate(network_instance(p), p.tasks, {.requests = requests, .window = window_of(p)});
}

result<int> plan(const plan_arguments& given, bool as_json) {
    DISPART_TRY(const auto goal, objective_of(given.objective));
    DISPART_TRY(const auto net, load_model(given.model, false));
    DISPART_TRY(const auto machines, load_cluster(given.cluster));
    DISPART_TRY(auto codecs, codec_options_of(given.codec));
    DISPART_TRY(const auto found, plan_by_roofline(net, machines,
                                                   {.goal = goal,
                                                    .algorithm = given.algorithm,
                                                    .spread = given.spread,
                                                    .codecs = std::move(codecs)}));
    const auto& made = found.chosen;
    if (!given.out.empty()) DISPART_CHECK(io::write_plan(given.out, made));
    if (!given.tiling.empty()) {
        if (found.tiling.empty())
            return fail(errc::unsupported, given.tiling, "this plan has no tiles to draw",
                        "try --spread tiles");
        DISPART_CHECK(io::write_text(given.tiling, found.tiling));
    }
    if (as_json && given.explain)
        print_json({{"plan", io::plan_to_json(made)}, {"text", dispart::explain(made)}});
    else if (as_json) print_json(io::plan_to_json(made));
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
