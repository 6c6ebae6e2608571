#pragma once
/// \file
/// At most so many devices, for every algorithm of `load_model::nets`: the instance with each choice of devices.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/atoms.hpp"
#include "dispart/partition/detail/segments.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

[[nodiscard]] inline bool limits_devices(const instance& p) {
    return p.max_devices > 0 && p.max_devices < p.device_count();
}

/// The instance with some of its devices only, in that order. Precondition: the load model is nets.
[[nodiscard]] inline instance with_devices(const instance& p, const std::vector<device_id>& chosen) {
    instance out = p;
    const auto pick = [&](auto& list) {
        if (list.empty()) return;
        auto all = std::exchange(list, {});
        for (const device_id d : chosen) list.push_back(all[d]);
    };
    pick(out.device_class), pick(out.net_seconds_per_byte), pick(out.memory_capacity), pick(out.unlimited);
    pick(out.device_names);
    out.max_devices = 0;
    out.latency = out.seconds_per_byte = xt::xtensor<double, 2>{};
    out.routes = csr{};
    return out;
}

/// Devices to use together, and what no placement on them beats (throughput).
struct device_choice {
    double bound = 0.0;
    std::vector<device_id> devices{};
};

/// All choices of `max_devices` devices, those that are alike exchanged for one another, the most promising first; at most
/// about `most` of them, and whether these are all.
[[nodiscard]] inline std::pair<std::vector<device_choice>, bool> device_choices(const instance& p,
                                                                                std::size_t most) {
    const atom_problem atoms = atoms_of(p);
    const device_counts counts(atoms);
    std::vector<device_choice> all;
    std::vector<device_id> chosen;
    bool complete = true;
    const std::function<void(std::size_t, double)> choose = [&](std::size_t kind, double price) {
        if (chosen.size() == p.max_devices || kind == atoms.kinds.size()) {
            if (chosen.size() == p.max_devices) all.push_back({counts.total_work() / price, chosen});
            return;
        }
        if (all.size() >= most) return void(complete = false);
        const auto& devices = atoms.kinds[kind].devices;
        for (std::size_t n = std::min(devices.size(), p.max_devices - chosen.size()) + 1; n-- > 0;) {
            const std::size_t before = chosen.size();
            chosen.insert(chosen.end(), devices.begin(), devices.begin() + static_cast<std::ptrdiff_t>(n));
            choose(kind + 1, price + static_cast<double>(n) * counts.price(kind));
            chosen.resize(before);
        }
    };
    choose(0, 0.0);
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.bound < b.bound; });
    return {std::move(all), complete};
}

/// The best of `solve(instance, budget)` over the choices of devices, each with its share of the budget.
/// Errors: those of the first choice, where none has a solution.
template <class Solve>
[[nodiscard]] result<placement> over_device_choices(const instance& p, objective goal, search_budget budget,
                                                    Solve solve) {
    const auto [choices, complete] = device_choices(p, 2000);
    const stop_watch watch(budget);
    result<placement> best = fail(errc::infeasible, "max_devices", "no choice of devices is possible");
    double bound = complete ? std::numeric_limits<double>::infinity() : 0.0;
    std::size_t steps = 0;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const bool is_beaten =
            goal == objective::throughput && best && choices[i].bound >= best->value * (1.0 - 1e-12);
        const bool is_late = best && (i >= 64 || watch.seconds() >= budget.seconds || steps >= budget.steps);
        if (is_beaten || is_late) {
            bound = std::min(bound, goal == objective::throughput ? choices[i].bound : 0.0);
            continue;
        }
        const double left =
            static_cast<double>(std::min<std::size_t>(choices.size(), 64) - std::min<std::size_t>(i, 63));
        const search_budget share{std::max(0.01, (budget.seconds - watch.seconds()) / left),
                                  std::max<std::size_t>(1000, (budget.steps - std::min(steps, budget.steps)) /
                                                                  static_cast<std::size_t>(left))};
        auto found = solve(with_devices(p, choices[i].devices), share);
        if (!found) {
            if (found.error().code != errc::infeasible) bound = 0.0;
            if (i == 0) best = std::move(found);
            continue;
        }
        steps += found->steps;
        bound = std::min(bound, found->bound);
        if (best && best->value <= found->value) continue;
        for (device_id& d : found->devices) d = choices[i].devices[d];
        for (auto& group : found->taking_turns)
            for (device_id& d : group) d = choices[i].devices[d];
        best = std::move(found);
    }
    if (best) best->bound = std::min(bound, best->value), best->steps = steps;
    return best;
}

}  // namespace dispart::detail
