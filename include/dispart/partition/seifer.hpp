#pragma once
/// \file
/// SEIFER's way: cut a chain where little is sent, then find the path of devices whose slowest transfer is fastest.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/detail/line.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

namespace detail {

/// Given segments on a path of devices, each on its own: loads as the throughput objective has them.
class path_costs {
  public:
    path_costs(const line_tables& tables, std::vector<std::size_t> cuts, std::vector<device_id> devices)
        : tables_(tables)
        , cuts_(std::move(cuts))
        , devices_(std::move(devices)) {}

    [[nodiscard]] std::size_t segments() const noexcept { return cuts_.size() - 1; }
    [[nodiscard]] std::size_t devices() const noexcept { return devices_.size(); }
    [[nodiscard]] device_id device(std::size_t index) const { return devices_[index]; }

    /// Of segment k on a device, its compute, and what comes in from the source or goes out to the sink.
    [[nodiscard]] double stay(std::size_t k, std::size_t d) const {
        const instance& problem = tables_.problem();
        const device_id on = devices_[d];
        if (tables_.allowed_from(on)[cuts_[k + 1]] > cuts_[k] || !tables_.fits(on, cuts_[k], cuts_[k + 1]))
            return line_tables::infinity;
        double load = tables_.work(on)[cuts_[k + 1]] - tables_.work(on)[cuts_[k]];
        if (k == 0) load = std::max(load, occupied(problem.source, on, 0));
        if (k + 1 == segments()) load = std::max(load, occupied(on, problem.sink, cuts_.back()));
        return load;
    }
    /// Of what segment k sends from one device to the next one.
    [[nodiscard]] double move(std::size_t k, std::size_t from, std::size_t to) const {
        return occupied(devices_[from], devices_[to], cuts_[k + 1]);
    }
    /// The largest load of a path, given by indices of devices.
    [[nodiscard]] double of(const std::vector<std::size_t>& path) const {
        double most = 0.0;
        for (std::size_t k = 0; k < path.size(); ++k) {
            most = std::max(most, stay(k, path[k]));
            if (k + 1 < path.size()) most = std::max(most, move(k, path[k], path[k + 1]));
        }
        return most;
    }

  private:
    [[nodiscard]] double occupied(device_id from, device_id to, std::size_t cut) const {
        const double rate = tables_.rate(from, to);
        return rate == line_tables::infinity ? rate : rate * tables_.bytes(cut);
    }

    const line_tables& tables_;
    std::vector<std::size_t> cuts_;
    std::vector<device_id> devices_;
};

using device_path = std::vector<std::size_t>;  ///< [segment] index of a device

/// From each device always to the one to which the next transfer is fastest; the best beginning. Empty: none is feasible.
inline device_path greedy_path(const path_costs& costs) {
    device_path best;
    double least = line_tables::infinity;
    for (std::size_t first = 0; first < costs.devices(); ++first) {
        device_path path{first};
        std::vector<bool> used(costs.devices(), false);
        used[first] = true;
        while (path.size() < costs.segments()) {
            std::size_t next = no_id;
            double fastest = line_tables::infinity;
            for (std::size_t d = 0; d < costs.devices(); ++d) {
                if (used[d]) continue;
                const double load =
                    std::max(costs.move(path.size() - 1, path.back(), d), costs.stay(path.size(), d));
                if (load < fastest) fastest = load, next = d;
            }
            if (next == no_id) break;
            used[next] = true;
            path.push_back(next);
        }
        if (path.size() < costs.segments()) continue;
        if (const double load = costs.of(path); load < least) least = load, best = std::move(path);
    }
    return best;
}

/// A path within a limit, by dynamic programming over the sets of devices used. At most 24 devices.
/// O(2^devices * devices).
inline std::optional<device_path> path_within(const path_costs& costs, double limit) {
    const std::size_t n = costs.devices(), k = costs.segments();
    std::vector<std::vector<std::uint32_t>> next(k, std::vector<std::uint32_t>(n, 0));
    for (std::size_t s = 0; s + 1 < k; ++s)
        for (std::size_t a = 0; a < n; ++a)
            for (std::size_t b = 0; b < n; ++b)
                if (a != b && costs.move(s, a, b) <= limit && costs.stay(s + 1, b) <= limit)
                    next[s][a] |= std::uint32_t{1} << b;
    std::vector<std::uint32_t> last(std::size_t{1} << n, 0);  // [set] devices that the path may end with
    for (std::size_t d = 0; d < n; ++d)
        if (costs.stay(0, d) <= limit) last[std::size_t{1} << d] = std::uint32_t{1} << d;
    std::size_t end = 0;
    for (std::uint32_t set = 1; set < last.size() && end == 0; ++set) {
        if (last[set] == 0) continue;
        const auto done = static_cast<std::size_t>(std::popcount(set));
        if (done == k) end = set;
        if (done >= k) continue;
        std::uint32_t reached = 0;
        for (std::uint32_t from = last[set]; from != 0; from &= from - 1)
            reached |= next[done - 1][static_cast<std::size_t>(std::countr_zero(from))];
        for (std::uint32_t to = reached & ~set; to != 0; to &= to - 1)
            last[set | (to & (~to + 1))] |= to & (~to + 1);
    }
    if (end == 0) return std::nullopt;
    device_path path;
    std::uint32_t allowed = last[end];
    for (auto set = static_cast<std::uint32_t>(end); set != 0;) {
        const auto d = static_cast<std::size_t>(std::countr_zero(allowed));
        path.push_back(d);
        set &= ~(std::uint32_t{1} << d);
        allowed = 0;
        for (std::size_t p = 0; p < n && set != 0; ++p)
            if ((last[set] >> p & 1U) != 0 && (next[k - path.size() - 1][p] >> d & 1U) != 0)
                allowed |= std::uint32_t{1} << p;
    }
    std::reverse(path.begin(), path.end());
    return path;
}

/// The best path: halves the list of loads that occur. O(2^devices * devices * log).
inline device_path exact_path(const path_costs& costs, device_path known) {
    std::vector<double> loads;
    for (std::size_t s = 0; s < costs.segments(); ++s)
        for (std::size_t a = 0; a < costs.devices(); ++a) {
            loads.push_back(costs.stay(s, a));
            for (std::size_t b = 0; b < costs.devices() && s + 1 < costs.segments(); ++b)
                if (a != b) loads.push_back(costs.move(s, a, b));
        }
    const double most = known.empty() ? line_tables::infinity : costs.of(known);
    std::erase_if(loads, [&](double load) { return load >= most; });
    std::sort(loads.begin(), loads.end());
    loads.erase(std::unique(loads.begin(), loads.end()), loads.end());
    std::size_t low = 0, high = loads.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (auto path = path_within(costs, loads[middle])) known = std::move(*path), high = middle;
        else low = middle + 1;
    }
    return known;
}

