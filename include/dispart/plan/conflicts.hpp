#pragma once
/// \file
/// Why no plan exists: a set of constraints that cannot hold together, none of which could be left out.

#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/plan/search.hpp"
#include "dispart/problem/build.hpp"
#include "dispart/problem/constraints.hpp"
#include "dispart/task/memory.hpp"

namespace dispart {

namespace detail {

/// A constraint by name, and how to lift it.
template <class Graph>
struct liftable {
    std::string name{};
    std::function<void(constraints&, Graph&)> lift{};
};

/// Every rule, and every device's memory and operators. Lifted rules are made to match anything, so that the others
/// keep their places.
template <class Graph>
std::vector<liftable<Graph>> liftable_constraints(const constraints& rules, const Graph& on) {
    std::vector<liftable<Graph>> all;
    const auto add = [&](std::string name, auto lift) { all.push_back({std::move(name), lift}); };
    for (std::size_t i = 0; i < rules.pins.size(); ++i)
        add("pin " + rules.pins[i].layers + " to " + rules.pins[i].devices,
            [i](constraints& r, Graph&) { r.pins[i].devices = "*"; });
    for (std::size_t i = 0; i < rules.forbids.size(); ++i)
        add("forbid " + rules.forbids[i].layers + " on " + rules.forbids[i].devices,
            [i](constraints& r, Graph&) {
                r.forbids[i] = {"", ""};
            });
    for (std::size_t i = 0; i < rules.layers.size(); ++i)
        add(rules.layers[i].names + " needs " + rules.layers[i].label + "=" + rules.layers[i].value,
            [i](constraints& r, Graph&) { r.layers[i].label.clear(); });
    for (std::size_t i = 0; i < rules.tensors.size(); ++i)
        add("tensor " + rules.tensors[i].names + " needs " + rules.tensors[i].label + "=" +
                rules.tensors[i].value,
            [i](constraints& r, Graph&) { r.tensors[i].label.clear(); });
    for (std::size_t i = 0; i < rules.together.size(); ++i) {
        std::string names;
        for (const auto& each : rules.together[i]) names += (names.empty() ? "" : ", ") + each;
        add("together: " + names, [i](constraints& r, Graph&) { r.together[i].clear(); });
    }
    for (std::size_t i = 0; i < rules.caps.size(); ++i)
        add("at most " + memory_text(rules.caps[i].bytes) + " on " + rules.caps[i].devices,
            [i](constraints& r, Graph&) { r.caps[i].bytes = std::numeric_limits<double>::infinity(); });
    if (!rules.devices.empty())
        add("only the listed devices", [](constraints& r, Graph&) { r.devices.clear(); });
    if (!rules.order.empty()) add("the order of devices", [](constraints& r, Graph&) { r.order.clear(); });
    if (rules.max_devices > 0)
        add("at most " + std::to_string(rules.max_devices) + " devices",
            [](constraints& r, Graph&) { r.max_devices = 0; });
    for (device_id d = 0; d < num_vertices(on); ++d) {
        if (on[d].memory.value > 0.0)
            add("memory of " + on[d].name,
                [d](constraints&, Graph& g) { g[d].memory = g[d].reserve = bytes(0.0); });
        if (!on[d].operators.empty())
            add("operators of " + on[d].name, [d](constraints&, Graph& g) { g[d].operators.clear(); });
    }
    return all;
}

/// Rules that were lifted are taken out before an instance is built.
inline constraints without_lifted(constraints rules) {
    std::erase_if(rules.forbids,
                  [](const placement_rule& r) { return r.devices.empty() && r.layers.empty(); });
    std::erase_if(rules.layers, [](const label_rule& r) { return r.label.empty(); });
    std::erase_if(rules.tensors, [](const label_rule& r) { return r.label.empty(); });
    std::erase_if(rules.together, [](const auto& group) { return group.empty(); });
    return rules;
}

}  // namespace detail

/// The names of constraints that together leave no division of the model into stages, while without any one of them,
/// the others kept, there is one. Empty: there is a division, or none even without constraints (routes may lack).
///
/// Irreducible with respect to the chain search, which may overlook divisions where stages are not contiguous.
/// Errors: those of `build_instance` other than infeasible. O(constraints) searches.
/// Source: Chinneck, Dravnieks, "Locating minimal infeasible constraint sets in linear programs", ORSA Journal on
/// Computing 3(2), 1991 (the deletion filter).
template <class Layer, class Tensor, class Device, class Link, class Cost>
    requires cost_model<Cost, Layer, Tensor, Device>
[[nodiscard]] result<std::vector<std::string>> conflicting_constraints(const layer_graph<Layer, Tensor>& net,
                                                                       const resource_graph<Device, Link>& on,
                                                                       const Cost& cost,
                                                                       const build_options& options = {}) {
    using graph = resource_graph<Device, Link>;
    const auto all = detail::liftable_constraints(options.rules, on);
    std::vector<bool> lifted(all.size(), false);
    const auto is_feasible = [&]() -> result<bool> {
        auto trial = options;
        graph machines = on;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (lifted[i]) all[i].lift(trial.rules, machines);
        trial.rules = detail::without_lifted(std::move(trial.rules));
        const auto built = build_instance(net, machines, cost, trial);
        if (!built && built.error().code != errc::infeasible) return tl::unexpected<error>(built.error());
        if (!built || !check_memory(built->problem)) return false;
        return search_chains(built->problem, objective::latency,
                             {.order = built->device_order, .orders = {.tries = 10, .quick_tries = 10}})
            .has_value();
    };
    DISPART_TRY(const bool fine, is_feasible());
    if (fine) return std::vector<std::string>{};
    for (std::size_t i = 0; i < all.size(); ++i) {
        lifted[i] = true;
        DISPART_TRY(const bool without, is_feasible());
        lifted[i] = !without;  // what is not needed for the conflict stays lifted
    }
    std::vector<std::string> names;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!lifted[i]) names.push_back(all[i].name);
    return names;
}

}  // namespace dispart
