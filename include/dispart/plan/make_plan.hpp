#pragma once
/// \file
/// From a model, a cluster and a cost model to a plan.

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/model/work.hpp"
#include "dispart/plan/codecs.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/plan/reasons.hpp"
#include "dispart/plan/search.hpp"
#include "dispart/problem/bounds.hpp"
#include "dispart/problem/build.hpp"
#include "dispart/simulate/simulate.hpp"
#include "dispart/task/expand.hpp"

namespace dispart {

struct plan_options {
    objective goal = objective::throughput;
    constraints rules{};   ///< pins, labels, order, most devices, ...
    queue_depth queues{};  ///< memory that the pipeline's queues hold
    load_model load = load_model::overlapped;
    std::string algorithm{};  ///< "chain", "even", "proportional", "best single device"; empty: the best
    std::size_t simulated_requests = 64;  ///< that predict the period
    codec_options codecs{};               ///< that edges may use
    search_options search{};              ///< order and most devices come from `rules`
};

namespace detail {

/// Everything that `make_plan` tries, in order of preference among equals.
struct plan_candidates {
    std::vector<found_division> found{};
    std::vector<plan_alternative> baselines{};
    error problem{};  ///< of the first algorithm that found nothing
};

inline plan_alternative as_alternative(const instance& problem, std::string name,
                                       const result<found_division>& tried) {
    plan_alternative made{.name = std::move(name), .feasible = tried.has_value()};
    if (!tried) {
        made.problem = to_string(tried.error());
        return made;
    }
    made.prediction = {tried->figures.latency, tried->figures.period};
    for (const auto& p : tried->division.parts) {
        const auto& device = problem.name_of_device(p.device);
        if (std::find(made.devices.begin(), made.devices.end(), device) == made.devices.end())
            made.devices.push_back(device);
    }
    return made;
}

inline plan_candidates try_all(const instance& problem, const plan_options& options,
                               const search_options& search) {
    plan_candidates all;
    const bool any = options.algorithm.empty();
    if (any || options.algorithm == "chain") {
        auto tried = search_chains(problem, options.goal, search);
        if (tried) all.found.push_back(std::move(*tried));
        else all.problem = tried.error();
    }
    const auto add = [&](const auto& by) {
        auto tried = try_partitioner(by, problem, options.goal);
        all.baselines.push_back(as_alternative(problem, std::string(by.name()), tried));
        if (any ? !search.order.empty() : options.algorithm != by.name()) return;  // only compared with
        if (tried) all.found.push_back(std::move(*tried));
        else if (!any && !tried) all.problem = tried.error();
    };
    add(dispart::best_single_device{});
    add(even_partitioner{});
    add(proportional_partitioner{});
    return all;
}

inline std::string name_of(const instance& problem, const resource& r) {
    if (r.what == resource::kind::device) return "device " + problem.name_of_device(r.id);
    if (r.what == resource::kind::pair)
        return "route " + problem.name_of_device(r.id) + " -> " + problem.name_of_device(r.peer);
    return "link " + (r.id < problem.link_names.size() ? problem.link_names[r.id] : std::to_string(r.id));
}

inline plan_network network_of(const instance& problem) {
    const std::size_t n = problem.device_count();
    plan_network made{.latency_s = std::vector(n, std::vector<double>(n, 0.0)),
                      .seconds_per_byte = std::vector(n, std::vector<double>(n, 0.0)),
                      .routes = {},
                      .link_seconds_per_byte = problem.link_seconds_per_byte,
                      .link_names = problem.link_names};
    for (device_id a = 0; a < n; ++a)
        for (device_id b = 0; b < n; ++b) {
            made.latency_s[a][b] = problem.latency(a, b);
            made.seconds_per_byte[a][b] = problem.seconds_per_byte(a, b);
            const auto route = problem.routes[a * n + b];
            made.routes.emplace_back(route.begin(), route.end());
        }
    return made;
}

/// The period and latency of the task graph by simulation.
inline result<plan_prediction> predict(const instance& problem, const task_graph& tasks, std::size_t requests) {
    DISPART_TRY(const auto alone, simulate(problem, tasks, {.requests = tasks.turns, .window = 1}));
    double latency = 0.0;  // of the slowest turn
    for (request_id r = 0; r < tasks.turns; ++r)
        latency = std::max(latency, alone.finished[r] - alone.admitted[r]);
    requests = std::max<std::size_t>(2, requests);
    while ((requests - 1 - requests / 4) % tasks.turns != 0)
        ++requests;  // whole rounds count, see steady_period
    DISPART_TRY(const auto stream, simulate(problem, tasks, {.requests = requests}));
    return plan_prediction{latency, stream.period().value};
}

template <class Layer, class Tensor>
std::vector<bool> tensors_of_f32(const layer_graph<Layer, Tensor>& net, const built_instance& built) {
    std::vector<bool> is_f32;
    for (const tensor_id t : built.graph_tensor) is_f32.push_back(info(net).tensors[t].type == dtype::f32);
    return is_f32;
}

template <class Layer, class Tensor>
void describe_stages(const layer_graph<Layer, Tensor>& net, const built_instance& built, plan& into) {
    for (const auto& p : into.division.parts) {
        plan_stage stage{.device = p.device, .memory_bytes = part_memory(built.problem, p).total()};
        for (const auto l : p.layers) {
            stage.layers.push_back(net[built.layer_vertex[l]].name);
            stage.compute_s += built.problem.compute(l, p.device);
            stage.flops += work_of(net, built.layer_vertex[l]).compute.value;
        }
        into.stages.push_back(std::move(stage));
    }
}

template <class Graph>
void describe_devices(const Graph& on, const instance& problem, const evaluation& figures, plan& into) {
    for (device_id d = 0; d < problem.device_count(); ++d)
        into.devices.push_back({.name = on[d].name,
                                .computes = on[d].computes,
                                .busy_s = figures.device_compute[d],
                                .memory_bytes = figures.device_memory[d],
                                .capacity_bytes = problem.memory_capacity[d]});
    explain_left_out(problem, into.division, figures, into.goal, into.devices);
}

}  // namespace detail

/// Divides the model over the cluster for the objective, and says what will happen and how much better it could be.
///
/// A portfolio: the chain algorithm (exact for each device order) over a search of orders, and the baselines; the best by
/// closed formula is taken, so that no baseline is better. The prediction is simulated. Deterministic.
///
/// Errors: those of `build_instance`; infeasible, with what fits nowhere; invalid_argument (an unknown algorithm).
/// Guarantee: certified by `bound_s` and `gap`. A chain of L layers on D devices: a few times D^2 chain decisions.
template <class Layer, class Tensor, class Device, class Link, class Cost>
    requires cost_model<Cost, Layer, Tensor, Device>
[[nodiscard]] result<plan> make_plan(const layer_graph<Layer, Tensor>& net,
                                     const resource_graph<Device, Link>& on, const Cost& cost,
                                     const plan_options& options = {}) {
    DISPART_TRY(const auto built,
                build_instance(net, on, cost,
                               {.rules = options.rules, .queues = options.queues, .load = options.load}));
    const instance& problem = built.problem;
    DISPART_CHECK(check_memory(problem));
    auto search = options.search;
    search.order = built.device_order;
    DISPART_CHECK(validate(options.codecs));
    const bool coded = !options.codecs.costs.empty();
    const instance with_best_codecs = coded ? with_codecs(problem, options.codecs) : instance{};
    const instance& searched = coded ? with_best_codecs : problem;
    std::optional<lower_bound> general;  // proven once, when it is first of use
    const auto prove = [&](double value) {
        if (!general) general = best_lower_bound(searched, options.goal, {.enough = value});
        return general->seconds;
    };
    if (!search.orders.lower_bound) search.orders.lower_bound = prove;
    auto all = detail::try_all(searched, options, search);
    if (all.found.empty() && all.problem.message.empty())
        return fail(errc::invalid_argument, options.algorithm, "there is no such algorithm",
                    "chain, " + std::string(best_single_device::name()) + ", " +
                        std::string(even_partitioner::name()) + ", " +
                        std::string(proportional_partitioner::name()));
    if (all.found.empty()) return tl::unexpected(all.problem);
    std::stable_sort(all.found.begin(), all.found.end(), [&](const auto& a, const auto& b) {
        return a.figures.value(options.goal) < b.figures.value(options.goal) * (1.0 - 1e-12);
    });

    plan made{.model = info(net).name, .cluster = info(on).name, .goal = options.goal};
    auto& best = all.found.front();
    made.algorithm = best.algorithm;
    made.exact = best.exact;
    made.division = std::move(best.division);
    DISPART_TRY(made.tasks, expand(problem, made.division));
    if (coded) {
        choose_codecs(problem, options.goal, options.codecs, detail::tensors_of_f32(net, built), made.tasks);
        DISPART_TRY(best.figures, evaluate(problem, made.division, made.tasks));
    }
    DISPART_TRY(made.prediction, detail::predict(problem, made.tasks, options.simulated_requests));
    made.network = detail::network_of(problem);
    made.binding = detail::name_of(problem, best.figures.binding);
    const double value = best.figures.value(options.goal);
    lower_bound bound{"all divisions with one stage a device", best.bound};
    if (bound.seconds < value * (1.0 - 1e-8) && prove(value) >= bound.seconds) bound = *general;
    made.bound_name = bound.name;
    made.bound_s = bound.seconds < value * (1.0 - 1e-8) ? bound.seconds : value;  // chains are solved to 1e-8
    made.gap = value > 0.0 ? (value - made.bound_s) / value : 0.0;
    made.baselines = std::move(all.baselines);
    for (std::size_t i = 1; i < all.found.size(); ++i)
        made.runner_ups.push_back(detail::as_alternative(problem, all.found[i].algorithm, all.found[i]));
    detail::describe_stages(net, built, made);
    detail::describe_devices(on, problem, best.figures, made);
    return made;
}

}  // namespace dispart