/// Exchanges devices of the path for one another or for others while that helps. O(rounds * devices^2 * segments).
inline device_path improved_path(const path_costs& costs, device_path path) {
    for (bool better = !path.empty(); better;) {
        better = false;
        const double now = costs.of(path);
        for (std::size_t k = 0; k < path.size() && !better; ++k)
            for (std::size_t d = 0; d < costs.devices() && !better; ++d) {
                auto other = path;
                if (const auto at = std::find(other.begin(), other.end(), d); at != other.end())
                    *at = other[k];
                other[k] = d;
                better = costs.of(other) < now;
                if (better) path = std::move(other);
            }
    }
    return path;
}

/// Cuts under the memory cap with the least sum of what crosses them, and of those with the fewest. Empty: none.
/// O(blocks^2).
inline std::vector<std::size_t> least_transfer_cuts(const line_tables& tables, device_id largest) {
    const std::size_t m = tables.blocks();
    std::vector<std::pair<double, std::size_t>> best(m + 1, {line_tables::infinity, 0});
    std::vector<std::size_t> from(m + 1, no_id);
    best[0] = {0.0, 0};
    for (std::size_t end = 1; end <= m; ++end)
        for (std::size_t first = 0; first < end; ++first) {
            if (from[first] == no_id && first != 0) continue;
            if (!tables.fits(largest, first, end)) continue;
            const std::pair sum{best[first].first + (end == m ? 0.0 : tables.bytes(end)),
                                best[first].second + 1};
            if (sum < best[end]) best[end] = sum, from[end] = first;
        }
    std::vector<std::size_t> cuts;
    if (from[m] == no_id) return cuts;
    for (std::size_t cut = m; cut != 0; cut = from[cut]) cuts.push_back(cut);
    cuts.push_back(0);
    std::reverse(cuts.begin(), cuts.end());
    return cuts;
}

}  // namespace detail

/// Cuts a chain with the least sum of transfers under the largest device's memory, then places the segments, each on a
/// device of its own, so that the largest load is smallest.
///
/// The placement is exact up to `exact_devices` devices (dynamic programming over sets), beyond it is the greedy path,
/// improved by exchanges; never worse than greedy. The cuts do not look at loads: `chain-orders` chooses both at once.
/// Errors: invalid_argument, infeasible (no cuts under the cap, or no placement found).
/// Source: Parthasarathy, Krishnamachari, "SEIFER: scalable edge inference for deep neural networks", 2022, whose
/// placement by colour coding over classes of transfers this replaces.
struct seifer_partitioner {
    std::size_t exact_devices = 20;  ///< at most 24
    bool greedy = false;             ///< nearest neighbours from the best start: the published baseline

    [[nodiscard]] static constexpr std::string_view name() { return "seifer"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective) const {
        auto line = detail::make_line(problem, detail::line_cuts::blocks);
        if (!line) return fail(errc::invalid_argument, "instance", "it is no chain of blocks");
        const auto devices = detail::all_devices(problem);
        if (devices.empty()) return fail(errc::infeasible, "cluster", "no device may run any layer");
        const detail::line_tables tables(problem, std::move(*line));
        const auto largest = *std::max_element(devices.begin(), devices.end(), [&](device_id a, device_id b) {
            return problem.memory_capacity[a] < problem.memory_capacity[b];
        });
        const auto cuts = detail::least_transfer_cuts(tables, largest);
        if (cuts.empty())
            return fail(errc::infeasible, "memory", "a layer is larger than the memory of the largest device");
        const detail::path_costs costs(tables, cuts, devices);
        const auto path = place(costs);
        if (path.empty())
            return fail(errc::infeasible, "cluster",
                        "no path of " + std::to_string(costs.segments()) + " devices was found");
        std::vector<std::size_t> layers;
        std::vector<device_id> order;
        for (const std::size_t cut : cuts) layers.push_back(tables.cuts().cuts[cut]);
        for (const std::size_t d : path) order.push_back(costs.device(d));
        return detail::if_feasible(problem, detail::contiguous_partition(layers, order));
    }

  private:
    [[nodiscard]] detail::device_path place(const detail::path_costs& costs) const {
        if (costs.segments() > costs.devices()) return {};
        auto path = detail::greedy_path(costs);
        if (greedy) return path;
        if (costs.devices() <= std::min<std::size_t>(exact_devices, 24))
            return detail::exact_path(costs, std::move(path));
        return detail::improved_path(costs, std::move(path));
    }
};
static_assert(partitioner<seifer_partitioner>);

}  // namespace dispart
