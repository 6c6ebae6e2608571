#pragma once
/// \file
/// Device, edge and cloud: any number of tiers through which a request goes once.

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/min_cut.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

/// Layers move up through tiers (device, edge, cloud, ...), any of which may stay empty.
///
/// The better of the chain algorithm on the tiers in order (exact for chains) and the minimum cut between every two
/// tiers (exact where two tiers suffice), so never worse than all in one tier. Errors: invalid_argument, infeasible.
struct tiers_partitioner {
    std::vector<device_id> order{};  ///< lowest tier first; empty: the source, then the others, slowest first

    [[nodiscard]] static constexpr std::string_view name() { return "tiers"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        const auto tiers = order.empty() ? by_speed(problem) : order;
        detail::best_candidate best(problem, goal);
        auto contiguous = chain_partitioner{tiers}(problem, goal);
        if (contiguous) best.consider(std::move(*contiguous));
        for (std::size_t a = 0; a < tiers.size() && tiers.size() <= 4; ++a)
            for (std::size_t b = a + 1; b < tiers.size(); ++b)
                if (auto two = min_cut_partitioner{{tiers[a], tiers[b]}}(problem, goal))
                    best.consider(std::move(*two));
        auto found = std::move(best).take();
        if (!found && !contiguous) return contiguous;
        return found;
    }

  private:
    static std::vector<device_id> by_speed(const instance& problem) {
        auto devices = detail::all_devices(problem);
        const auto total = [&](device_id d) {
            double sum = 0.0;
            for (layer_id l = 0; l < problem.layer_count(); ++l) sum += problem.compute(l, d);
            return sum;
        };
        std::stable_sort(devices.begin(), devices.end(), [&](device_id a, device_id b) {
            if ((a == problem.source) != (b == problem.source)) return a == problem.source;
            return total(a) > total(b);
        });
        return devices;
    }
};
static_assert(partitioner<tiers_partitioner>);

}  // namespace dispart
