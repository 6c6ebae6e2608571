#pragma once
/// \file
/// Search without contiguity for the smallest largest load: annealing over a hierarchy of joined atoms.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/annealing.hpp"
#include "dispart/partition/detail/coarsen.hpp"
#include "dispart/partition/detail/device_choices.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

struct local_search_options {
    search_budget budget{};
    std::vector<assignment> starts{};  ///< to improve on; others are made besides
    double enough = 0.0;               ///< a value that needs no improvement: a bound
    std::uint64_t seed = 1;
};

namespace detail {

/// Atoms in random order, those with most bytes first where memory is scarce, each to the device that then has the
/// smallest load among those where it fits. Empty where one fits nowhere.
[[nodiscard]] inline std::vector<device_id> greedy_start(const atom_problem& p, fast_random& random) {
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.index(i)]);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return p.weight[a] > p.weight[b]; });
    std::vector<device_id> device(p.size(), no_id);
    std::vector<double> load(p.device_count(), 0.0), weight(p.device_count(), 0.0);
    for (const std::size_t a : order) {
        device_id best = no_id;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < p.kinds.size(); ++k)
            for (const device_id d : p.kinds[k].devices) {
                const double after = load[d] + p.on(a, k);
                if (after >= least || weight[d] + p.weight[a] > p.kinds[k].capacity * (1.0 + 1e-12)) continue;
                least = after, best = d;
            }
        if (best == no_id) return {};
        device[a] = best;
        load[best] = least;
        weight[best] += p.weight[a];
    }
    return device;
}

/// Cycles of annealing within a budget, each from coarse to fine.
class cycle_search {
  public:
    cycle_search(const atom_problem& p, const search_budget& budget, std::uint64_t seed)
        : p_(p)
        , budget_(budget)
        , watch_(budget)
        , random_(seed)
        , seed_(seed) {
        double work = 0.0, least_capacity = std::numeric_limits<double>::infinity();
        for (std::size_t a = 0; a < p.size(); ++a) work += fastest_seconds(p, a);
        for (const machine_kind& k : p.kinds) least_capacity = std::min(least_capacity, k.capacity);
        limits_.most_work = 0.3 * work / static_cast<double>(p.device_count());
        limits_.most_weight = 0.3 * least_capacity;
    }

    /// Takes note of an assignment to start from.
    void offer(std::vector<device_id> device) {
        if (device.empty()) return;
        const device_loads loads(p_, device);
        const double value = loads.load(loads.busiest());
        if (value < value_) value_ = value, best_ = std::move(device);
    }

    /// Searches until the budget is used up, the value is no more than `enough`, or ten cycles found nothing to do.
    void run(double enough, std::size_t cycles = 14) {
        search(enough, cycles, [&](std::size_t i, double seconds, std::size_t steps) {
            const bool afresh = best_.empty() || i % 3 == 0;
            const bool common = !afresh && i % 3 == 2 && !other_.empty();
            cycle({.afresh = afresh,
                   .common = common,
                   .hottest = afresh   ? 0.3
                              : common ? 0.03
                                       : 0.1},
                  seconds, steps);
        });
    }
    /// The same, only improving on what was offered, in few long cycles.
    void improve(double enough, std::size_t cycles) {
        search(enough, cycles, [&](std::size_t, double seconds, std::size_t steps) {
            cycle({.afresh = best_.empty(), .common = false, .hottest = 0.003}, seconds, steps);
        });
    }

    [[nodiscard]] const std::vector<device_id>& best() const noexcept { return best_; }
    [[nodiscard]] std::size_t steps() const noexcept { return watch_.steps(); }

  private:
    struct cycle_kind {
        bool afresh;  ///< from a greedy assignment, not from the best
        bool common;  ///< from the best, joining only what it and `other_` have on one device, however much
        double hottest;  ///< temperature at the coarsest level
    };

    template <class Cycle>
    void search(double enough, std::size_t cycles, Cycle cycle) {
        for (std::size_t i = 0, idle = 0; !watch_.is_over() && value_ > enough * (1.0 + 1e-9) && idle < 10;
             ++i) {
            const std::size_t ahead = i < cycles ? cycles - i : 1, before = watch_.steps();
            const double seconds =
                std::max(0.05, (budget_.seconds - watch_.seconds()) / static_cast<double>(ahead));
            cycle(i, seconds, std::max<std::size_t>(1000, (budget_.steps - before) / ahead));
            idle = watch_.steps() == before ? idle + 1 : 0;
        }
    }

