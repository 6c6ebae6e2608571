#pragma once
/// \file
/// What no partition can beat: certified lower bounds, and proofs that nothing fits.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/block_bound.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

/// A proven limit: no feasible partition has a smaller latency or period.
struct lower_bound {
    std::string name{};    ///< of the argument that proves it
    double seconds = 0.0;  ///< infinite where it proves that there is no feasible partition at all

    friend bool operator==(const lower_bound&, const lower_bound&) = default;
};

struct bound_options {
    std::size_t iterations = 300;  ///< of the search for the prices of the assignment bound
    double enough =
        std::numeric_limits<double>::infinity();  ///< no search for larger ones: a value that is reached
    bool several_parts = false;  ///< a device may run several parts, with others' layers between them
    double most_steps = 2e8;     ///< transfers looked at by the critical path; beyond, they are taken as free
};

namespace detail {

inline constexpr double infinite = std::numeric_limits<double>::infinity();

/// Layers that an output of the model depends on; the others do not delay it.
inline std::vector<bool> needed_layers(const instance& p) {
    std::vector<bool> needed(p.layer_count(), false);
    for (const tensor_id t : p.model_outputs)
        if (p.producer[t] != no_id) needed[p.producer[t]] = true;
    for (layer_id l = p.layer_count(); l-- > 0;)
        if (needed[l])
            for (const tensor_id t : p.reads[l])
                if (p.producer[t] != no_id) needed[p.producer[t]] = true;
    return needed;
}

inline double fastest(const instance& p, layer_id l) {
    double best = infinite;
    for (device_id d = 0; d < p.device_count(); ++d)
        if (p.is_allowed(l, d)) best = std::min(best, p.compute(l, d));
    return best;
}

/// Seconds of layer classes on device classes, with how many layers and devices each stands for.
struct class_costs {
    std::vector<std::vector<double>> seconds{};  ///< [layer class][device class]; infinite where not allowed
    std::vector<double> layers{};                ///< [layer class]
    std::vector<double> devices{};               ///< [device class]
};

/// \param longest layers that take longer are not allowed
inline class_costs class_costs_of(const instance& p, const std::vector<bool>& counted,
                                  double longest = infinite) {
    const std::size_t rows = p.fixed_seconds.shape()[0], columns = p.fixed_seconds.shape()[1];
    class_costs costs;
    costs.layers.assign(rows, 0.0);
    costs.devices.assign(columns, 0.0);
    for (layer_id l = 0; l < p.layer_count(); ++l)
        if (counted[l]) costs.layers[p.layer_class[l]] += 1.0;
    for (const std::size_t c : p.device_class) costs.devices[c] += 1.0;
    costs.seconds.assign(rows, std::vector<double>(columns, infinite));
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c)
            if (const double each = p.fixed_seconds(r, c) + p.marginal_seconds(r, c);
                p.allowed(r, c) && costs.devices[c] > 0.0 && each <= longest)
                costs.seconds[r][c] = each;
    return costs;
}

/// Prices in proportion to the speeds of the device classes: the best ones where every layer is faster by the same
/// factor.
inline std::vector<double> speed_prices(const class_costs& costs) {
    std::vector<double> price(costs.devices.size(), 0.0);
    for (std::size_t r = 0; r < costs.seconds.size(); ++r) {
        const auto& row = costs.seconds[r];
        const double best = *std::min_element(row.begin(), row.end());
        for (std::size_t c = 0; c < row.size(); ++c)
            if (std::isfinite(row[c]) && costs.layers[r] > 0.0)
                price[c] += row[c] > 0.0 ? best / row[c] : 1.0;
    }
    return price;
}

inline bool normalize(std::vector<double>& price, const std::vector<double>& devices) {
    const double total = std::inner_product(price.begin(), price.end(), devices.begin(), 0.0);
    if (!(total > 0.0)) return false;
    for (double& y : price) y /= total;
    return true;
}

