#pragma once
/// \file
/// The customisation point of `partition/`: an algorithm that divides an instance.

#include <concepts>
#include <string_view>

#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// A partitioner is a value with
/// - `name()`: as the name -> algorithm table and the command line spell it
/// - `operator()(instance, objective) -> result<partition>`: a feasible partition; `infeasible` where none exists (exact
///   algorithms) or none was found (heuristics), with the constraint at fault; the same input gives the same output.
template <class P>
concept partitioner = requires(const P& p, const instance& problem, objective goal) {
    { p.name() } -> std::convertible_to<std::string_view>;
    { p(problem, goal) } -> std::same_as<result<partition>>;
};

}  // namespace dispart
