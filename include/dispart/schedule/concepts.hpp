#pragma once
/// \file
/// The customisation point of `schedule/`: an algorithm that says where and when each task runs.

#include <concepts>
#include <string_view>

#include "dispart/core/result.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart {

/// A scheduler is a value with
/// - `name()`: as the registry and the command line spell it
/// - `operator()(problem) -> result<schedule>`: a schedule that `validate` accepts (memory limits only where it says so);
///   `infeasible` where it finds none, with the task at fault; the same input gives the same output.
template <class S>
concept scheduler = requires(const S& s, const schedule_problem& problem) {
    { s.name() } -> std::convertible_to<std::string_view>;
    { s(problem) } -> std::same_as<result<schedule>>;
};

}  // namespace dispart
