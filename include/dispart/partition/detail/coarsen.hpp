#pragma once
/// \file
/// Joins atoms that share much, level by level.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/atoms.hpp"
#include "dispart/partition/detail/loads.hpp"

namespace dispart::detail {

/// Limits of what is joined.
struct coarsening {
    double most_work = 0.0;         ///< of a group: seconds on its fastest kind
    double most_weight = 0.0;       ///< of a group: bytes
    std::size_t largest_net = 100;  ///< larger ones are passed over
};

[[nodiscard]] inline double fastest_seconds(const atom_problem& p, std::size_t a) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < p.kinds.size(); ++k) least = std::min(least, p.on(a, k));
    return least;
}

/// Whether some kind of device may hold both.
[[nodiscard]] inline bool have_common_kind(const atom_problem& p, std::size_t a, std::size_t b) {
    for (std::size_t k = 0; k < p.kinds.size(); ++k)
        if (p.on(a, k) + p.on(b, k) < std::numeric_limits<double>::infinity()) return true;
    return false;
}

/// Pairs each atom, in random order, with the free neighbour that it shares most with, relative to the smaller of their
/// works; with `device` not empty, only on one device. Returns [atom] its group, numbered from 0.
/// O(sum over atoms of the sizes of their nets).
[[nodiscard]] inline std::vector<std::size_t> match(const atom_problem& p, const coarsening& limits,
                                                    fast_random& random, const std::vector<device_id>& device) {
    std::vector<std::size_t> order(p.size()), group(p.size(), no_id);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.index(i)]);
    std::vector<double> rating(p.size(), 0.0);
    std::vector<std::size_t> met;
    std::vector<double> work(p.size());
    for (std::size_t a = 0; a < p.size(); ++a) work[a] = fastest_seconds(p, a);
    std::size_t next = 0;
    for (const std::size_t a : order) {
        if (group[a] != no_id) continue;
        met.clear();
        for (const std::size_t n : p.nets[a]) {
            const auto pins = p.pins[n];
            if (pins.size() > limits.largest_net) continue;
            const double share = p.bytes[n] / static_cast<double>(pins.size() - 1);
            for (const std::size_t b : pins) {
                if (b == a || group[b] != no_id) continue;
                if (rating[b] == 0.0) met.push_back(b);
                rating[b] += share;
            }
        }
        std::size_t best = no_id;
        double most = 0.0;
        for (const std::size_t b : met) {
            const double value = rating[b] * (0.75 + 0.5 * random.uniform());
            rating[b] = 0.0;
            const bool together = device.empty() || device[a] == device[b];
            if (value <= most || !together || work[a] + work[b] > limits.most_work ||
                p.weight[a] + p.weight[b] > limits.most_weight || !have_common_kind(p, a, b))
                continue;
            most = value, best = b;
        }
        group[a] = next;
        if (best != no_id) group[best] = next;
        ++next;
    }
    return group;
}

/// One level of a hierarchy: a coarser problem and where the finer one's atoms went.
struct coarse_level {
    atom_problem problem{};
    std::vector<std::size_t> group{};  ///< [atom of the finer level]
};

/// Levels from fine to coarse, until at most `least` atoms are left or hardly any can be joined. With `device` not empty
/// only atoms on one device are joined.
[[nodiscard]] inline std::vector<coarse_level> hierarchy(const atom_problem& p, const coarsening& limits,
                                                         std::size_t least, fast_random& random,
                                                         std::vector<device_id> device = {}) {
    std::vector<coarse_level> levels;
    const atom_problem* finest = &p;
    while (finest->size() > least) {
        auto group = match(*finest, limits, random, device);
        const std::size_t count = *std::max_element(group.begin(), group.end()) + 1;
        if (static_cast<double>(count) > 0.95 * static_cast<double>(finest->size())) break;
        if (!device.empty()) {
            std::vector<device_id> coarse(count, 0);
            for (std::size_t a = 0; a < group.size(); ++a) coarse[group[a]] = device[a];
            device = std::move(coarse);
        }
        auto problem = joined(*finest, group, count);
        levels.push_back({std::move(problem), std::move(group)});
        finest = &levels.back().problem;
    }
    return levels;
}

}  // namespace dispart::detail
