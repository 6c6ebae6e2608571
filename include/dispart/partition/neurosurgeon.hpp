#pragma once
/// \file
/// Device and cloud: where to cut a chain, by trying every cut.

#include <string_view>
#include <utility>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/exhaustive.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// Where two tiers are, as ids of the instance's devices.
struct two_tiers {
    device_id device = no_id;  ///< runs the first layers; no_id: the source, or else the first device
    device_id cloud = no_id;   ///< runs the rest; no_id: of the others, the one that would be best alone
};

namespace detail {

/// Fills in what was left open. Errors: invalid_argument (no such device; the same one twice; only one device).
[[nodiscard]] inline result<two_tiers> resolve(two_tiers where, const instance& problem, objective goal) {
    const auto devices = all_devices(problem);
    if (where.device == no_id && problem.source != no_id &&
        std::find(devices.begin(), devices.end(), problem.source) != devices.end())
        where.device = problem.source;
    if (where.device == no_id && !devices.empty()) where.device = devices.front();
    if (where.cloud == no_id) {
        double least = std::numeric_limits<double>::infinity();
        for (const device_id d : devices) {
            if (d == where.device) continue;
            const auto alone = evaluate(problem, contiguous_partition({0, problem.layer_count()}, {d}));
            double value = std::numeric_limits<double>::max();
            if (alone) value = alone->value(goal);
            if (value < least) least = value, where.cloud = d;
        }
    }
    if (where.device >= problem.device_count() || where.cloud >= problem.device_count() ||
        where.device == where.cloud)
        return fail(errc::invalid_argument, "two tiers", "they must be two different devices");
    return where;
}

}  // namespace detail

/// The best cut of the layer order between a device and the cloud: the first layers on the one, the rest on the other.
///
/// Exact among cuts of the layer order, which for chains are all partitions in which data goes to the cloud once; never
/// worse than all on the device or all in the cloud. Errors: invalid_argument, infeasible. O(layers * evaluate).
/// Source: Kang et al., "Neurosurgeon: collaborative intelligence between the cloud and mobile edge", ASPLOS 2017.
struct neurosurgeon_partitioner {
    two_tiers where{};

    [[nodiscard]] static constexpr std::string_view name() { return "neurosurgeon"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        DISPART_TRY(const auto at, detail::resolve(where, problem, goal));
        detail::best_candidate best(problem, goal);
        for (layer_id cut = 0; cut <= problem.layer_count(); ++cut)
            best.consider(detail::contiguous_partition({0, cut, problem.layer_count()}, {at.device, at.cloud}));
        return std::move(best).take();
    }
};
static_assert(partitioner<neurosurgeon_partitioner>);

}  // namespace dispart
