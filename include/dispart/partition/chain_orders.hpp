#pragma once
/// \file
/// Chains where the order of devices is free: the exact chain algorithm over orders found by local search.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

struct chain_orders_options {
    std::size_t tries = 100;        ///< orders that the local search looks at with all cuts, at most
    std::size_t quick_tries = 300;  ///< and at divisions in which no tensor skips a part
    std::size_t patience = 20;  ///< latency: so many orders one after the other, none better, end a search
    std::size_t steps = 1'000'000;  ///< segments priced and states compared with all cuts, about; some 15 ms.
        ///< A twentieth where divisions that no tensor skips have two parts for each device
    double good_enough = 0.0;                     ///< the search ends when the objective is not above this
    std::function<double(double)> lower_bound{};  ///< asked before orders are searched with all cuts: what no
                                                  ///< value, of which the best known is given, is below
    std::uint64_t seed = 1;                       ///< of the moves
    std::size_t exact_entries =
        3'000'000;  ///< largest table with which all orders of a line are searched at once
    chain_options chain{.max_steps = 500'000};  ///< for each order
};

/// The best order of devices that was found, and the chain algorithm's answer for it.
struct chain_orders_solution {
    std::vector<device_id> order{};
    chain_solution chain{};  ///< its bound holds for this order only
    std::size_t tried = 0;   ///< orders looked at
    double bound = 0.0;      ///< no contiguous partition on any order of the devices is better
    bool exact = false;      ///< value and bound agree (to 1e-8)
};

namespace detail {

/// Orders that are worth a try, and moves between orders.
class order_search {
  public:
    order_search(const instance& problem, const chain_orders_options& options)
        : problem_(problem)
        , options_(options)
        , random_(options.seed) {
        for (device_id d = 0; d < problem.device_count(); ++d) {
            seconds_.push_back(seconds_of_all(d));
            if (seconds_.back() < std::numeric_limits<double>::infinity()) usable_.push_back(d);
        }
        length_ = problem.max_devices == 0 ? usable_.size() : std::min(problem.max_devices, usable_.size());
        number_kinds();
    }

    /// By id, by speed both ways, by speed between source and sink, and along the fastest links.
    [[nodiscard]] std::vector<std::vector<device_id>> first_orders() const {
        std::vector<device_id> by_speed = usable_;
        std::stable_sort(by_speed.begin(), by_speed.end(),
                         [&](device_id a, device_id b) { return seconds_[a] < seconds_[b]; });
        std::vector<std::vector<device_id>> all;
        const auto add = [&](std::vector<device_id> order) {
            order.resize(length_);
            all.push_back(std::move(order));
        };
        add(by_speed);
        if (length_ == usable_.size()) add(usable_);
        auto between = by_speed;
        between.resize(length_);
        std::stable_partition(between.begin(), between.end(),
                              [&](device_id d) { return d == problem_.source; });
        std::stable_partition(between.begin(), between.end(),
                              [&](device_id d) { return d != problem_.sink || d == problem_.source; });
        add(between);
        for (std::size_t k = 0; k < std::min<std::size_t>(3, by_speed.size()); ++k)
            add(along_links(by_speed[k]));
        std::reverse(all.front().begin(), all.front().end());
        all.push_back(all.front());
        std::reverse(all.front().begin(), all.front().end());
        return all;
    }

    /// The devices to use, those together that may be exchanged for one another.
    [[nodiscard]] std::vector<alike_devices> kinds() const {
        std::vector<alike_devices> groups;
        for (const device_id d : usable_) {
            const auto same = std::find_if(groups.begin(), groups.end(), [&](const alike_devices& group) {
                return kind_[group.front()] == kind_[d];
            });
            if (same == groups.end()) groups.push_back({d});
            else same->push_back(d);
        }
        return groups;
    }
    /// Most devices to use.
    [[nodiscard]] std::size_t length() const noexcept { return length_; }

