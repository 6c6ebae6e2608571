#pragma once
/// \file
/// A device for each layer of a graph: the algorithms of `load_model::nets` by name, and the best of them within a budget.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/contiguous.hpp"
#include "dispart/partition/detail/device_choices.hpp"
#include "dispart/partition/detail/placement_conflicts.hpp"
#include "dispart/partition/latency_search.hpp"
#include "dispart/partition/local_search.hpp"
#include "dispart/partition/multilevel.hpp"
#include "dispart/partition/placement_bound.hpp"
#include "dispart/partition/placement_tree.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct place_options {
    search_budget budget{};
    bool contiguous = false;  ///< only contiguous divisions
    bool replicate = false;   ///< contiguous, and parts may have replicas that take turns (throughput)
    std::string algorithm{};  ///< empty: the best of all; else one of them by name
    std::uint64_t seed = 1;
};

namespace detail {

/// Algorithms one after the other under one budget, the best answer kept.
class placement_portfolio {
  public:
    placement_portfolio(const search_budget& budget, double bound)
        : budget_(budget)
        , watch_(budget)
        , bound_(bound) {}

    /// Runs `solve(budget)` with a share of what is left; `proves` says that its bound holds for all placements.
    template <class Solve>
    void run(const std::string& algorithm, double share, bool proves, Solve solve) {
        if (is_done()) return;
        const double begin = watch_.seconds();
        const std::size_t steps = budget_.steps - steps_;
        const search_budget part{std::max(0.0, budget_.seconds - begin) * share,
                                 share < 1.0 ? steps / 100 * static_cast<std::size_t>(share * 100.0) : steps};
        result<placement> found = solve(part);
        placement_attempt turn{.algorithm = algorithm, .seconds = watch_.seconds() - begin};
        if (!found) {
            error_ = found.error();
            if (proves && found.error().code == errc::infeasible) impossible_ = true;
            turn.outcome = found.error().message;
            tried_.push_back(std::move(turn));
            return;
        }
        steps_ += std::min(found->steps, budget_.steps - steps_);
        turn.value = found->value, turn.bound = found->bound;
        const bool better = !best_ || found->value < best_->value * (1.0 - 1e-12);
        turn.outcome = !best_ ? "found" : better ? "better" : "not better";
        if (proves) bound_ = std::max(bound_, std::min(found->bound, found->value));
        if (found->bound > 0.0 && found->is_optimal())
            turn.outcome += proves ? ", nothing is better" : ", nothing contiguous is better";
        tried_.push_back(std::move(turn));
        if (better) best_ = std::move(*found);
    }

    [[nodiscard]] bool is_done() const {
        return impossible_ || (best_ && best_->value <= bound_ * (1.0 + 1e-9));
    }
    [[nodiscard]] assignment start() const { return best_ ? best_->devices : assignment{}; }
    [[nodiscard]] double bound() const noexcept { return bound_; }

    /// The best answer, with the reason. Errors: that of the last algorithm, where none found anything.
    [[nodiscard]] result<placement> finish() {
        if (!best_) return tl::unexpected(*error_);
        best_->bound = std::min(bound_, best_->value);
        best_->steps = steps_;
        best_->reason = reason();
        best_->tried = std::move(tried_);
        return std::move(*best_);
    }

  private:
    [[nodiscard]] std::string reason() const {
        const std::string& by = best_->algorithm;
        if (is_done()) {
            const auto proof = std::find_if(tried_.begin(), tried_.end(), [&](const auto& t) {
                return t.bound >= best_->value * (1.0 - 1e-9);
            });
            return by + ": its value is the bound" +
                   (proof == tried_.end() || proof->algorithm == by ? ""
                                                                    : " that " + proof->algorithm + " proved") +
                   ", nothing is better";
        }
        const placement_attempt* second = nullptr;
        for (const auto& turn : tried_)
            if (turn.algorithm != by && std::isfinite(turn.value) &&
                (second == nullptr || turn.value < second->value))
                second = &turn;
        if (second == nullptr) return by + ": the only one that found anything within the budget";
        return by + ": the best value within the budget, " +
               (second->value > best_->value * (1.0 + 1e-12) ? "before " : "as good as ") + second->algorithm;
    }

