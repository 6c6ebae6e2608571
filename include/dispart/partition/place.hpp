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
#include "dispart/partition/latency_search.hpp"
#include "dispart/partition/local_search.hpp"
#include "dispart/partition/multilevel.hpp"
#include "dispart/partition/placement_bound.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct place_options {
    search_budget budget{};
    bool contiguous = false;  ///< only contiguous divisions
    std::string algorithm{};  ///< empty: the best of all; else one of them by name
    std::uint64_t seed = 1;
};

namespace detail {

/// Intervals, then the exact search for a quarter of the time, then annealing from what they found.
[[nodiscard]] inline result<placement> place_for_throughput(const instance& problem, double bound,
                                                            const place_options& options) {
    const stop_watch watch(options.budget);
    if (static_cast<double>(problem.layer_count()) * static_cast<double>(problem.device_count()) > 3e5)
        return place_multilevel(problem, {.budget = options.budget, .enough = bound, .seed = options.seed});
    search_budget first = options.budget;
    first.seconds *= 0.25, first.steps /= 4;
    auto contiguous = place_contiguous(problem, {.budget = first, .seed = options.seed});
    local_search_options search{.budget = options.budget, .enough = bound, .seed = options.seed};
    search.budget.seconds = std::max(0.0, options.budget.seconds - watch.seconds());
    if (contiguous) search.budget.steps -= contiguous->steps;
    if (contiguous) search.starts.push_back(contiguous->devices);
    auto found = place_by_search(problem, search);
    if (!contiguous || (found && found->value < contiguous->value)) return found;
    contiguous->bound = 0.0;
    if (found) contiguous->steps += found->steps;
    return contiguous;
}

[[nodiscard]] inline result<placement> place_by_name(const instance& problem, objective goal, double bound,
                                                     const place_options& options) {
    const std::string& name = options.algorithm;
    if (goal == objective::latency) {
        if (options.contiguous || name.empty() || name == "latency-annealing")
            return place_for_latency(problem, bound, {.budget = options.budget, .seed = options.seed});
        return fail(errc::invalid_argument, name, "there is no such algorithm for latency",
                    "known: latency-annealing");
    }
    if (name == "ideals" || (name.empty() && options.contiguous))
        return place_contiguous(problem, {.budget = options.budget, .seed = options.seed});
    if (name == "intervals")
        return place_contiguous(problem, {.budget = options.budget, .seed = options.seed, .exact = false});
    if (options.contiguous && !name.empty())
        return fail(errc::invalid_argument, name, "it does not keep to contiguous divisions",
                    "known: ideals, intervals");
    if (name == "annealing")
        return place_by_search(problem, {.budget = options.budget, .enough = bound, .seed = options.seed});
    if (name == "multilevel")
        return place_multilevel(problem, {.budget = options.budget, .enough = bound, .seed = options.seed});
    if (name.empty()) return place_for_throughput(problem, bound, options);
    return fail(errc::invalid_argument, name, "there is no such algorithm for throughput",
                "known: ideals, intervals, annealing, multilevel");
}

}  // namespace detail

/// The best placement that the algorithms find within the budget, with a bound that no placement (no contiguous one, if
/// only those are wanted) can beat. Errors: those of the algorithms; invalid_argument (no such algorithm).
[[nodiscard]] inline result<placement> place(const instance& problem, objective goal,
                                             const place_options& options = {}) {
    DISPART_TRY(const double bound, placement_bound(problem, goal));
    DISPART_TRY(auto found, detail::place_by_name(problem, goal, bound, options));
    found.bound = std::max(found.bound, std::min(bound, found.value));
    return found;
}

}  // namespace dispart
