#pragma once
/// \file
/// A portfolio for divisions into parts: the best of several algorithms within a budget, and why.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/partition/exhaustive.hpp"
#include "dispart/problem/bounds.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

struct best_division_options {
    search_budget budget{};   ///< steps: segments priced, about
    bool contiguous = false;  ///< the bound need only hold for contiguous parts (of a chain all are)
    std::uint64_t seed = 1;
};

/// A division with its proof and its history.
struct chosen_division {
    partition division{};
    double value = 0.0;       ///< of the objective, by `evaluate`
    double bound = 0.0;       ///< no division with one part a device is better
    std::string algorithm{};  ///< that found it
    std::string reason{};     ///< why it was taken
    std::vector<placement_attempt> tried{};
};

namespace detail {

/// Whether each layer reads what the layer before it makes. Then parts, of which none waits for itself, are runs of layers.
[[nodiscard]] inline bool has_one_order(const instance& p) {
    for (layer_id l = 1; l < p.layer_count(); ++l)
        if (std::none_of(p.reads[l].begin(), p.reads[l].end(),
                         [&](tensor_id t) { return p.producer[t] == l - 1; }))
            return false;
    return true;
}

/// Algorithms one after the other until one answer is proven or the budget is used up.
class division_portfolio {
  public:
    division_portfolio(const instance& problem, objective goal, const best_division_options& options)
        : problem_(problem)
        , goal_(goal)
        , options_(options)
        , watch_(options.budget) {}

    [[nodiscard]] result<chosen_division> run() {
        attempt("best-single-device", [&] { return dispart::best_single_device{}(problem_, goal_); });
        attempt("even", [&] { return even_partitioner{}(problem_, goal_); });
        attempt("proportional", [&] { return proportional_partitioner{}(problem_, goal_); });
        chains(options_.seed, false);
        if (!is_done()) bound_by(best_lower_bound(problem_, goal_, {.enough = best_.value}));
        if (!is_done() && std::pow(static_cast<double>(problem_.device_count()),
                                   static_cast<double>(problem_.layer_count())) <= 20'000.0)
            everything();
        for (std::uint64_t k = 1; k <= 3 && !is_done() && !is_late(); ++k) {
            const double before = best_.value;
            chains(options_.seed + k, true);
            if (best_.value < before) k = 0, options_.seed += 4;
        }
        if (best_.division.parts.empty()) return tl::unexpected(*error_);
        explain();
        return std::move(best_);
    }

  private:
    template <class Solve>
    void attempt(const std::string& algorithm, Solve solve) {
        const double begin = watch_.seconds();
        placement_attempt turn{.algorithm = algorithm};
        result<partition> found = solve();
        if (found) take(algorithm, std::move(*found), turn);
        else turn.outcome = found.error().message, error_ = found.error();
        turn.seconds = watch_.seconds() - begin;
        best_.tried.push_back(std::move(turn));
    }
    void take(const std::string& algorithm, partition division, placement_attempt& turn) {
        const auto figures = evaluate(problem_, division);
        if (!figures) return void(turn.outcome = figures.error().message);
        turn.value = figures->value(goal_);
        const bool better = best_.division.parts.empty() || turn.value < best_.value * (1.0 - 1e-12);
        turn.outcome = best_.division.parts.empty() ? "found" : better ? "better" : "not better";
        if (!better) return;
        best_.value = turn.value, best_.algorithm = algorithm, best_.division = std::move(division);
    }
    void chains(std::uint64_t seed, bool longer) {
        chain_orders_options search{.patience = 100, .seed = seed};
        if (longer) search.tries = 1000, search.steps *= 10;
        search.steps = std::min(search.steps, options_.budget.steps);
        double proved = 0.0;
        attempt("chain-orders", [&]() -> result<partition> {
            DISPART_TRY(auto found, chain_orders_partitioner{search}.solve(problem_, goal_));
            proved = found.bound;
            return std::move(found.chain.division);
        });
        best_.tried.back().bound = proved;
        if (options_.contiguous || has_one_order(problem_))
            bound_by({"all divisions with one stage a device", proved});
    }
    void everything() {
        attempt("exhaustive-assignment", [&] { return exhaustive_assignment_partitioner{}(problem_, goal_); });
        auto& turn = best_.tried.back();
        if (!std::isfinite(turn.value)) return;
        turn.bound = turn.value;
        bound_by({"all divisions with one part a device", turn.value});
    }
    void bound_by(const lower_bound& proved) {
        if (proved.seconds > best_.bound) best_.bound = proved.seconds, bound_name_ = proved.name;
    }
    [[nodiscard]] bool is_done() const {
        return best_.value <= best_.bound * (1.0 + 1e-8);
    }  // as `chain-orders` is exact
    [[nodiscard]] bool is_late() const { return watch_.seconds() >= options_.budget.seconds; }

    void explain() {
        if (is_done()) best_.bound = best_.value;
        const placement_attempt* second = nullptr;
        for (const auto& turn : best_.tried)
            if (turn.algorithm != best_.algorithm && (second == nullptr || turn.value < second->value))
                second = &turn;
        best_.reason = best_.algorithm + ": ";
        if (is_done())
            best_.reason +=
                "its value is the bound by \"" + std::string(bound_name_) + "\", nothing is better";
        else if (second != nullptr && std::isfinite(second->value))
            best_.reason +=
                (second->value > best_.value * (1.0 + 1e-12) ? "the best value, before " : "as good as ") +
                second->algorithm;
        else best_.reason += "the only one that found anything";
    }

    const instance& problem_;
    objective goal_;
    best_division_options options_;
    stop_watch watch_;
    chosen_division best_{.value = std::numeric_limits<double>::infinity()};
    std::string bound_name_{};
    std::optional<error> error_{};
};

}  // namespace detail

/// The best division that baselines, `chain-orders` (from several seeds while it improves) and, for tiny instances,
/// `exhaustive-assignment` find, with the bound that proves how near the optimum it is and the reason for the choice.
///
/// Errors: those of `chain-orders`. Not for `load_model::nets`: see `place`. Ends early where the bound proves the answer;
/// repeatable unless the budget's seconds end it.
[[nodiscard]] inline result<chosen_division> best_division(const instance& problem, objective goal,
                                                           const best_division_options& options = {}) {
    return detail::division_portfolio(problem, goal, options).run();
}

}  // namespace dispart