/// Sum over layers of their cheapest price * seconds; `load` gets the seconds that each class attracts.
inline double dual_value(const class_costs& costs, const std::vector<double>& price,
                         std::vector<double>& load) {
    double sum = 0.0;
    std::fill(load.begin(), load.end(), 0.0);
    for (std::size_t r = 0; r < costs.seconds.size(); ++r) {
        if (costs.layers[r] == 0.0) continue;
        double least = infinite;
        std::size_t at = 0;
        const double* seconds = costs.seconds[r].data();
        for (std::size_t c = 0; c < price.size(); ++c)  // a price of 0 for what is not allowed is not a number
            if (const double priced = price[c] * seconds[c]; priced < least) least = priced, at = c;
        sum += costs.layers[r] * least;
        if (std::isfinite(least)) load[at] += costs.layers[r] * costs.seconds[r][at];
    }
    return sum;
}

/// The largest value that prices prove, searched by multiplicative weights until it is above `enough`, or until the mean
/// of what the layers chose so far is an assignment which shows that none is.
inline double best_dual(const class_costs& costs, std::size_t iterations, double enough) {
    std::vector<double> price = speed_prices(costs), load(price.size()), sum(price.size(), 0.0);
    double best = 0.0;
    if (!normalize(price, costs.devices)) return best;
    for (std::size_t k = 0; k <= iterations && best <= enough; ++k) {
        best = std::max(best, dual_value(costs, price, load));
        double most = 0.0;
        for (std::size_t c = 0; c < load.size(); ++c)
            if (costs.devices[c] > 0.0) most = std::max(most, load[c] /= costs.devices[c]);
        if (!std::isfinite(best) || !(most > 0.0)) break;
        double mean = 0.0;
        for (std::size_t c = 0; c < load.size(); ++c)
            if (costs.devices[c] > 0.0) mean = std::max(mean, sum[c] += load[c]);
        if (std::isfinite(enough) && mean <= enough * static_cast<double>(k + 1)) break;
        const double step = 0.5 / std::sqrt(1.0 + static_cast<double>(k));
        for (std::size_t c = 0; c < price.size(); ++c) price[c] *= std::exp(step * load[c] / most);
        normalize(price, costs.devices);
    }
    return best;
}

/// Largest arrival over the tensors that a layer reads, per device, were every layer copied wherever it is useful.
class relaxed_schedule {
  public:
    relaxed_schedule(const instance& p, bool free_transfers) : p_(p), free_(free_transfers) {
        finish_.resize(p.layer_count(), std::vector<double>(p.device_count(), infinite));
        arrival_.resize(p.tensor_count());
        for (tensor_id t = 0; t < p.tensor_count(); ++t)
            if (p.producer[t] == no_id) arrival_[t] = from_source(t);
        for (layer_id l = 0; l < p.layer_count(); ++l) place(l);
    }

    /// When the sink has its last output.
    [[nodiscard]] double end() const {
        double latest = 0.0;
        for (const tensor_id t : p_.model_outputs) {
            const auto& at = arrival_[t];
            const double there = p_.sink == no_id ? *std::min_element(at.begin(), at.end()) : at[p_.sink];
            latest = std::max(latest, there);
        }
        return latest;
    }

