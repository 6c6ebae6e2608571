#pragma once
/// \file
/// Why a device got nothing to do: found by trying.

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "dispart/plan/plan.hpp"
#include "dispart/task/evaluate.hpp"

namespace dispart {

/// 0.00123 as "1.23 ms".
[[nodiscard]] inline std::string time_text(double duration) {
    char text[48];
    if (duration >= 1.0) std::snprintf(text, sizeof text, "%.3g s", duration);
    else if (duration >= 1e-3) std::snprintf(text, sizeof text, "%.3g ms", duration * 1e3);
    else std::snprintf(text, sizeof text, "%.3g us", duration * 1e6);
    return text;
}

namespace detail {

/// The division with the first or last `count` layers of a part moved to a device of their own; a whole part is replaced.
inline partition with_device(const partition& division, std::size_t at, std::size_t count, bool front,
                             device_id d) {
    partition changed = division;
    auto& layers = changed.parts[at].layers;
    if (count >= layers.size()) {
        changed.parts[at].device = d;
        return changed;
    }
    part piece{.device = d};
    const auto size = static_cast<std::ptrdiff_t>(count);
    const auto first = front ? layers.begin() : layers.end() - size;
    piece.layers.assign(first, first + size);
    layers.erase(first, first + size);
    changed.parts.insert(changed.parts.begin() + static_cast<std::ptrdiff_t>(front ? at : at + 1),
                         std::move(piece));
    return changed;
}

/// What the objective cannot be below while only one stage changes.
inline double without_stage(const evaluation& figures, objective goal, device_id changed) {
    double most = 0.0;
    for (device_id d = 0; d < figures.device_compute.size() && goal == objective::throughput; ++d)
        if (d != changed) most = std::max(most, figures.device_compute[d]);
    for (const resource& pair : figures.pair_load)
        if (goal == objective::throughput && pair.id != changed && pair.peer != changed)
            most = std::max(most, pair.seconds);
    return most;
}

/// The best that the plan becomes when the device takes a piece of some stage. \param problem_seen why pieces failed
inline std::optional<evaluation> best_with(const instance& problem, const partition& division,
                                           const evaluation& figures, objective goal, device_id d,
                                           std::string& problem_seen) {
    std::optional<evaluation> best;
    for (std::size_t at = 0; at < division.parts.size(); ++at) {
        const auto& layers = division.parts[at].layers;
        const double least = without_stage(figures, goal, division.parts[at].device);
        double head = 0.0, tail = 0.0;  // seconds of the piece
        for (std::size_t count = 1, known = 0;; count = std::min(count * 4, layers.size())) {
            for (; known < count; ++known) {
                head += problem.compute(layers[known], d);
                tail += problem.compute(layers[layers.size() - 1 - known], d);
            }
            for (const bool front : {true, false}) {
                if (best && std::max(least, front ? head : tail) >= best->value(goal)) continue;
                auto tried = evaluate(problem, with_device(division, at, count, front, d));
                if (!tried && problem_seen.empty()) problem_seen = tried.error().message;
                if (tried && (!best || tried->value(goal) < best->value(goal))) best = std::move(*tried);
            }
            if (count == layers.size()) break;
        }
    }
    return best;
}

/// Fills `left_out` of the devices without work.
inline void explain_left_out(const instance& problem, const partition& division, const evaluation& figures,
                             objective goal, std::vector<plan_device>& devices) {
    const std::string what = goal == objective::latency ? "latency" : "period";
    for (device_id d = 0; d < devices.size(); ++d) {
        if (!devices[d].computes) continue;
        const bool works = std::any_of(division.parts.begin(), division.parts.end(),
                                       [&](const part& p) { return p.device == d; });
        if (works) continue;
        bool allowed = false;
        for (layer_id l = 0; l < problem.layer_count(); ++l) allowed = allowed || problem.is_allowed(l, d);
        if (!allowed) {
            devices[d].left_out = "no layer may run there";
            continue;
        }
        std::string seen;
        const auto with = best_with(problem, division, figures, goal, d, seen);
        devices[d].left_out = with ? "with a piece of any stage the " + what + " would be " +
                                         time_text(with->value(goal)) + " at best instead of " +
                                         time_text(figures.value(goal))
                                   : "no piece of any stage fits there: " + seen;
    }
}

}  // namespace detail

}  // namespace dispart
