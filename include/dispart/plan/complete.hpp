#pragma once
/// \file
/// A user's own beginning of a plan: checked, and completed.

#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/plan/conflicts.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/problem/constraints.hpp"

namespace dispart {

/// The best plan that puts the given layers where the user says, and the rest where it is best.
///
///     complete_plan(net, machines, cost, {{"conv1*", "camera"}, {"fc*", "server"}}, {.goal = objective::latency});
///
/// Every layer may be given: then the plan is the user's, checked and priced. Errors: those of `make_plan`; where the
/// given placement leaves no plan, infeasible, with the constraints that conflict in the hint.
template <class Layer, class Tensor, class Device, class Link, class Cost>
    requires cost_model<Cost, Layer, Tensor, Device>
[[nodiscard]] result<plan> complete_plan(const layer_graph<Layer, Tensor>& net,
                                         const resource_graph<Device, Link>& on, const Cost& cost,
                                         const std::vector<placement_rule>& given, plan_options options = {}) {
    options.rules.pins.insert(options.rules.pins.end(), given.begin(), given.end());
    auto made = make_plan(net, on, cost, options);
    if (made || made.error().code != errc::infeasible) return made;
    auto why = conflicting_constraints(
        net, on, cost, {.rules = options.rules, .queues = options.queues, .load = options.load});
    error problem = made.error();
    if (!why || why->empty()) return tl::unexpected(std::move(problem));
    std::string names;
    for (const auto& each : *why) names += (names.empty() ? "" : "; ") + each;
    problem.hint = "these cannot hold together, and without any one of them there is a plan: " + names;
    return tl::unexpected(std::move(problem));
}

}  // namespace dispart