  private:
    [[nodiscard]] double transfer(device_id from, device_id to, tensor_id t) const {
        return free_ ? 0.0 : p_.transfer(from, to, p_.tensor_bytes[t]);
    }
    [[nodiscard]] std::vector<double> from_source(tensor_id t) const {
        std::vector<double> at(p_.device_count(), 0.0);
        for (device_id d = 0; d < at.size(); ++d)
            if (p_.source != no_id) at[d] = transfer(p_.source, d, t);
        return at;
    }
    void place(layer_id l) {
        for (device_id d = 0; d < p_.device_count(); ++d) {
            if (!p_.is_allowed(l, d)) continue;
            double ready = 0.0;
            for (const tensor_id t : p_.reads[l]) ready = std::max(ready, arrival_[t][d]);
            finish_[l][d] = ready + p_.compute(l, d);
        }
        for (const tensor_id t : p_.writes[l]) {
            arrival_[t].assign(p_.device_count(), infinite);
            for (device_id from = 0; from < p_.device_count(); ++from)
                if (std::isfinite(finish_[l][from]))
                    for (device_id to = 0; to < p_.device_count(); ++to)
                        arrival_[t][to] = std::min(arrival_[t][to], finish_[l][from] + transfer(from, to, t));
        }
    }

    const instance& p_;
    bool free_;
    std::vector<std::vector<double>> finish_{};   ///< [layer][device]
    std::vector<std::vector<double>> arrival_{};  ///< [tensor][device]
};

/// Whether all layers hang together by tensors that one makes and another reads.
inline bool hangs_together(const instance& p) {
    std::vector<layer_id> root(p.layer_count());
    std::iota(root.begin(), root.end(), 0);
    const auto find = [&](layer_id l) {
        while (root[l] != l) l = root[l] = root[root[l]];
        return l;
    };
    std::size_t groups = p.layer_count();
    for (tensor_id t = 0; t < p.tensor_count(); ++t)
        if (p.producer[t] != no_id)
            for (const layer_id reader : p.consumers[t])
                if (const auto a = find(p.producer[t]), b = find(reader); a != b) root[a] = b, --groups;
    return groups == 1;
}

/// The cheapest way for one device to pass a tensor to another: the least that any cut costs in occupied link time.
inline double cheapest_cut(const instance& p) {
    double size = infinite, rate = infinite;
    for (tensor_id t = 0; t < p.tensor_count(); ++t)
        if (p.producer[t] != no_id && !p.consumers[t].empty()) size = std::min(size, p.tensor_bytes[t]);
    for (device_id a = 0; a < p.device_count(); ++a)
        for (device_id b = 0; b < p.device_count(); ++b)
            if (a != b && std::isfinite(p.latency(a, b))) rate = std::min(rate, p.seconds_per_byte(a, b));
    return std::isfinite(size) && std::isfinite(rate) ? size * rate : infinite;
}

inline double best_single_device(const instance& p) {
    double best = infinite;
    for (device_id d = 0; d < p.device_count(); ++d) {
        double sum = 0.0;
        for (layer_id l = 0; l < p.layer_count(); ++l) sum += p.is_allowed(l, d) ? p.compute(l, d) : infinite;
        best = std::min(best, sum);
    }
    return best;
}

}  // namespace detail

/// The largest load of a device is at least the value of the fractional assignment of layers to devices.
///
/// By linear programming duality, every choice of non-negative prices y with sum 1 proves that the largest load is at
/// least sum over layers of min over devices of y * seconds; good prices are searched by multiplicative weights, starting
/// from prices in proportion to the speeds, which are optimal where devices differ by a factor only.
/// \param counted [layer] whether it takes part
/// \param longest a layer may not go where it takes longer; infinite result: then one fits nowhere
/// O(iterations * layer classes * device classes). Certified whatever the iterations.
/// Source: Lenstra, Shmoys, Tardos, "Approximation algorithms for scheduling unrelated parallel machines", Mathematical
/// Programming 46, 1990 (the relaxation); Arora, Hazan, Kale, "The multiplicative weights update method", Theory of
/// Computing 8, 2012 (the search).
[[nodiscard]] inline double assignment_bound(const instance& problem, const std::vector<bool>& counted,
                                             std::size_t iterations = 300, double longest = detail::infinite) {
    return detail::best_dual(detail::class_costs_of(problem, counted, longest), iterations, detail::infinite);
}

