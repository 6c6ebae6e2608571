#pragma once
/// \file
/// Candidate divisions for a plan: what an algorithm found, with its figures.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/chain.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

/// A division, how it was found and what it achieves.
struct found_division {
    std::string algorithm{};
    partition division{};
    evaluation figures{};
    bool exact = false;  ///< no contiguous division on the same order of devices is better
    double bound = 0.0;  ///< no division with one stage a device is better, on any order; 0: not known
};

struct search_options {
    std::vector<device_id> order{};  ///< the only order to try; empty: search
    chain_orders_options orders{};   ///< how long to search
    chain_options chain{};           ///< for the only order
};

/// The chain algorithm on the given order of devices, or on the best of many. Errors: those of `chain_solver` and
/// `chain_orders_partitioner`.
[[nodiscard]] inline result<found_division> search_chains(const instance& problem, objective goal,
                                                          const search_options& options = {}) {
    DISPART_TRY(auto solver,
                chain_solver::make(problem, options.order.empty() ? options.orders.chain : options.chain));
    chain_solution best;
    double bound = 0.0;
    if (options.order.empty()) {
        DISPART_TRY(auto searched, chain_orders_partitioner{options.orders}.solve(solver, goal));
        best = std::move(searched.chain);
        bound = searched.bound;
    } else {
        DISPART_TRY(best, solver.solve(options.order, goal));
    }
    DISPART_TRY(auto figures, evaluate(problem, best.division));
    return found_division{"chain", std::move(best.division), std::move(figures), best.exact, bound};
}

/// Runs a partitioner and evaluates what it found. Errors: the partitioner's.
template <partitioner Partitioner>
[[nodiscard]] result<found_division> try_partitioner(const Partitioner& by, const instance& problem,
                                                     objective goal) {
    DISPART_TRY(auto division, by(problem, goal));
    DISPART_TRY(auto figures, evaluate(problem, division));
    return found_division{std::string(by.name()), std::move(division), std::move(figures)};
}

}  // namespace dispart