    /// A neighbour of an order that was not tried yet; nothing where none was found. Devices that are alike count as one.
    /// \param binding devices that every other move is about
    [[nodiscard]] std::optional<std::vector<device_id>> neighbour(const std::vector<device_id>& order,
                                                                  const std::vector<device_id>& binding = {}) {
        for (int attempt = 0; attempt < 30; ++attempt) {
            auto next = order;
            std::vector<device_id> outside;
            for (const device_id d : usable_)
                if (std::find(order.begin(), order.end(), d) == order.end()) outside.push_back(d);
            std::size_t a = random_.index(next.size());
            const std::size_t b = random_.index(next.size());
            if (!binding.empty() && random_.chance(0.5)) {
                const auto at = std::find(order.begin(), order.end(), binding[random_.index(binding.size())]);
                if (at != order.end()) a = static_cast<std::size_t>(at - order.begin());
            }
            if (!outside.empty() && random_.chance(0.4)) {
                next[a] = outside[random_.index(outside.size())];
            } else if (random_.chance(0.5)) {
                std::swap(next[a], next[b]);
            } else {
                const device_id moved = next[a];
                next.erase(next.begin() + static_cast<std::ptrdiff_t>(a));
                next.insert(next.begin() + static_cast<std::ptrdiff_t>(b), moved);
            }
            if (is_new(next)) return next;
        }
        return std::nullopt;
    }

    /// Every order of as many devices as may be used; empty where there are more than `most`.
    [[nodiscard]] std::vector<std::vector<device_id>> all(std::size_t most) const {
        std::size_t count = 1;
        for (std::size_t k = 0; k < length_ && count <= most; ++k) count *= usable_.size() - k;
        std::vector<std::vector<device_id>> orders;
        if (count > most || length_ == 0) return orders;
        auto order = usable_;
        std::sort(order.begin(), order.end());
        do {  // those that differ only in what is not used come one after the other
            std::vector<device_id> used(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(length_));
            if (orders.empty() || orders.back() != used) orders.push_back(std::move(used));
        } while (std::next_permutation(order.begin(), order.end()));
        return orders;
    }

    /// Whether no order like this one was seen before; it is from now on.
    bool is_new(const std::vector<device_id>& order) {
        std::vector<std::size_t> kinds;
        for (const device_id d : order) kinds.push_back(kind_[d]);
        return seen_.insert(std::move(kinds)).second;
    }

  private:
    /// Infinite where the device may run no layer; layers that it may not run count with their mean elsewhere.
    [[nodiscard]] double seconds_of_all(device_id d) const {
        double seconds = 0.0;
        std::size_t able = 0;
        for (layer_id l = 0; l < problem_.layer_count(); ++l)
            if (problem_.is_allowed(l, d)) {
                ++able;
                seconds += problem_.compute(l, d);
            }
        if (able == 0) return std::numeric_limits<double>::infinity();
        return seconds * static_cast<double>(problem_.layer_count()) / static_cast<double>(able);
    }

    [[nodiscard]] double way(device_id from, device_id to) const {
        double mean = 0.0;
        for (const double size : problem_.tensor_bytes) mean += size;
        return problem_.transfer(
            from, to, mean / static_cast<double>(std::max<std::size_t>(1, problem_.tensor_count())));
    }

    /// From one device always to the nearest that is left; a slow device counts as farther away.
    [[nodiscard]] std::vector<device_id> along_links(device_id first) const {
        std::vector<device_id> order{first};
        auto left = usable_;
        std::erase(left, first);
        const double layers = static_cast<double>(std::max<std::size_t>(1, problem_.layer_count()));
        while (!left.empty() && order.size() < length_) {
            const auto distance = [&](device_id d) { return way(order.back(), d) + seconds_[d] / layers; };
            const auto nearest = std::min_element(left.begin(), left.end(), [&](device_id a, device_id b) {
                return distance(a) < distance(b);
            });
            order.push_back(*nearest);
            left.erase(nearest);
        }
        return order;
    }

    /// Devices that may be exchanged for one another in any order get one number.
    void number_kinds() {
        const std::size_t m = problem_.device_count();
        kind_.assign(m, no_id);
        for (device_id d = 0; d < m; ++d) {
            for (device_id e = 0; e < d && kind_[d] == no_id; ++e)
                if (kind_[e] == e && are_alike(d, e)) kind_[d] = e;
            if (kind_[d] == no_id) kind_[d] = d;
        }
    }
    [[nodiscard]] bool are_alike(device_id a, device_id b) const {
        if (problem_.device_class[a] != problem_.device_class[b]) return false;
        if (problem_.memory_capacity[a] != problem_.memory_capacity[b]) return false;
        const auto is_end = [&](device_id d) { return d == problem_.source || d == problem_.sink; };
        if (is_end(a) || is_end(b)) return false;
        const auto same = [](const auto& table, device_id from, device_id to, device_id other_from,
                             device_id other_to) { return table(from, to) == table(other_from, other_to); };
        for (device_id d = 0; d < problem_.device_count(); ++d) {
            const device_id image = d == a ? b : d == b ? a : d;
            for (const auto* table : {&problem_.latency, &problem_.seconds_per_byte})
                if (!same(*table, a, d, b, image) || !same(*table, d, a, image, b)) return false;
        }
        return true;
    }

