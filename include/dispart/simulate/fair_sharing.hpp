#pragma once
/// \file
/// Max-min fair rates of flows over shared links.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace dispart {

/// A flow crosses some links, and may have a weight and a rate limit of its own.
struct flow_path {
    std::span<const std::size_t> links{};                    ///< each link at most once
    double limit = std::numeric_limits<double>::infinity();  ///< bytes per second
    double weight = 1.0;                                     ///< its share where it meets others, positive
};

/// Rates at which no flow can gain without a flow of equal or smaller rate per weight losing (progressive filling).
/// \param capacity bytes per second of each link, positive (infinite is fine)
/// \return one rate per flow, bytes per second; infinite for a flow that nothing limits
/// Exact. O(flows * rounds + sum of path lengths), at most one round per distinct rate.
/// Source: Bertsekas and Gallager, Data Networks, 2nd ed. 1992, section 6.5.2.
[[nodiscard]] inline std::vector<double> max_min_rates(std::span<const flow_path> flows,
                                                       std::span<const double> capacity) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> rate(flows.size(), -1.0);
    std::vector<double> left(capacity.begin(), capacity.end());
    std::vector<double> crossing(capacity.size(), 0.0);  // weight
    for (const auto& flow : flows)
        for (const auto l : flow.links) crossing[l] += flow.weight;

    const auto share = [&](const flow_path& flow) {
        double smallest = flow.limit / flow.weight;
        for (const auto l : flow.links) smallest = std::min(smallest, left[l] / crossing[l]);
        return smallest;
    };
    for (std::size_t open = flows.size(); open > 0;) {
        double level = infinity;
        for (std::size_t f = 0; f < flows.size(); ++f)
            if (rate[f] < 0.0) level = std::min(level, share(flows[f]));
        // All flows whose share equals the level get it; found before links change, so that ties are treated alike.
        std::vector<std::size_t> fixed;
        for (std::size_t f = 0; f < flows.size(); ++f)
            if (rate[f] < 0.0 && share(flows[f]) <= level * (1.0 + 1e-12)) fixed.push_back(f);
        for (const auto f : fixed) {
            rate[f] = level * flows[f].weight;
            for (const auto l : flows[f].links) {
                left[l] = std::max(0.0, left[l] - rate[f]);
                crossing[l] -= flows[f].weight;
            }
        }
        open -= fixed.size();
    }
    return rate;
}

}  // namespace dispart
