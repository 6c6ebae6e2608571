#pragma once
/// \file
/// Whether a new plan is worth its price.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

struct replan_options {
    double horizon_s = 300.0;  ///< for which the world is believed to stay as it is
    double least_gain = 0.05;  ///< of the requests that the present plan would answer in that time
    double dwell_s = 5.0;      ///< shortest time between two changes
};

/// What is known when a new plan is at hand.
struct replan_terms {
    double period_now_s =
        0.0;  ///< of the present plan in the world as it is; infinite: it does not work any more
    double period_new_s = 0.0;
    double migration_s = 0.0;  ///< in which nothing is answered
    double since_change_s = std::numeric_limits<double>::infinity();
};

struct replan_decision {
    bool change = false;
    double gained_requests = 0.0;  ///< over the horizon, migration paid
    std::string reason{};
};

/// Change when gain * horizon exceeds the cost: (1/new - 1/now) * horizon > migration / new, by a margin, not too soon.
[[nodiscard]] inline replan_decision decide(const replan_terms& t, const replan_options& options = {}) {
    if (!(t.period_new_s > 0.0) || t.period_new_s == std::numeric_limits<double>::infinity())
        return {false, 0.0, "the new plan does not work"};
    const double now = t.period_now_s > 0.0 ? options.horizon_s / t.period_now_s : 0.0;
    const double then = std::max(options.horizon_s - t.migration_s, 0.0) / t.period_new_s;
    replan_decision made{false, then - now, {}};
    if (t.period_now_s == std::numeric_limits<double>::infinity()) {
        made.change = true;
        made.reason = "the present plan does not work any more";
    } else if (t.since_change_s < options.dwell_s) {
        made.reason = "the last change was too recent";
    } else if (made.gained_requests <= options.least_gain * now) {
        made.reason = "the gain is not worth the change";
    } else {
        made.change = true;
        made.reason = "it pays within the horizon";
    }
    return made;
}

/// Bytes of weights that devices have to be sent for a new division: those of parts that the device does not have in
/// exactly this form. O(parts^2 * layers).
[[nodiscard]] inline double moved_bytes(const instance& problem, const partition& from, const partition& to) {
    double moved = 0.0;
    for (const part& each : to.parts) {
        const bool kept = std::any_of(from.parts.begin(), from.parts.end(), [&](const part& old) {
            return old.device == each.device && old.layers == each.layers;
        });
        for (const layer_id l : each.layers) moved += kept ? 0.0 : problem.weight_bytes[l];
    }
    return moved;
}

}  // namespace dispart
