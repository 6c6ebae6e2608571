#pragma once
/// \file
/// What a simulation's figures come down to: percentiles, and utilisation over time.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "dispart/core/event.hpp"

namespace dispart {

/// A sample's mean and percentiles (nearest rank: the least value that so large a share does not exceed).
struct distribution {
    std::size_t count = 0;
    double mean = 0.0;
    double least = 0.0;
    double p50 = 0.0;
    double p90 = 0.0;
    double p99 = 0.0;
    double p999 = 0.0;
    double most = 0.0;
};

/// The least value of an ascending sample that at least `share` of it does not exceed. Precondition: it is not empty.
[[nodiscard]] inline double percentile(std::span<const double> ascending, double share) {
    const double rank = std::ceil(share * static_cast<double>(ascending.size()));
    const auto last = ascending.size() - 1;
    return ascending[std::min(last, rank < 1.0 ? 0 : static_cast<std::size_t>(rank) - 1)];
}

/// All zero for an empty sample. O(n log n).
[[nodiscard]] inline distribution summarise(std::vector<double> sample) {
    if (sample.empty()) return {};
    std::sort(sample.begin(), sample.end());
    double sum = 0.0;
    for (const double x : sample) sum += x;
    return {sample.size(),
            sum / static_cast<double>(sample.size()),
            sample.front(),
            percentile(sample, 0.5),
            percentile(sample, 0.9),
            percentile(sample, 0.99),
            percentile(sample, 0.999),
            sample.back()};
}

/// [device][slot] the share of each of `slots` equal spans of time, until the last event's end, in which it computed.
/// Over several processors the shares add up. O(events * slots covered).
[[nodiscard]] inline std::vector<std::vector<double>> utilisation_over_time(const timeline& trace,
                                                                            std::size_t slots) {
    double end = 0.0;
    for (const event& e : trace.events) end = std::max(end, e.end.value);
    std::vector<std::vector<double>> share(trace.devices.size(), std::vector<double>(slots, 0.0));
    if (!(end > 0.0) || !std::isfinite(end) || slots == 0) return share;
    const double width = end / static_cast<double>(slots);
    for (const event& e : trace.events) {
        if (e.what != activity::compute || e.device >= share.size()) continue;
        const auto first = static_cast<std::size_t>(e.begin.value / width);
        for (std::size_t s = first; s < slots && static_cast<double>(s) * width < e.end.value; ++s) {
            const double from = std::max(e.begin.value, static_cast<double>(s) * width);
            const double to = std::min(e.end.value, static_cast<double>(s + 1) * width);
            share[e.device][s] += std::max(0.0, to - from) / width;
        }
    }
    return share;
}

}  // namespace dispart