/// The assignment bound where no layer goes to a device on which it alone takes longer than the bound.
///
/// A limit is impossible if the assignment bound without the layers that exceed it is above it; the largest such limit is
/// searched by halving. O(20 * `assignment_bound`). Certified. Source: Lenstra, Shmoys, Tardos, 1990 (the pruned
/// relaxation).
[[nodiscard]] inline double pruned_assignment_bound(const instance& problem, double plain,
                                                    std::size_t iterations = 300,
                                                    double enough = detail::infinite) {
    const std::vector<bool> all(problem.layer_count(), true);
    const double entries = static_cast<double>(problem.fixed_seconds.size());
    if (!(plain > 0.0) || !std::isfinite(plain) || entries * static_cast<double>(iterations) > 2e6)
        return plain;
    double low = plain, high = std::min(4.0 * plain, enough);
    for (int round = 0; round < 16 && high > low * 1.0005; ++round) {
        const double limit = low + (high - low) / 2.0;
        if (detail::best_dual(detail::class_costs_of(problem, all, limit), iterations, limit) > limit)
            low = limit;
        else high = limit;
    }
    return low;
}

namespace detail {

/// The least period with everything on one device, what it receives and sends included; memory does not count.
inline double single_device_period(const instance& p) {
    double best = infinite, received = 0.0, sent = 0.0;
    for (const tensor_id t : p.model_inputs) received += p.tensor_bytes[t];
    for (const tensor_id t : p.model_outputs) sent += p.tensor_bytes[t];
    for (device_id d = 0; d < p.device_count(); ++d) {
        double compute = 0.0;
        for (layer_id l = 0; l < p.layer_count(); ++l)
            compute += p.is_allowed(l, d) ? p.compute(l, d) : infinite;
        const double in = p.source == no_id ? 0.0 : received * p.seconds_per_byte(p.source, d);
        const double out = p.sink == no_id ? 0.0 : sent * p.seconds_per_byte(d, p.sink);
        best = std::min(best, std::max({compute, in, out}));
    }
    return best;
}

/// Layers that must share a device where no device and no pair of devices may be busy for longer than a limit.
class uncut_groups {
  public:
    uncut_groups(const instance& p, bool several_parts)
        : p_(p)
        , several_parts_(several_parts)
        , n_(p.layer_count())
        , before_(n_)
        , behind_(n_) {
        for (layer_id l = 0; l < n_; ++l) before_[l].resize(n_), behind_[l].resize(n_);
        for (layer_id l = 0; l < n_; ++l)
            for (const tensor_id t : p.reads[l])
                if (p.producer[t] != no_id) (before_[l] |= before_[p.producer[t]]).set(p.producer[t]);
        for (layer_id l = n_; l-- > 0;)
            for (const tensor_id t : p.writes[l])
                for (const layer_id r : p.consumers[t]) (behind_[l] |= behind_[r]).set(r);
        for (device_id a = 0; a < p.device_count(); ++a)
            for (device_id b = 0; b < p.device_count(); ++b)
                if (a != b && std::isfinite(p.latency(a, b)))
                    rate_ = std::min(rate_, p.seconds_per_byte(a, b));
    }

    /// Whether the relaxation proves that nothing keeps within the limit.
    [[nodiscard]] bool is_impossible(double limit, std::size_t iterations) {
        start(limit);
        class_costs costs;
        do {
            if (!several_parts_) close();
            costs = group_costs(limit);
            for (const auto& seconds : costs.seconds)
                if (*std::min_element(seconds.begin(), seconds.end()) == infinite) return true;
        } while (!settle(limit, costs));
        costs.layers.assign(costs.seconds.size(), 1.0);
        return best_dual(costs, iterations, limit) > limit;
    }

  private:
    [[nodiscard]] layer_id find(layer_id l) {
        while (root_[l] != l) l = root_[l] = root_[root_[l]];
        return l;
    }

