#pragma once
/// \file
/// The divisions that people make by hand, to compare with: all on one device, equal counts, in proportion to speed.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

namespace detail {

/// Layers `cuts[k] .. cuts[k + 1]` on `devices[k]`; empty ranges are left out.
[[nodiscard]] inline partition contiguous_partition(const std::vector<std::size_t>& cuts,
                                                    const std::vector<device_id>& devices) {
    partition out;
    for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
        if (cuts[k] == cuts[k + 1]) continue;
        part p{std::vector<layer_id>(cuts[k + 1] - cuts[k]), devices[k]};
        std::iota(p.layers.begin(), p.layers.end(), cuts[k]);
        out.parts.push_back(std::move(p));
    }
    return out;
}

/// The partition if `evaluate` accepts it.
[[nodiscard]] inline result<partition> if_feasible(const instance& problem, partition division) {
    DISPART_CHECK(evaluate(problem, division));
    return division;
}

/// The devices that may run some layer, ascending: hosts and switches that only forward are none.
[[nodiscard]] inline std::vector<device_id> all_devices(const instance& problem) {
    std::vector<device_id> devices;
    for (device_id d = 0; d < problem.device_count(); ++d) {
        bool any = false;
        for (layer_id l = 0; l < problem.layer_count() && !any; ++l) any = problem.is_allowed(l, d);
        if (any) devices.push_back(d);
    }
    return devices;
}

}  // namespace detail

/// Everything on the device where the objective is best.
///
/// Errors: infeasible (no device can hold and run the whole model; the error is that of the device that would be
/// fastest). Exact among partitions of one part. O(devices * (layers + tensors read)).
struct best_single_device {
    [[nodiscard]] static constexpr std::string_view name() { return "best-single-device"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        result<partition> best = fail(errc::infeasible, "cluster", "there are no devices");
        double best_value = std::numeric_limits<double>::infinity();
        double best_refused = std::numeric_limits<double>::infinity();
        for (device_id d = 0; d < problem.device_count(); ++d) {
            auto division = detail::contiguous_partition({0, problem.layer_count()}, {d});
            const auto achieved = evaluate(problem, division);
            double compute = 0.0;
            for (layer_id l = 0; l < problem.layer_count(); ++l) compute += problem.compute(l, d);
            if (achieved && (!best || achieved->value(goal) < best_value)) {
                best_value = achieved->value(goal);
                best = std::move(division);
            } else if (!achieved && !best && compute < best_refused) {
                best_refused = compute;
                best = tl::unexpected(achieved.error());
            }
        }
        return best;
    }
};
static_assert(partitioner<best_single_device>);

/// The same number of layers on every device that may run any, in device order; the first ones take the rest.
/// Errors: infeasible (some device cannot hold or run its share, or has no route). O(layers + tensors read).
struct even_partitioner {
    [[nodiscard]] static constexpr std::string_view name() { return "even"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        const auto devices = detail::all_devices(problem);
        if (devices.empty()) return fail(errc::infeasible, "cluster", "no device may run any layer");
        std::vector<std::size_t> cuts{0};
        for (std::size_t k = 0; k < devices.size(); ++k)
            cuts.push_back(cuts.back() + problem.layer_count() / devices.size() +
                           (k < problem.layer_count() % devices.size() ? 1 : 0));
        return detail::if_feasible(problem, detail::contiguous_partition(cuts, devices));
    }
};
static_assert(partitioner<even_partitioner>);

/// Consecutive layers in device order, so that each device's share of the work is its share of the speed.
///
/// A layer's work is its mean time over the devices; a device's speed is the reciprocal of its time for all layers.
/// Devices that take no time at all share everything. Errors: infeasible (some device cannot hold or run its share, or
/// has no route). O(layers * devices + tensors read).
struct proportional_partitioner {
    [[nodiscard]] static constexpr std::string_view name() { return "proportional"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        const auto devices = detail::all_devices(problem);
        if (devices.empty()) return fail(errc::infeasible, "cluster", "no device may run any layer");
        std::vector<double> work(problem.layer_count(), 0.0);
        std::vector<double> speed(devices.size(), 0.0);
        for (std::size_t k = 0; k < devices.size(); ++k) {
            for (layer_id l = 0; l < problem.layer_count(); ++l) {
                work[l] += problem.compute(l, devices[k]);
                speed[k] += problem.compute(l, devices[k]);
            }
            speed[k] = 1.0 / std::max(speed[k], 1e-300);
        }
        const double all_work = std::accumulate(work.begin(), work.end(), 0.0);
        const double all_speed = std::accumulate(speed.begin(), speed.end(), 0.0);
        std::vector<std::size_t> cuts{0};
        layer_id next = 0;
        double work_done = 0.0;
        double speed_used = 0.0;
        for (const double each : speed) {
            speed_used += each;
            const double until = all_work * (speed_used / all_speed);
            // A layer belongs to the device in whose share its middle lies.
            while (next < work.size() && work_done + work[next] / 2.0 <= until) work_done += work[next++];
            cuts.push_back(next);
        }
        cuts.back() = problem.layer_count();
        return detail::if_feasible(problem, detail::contiguous_partition(cuts, devices));
    }
};
static_assert(partitioner<proportional_partitioner>);

}  // namespace dispart
