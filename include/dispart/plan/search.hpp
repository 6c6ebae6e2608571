#pragma once
/// \file
/// Candidate divisions of an instance: the exact chain algorithm over promising orders of the devices, and baselines.

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/baselines.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

/// A division, how it was found and what it achieves.
struct found_division {
    std::string algorithm{};
    partition division{};
    evaluation figures{};
    bool exact = false;
};

struct search_options {
    std::vector<device_id> order{};  ///< the only order to try; empty: search
    std::size_t max_devices = 0;     ///< at most so many are used; 0: no limit
    std::size_t rounds = 3;          ///< of the local search over orders
    chain_options chain{};
};

namespace detail {

/// Devices that may run some layer, by id.
inline std::vector<device_id> working_devices(const instance& problem) {
    std::vector<device_id> list;
    for (device_id d = 0; d < problem.device_count(); ++d)
        for (layer_id l = 0; l < problem.layer_count(); ++l)
            if (problem.is_allowed(l, d)) {
                list.push_back(d);
                break;
            }
    return list;
}

/// Seconds of the whole model on a device, over the layers that it may run.
inline double total_compute(const instance& problem, device_id d) {
    double sum = 0.0;
    for (layer_id l = 0; l < problem.layer_count(); ++l)
        if (problem.is_allowed(l, d)) sum += problem.compute(l, d);
    return sum;
}

/// From the source (or the fastest device) on, always to the nearest device that is left, by time for a megabyte.
inline std::vector<device_id> nearest_neighbours(const instance& problem, std::vector<device_id> left) {
    std::vector<device_id> order;
    device_id at = problem.source;
    while (!left.empty()) {
        const auto cost = [&](device_id d) {
            return at == no_id ? total_compute(problem, d) : problem.transfer(at, d, 1e6);
        };
        const auto next = std::min_element(left.begin(), left.end(),
                                           [&](device_id a, device_id b) { return cost(a) < cost(b); });
        at = *next;
        order.push_back(at);
        left.erase(next);
    }
    return order;
}

/// Orders that often are good: by id, by speed both ways, along the nearest links; each once.
inline std::vector<std::vector<device_id>> first_orders(const instance& problem) {
    const auto by_id = working_devices(problem);
    auto by_speed = by_id;
    std::stable_sort(by_speed.begin(), by_speed.end(), [&](device_id a, device_id b) {
        return total_compute(problem, a) < total_compute(problem, b);
    });
    std::vector<std::vector<device_id>> orders{
        by_id, by_speed, {by_speed.rbegin(), by_speed.rend()}, nearest_neighbours(problem, by_id)};
    std::vector<std::vector<device_id>> distinct;
    for (auto& each : orders)
        if (std::find(distinct.begin(), distinct.end(), each) == distinct.end())
            distinct.push_back(std::move(each));
    return distinct;
}

}  // namespace detail

/// The chain algorithm over orders of the devices: exact for each order that it looks at, a local search over orders.
///
/// Starts from orders by id, by speed and by nearness, and then moves one device at a time to another place while that
/// helps. Deterministic; heuristic in the order, unless one is given. O(rounds * devices^2) decisions of the chain solver.
class order_search {
  public:
    /// The instance must outlive it. Errors: those of `chain_solver::make`.
    static result<order_search> make(const instance& problem, objective goal, search_options options = {}) {
        DISPART_TRY(auto solver, chain_solver::make(problem, options.chain));
        return order_search(std::move(solver), goal, std::move(options));
    }

    /// The best division over the orders tried. Errors: infeasible (on none of them anything fits).
    [[nodiscard]] result<found_division> run() {
        if (!options_.order.empty()) {
            DISPART_TRY(auto solution, solver_.solve(options_.order, goal_));
            return finish(std::move(solution));
        }
        std::optional<chain_solution> best;
        std::vector<device_id> order;
        error none;
        for (auto& each : detail::first_orders(problem())) {
            auto tried =
                best ? to_result(solver_.improve(each, goal_, best->value)) : solver_.solve(each, goal_);
            if (!tried) none = best ? none : tried.error();
            else best = std::move(*tried), order = std::move(each);
        }
        if (!best) return tl::unexpected(none);
        for (std::size_t round = 0; round < options_.rounds && move_one(*best, order); ++round) continue;
        return finish(std::move(*best));
    }

  private:
    order_search(chain_solver solver, objective goal, search_options options)
        : solver_(std::move(solver))
        , goal_(goal)
        , options_(std::move(options)) {}

    const instance& problem() const { return solver_.problem(); }

    static result<chain_solution> to_result(std::optional<chain_solution> found) {
        if (found) return std::move(*found);
        return fail(errc::infeasible, "order", "no better");
    }

    /// Moves each device once to the place where it helps most.
    bool move_one(chain_solution& best, std::vector<device_id>& order) {
        bool moved = false;
        for (std::size_t from = 0; from < order.size(); ++from)
            for (std::size_t to = 0; to < order.size(); ++to) {
                if (from == to) continue;
                auto changed = order;
                const device_id d = changed[from];
                changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(from));
                changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(to), d);
                auto tried = solver_.improve(changed, goal_, best.value);
                if (!tried) continue;
                best = std::move(*tried), order = std::move(changed), moved = true;
            }
        return moved;
    }

    result<found_division> finish(chain_solution solution) {
        if (options_.max_devices > 0) DISPART_CHECK(thin_out(solution));
        DISPART_TRY(auto figures, evaluate(problem(), solution.division));
        return found_division{"chain", std::move(solution.division), std::move(figures), solution.exact};
    }

    /// Drops the device that is missed least until few enough are used (heuristic).
    result<void> thin_out(chain_solution& solution) {
        while (solution.division.parts.size() > options_.max_devices) {
            std::vector<device_id> used;
            for (const auto& p : solution.division.parts) used.push_back(p.device);
            std::optional<chain_solution> best;
            for (std::size_t i = 0; i < used.size(); ++i) {
                auto without = used;
                without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
                auto tried = solver_.solve(without, goal_);
                if (tried && (!best || tried->value < best->value)) best = std::move(*tried);
            }
            if (!best)
                return fail(errc::infeasible, "max_devices",
                            "nothing fits on " + std::to_string(options_.max_devices) + " devices");
            solution = std::move(*best);
        }
        return {};
    }

    chain_solver solver_;
    objective goal_;
    search_options options_;
};

/// Runs a partitioner and evaluates what it found.
template <partitioner Partitioner>
[[nodiscard]] result<found_division> try_partitioner(const Partitioner& by, const instance& problem,
                                                     objective goal) {
    DISPART_TRY(auto division, by(problem, goal));
    DISPART_TRY(auto figures, evaluate(problem, division));
    return found_division{std::string(by.name()), std::move(division), std::move(figures), false};
}

}  // namespace dispart