    const instance& problem_;
    const chain_orders_options& options_;
    random_source random_;
    std::vector<double> seconds_{};  // [device] for all layers
    std::vector<device_id> usable_{};
    std::size_t length_ = 0;
    std::vector<std::size_t> kind_{};  // [device]
    std::set<std::vector<std::size_t>> seen_{};
};

}  // namespace detail

/// Contiguous segments on devices in any order: where the instance is a line and its devices of few kinds, dynamic
/// programming over the sets of devices used; elsewhere local search over orders, each solved by the chain algorithm.
///
/// The search begins with the orders by id, by speed, and along the fastest links, then swaps, moves and replaces devices:
/// first among divisions in which no tensor skips a part, then, from the best of these, among all.
/// Errors: invalid_argument (no layers), infeasible (no order that was tried admits a partition), limit_exceeded.
/// Exact for lines while sets of devices * devices * layers are at most `exact_entries` (12 different devices and 100
/// layers by default); elsewhere heuristic in the order (all are tried where there are at most 24, within `steps`), exact for
/// each order as `chain_solver` is, with about `tries` decisions of the chain algorithm. Contains PipeEdge's program (Hu et al., DSD 2022: devices of a few types).
struct chain_orders_partitioner {
    chain_orders_options options{};

    [[nodiscard]] static constexpr std::string_view name() { return "chain-orders"; }

    [[nodiscard]] result<chain_orders_solution> solve(const instance& problem, objective goal) const {
        DISPART_TRY(auto solver, chain_solver::make(problem, options.chain));
        return solve(solver, goal);
    }

    /// The same with a solver that is there already.
    [[nodiscard]] result<chain_orders_solution> solve(chain_solver& solver, objective goal) const {
        chain_orders_solution best;
        search_unskipped(solver, goal, best);
        search_all_orders(solver, goal, best);
        if (best.exact || (solver.is_line() && !best.order.empty())) return best;
        if (!best.order.empty() && options.lower_bound &&
            best.chain.value <= options.lower_bound(best.chain.value) * (1.0 + 1e-8)) {
            best.exact = best.chain.exact = true;
            return best;
        }
        DISPART_CHECK(search_orders(solver, goal, best));
        return best;
    }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        DISPART_TRY(auto solution, solve(problem, goal));
        return std::move(solution.chain.division);
    }

  private:
    static void take(chain_orders_solution& best, const std::vector<device_id>& order, chain_solution found) {
        best.order = order;
        best.chain = std::move(found);
    }

    /// Local search over orders among divisions in which no tensor skips a part: many orders in little time.
    void search_unskipped(chain_solver& solver, objective goal, chain_orders_solution& best) const {
        detail::order_search orders(solver.problem(), options);
        double known = std::numeric_limits<double>::max();
        const auto try_order = [&](const std::vector<device_id>& order) {
            ++best.tried;
            auto found = solver.improve_unskipped(order, goal, known);
            if (!found) return;
            known = found->value;
            take(best, order, std::move(*found));
        };
        for (const auto& order : orders.first_orders())
            if (!order.empty() && orders.is_new(order)) try_order(order);
        local_search(solver, goal, orders, best, try_order,
                     {options.quick_tries, solver.steps() + options.steps});
    }

    /// The program over sets of devices, where it is small enough.
    void search_all_orders(chain_solver& solver, objective goal, chain_orders_solution& best) const {
        const detail::order_search orders(solver.problem(), options);
        const double known =
            best.order.empty() ? std::numeric_limits<double>::max() : best.chain.value * (1.0 + 1e-6);
        auto any = solver.solve_any_order(orders.kinds(), goal, orders.length(), options.exact_entries, known);
        if (!any) return;
        ++best.tried;
        best.bound = any->bound;
        best.exact = any->exact;
        if (!best.order.empty() && best.chain.value < any->value) {
            best.exact = best.chain.exact = best.bound > 0.0 && best.chain.value <= best.bound * (1.0 + 1e-8);
            return;
        }
        std::vector<device_id> order;
        for (const part& p : any->division.parts) order.push_back(p.device);
        take(best, order, std::move(*any));
    }