    /// A layer's exchange with source and sink leaves time.
    [[nodiscard]] bool may_run(layer_id l, device_id d, double limit) const {
        if (!p_.is_allowed(l, d)) return false;
        const auto keeps = [&](device_id from, device_id to, tensor_id t) {
            return from == no_id || to == no_id || from == to ||
                   p_.tensor_bytes[t] * p_.seconds_per_byte(from, to) <= limit;
        };
        for (const tensor_id t : p_.reads[l])
            if (p_.producer[t] == no_id && !keeps(p_.source, d, t)) return false;
        if (p_.sink == no_id) return true;
        for (const tensor_id t : p_.writes[l])
            if (std::find(p_.model_outputs.begin(), p_.model_outputs.end(), t) != p_.model_outputs.end() &&
                !keeps(d, p_.sink, t))
                return false;
        return true;
    }

    /// Joins makers and readers of tensors that are too large for every way.
    void start(double limit) {
        root_.resize(n_);
        std::iota(root_.begin(), root_.end(), layer_id{0});
        for (tensor_id t = 0; t < p_.tensor_count(); ++t)
            if (p_.producer[t] != no_id && (p_.tensor_bytes[t] * rate_ > limit || !std::isfinite(rate_)))
                for (const layer_id r : p_.consumers[t]) root_[find(r)] = find(p_.producer[t]);
        removed_.assign(n_, std::vector<bool>(p_.device_count(), false));
    }

    /// Seconds of every group on every device; infinite where it cannot be.
    [[nodiscard]] class_costs group_costs(double limit) {
        class_costs costs;
        const std::size_t m = p_.device_count();
        costs.devices.assign(m, 1.0);
        row_.assign(n_, no_id);
        for (layer_id l = 0; l < n_; ++l) {
            const layer_id g = find(l);
            if (row_[g] == no_id) row_[g] = costs.seconds.size(), costs.seconds.emplace_back(m, 0.0);
            for (device_id d = 0; d < m; ++d)
                costs.seconds[row_[g]][d] +=
                    may_run(l, d, limit) && !removed_[l][d] ? p_.compute(l, d) : infinite;
        }
        for (auto& seconds : costs.seconds)
            for (double& each : seconds)
                if (each > limit) each = infinite;
        return costs;
    }

    /// Takes devices from groups that could not exchange there what they must with their neighbours, and joins
    /// neighbours that could nowhere. False: something changed.
    [[nodiscard]] bool settle(double limit, const class_costs& costs) {
        const std::size_t m = p_.device_count();
        bool settled = true;
        for (tensor_id t = 0; t < p_.tensor_count(); ++t)
            for (const layer_id r : p_.consumers[t]) {
                if (p_.producer[t] == no_id || find(r) == find(p_.producer[t])) continue;
                const auto& from = costs.seconds[row_[find(p_.producer[t])]];
                const auto& to = costs.seconds[row_[find(r)]];
                const auto crosses = [&](device_id a, device_id b) {
                    return a != b && to[b] < infinite && from[a] < infinite &&
                           std::isfinite(p_.latency(a, b)) &&
                           p_.tensor_bytes[t] * p_.seconds_per_byte(a, b) <= limit;
                };
                bool any = false;
                for (device_id d = 0; d < m; ++d) {
                    bool sends = false, receives = false;
                    for (device_id e = 0; e < m; ++e)
                        sends = sends || crosses(d, e), receives = receives || crosses(e, d);
                    any = any || sends;
                    const bool both = from[d] < infinite && to[d] < infinite;
                    if (from[d] < infinite && !both && !sends)
                        removed_[p_.producer[t]][d] = true, settled = false;
                    if (to[d] < infinite && !both && !receives) removed_[r][d] = true, settled = false;
                }
                if (!any) root_[find(r)] = find(p_.producer[t]), settled = false;
                if (!settled) return false;
            }
        return settled;
    }

