#pragma once
/// \file
/// Why nothing fits: which kind of limit would have to give way.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "dispart/core/result.hpp"
#include "dispart/problem/bounds.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// The error for an instance without a solution. `is_feasible(instance)` is asked about copies with fewer limits.
///
/// Names the layer that alone fits nowhere, the sizes where they cannot add up, or else the first of memory, routes and
/// placement rules without which there would be a solution. At most three calls of `is_feasible`.
template <class Feasible>
[[nodiscard]] error diagnose(const instance& problem, Feasible is_feasible) {
    if (const auto counted = check_memory(problem); !counted) return counted.error();
    instance relaxed = problem;
    std::fill(relaxed.memory_capacity.begin(), relaxed.memory_capacity.end(),
              std::numeric_limits<double>::infinity());
    if (is_feasible(relaxed))
        return {errc::infeasible, "memory", "no division into contiguous segments fits the devices' memory",
                "without memory limits there is one: more memory or smaller queues would help"};
    for (auto* table : {&relaxed.latency, &relaxed.seconds_per_byte})
        for (double& price : *table)
            if (!std::isfinite(price)) price = 0.0;
    if (is_feasible(relaxed))
        return {errc::infeasible, "routes", "devices that would have to exchange tensors have no route",
                "if every two devices were connected there would be a division"};
    return {errc::infeasible, "placement",
            "no division into contiguous segments obeys which layer may run where",
            "allow more layers on more devices, or another order of devices"};
}

}  // namespace dispart::detail