    /// Local search over orders, each solved by the chain algorithm with all its cuts.
    result<void> search_orders(chain_solver& solver, objective goal, chain_orders_solution& best) const {
        detail::order_search orders(solver.problem(), options);
        result<void> outcome;
        if (best.order.empty()) outcome = fail(errc::infeasible, "cluster", "no device may run any layer");
        const auto try_order = [&](const std::vector<device_id>& order) {
            ++best.tried;
            if (outcome) {
                if (auto found = solver.improve(order, goal, best.chain.value, 0.01))
                    take(best, order, std::move(*found));
                return;
            }
            auto first = solver.solve(order, goal);
            if (first) take(best, order, std::move(*first));
            outcome = first ? result<void>{} : tl::unexpected(first.error());
        };
        const bool is_fine = solver.most_unskipped() >= 2 * orders.length();
        const std::size_t last_step = solver.steps() + options.steps / (is_fine ? 20 : 1);
        if (outcome) try_order(std::vector(best.order));
        for (const auto& order : orders.first_orders())
            if ((!outcome || solver.steps() < last_step) && !order.empty() && orders.is_new(order))
                try_order(order);
        if (!outcome) walk(solver, goal, orders, best);
        const auto few = orders.all(24);
        for (const auto& order : few) {
            if (!best.order.empty() && solver.steps() >= last_step) break;
            ++best.tried;
            const double known = best.order.empty() ? std::numeric_limits<double>::max() : best.chain.value;
            if (auto found = solver.improve(order, goal, known)) take(best, order, std::move(*found));
        }
        if (best.order.empty()) return outcome;
        if (few.empty()) local_search(solver, goal, orders, best, try_order, {options.tries, last_step});
        if (auto polished = solver.improve(best.order, goal, best.chain.value))
            take(best, std::vector(best.order), std::move(*polished));
        return {};
    }

    /// Through other orders, until one admits a partition.
    void walk(chain_solver& solver, objective goal, detail::order_search& orders,
              chain_orders_solution& best) const {
        auto here = orders.first_orders().front();
        for (std::size_t k = 0; k < options.tries && best.order.empty() && !here.empty(); ++k) {
            const auto next = orders.neighbour(here);
            if (!next) break;
            here = *next;
            ++best.tried;
            if (auto found = solver.improve(here, goal, std::numeric_limits<double>::max()))
                take(best, here, std::move(*found));
        }
    }

    /// How far a local search goes.
    struct search_limits {
        std::size_t tries, steps;
    };

    /// Neighbours of the best order, half of them about what binds it, until a limit is reached.
    template <class Try>
    void local_search(chain_solver& solver, objective goal, detail::order_search& orders,
                      chain_orders_solution& best, Try try_order, const search_limits& most) const {
        const std::size_t end = best.tried + most.tries;
        const std::size_t patience = goal == objective::latency ? options.patience : most.tries;
        std::size_t last = best.tried;  // when the best one was found
        double value = std::numeric_limits<double>::infinity();
        std::vector<device_id> binding;
        while (!best.order.empty() && best.tried < end && best.tried - last < patience &&
               solver.steps() < most.steps && best.chain.value > options.good_enough) {
            if (best.chain.value < value) {
                value = best.chain.value, last = best.tried;
                if (goal == objective::throughput)
                    binding = binding_devices(solver.problem(), best.chain.division);
            }
            const auto next = orders.neighbour(best.order, binding);
            if (!next) break;
            try_order(*next);
        }
    }

    /// The devices that are busy for almost all of the period, and the ends of ways that are.
    [[nodiscard]] static std::vector<device_id> binding_devices(const instance& problem,
                                                                const partition& division) {
        std::vector<device_id> found;
        const auto figures = evaluate(problem, division);
        if (!figures) return found;
        const double much = 0.98 * figures->period;
        for (device_id d = 0; d < figures->device_load.size(); ++d)
            if (figures->device_load[d] >= much) found.push_back(d);
        for (const resource& pair : figures->pair_load)
            if (pair.seconds >= much) found.insert(found.end(), {pair.id, pair.peer});
        return found;
    }
};
static_assert(partitioner<chain_orders_partitioner>);

}  // namespace dispart
