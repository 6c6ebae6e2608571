#pragma once
/// \file
/// What a spread model takes on a cluster, by the same tables and formulas as any division.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dispart/plan/make_plan.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/plan/spread/spread_model.hpp"
#include "dispart/plan/spread/tiles.hpp"
#include "dispart/problem/build.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

/// A spread model with its parts and what they achieve.
struct priced_spread {
    std::string name{};  ///< which way of spreading, in words
    model graph{};
    partition division{};  ///< layers are positions in `topological_order(graph)`
    evaluation figures{};
    std::vector<tiled_layers> tiles{};  ///< of the net, for pictures and words
};

/// What a spread model achieves. Errors: those of `parts_of`, `build_instance` and `evaluate`.
/// O(rewritten model · devices).
template <class Device, class Link, class Cost>
[[nodiscard]] result<evaluation> evaluate_spread(const spread_model& spread,
                                                 const resource_graph<Device, Link>& on, const Cost& cost,
                                                 const plan_options& options = {}) {
    DISPART_TRY(const auto division, parts_of(spread));
    const build_options how{.rules = options.rules, .queues = options.queues, .load = options.load};
    DISPART_TRY(const auto built, build_instance(spread.graph, on, cost, how));
    return evaluate(built.problem, division);
}

/// Prices a spread model. Errors: those of `evaluate_spread`.
template <class Device, class Link, class Cost>
[[nodiscard]] result<priced_spread> price_spread(std::string name, const spread_model& spread,
                                                 const resource_graph<Device, Link>& on, const Cost& cost,
                                                 const plan_options& options = {}) {
    DISPART_TRY(auto figures, evaluate_spread(spread, on, cost, options));
    DISPART_TRY(auto division, parts_of(spread));
    return priced_spread{std::move(name), spread.graph, std::move(division), std::move(figures), {}};
}

namespace detail {

/// No plan is faster than all devices at work all the time: for any weights w of sum 1, the largest load is at least the
/// sum over layers of min over devices of w times the layer's seconds; w is in proportion to each device's speed.
[[nodiscard]] inline double all_at_work_bound(const instance& problem) {
    std::vector<double> weight(problem.device_count(), 0.0);
    double total = 0.0;
    for (device_id d = 0; d < weight.size(); ++d) {
        double sum = 0.0;
        for (layer_id l = 0; l < problem.layer_count(); ++l)
            if (problem.is_allowed(l, d))
                sum += problem.marginal_seconds(problem.layer_class[l], problem.device_class[d]);
        weight[d] = sum > 0.0 ? 1.0 / sum : 0.0;
        total += weight[d];
    }
    if (total <= 0.0) return 0.0;
    double bound = 0.0;
    for (layer_id l = 0; l < problem.layer_count(); ++l) {
        double least = std::numeric_limits<double>::infinity();
        for (device_id d = 0; d < weight.size(); ++d)
            if (problem.is_allowed(l, d))
                least = std::min(
                    least, weight[d] / total *
                               problem.marginal_seconds(problem.layer_class[l], problem.device_class[d]));
        if (least < std::numeric_limits<double>::infinity()) bound += least;
    }
    return bound;
}

}  // namespace detail

/// The plan of a priced spread: predicted by simulation, described and bounded. \param bound_s no plan of the model that was
/// spread is better; see `make_spread_plan`. Errors: those of `build_instance`, `expand`, `simulate`.
template <class Device, class Link, class Cost>
[[nodiscard]] result<plan> plan_of_spread(const priced_spread& priced, const resource_graph<Device, Link>& on,
                                          const Cost& cost, const plan_options& options, double bound_s) {
    const build_options how{.rules = options.rules, .queues = options.queues, .load = options.load};
    DISPART_TRY(const auto built, build_instance(priced.graph, on, cost, how));
    const instance& problem = built.problem;
    plan made{.model = info(priced.graph).name, .cluster = info(on).name, .goal = options.goal};
    made.algorithm = priced.name;
    made.division = priced.division;
    DISPART_TRY(made.tasks, expand(problem, made.division));
    DISPART_TRY(made.prediction, detail::predict(problem, made.tasks, options.simulated_requests));
    made.network = detail::network_of(problem);
    made.binding = detail::name_of(problem, priced.figures.binding);
    const double value = priced.figures.value(options.goal);
    made.bound_name = "all devices at work all the time";
    made.bound_s = std::min(bound_s, value);
    made.gap = value > 0.0 ? (value - made.bound_s) / value : 0.0;
    detail::describe_stages(priced.graph, built, made);
    for (device_id d = 0; d < problem.device_count(); ++d) {
        const bool works = std::any_of(made.division.parts.begin(), made.division.parts.end(),
                                       [&](const part& p) { return p.device == d; });
        made.devices.push_back(
            {.name = on[d].name,
             .computes = on[d].computes,
             .busy_s = priced.figures.device_compute[d],
             .memory_bytes = priced.figures.device_memory[d],
             .capacity_bytes = problem.memory_capacity[d],
             .left_out = works || !on[d].computes ? "" : "spreading over it too was not found better"});
    }
    return made;
}

}  // namespace dispart
