#pragma once
/// \file
/// A device for each layer of a graph: the algorithms of `load_model::nets` by name, and the best of them within a budget.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/contiguous.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct place_options {
    search_budget budget{};
    bool contiguous = false;  ///< only contiguous divisions
    std::string algorithm{};  ///< empty: the best of all; else contiguous or intervals
    std::uint64_t seed = 1;
};

/// The best placement that the algorithms find within the budget. Errors: those of the algorithms; invalid_argument (no
/// such algorithm).
[[nodiscard]] inline result<placement> place(const instance& problem, objective goal,
                                             const place_options& options = {}) {
    const bool any = options.algorithm.empty();
    if (goal == objective::throughput && (any || options.algorithm == "contiguous"))
        return place_contiguous(problem, {.budget = options.budget, .seed = options.seed});
    if (goal == objective::throughput && options.algorithm == "intervals")
        return place_contiguous(problem, {.budget = options.budget, .seed = options.seed, .exact = false});
    return fail(errc::invalid_argument, options.algorithm, "there is no such algorithm for this objective",
                "known: contiguous, intervals");
}

}  // namespace dispart
