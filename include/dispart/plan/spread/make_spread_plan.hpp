#pragma once
/// \file
/// The hybrid planner: pipelines, tiles, shards, replicas and mixtures of them, priced alike; the best is taken.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dispart/plan/make_plan.hpp"
#include "dispart/plan/spread/every_mixture.hpp"
#include "dispart/plan/spread/hand_over.hpp"
#include "dispart/plan/spread/price_spread.hpp"
#include "dispart/plan/spread/ways.hpp"

namespace dispart {

/// How layers are spread over devices.
enum class spread_way { automatic, pipeline, tiles, shards, replicas };

/// The way of that name ("auto", "pipeline", "tiles", "shards", "replicas"). Errors: invalid_argument.
[[nodiscard]] inline result<spread_way> spread_way_of(const std::string& name) {
    if (name == "auto") return spread_way::automatic;
    if (name == "pipeline") return spread_way::pipeline;
    if (name == "tiles") return spread_way::tiles;
    if (name == "shards") return spread_way::shards;
    if (name == "replicas") return spread_way::replicas;
    return fail(errc::invalid_argument, name, "there is no such way of spreading",
                "auto, pipeline, tiles, shards or replicas");
}

/// A plan and the model that its divisions speak of: the net itself, or the net rewritten.
struct spread_plan {
    plan chosen{};
    model graph{};
    std::vector<plan_alternative> pure{};  ///< the pure ways that were tried, best first
    std::vector<tiled_layers> tiles{};     ///< blocks of the net that are tiled
};

namespace detail {

/// Errors: unsupported where rules name layers or tensors: rewriting changes names.
[[nodiscard]] inline result<void> check_spreadable(const constraints& rules) {
    if (rules.pins.empty() && rules.forbids.empty() && rules.layers.empty() && rules.tensors.empty() &&
        rules.together.empty() && rules.order.empty())
        return {};
    return fail(errc::unsupported, "constraints",
                "rules about layers, tensors or an order hold for pipelines only",
                "plan with the way 'pipeline'");
}

[[nodiscard]] inline result<spread_setting> spread_setting_of(const model& net, const instance& problem,
                                                              std::size_t most) {
    spread_setting s{net, problem};
    DISPART_TRY(s.body, tileable_body(net));
    if (!s.body.empty()) {
        DISPART_TRY(s.block, build_tile_block(net, s.body));
        if (total_macs(s.block) <= 0.0) s.body.clear();
    }
    s.seconds.assign(problem.device_count(), 0.0);
    for (device_id d = 0; d < problem.device_count(); ++d) {
        bool all = true;
        for (layer_id l = 0; l < problem.layer_count(); ++l) {
            all = all && problem.is_allowed(l, d);
            s.seconds[d] += problem.compute(l, d);
        }
        if (all) s.devices.push_back(d);
    }
    if (s.devices.empty()) return fail(errc::infeasible, info(net).name, "no device may run every layer");
    std::stable_sort(s.devices.begin(), s.devices.end(),
                     [&](device_id a, device_id b) { return s.seconds[a] < s.seconds[b]; });
    s.home = std::find(s.devices.begin(), s.devices.end(), problem.source) != s.devices.end()
                 ? problem.source
                 : s.devices.front();
    if (most > 0 && s.devices.size() > most) {
        s.devices.resize(most);
        if (std::find(s.devices.begin(), s.devices.end(), s.home) == s.devices.end())
            s.devices.back() = s.home;
    }
    return s;
}

/// The best so far, of all and of the pure ones.
struct spread_choice {
    std::vector<priced_spread> best{};  // none or one
    std::vector<plan_alternative> pure{};