    /// Joins what lies between two layers of a group: they are in one part.
    void close() {
        for (bool more = true; more;) {
            more = false;
            std::map<layer_id, std::pair<boost::dynamic_bitset<>, boost::dynamic_bitset<>>> around;
            std::vector<std::size_t> size(n_, 0);
            for (layer_id l = 0; l < n_; ++l) ++size[find(l)];
            for (layer_id l = 0; l < n_; ++l) {
                if (size[find(l)] < 2) continue;
                auto& [before, behind] = around.try_emplace(find(l), before_[l], behind_[l]).first->second;
                before |= before_[l], behind |= behind_[l];
            }
            for (auto& [group, sets] : around) {
                sets.first &= sets.second;
                for (auto l = sets.first.find_first(); l != boost::dynamic_bitset<>::npos;
                     l = sets.first.find_next(l))
                    if (find(l) != find(group)) root_[find(l)] = find(group), more = true;
            }
        }
    }

    const instance& p_;
    bool several_parts_;
    std::size_t n_;
    std::vector<boost::dynamic_bitset<>> before_, behind_;
    double rate_ = infinite;  // seconds per byte of the fastest pair
    std::vector<layer_id> root_{};
    std::vector<std::size_t> row_{};            // [layer that stands for its group]
    std::vector<std::vector<bool>> removed_{};  // [layer][device]
};

}  // namespace detail

/// A limit of the period is impossible where layers that cannot be parted under it, because what lies between them takes
/// longer to send on every pair of devices, have no fractional assignment to devices under it.
///
/// Also layers between two that must share a device share it (unless it may run several parts), and groups are kept from devices
/// from which they could not exchange with their neighbours, source or sink what they must. The largest such limit above
/// `known` is searched by halving. O(12 * (100 * layers * devices + layers^2 / 64)); `known` where that is too much.
[[nodiscard]] inline double uncut_bound(const instance& problem, double known,
                                        double enough = detail::infinite, bool several_parts = false) {
    const auto layers = static_cast<double>(problem.layer_count());
    const auto devices = static_cast<double>(problem.device_count());
    if (layers * devices * devices > 2e5 || layers > 3000.0 || !(known > 0.0)) return known;
    const double high = std::min(detail::single_device_period(problem), enough);
    if (!std::isfinite(high) || high <= known) return known;
    detail::uncut_groups groups(problem, several_parts);
    double low = known, top = high;
    for (int round = 0; round < 14 && top > low * 1.002; ++round) {
        const double limit = top > 4.0 * low ? std::sqrt(low * top) : low + (top - low) / 2.0;
        if (groups.is_impossible(limit, 100)) low = limit;
        else top = limit;
    }
    return low;
}

/// Lower bounds of an objective by different arguments, in a fixed order.
///
/// For both: "assignment" (see `assignment_bound`; for latency over the layers that an output needs). For throughput
/// also "slowest layer" (each on the device that runs it fastest) and "one device or one cut" (either one device does
/// everything, or the smallest tensor crosses the fastest route). For latency also "critical path" (every layer starts as
/// early as its operands can be there, on any number of devices at once) and "blocks" (see `block_bound`), for throughput
/// "assignment without what takes too long" (see `pruned_assignment_bound`) and "transfers that take too long" (see
/// `uncut_bound`). All hold for partitions with one part a device; with `several_parts`, for all.
/// Precondition: `validate(problem)` holds. Certified: tests hold them against the optimum over all partitions.
[[nodiscard]] inline std::vector<lower_bound> lower_bounds(const instance& problem, objective goal,
                                                           const bound_options& options = {}) {
    if (goal == objective::latency) {
        const auto devices = static_cast<double>(problem.device_count());
        const bool heavy =
            devices * devices * static_cast<double>(problem.tensor_count()) > options.most_steps;
        const auto needed = detail::needed_layers(problem);
        return {{"critical path", detail::relaxed_schedule(problem, heavy).end()},
                {"assignment", assignment_bound(problem, needed, options.iterations)},
                {"blocks", block_bound(problem, needed)}};
    }
    double slowest = 0.0;
    for (layer_id l = 0; l < problem.layer_count(); ++l)
        slowest = std::max(slowest, detail::fastest(problem, l));
    const double plain =
        assignment_bound(problem, std::vector<bool>(problem.layer_count(), true), options.iterations);
    std::vector<lower_bound> bounds{
        {"slowest layer", slowest},
        {"assignment", plain},
        {"assignment without what takes too long",
         pruned_assignment_bound(problem, plain, options.iterations, options.enough)}};
    if (detail::hangs_together(problem))
        bounds.push_back({"one device or one cut",
                          std::min(detail::best_single_device(problem), detail::cheapest_cut(problem))});
    double known = 0.0;
    for (const auto& each : bounds) known = std::max(known, each.seconds);
    bounds.push_back(
        {"transfers that take too long", uncut_bound(problem, known, options.enough, options.several_parts)});
    return bounds;
}