    search_budget budget_;
    stop_watch watch_;
    double bound_;
    std::size_t steps_ = 0;
    bool impossible_ = false;
    std::optional<placement> best_{};
    std::optional<error> error_{};
    std::vector<placement_attempt> tried_{};
};

/// Whether all placements of a small graph can be gone through, perhaps.
[[nodiscard]] inline bool is_small(const instance& problem) {
    return problem.layer_count() <= 400 && atoms_of(problem).size() <= 40;
}

/// Branch and bound on small graphs, from the best that is known.
inline void try_tree(const instance& problem, objective goal, placement_portfolio& all) {
    if (!is_small(problem)) return;
    all.run("branch-and-bound", 0.2, true, [&](search_budget part) {
        part.steps = std::min<std::size_t>(part.steps, 2'000'000);
        return place_by_tree(problem, goal, {.budget = part, .start = all.start(), .enough = all.bound()});
    });
}

/// Intervals and the exact search among contiguous divisions, branch and bound where the graph is small, then annealing.
[[nodiscard]] inline result<placement> place_for_throughput(const instance& problem, double bound,
                                                            const place_options& options) {
    if (static_cast<double>(problem.layer_count()) * static_cast<double>(problem.device_count()) > 3e5)
        return place_multilevel(problem, {.budget = options.budget, .enough = bound, .seed = options.seed});
    placement_portfolio all(options.budget, bound);
    all.run("ideals", 0.25, false, [&](const search_budget& part) {
        return place_contiguous(problem, {.budget = part, .seed = options.seed});
    });
    const auto anneal = [&](const search_budget& part) {
        local_search_options search{.budget = part, .enough = all.bound(), .seed = options.seed};
        if (auto start = all.start(); !start.empty()) search.starts.push_back(std::move(start));
        return place_by_search(problem, search);
    };
    if (is_small(problem)) all.run("annealing", 0.02, false, anneal);
    try_tree(problem, objective::throughput, all);
    all.run("annealing", 1.0, false, anneal);
    return all.finish();
}

[[nodiscard]] inline result<placement> place_fast(const instance& problem, double bound,
                                                  const place_options& options) {
    placement_portfolio all(options.budget, bound);
    const auto anneal = [&](const search_budget& part) {
        return place_for_latency(problem, all.bound(),
                                 {.budget = part, .seed = options.seed, .start = all.start()});
    };
    if (is_small(problem)) all.run("latency-annealing", 0.02, false, anneal);
    try_tree(problem, objective::latency, all);
    all.run("latency-annealing", 1.0, false, anneal);
    return all.finish();
}

[[nodiscard]] inline result<placement> place_by_name(const instance& problem, objective goal, double bound,
                                                     const place_options& options) {
    const std::string& name = options.algorithm;
    if (options.replicate) {
        if (goal == objective::latency || !(name.empty() || name == "ideals"))
            return fail(errc::invalid_argument, "replicate", "replicas are for throughput, by ideals");
        return place_contiguous(problem, {.budget = options.budget, .seed = options.seed, .replicate = true});
    }
    if (name == "branch-and-bound" && !options.contiguous)
        return place_by_tree(problem, goal, {.budget = options.budget, .enough = bound});
    if (goal == objective::latency) {
        if (name.empty()) return place_fast(problem, bound, options);
        if (name == "latency-annealing")
            return place_for_latency(problem, bound, {.budget = options.budget, .seed = options.seed});
        return fail(errc::invalid_argument, name, "there is no such algorithm for latency",
                    "known: latency-annealing, branch-and-bound");
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
                "known: ideals, intervals, annealing, multilevel, branch-and-bound");
}

/// Names the limits that conflict, where nothing was found.
[[nodiscard]] inline error with_conflicts(const instance& problem, objective goal,
                                          const place_options& options, error why) {
    if (why.code != errc::infeasible || problem.layer_count() > 5000) return why;
    const auto conflict = conflicting_limits(problem, [&](const instance& trial) {
        const search_budget little{.seconds = 0.5, .steps = 20'000};
        constexpr double anything = 1e300;  // the first placement will do
        if (options.contiguous && goal == objective::throughput)
            return place_contiguous(trial, {.budget = little}).has_value();
        if (is_small(trial))
            return place_by_tree(trial, goal, {.budget = little, .enough = anything}).has_value();
        if (goal == objective::latency) return place_for_latency(trial, 0.0, {.budget = little}).has_value();
        return place_by_search(trial, {.budget = little, .enough = anything}).has_value();
    });
    if (conflict.empty()) return why;
    std::string names;
    for (const auto& each : conflict) names += (names.empty() ? "" : "; ") + each;
    why.hint = "these cannot hold together, and without any one of them there is a placement: " + names;
    return why;
}

}  // namespace detail

/// The best placement that the algorithms find within the budget, with a bound that no placement (no contiguous one, if
/// only those are wanted) can beat, and with what was tried and why this answer was taken. Errors: those of the
/// algorithms (infeasible: the hint names limits that conflict); invalid_argument (no such algorithm).
[[nodiscard]] inline result<placement> place(const instance& problem, objective goal,
                                             const place_options& options = {}) {
    DISPART_TRY(double bound, placement_bound(problem, goal));
    auto found = detail::limits_devices(problem)
                     ? detail::over_device_choices(problem, goal, options.budget,
                                                   [&](const instance& part, const search_budget& budget) {
                                                       auto here = options;
                                                       here.budget = budget;
                                                       return place(part, goal, here);
                                                   })
                     : detail::place_by_name(problem, goal, bound, options);
    if (!found) return tl::unexpected(detail::with_conflicts(problem, goal, options, found.error()));
    if (options.replicate) bound = 0.0;  // of one device a part
    found->bound = std::max(found->bound, std::min(bound, found->value));
    if (found->reason.empty())
        found->reason = found->algorithm + (found->is_optimal() ? ": exact" : ": the only one asked for");
    return found;
}

}  // namespace dispart
