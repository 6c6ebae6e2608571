#pragma once
/// \file
/// Small graphs exactly, contiguous or not: branch and bound over the devices of single layers.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/atoms.hpp"
#include "dispart/partition/detail/coarsen.hpp"
#include "dispart/partition/detail/device_choices.hpp"
#include "dispart/partition/detail/segments.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct placement_tree_options {
    search_budget budget{};
    assignment start{};   ///< a solution to beat; empty: none
    double enough = 0.0;  ///< a value that needs no improvement: a bound
};

namespace detail {

/// Gives one atom after the other a device. What is placed has a load (a longest path) that more atoms never make smaller.
class placement_tree {
  public:
    placement_tree(const instance& p, const atom_problem& atoms, objective goal,
                   const placement_tree_options& options)
        : p_(p)
        , atoms_(atoms)
        , counts_(atoms)
        , goal_(goal)
        , enough_(options.enough)
        , watch_(options.budget)
        , order_(atoms.size())
        , rest_(atoms.size() + 1, 0.0)
        , device_(atoms.size(), no_id)
        , held_(p.device_count() * atoms.bytes.size(), 0)
        , placed_(atoms.bytes.size(), 0)
        , load_(p.device_count(), 0.0)
        , weight_(p.device_count(), 0.0)
        , used_(p.device_count(), 0)
        , layers_(p.layer_count(), no_id) {
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        if (goal == objective::throughput)
            std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
                return fastest_seconds(atoms, a) > fastest_seconds(atoms, b);
            });
        for (std::size_t i = order_.size(); i-- > 0;) rest_[i] = rest_[i + 1] + counts_.work()[order_[i]];
        for (std::size_t k = 0; k < atoms.kinds.size(); ++k)
            price_ += static_cast<double>(atoms.kinds[k].devices.size()) * counts_.price(k);
    }

    /// Looks for something better than `value`.
    void run(double value) {
        value_ = value;
        branch(0);
    }
    [[nodiscard]] const std::vector<device_id>& best() const noexcept { return best_; }  ///< empty: none
    [[nodiscard]] bool is_over() const noexcept { return watch_.is_over(); }
    [[nodiscard]] std::size_t steps() const noexcept { return watch_.steps(); }

  private:
    void branch(std::size_t depth) {
        if (depth == order_.size()) return void((value_ = lower(depth), best_ = device_));
        const std::size_t a = order_[depth];
        const std::vector<double> loads = load_;
        for (std::size_t k = 0; k < atoms_.kinds.size(); ++k) {
            if (!(atoms_.on(a, k) < std::numeric_limits<double>::infinity())) continue;
            bool met_empty = false;
            for (const device_id d : atoms_.kinds[k].devices) {
                if (value_ <= enough_ * (1.0 + 1e-9) || watch_.is_over() || watch_.step()) return;
                if (std::exchange(met_empty, met_empty || used_[d] == 0) && used_[d] == 0) continue;
                if (weight_[d] + atoms_.weight[a] > atoms_.kinds[k].capacity * (1.0 + 1e-12)) continue;
                put(a, k, d);
                if (lower(depth + 1) < value_ * (1.0 - 1e-12)) branch(depth + 1);
                take(a, d);
                load_ = loads;
                if (goal_ == objective::latency && atoms_.kinds[k].unlimited) break;
            }
        }
    }

    void put(std::size_t a, std::size_t kind, device_id d) {
        device_[a] = d;
        ++used_[d];
        weight_[d] += atoms_.weight[a];
        load_[d] += atoms_.on(a, kind);
        for (const std::size_t n : atoms_.nets[a]) {
            const std::size_t here = held_[d * atoms_.bytes.size() + n]++;
            if (placed_[n]++ == here) continue;  // nobody else holds any of it
            if (here == 0) load_[d] += atoms_.bytes[n] * atoms_.kinds[kind].seconds_per_byte;
            for (const std::size_t b : atoms_.pins[n]) {  // who had all of it so far pays from now on
                const device_id e = device_[b];
                if (e == no_id || e == d) continue;
                if (held_[e * atoms_.bytes.size() + n] + here + 1 == placed_[n] && here == 0)
                    load_[e] += atoms_.bytes[n] * p_.net_seconds_per_byte[e];
                break;
            }
        }
    }
    void take(std::size_t a, device_id d) {
        device_[a] = no_id;
        --used_[d];
        weight_[d] -= atoms_.weight[a];
        for (const std::size_t n : atoms_.nets[a]) --held_[d * atoms_.bytes.size() + n], --placed_[n];
    }

    /// No placement that goes on from here is better.
    [[nodiscard]] double lower(std::size_t depth) {
        if (goal_ == objective::latency) {
            for (layer_id l = 0; l < layers_.size(); ++l) layers_[l] = device_[atoms_.atom[l]];
            return longest_path(step_graph(p_, layers_));
        }
        double sum = rest_[depth];
        for (std::size_t k = 0; k < atoms_.kinds.size(); ++k)
            for (const device_id d : atoms_.kinds[k].devices) sum += load_[d] * counts_.price(k);
        return std::max(*std::max_element(load_.begin(), load_.end()),
                        depth == order_.size() ? 0.0 : sum / price_);
    }

    const instance& p_;
    const atom_problem& atoms_;
    device_counts counts_;
    objective goal_;
    double enough_;
    stop_watch watch_;
    std::vector<std::size_t> order_;   ///< of atoms
    std::vector<double> rest_;         ///< [depth] priced work of the atoms from there on
    std::vector<device_id> device_;    ///< [atom]
    std::vector<std::uint32_t> held_;  ///< [device, net] its atoms there
    std::vector<std::size_t> placed_;  ///< [net] its atoms that have a device
    std::vector<double> load_;         ///< [device]
    std::vector<double> weight_;       ///< [device]
    std::vector<std::size_t> used_;    ///< [device] atoms
    assignment layers_;                ///< [layer] or no_id
    double price_ = 0.0;               ///< of all devices
    double value_ = 0.0;
    std::vector<device_id> best_{};
};

}  // namespace detail