/// The largest of `lower_bounds`; the first of equals.
[[nodiscard]] inline lower_bound best_lower_bound(const instance& problem, objective goal,
                                                  const bound_options& options = {}) {
    const auto all = lower_bounds(problem, goal, options);
    return *std::max_element(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
}

namespace detail {

inline std::string label_of_layer(const instance& p, layer_id l) {
    const std::string& name = p.name_of_layer(l);
    return name.empty() ? "layer " + std::to_string(l) : name;
}

/// What a layer needs wherever it runs: weights, operands, results, scratch.
inline double least_memory(const instance& p, layer_id l, device_id on) {
    double need = p.weight_bytes[l] + p.workspace(l, on);
    for (const tensor_id t : p.reads[l]) need += p.queues.live * p.tensor_bytes[t];
    for (const tensor_id t : p.writes[l]) need += p.queues.live * p.tensor_bytes[t];
    return need;
}

}  // namespace detail

/// Proves by counting that memory cannot suffice: a layer that fits no device that may run it, or layers that together
/// have more weights than the devices that may run them have memory. Success proves nothing.
///
/// Errors: infeasible, naming the layer or the sizes. O(layers * devices + different sets of devices squared * devices).
[[nodiscard]] inline result<void> check_memory(const instance& problem) {
    std::map<std::vector<bool>, double> weights_by_devices;  // where layers may go -> their weights
    for (layer_id l = 0; l < problem.layer_count(); ++l) {
        std::vector<bool> may(problem.device_count(), false);
        bool fits = false, any = false;
        for (device_id d = 0; d < may.size(); ++d) {
            may[d] = problem.is_allowed(l, d);
            any = any || may[d];
            fits = fits || (may[d] && detail::least_memory(problem, l, d) <= problem.memory_capacity[d]);
        }
        if (!any)
            return fail(errc::infeasible, detail::label_of_layer(problem, l), "no device may run this layer");
        if (!fits)
            return fail(errc::infeasible, detail::label_of_layer(problem, l),
                        "this layer alone exceeds the memory of every device that may run it");
        weights_by_devices[may] += problem.weight_bytes[l];
    }
    for (const auto& [devices, own] : weights_by_devices) {
        double room = 0.0, weights = 0.0;
        for (device_id d = 0; d < devices.size(); ++d)
            if (devices[d]) room += problem.memory_capacity[d];
        for (const auto& [others, size] : weights_by_devices) {
            bool inside = true;
            for (device_id d = 0; d < devices.size(); ++d) inside = inside && (!others[d] || devices[d]);
            if (inside) weights += size;
        }
        if (weights > room)
            return fail(errc::infeasible, "memory",
                        "layers with " + std::to_string(weights) +
                            " bytes of weights may only go to devices with " + std::to_string(room) +
                            " bytes of memory",
                        "add a device or memory, or relax a constraint");
    }
    return {};
}

}  // namespace dispart
