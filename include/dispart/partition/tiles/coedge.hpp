#pragma once
/// \file
/// CoEdge: rows by a linear programme: least energy under a deadline, or least latency.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/partition/tiles/medium.hpp"
#include "dispart/partition/tiles/modnn.hpp"

namespace dispart {

/// What a row of the block's output costs a device, the rest of the block in proportion.
struct row_costs {
    std::vector<double> seconds{};  ///< [device] computing it, and carrying its share of input and output
    std::vector<double> joules{};   ///< [device]
};

/// Linear costs per row: work and bytes of the whole block divided by its rows. O(devices · layers).
[[nodiscard]] inline row_costs linear_row_costs(const tile_block& block, const tile_machines& on) {
    const auto rows = static_cast<double>(block.maps[block.outputs.front()].height);
    double carried = 0.0;
    for (const auto& list : {block.inputs, block.outputs})
        for (const std::size_t map : list) carried += block.maps[map].bytes_of(block.maps[map].whole());
    row_costs made;
    for (device_id d = 0; d < on.size(); ++d) {
        const double size = d == on.home ? 0.0 : carried / rows;
        const double compute = total_macs(block) / rows / on.macs_per_second[d];
        made.seconds.push_back(compute + size / on.bytes_per_second);
        made.joules.push_back((d < on.watts.size() ? on.watts[d] * compute : 0.0) + on.joules_per_byte * size);
    }
    return made;
}

/// The least time in which the rows can be done: every device works to the end.
[[nodiscard]] inline double least_deadline(const row_costs& costs, double rows) {
    double rate = 0.0;
    for (const double s : costs.seconds) rate += 1.0 / s;
    return rows / rate;
}

/// Rows of each device (real numbers) of least energy such that each is done within so many seconds: minimise joules · r
/// subject to sum r = rows, 0 <= r <= within / seconds. One equation and bounds: filling devices in order of joules per row is
/// the optimum of this linear programme. Exact. Errors: infeasible, naming the least deadline. O(devices log devices).
[[nodiscard]] inline result<std::vector<double>> least_energy_rows(const row_costs& costs, double rows,
                                                                   double within) {
    const double least = least_deadline(costs, rows);
    if (within < least * (1.0 - 1e-12))
        return fail(errc::infeasible, "deadline",
                    "no division is done before " + std::to_string(least) + " s");
    std::vector<std::size_t> order(costs.seconds.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return costs.joules[a] < costs.joules[b]; });
    std::vector<double> share(order.size(), 0.0);
    double left = rows;
    for (const std::size_t d : order) {
        share[d] = std::min(left, within / costs.seconds[d]);
        left -= share[d];
    }
    return share;
}

/// CoEdge's plan of a block: rows of least energy within so many seconds (0: of least latency), rounded to whole rows.
/// Exact for linear costs; the halos that neighbours need come on top. Errors: infeasible (deadline).
/// Source: Zeng, Chen, Zhou, Yang, Zhang, "CoEdge: cooperative DNN inference with adaptive workload partitioning over
/// heterogeneous edge devices", IEEE/ACM ToN 29(2), 2021. Deviation: one rate to home stands for the pairwise ones.
[[nodiscard]] inline result<tile_plan> coedge(const tile_block& block, const tile_machines& on,
                                              double within = 0.0) {
    const auto rows = static_cast<double>(block.maps[block.outputs.front()].height);
    const auto costs = linear_row_costs(block, on);
    DISPART_TRY(const auto share,
                least_energy_rows(costs, rows, within > 0.0 ? within : least_deadline(costs, rows)));
    std::vector<device_id> devices(on.size());
    std::iota(devices.begin(), devices.end(), device_id{0});
    return strips(block, devices, share);
}

}  // namespace dispart