/// Every placement that could be better than the best one known, by branch and bound (`load_model::nets`).
///
/// Throughput: heaviest layers first; a branch ends where a load, or all work with what is shared so far over all devices,
/// is too large. Latency: in topological order; it ends where the longest path through what is placed is too long.
/// Devices that are alike and empty count as one.
/// Errors: invalid_argument (another load model, no layers), infeasible (there is none), timeout (none was found in time).
/// Guarantee: exact where the budget suffices (then `bound == value`); otherwise the best found, with bound 0.
/// Exponential: up to about 20 layers, more where much belongs together.
[[nodiscard]] inline result<placement> place_by_tree(const instance& problem, objective goal,
                                                     const placement_tree_options& options = {}) {
    DISPART_CHECK(detail::check_placeable(problem));
    if (detail::limits_devices(problem))
        return detail::over_device_choices(
            problem, goal, options.budget, [&](const instance& part, const search_budget& budget) {
                return place_by_tree(part, goal, {.budget = budget, .enough = options.enough});
            });
    const detail::atom_problem atoms = detail::atoms_of(problem);
    detail::placement_tree tree(problem, atoms, goal, options);
    const auto start = evaluate_assignment(problem, options.start, goal);
    tree.run(start ? start->value : std::numeric_limits<double>::max());
    if (tree.best().empty() && !start && tree.is_over())
        return fail(errc::timeout, "instance", "no placement was found in time");
    placement out{.devices = options.start, .algorithm = "branch-and-bound", .steps = tree.steps()};
    if (!tree.best().empty() || !start) {
        DISPART_TRY(
            out, detail::placement_of(problem, atoms, tree.best(), tree.steps(), goal, "branch-and-bound"));
    } else {
        out.value = start->value;
    }
    out.bound = tree.is_over() ? 0.0 : out.value;
    return out;
}

}  // namespace dispart