    void cycle(const cycle_kind& kind, double seconds, std::size_t steps) {
        const stop_watch here({});
        const bool afresh = kind.afresh;
        auto limits = limits_;
        if (kind.common) limits.most_work = std::numeric_limits<double>::infinity();
        const auto levels = hierarchy(p_, limits, 4 * p_.device_count() + 8, random_, kept_together(kind));
        std::vector<device_id> device = afresh ? std::vector<device_id>{} : best_;
        for (const coarse_level& level : levels) {
            if (device.empty()) break;
            std::vector<device_id> coarse(level.problem.size(), 0);
            for (std::size_t a = 0; a < level.group.size(); ++a) coarse[level.group[a]] = device[a];
            device = std::move(coarse);
        }
        if (afresh) device = greedy_start(levels.empty() ? p_ : levels.back().problem, random_);
        if (device.empty()) return;
        double hottest = kind.hottest;
        seconds = std::max(0.01, seconds - here.seconds());
        for (std::size_t l = levels.size() + 1; l-- > 0;) {
            const atom_problem& problem = l == 0 ? p_ : levels[l - 1].problem;
            annealer anneal(problem, watch_, seed_ += 1);
            device = anneal.run(device, {.hottest = hottest,
                                         .coldest = 1e-5,
                                         .seconds = seconds / static_cast<double>(levels.size() + 1),
                                         .steps = steps / (levels.size() + 1)});
            hottest = std::max(std::min(0.02, hottest), hottest * 0.5);
            if (l == 0) break;
            std::vector<device_id> finer;
            for (const std::size_t g : levels[l - 1].group) finer.push_back(device[g]);
            device = std::move(finer);
        }
        if (afresh) other_ = device;
        auto before = best_;
        offer(std::move(device));
        if (afresh && !before.empty() && best_ != before) other_ = std::move(before);
    }

    /// [atom] a number; only those with one number are joined. Empty: any.
    [[nodiscard]] std::vector<device_id> kept_together(const cycle_kind& kind) const {
        if (kind.afresh) return {};
        auto kept = best_;
        for (std::size_t a = 0; kind.common && a < kept.size(); ++a)
            kept[a] = kept[a] * p_.device_count() + other_[a];
        return kept;
    }

    const atom_problem& p_;
    search_budget budget_;
    stop_watch watch_;
    fast_random random_;
    std::uint64_t seed_;
    coarsening limits_{};
    std::vector<device_id> best_{};
    std::vector<device_id> other_{};  ///< of the last cycle that began afresh, or what that improved on
    double value_ = std::numeric_limits<double>::infinity();
};

/// The device of each atom. Precondition: layers of one atom are together.
[[nodiscard]] inline std::vector<device_id> of_atoms(const atom_problem& p, const assignment& devices) {
    std::vector<device_id> out(p.size(), 0);
    for (layer_id l = 0; l < devices.size(); ++l) out[p.atom[l]] = devices[l];
    return out;
}

}  // namespace detail

/// Makes the largest load of a device small (throughput, `load_model::nets`), with no contiguity asked for.
///
/// Cycles of simulated annealing until the budget is used up. A cycle joins layers that share much, level by level, and
/// anneals from the coarsest level to the finest: from a greedy assignment, keeping the best assignment's devices, or moving
/// as one what the best and another assignment agree on.
/// Layers that belong together move as one; a move costs O(tensors of the layer) whatever the number of devices.
/// Errors: invalid_argument (another load model, no layers), infeasible (nothing that fits was found).
/// Heuristic: `bound` is 0. No worse than the starts. Repeatable where the budget is one of steps.
/// Sources: Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983; Karypis, Kumar, "A
/// fast and high quality multilevel scheme for partitioning irregular graphs", SIAM J. Sci. Comput. 20, 1998 (levels);
/// Sanders, Schulz, "Distributed evolutionary graph partitioning", ALENEX 2012 (what two assignments agree on).
[[nodiscard]] inline result<placement> place_by_search(const instance& problem,
                                                       const local_search_options& options = {}) {
    DISPART_CHECK(detail::check_placeable(problem));
    if (detail::limits_devices(problem))
        return detail::over_device_choices(
            problem, objective::throughput, options.budget,
            [&](const instance& part, const search_budget& budget) {
                return place_by_search(part,
                                       {.budget = budget, .enough = options.enough, .seed = options.seed});
            });
    const detail::atom_problem atoms = detail::atoms_of(problem);
    detail::cycle_search search(atoms, options.budget, options.seed);
    for (const assignment& start : options.starts)
        if (evaluate_assignment(problem, start, objective::throughput))
            search.offer(detail::of_atoms(atoms, start));
    search.run(options.enough);
    return detail::placement_of(problem, atoms, search.best(), search.steps(), objective::throughput,
                                "annealing");
}

}  // namespace dispart