    [[nodiscard]] bool is_better(const evaluation& figures, objective goal) const {
        return best.empty() || figures.value(goal) < best.front().figures.value(goal) * (1.0 - 1e-12);
    }
    void offer(const spread_candidate& one, const evaluation& figures, objective goal, const instance& names) {
        if (one.pure) {
            plan_alternative each{.name = one.name, .feasible = true};
            each.prediction = {figures.latency, figures.period};
            for (const std::size_t group : one.model.group) {
                const auto& device = names.name_of_device(one.model.device[group]);
                if (std::find(each.devices.begin(), each.devices.end(), device) == each.devices.end())
                    each.devices.push_back(device);
            }
            pure.push_back(std::move(each));
        }
        if (!is_better(figures, goal)) return;
        auto division = parts_of(one.model);
        if (division) best.assign(1, {one.name, one.model.graph, std::move(*division), figures, one.tiles});
    }
};

/// Improves a pipeline step by step: the busiest device (for latency: any) hands strips of a run of layers to a helper, as
/// long as a step that is priced exactly gains. \return nothing where no step does
template <class Price>
[[nodiscard]] std::vector<std::pair<spread_candidate, evaluation>>
pipeline_with_strips(const spread_setting& s, const partition& base, const evaluation& figures,
                     objective goal, const Price& price) {
    constexpr std::size_t tried_a_round = 5;
    const std::size_t rounds = 2 * s.devices.size() + 4;
    hand_over search(s.net, s.problem, base, goal);
    std::vector<std::pair<spread_candidate, evaluation>> best;  // none or one
    for (std::size_t round = 0; round < rounds; ++round) {
        const evaluation& now = best.empty() ? figures : best.front().second;
        double least = now.value(goal) * (1.0 - 1e-4);
        std::vector<std::pair<spread_candidate, evaluation>> found;
        tiled_layers taken;
        for (const tiled_layers& step : search.steps(now, tried_a_round)) {
            const auto spread = search.with(step);
            if (!spread) continue;
            auto priced = price(*spread);
            if (!priced || priced->value(goal) >= least) continue;
            least = priced->value(goal);
            found.assign(1, {{{}, false, *spread, {}}, std::move(*priced)});
            taken = step;
        }
        if (found.empty()) break;
        search.accept(taken);
        best.swap(found);
    }
    for (auto& [each, priced] : best) {
        each.tiles = search.blocks();
        each.name = "pipeline with " + std::to_string(each.tiles.size()) + " runs in strips";
    }
    return best;
}

}  // namespace detail

/// Plans with one way of spreading, or with the best of all and mixtures of them.
///
/// Every candidate is priced by the same tables and formulas as a pipeline, so that with `automatic` the plan is never worse
/// than the best of the pure ways that are tried (by closed formula): the pipeline of `make_plan`, tiles of the whole body on
/// 2, 3, 4, 6, ... devices, shards, replicas; mixtures are AOFL's fused runs, the pipeline with strips handed over
/// (`hand_over`), for throughput pipelines of tiled stages and pipelines that take requests in turn, and where there are
/// few mixtures of runs (256, of small models up to 2,000) all of them.
/// The body is what `tileable_body` finds; what follows it runs at home.
///
/// Errors: those of `make_plan`; unsupported (the asked way cannot spread this model, or rules name layers).
/// Guarantee: heuristic, with a certified bound. Deterministic.
template <class Device, class Link, class Cost>
[[nodiscard]] result<spread_plan> make_spread_plan(const model& net, const resource_graph<Device, Link>& on,
                                                   const Cost& cost, const plan_options& options,
                                                   spread_way way = spread_way::automatic) {
    if (way == spread_way::pipeline) {
        DISPART_TRY(auto chosen, make_plan(net, on, cost, options));
        return spread_plan{std::move(chosen), net, {}, {}};
    }
    const auto spreadable = detail::check_spreadable(options.rules);
    if (!spreadable && way != spread_way::automatic) return tl::unexpected(spreadable.error());
    if (!spreadable) return make_spread_plan(net, on, cost, options, spread_way::pipeline);
    const build_options how{.rules = options.rules, .queues = options.queues, .load = options.load};
    DISPART_TRY(const auto built, build_instance(net, on, cost, how));
    DISPART_TRY(const auto setting, detail::spread_setting_of(net, built.problem, options.rules.max_devices));
    detail::spread_choice choice;
    const bool any = way == spread_way::automatic;
    const auto price = [&](const spread_model& spread) { return evaluate_spread(spread, on, cost, options); };
    const candidate_sink take = [&](const spread_candidate& each) {
        if (const auto figures = price(each.model)) choice.offer(each, *figures, options.goal, built.problem);
    };
    if (any || way == spread_way::tiles) propose_tiles(setting, take);
    if (any || way == spread_way::shards) propose_shards(setting, take);
    if (any || way == spread_way::replicas) propose_replicas(setting, options.goal, take);
    if (any && options.goal == objective::throughput) {
        propose_tiled_pipelines(setting, take);
        const auto make = [&](const model& copies) -> result<instance> {
            DISPART_TRY(auto made, build_instance(copies, on, cost, how));
            return std::move(made.problem);
        };
        propose_turns(setting, make, take);
    }
    const std::size_t mixtures = 20'000 / std::max<std::size_t>(num_vertices(net), 1);  // a second or so
    if (any) every_mixture(setting, std::max<std::size_t>(mixtures, 256)).propose(take);
    if (!any && choice.best.empty())
        return fail(errc::unsupported, info(net).name, "cannot be spread that way over this cluster",
                    "tiles need convolutions, shards products with weights, all two devices; replicas "
                    "shorten no single request, only a batch of 2 or more; try auto");
    const double bound = detail::all_at_work_bound(built.problem);
    if (any) {
        auto pipeline = make_plan(net, on, cost, options);
        if (!pipeline && choice.best.empty()) return tl::unexpected(pipeline.error());
        if (pipeline) {
            DISPART_TRY(auto figures, evaluate(built.problem, pipeline->division));
            for (const auto& [each, priced] :
                 detail::pipeline_with_strips(setting, pipeline->division, figures, options.goal, price))
                choice.offer(each, priced, options.goal, built.problem);
            const double value = figures.value(options.goal);
            plan_alternative each{.name = "pipeline (" + pipeline->algorithm + ")", .feasible = true};
            each.prediction = {figures.latency, figures.period};
            if (choice.best.empty() || value <= choice.best.front().figures.value(options.goal)) {
                pipeline->bound_s = std::min(pipeline->bound_s, bound);
                pipeline->bound_name = "all devices at work all the time";
                pipeline->gap = value > 0.0 ? (value - pipeline->bound_s) / value : 0.0;
                auto alternatives = std::move(choice.pure);
                std::stable_sort(alternatives.begin(), alternatives.end(), [&](const auto& a, const auto& b) {
                    return a.prediction.value(options.goal) < b.prediction.value(options.goal);
                });
                pipeline->runner_ups.insert(pipeline->runner_ups.end(), alternatives.begin(),
                                            alternatives.end());
                alternatives.insert(alternatives.begin(), std::move(each));
                return spread_plan{std::move(*pipeline), net, std::move(alternatives), {}};
            }
            choice.pure.push_back(std::move(each));
        }
    }
    std::stable_sort(choice.pure.begin(), choice.pure.end(), [&](const auto& a, const auto& b) {
        return a.prediction.value(options.goal) < b.prediction.value(options.goal);
    });
    auto& best = choice.best.front();
    DISPART_TRY(auto chosen, plan_of_spread(best, on, cost, options, bound));
    chosen.baselines = choice.pure;
    return spread_plan{std::move(chosen), std::move(best.graph), std::move(choice.pure),
                       std::move(best.tiles)};
}

}  // namespace dispart
