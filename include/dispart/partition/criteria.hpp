#pragma once
/// \file
/// Latency, period, energy and price of a division together: the best by any of them under limits on the others, the best
/// by a function of the user's own, and the front of all divisions that none beats in everything.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// What devices and links cost; a vector that is empty stands for zeros. Prices in the user's own currency.
struct resource_rates {
    std::vector<double> busy_watts{};       ///< [device] while it computes
    std::vector<double> idle_watts{};       ///< [device] while it does not
    std::vector<double> price_per_hour{};   ///< [device]
    std::vector<double> joules_per_byte{};  ///< [link]
    std::vector<double> price_per_byte{};   ///< [link]
};

/// The figures of one division, for each result in steady state; smaller is better.
struct criteria {
    double latency = 0.0;  ///< seconds, on an idle system
    double period = 0.0;   ///< seconds between results
    double joules = 0.0;   ///< of the devices that it uses, idle between requests or not, and of links
    double price = 0.0;    ///< of the devices that it uses, for a period each, and of links

    [[nodiscard]] std::array<double, 4> all() const { return {latency, period, joules, price}; }
    friend bool operator==(const criteria&, const criteria&) = default;
};

/// No figure is larger, and one is smaller.
[[nodiscard]] inline bool dominates(const criteria& a, const criteria& b) {
    const auto x = a.all(), y = b.all();
    for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i] > y[i]) return false;
    return x != y;
}

/// A division with its figures.
struct judged_division {
    partition division{};
    criteria figures{};
    bool exact = false;  ///< all contiguous divisions on all orders of devices were looked at
};

struct criteria_options {
    resource_rates rates{};
    criteria limits{.latency = std::numeric_limits<double>::infinity(),
                    .period = std::numeric_limits<double>::infinity(),
                    .joules = std::numeric_limits<double>::infinity(),
                    .price = std::numeric_limits<double>::infinity()};  ///< none may be above its own
    std::size_t evaluations = 4000;  ///< divisions that are looked at, about
    std::size_t most_plans = 50;     ///< on a front; beyond, those are left out that differ least
    std::uint64_t seed = 1;
};

/// The figures of a division. Errors: those of `evaluate`; invalid_argument (rates for another number of devices or
/// links).
[[nodiscard]] inline result<criteria> judge(const instance& problem, const partition& division,
                                            const resource_rates& rates) {
    const auto fits = [](const auto& rate, std::size_t n) { return rate.empty() || rate.size() == n; };
    const auto at = [](const auto& rate, std::size_t i) { return rate.empty() ? 0.0 : rate[i]; };
    const std::size_t devices = problem.device_count(), links = problem.link_count();
    if (!fits(rates.busy_watts, devices) || !fits(rates.idle_watts, devices) ||
        !fits(rates.price_per_hour, devices) || !fits(rates.joules_per_byte, links) ||
        !fits(rates.price_per_byte, links))
        return fail(errc::invalid_argument, "rates", "they are for another number of devices or links");
    DISPART_TRY(const auto seen, evaluate(problem, division));
    criteria made{seen.latency, seen.period, 0.0, 0.0};
    std::vector<bool> used(devices, false);
    for (const part& p : division.parts) used[p.device] = true;
    for (device_id d = 0; d < devices; ++d) {
        if (!used[d]) continue;
        const double idle = at(rates.idle_watts, d);
        made.joules += idle * seen.period + (at(rates.busy_watts, d) - idle) * seen.device_compute[d];
        made.price += at(rates.price_per_hour, d) * seen.period / 3600.0;
    }
    for (link_id l = 0; l < links; ++l) {
        if (!(problem.link_seconds_per_byte[l] > 0.0)) continue;
        const double size = seen.link_load[l] / problem.link_seconds_per_byte[l];
        made.joules += at(rates.joules_per_byte, l) * size;
        made.price += at(rates.price_per_byte, l) * size;
    }
    return made;
}

namespace detail {

/// Contiguous divisions, by cuts and devices, looked at one by one.
class division_search {
  public:
    division_search(const instance& problem, const criteria_options& options)
        : problem_(problem)
        , options_(options)
        , random_(options.seed)
        , devices_(all_devices(problem)) {}

    struct candidate {
        std::vector<std::size_t> cuts{};
        std::vector<device_id> devices{};
    };

    /// Every contiguous division on every order of devices, if there are no more than `evaluations`.
    template <class Visit>
    [[nodiscard]] bool every(Visit visit) {
        if (count() > static_cast<double>(options_.evaluations)) return false;
        candidate now{{0}, {}};
        extend(now, visit);
        return true;
    }

    /// Everything on each device, and the best for latency and for throughput.
    [[nodiscard]] std::vector<candidate> starts() const {
        std::vector<candidate> found;
        for (const device_id d : devices_) found.push_back({{0, problem_.layer_count()}, {d}});
        for (const auto goal : {objective::latency, objective::throughput})
            if (const auto chain = chain_orders_partitioner{}(problem_, goal)) {
                candidate c{{0}, {}};
                for (const part& p : chain->parts) {
                    c.cuts.push_back(p.layers.back() + 1);
                    c.devices.push_back(p.device);
                }
                found.push_back(std::move(c));
            }
        return found;
    }

    /// A cut moved, a part given away, two exchanged, one joined to its neighbour or divided.
    [[nodiscard]] candidate neighbour(const candidate& from) {
        candidate next = from;
        const std::size_t parts = next.devices.size(), k = random_.index(parts);
        const auto at = static_cast<std::ptrdiff_t>(k);
        switch (random_.index(5)) {
        case 0:
            move_cut(next, k);
            break;
        case 1:
            next.devices[k] = any_device(next, next.devices[k]);
            break;
        case 2:
            std::swap(next.devices[k], next.devices[random_.index(parts)]);
            break;
        case 3:
            if (parts == 1) break;
            next.cuts.erase(next.cuts.begin() + (k == 0 ? 1 : at));
            next.devices.erase(next.devices.begin() + at);
            break;
        default:
            divide(next, k);
        }
        return next;
    }
    [[nodiscard]] random_source& random() noexcept { return random_; }

  private:
    /// How many there are: of k parts, the ways to cut times the ordered choices of devices.
    [[nodiscard]] double count() const {
        double sum = 0.0, ways = static_cast<double>(devices_.size());
        for (std::size_t k = 1; k <= std::min(devices_.size(), problem_.layer_count()); ++k) {
            sum += ways;
            ways *= static_cast<double>(problem_.layer_count() - k) / static_cast<double>(k) *
                    static_cast<double>(devices_.size() - k);
        }
        return sum;
    }

    template <class Visit>
    void extend(candidate& now, Visit& visit) {
        if (now.cuts.back() == problem_.layer_count()) return visit(now);
        for (const device_id d : devices_) {
            if (std::find(now.devices.begin(), now.devices.end(), d) != now.devices.end()) continue;
            for (std::size_t end = now.cuts.back() + 1; end <= problem_.layer_count(); ++end) {
                now.cuts.push_back(end), now.devices.push_back(d);
                extend(now, visit);
                now.cuts.pop_back(), now.devices.pop_back();
            }
        }
    }

    /// A device that has no part; `otherwise` where all have.
    [[nodiscard]] device_id any_device(const candidate& c, device_id otherwise) {
        const device_id d = devices_[random_.index(devices_.size())];
        return std::find(c.devices.begin(), c.devices.end(), d) == c.devices.end() ? d : otherwise;
    }
    void move_cut(candidate& c, std::size_t k) {
        if (k == 0) return;
        const std::size_t room = c.cuts[k + 1] - c.cuts[k - 1] - 1;
        const std::size_t near = c.cuts[k] + random_.index(7);
        c.cuts[k] = random_.chance(0.5)
                        ? c.cuts[k - 1] + 1 + random_.index(room)
                        : std::clamp(near < 3 ? 0 : near - 3, c.cuts[k - 1] + 1, c.cuts[k + 1] - 1);
    }
    void divide(candidate& c, std::size_t k) {
        const std::size_t size = c.cuts[k + 1] - c.cuts[k];
        const device_id d = any_device(c, no_id);
        if (size < 2 || d == no_id) return;
        const auto after = static_cast<std::ptrdiff_t>(k) + 1;
        const bool front = random_.chance(0.5);
        c.cuts.insert(c.cuts.begin() + after, c.cuts[k] + 1 + random_.index(size - 1));
        c.devices.insert(c.devices.begin() + after - (front ? 1 : 0), d);
    }

    const instance& problem_;
    const criteria_options& options_;
    random_source random_;
    std::vector<device_id> devices_;
};

/// By how much limits are broken, relatively; 0 where they are kept.
inline double excess(const criteria& figures, const criteria& limits) {
    const auto x = figures.all(), most = limits.all();
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i] > most[i]) sum += most[i] > 0.0 ? x[i] / most[i] - 1.0 : 1.0 + x[i];
    return sum;
}

/// Looks at many divisions and shows every feasible one to `visit(division, figures)`; `rank(figures)`, a pair of doubles,
/// leads the search where not all can be looked at. Whether all were.
template <class Rank, class Visit>
result<bool> look_at_divisions(const instance& problem, const criteria_options& options, Rank rank,
                               Visit visit, std::size_t evaluations) {
    using candidate = division_search::candidate;
    division_search search(problem, options);
    result<void> outcome = fail(errc::infeasible, "cluster", "no device may run any layer");
    bool any = false;
    const auto look = [&](const candidate& c) {
        auto division = contiguous_partition(c.cuts, c.devices);
        const auto figures = judge(problem, division, options.rates);
        std::pair<double, double> value{std::numeric_limits<double>::infinity(), 0.0};
        if (!figures && !any) outcome = tl::unexpected(figures.error());
        if (!figures) return value;
        any = true;
        value = rank(*figures);
        visit(std::move(division), *figures);
        return value;
    };
    const bool all = search.every([&](const candidate& c) { (void)look(c); });
    if (!all) {
        candidate best;
        std::pair<double, double> least{};
        for (auto& start : search.starts())
            if (const auto value = look(start); best.cuts.empty() || value < least)
                best = std::move(start), least = value;
        for (std::size_t k = 0; k < evaluations && !best.cuts.empty(); ++k) {
            candidate next = search.neighbour(best);
            if (search.random().chance(0.3)) next = search.neighbour(next);
            if (const auto value = look(next); value <= least) best = std::move(next), least = value;
        }
    }
    if (!any) return tl::unexpected(outcome.error());
    return all;
}

}  // namespace detail

/// The contiguous division, on any order of devices, whose `value(criteria)` is least within the limits.
///
///     best_by(problem, [](const criteria& c) { return c.joules + 2.0 * c.latency; }, {.rates = rates});
///
/// Errors: infeasible (no division found, or none within the limits); invalid_argument (rates of another size). Exact,
/// and says so, where there are at most `evaluations` such divisions; elsewhere local search from every single device and
/// from the best divisions for latency and throughput: never worse than any of these that keeps the limits.
/// O(evaluations * `evaluate`).
template <class Value>
    requires std::is_invocable_r_v<double, const Value&, const criteria&>
[[nodiscard]] result<judged_division> best_by(const instance& problem, const Value& value,
                                              const criteria_options& options = {}) {
    judged_division best;
    std::pair<double, double> least{std::numeric_limits<double>::infinity(), 0.0};
    const auto rank = [&](const criteria& c) {
        return std::pair<double, double>{detail::excess(c, options.limits), value(c)};
    };
    const auto visit = [&](partition division, const criteria& figures) {
        if (const auto now = rank(figures); now < least)
            least = now, best.division = std::move(division), best.figures = figures;
    };
    DISPART_TRY(best.exact, detail::look_at_divisions(problem, options, rank, visit, options.evaluations));
    if (least.first > 0.0)
        return fail(errc::infeasible, "limits", "no division that was found keeps all limits",
                    "relax one of latency, period, joules or price");
    return best;
}

/// The same by one figure: `best_by(problem, &criteria::joules, ...)`.
[[nodiscard]] inline result<judged_division> best_by(const instance& problem, double criteria::*figure,
                                                     const criteria_options& options = {}) {
    return best_by(
        problem, [figure](const criteria& c) { return c.*figure; }, options);
}

/// Divisions within the limits of which none is beaten by another one in latency, period, energy and price at once, by
/// rising latency.
///
/// Errors: those of `best_by`. Exact among contiguous divisions where there are at most `evaluations` of them and the front
/// has at most `most_plans`; elsewhere found by local searches, one for each figure and for mixtures of them.
[[nodiscard]] inline result<std::vector<judged_division>> pareto(const instance& problem,
                                                                 const criteria_options& options = {}) {
    std::vector<judged_division> front;
    const auto visit = [&](partition division, const criteria& figures) {
        if (detail::excess(figures, options.limits) > 0.0) return;
        for (const auto& other : front)
            if (other.figures == figures || dominates(other.figures, figures)) return;
        std::erase_if(front, [&](const auto& other) { return dominates(figures, other.figures); });
        front.push_back({std::move(division), figures, false});
    };
    static constexpr std::array<std::array<double, 4>, 7> mixtures{
        {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {1, 1, 0, 0}, {0, 1, 1, 0}, {1, 1, 1, 1}}};
    for (const auto& weights : mixtures) {
        const auto rank = [&](const criteria& c) {
            double product = 1.0;  // of powers: figures of different units can be mixed
            for (std::size_t i = 0; i < weights.size(); ++i)
                if (weights[i] > 0.0) product *= c.all()[i];
            return std::pair<double, double>{detail::excess(c, options.limits), product};
        };
        DISPART_TRY(const bool all, detail::look_at_divisions(problem, options, rank, visit,
                                                              options.evaluations / mixtures.size()));
        for (auto& each : front) each.exact = all;
        if (all) break;
    }
    if (front.empty())
        return fail(errc::infeasible, "limits", "no division that was found keeps all limits",
                    "relax one of latency, period, joules or price");
    std::sort(front.begin(), front.end(),
              [](const auto& a, const auto& b) { return a.figures.all() < b.figures.all(); });
    if (front.size() <= options.most_plans) return front;
    std::vector<judged_division> thinned;  // the ends, and evenly between them
    for (std::size_t k = 0; k < options.most_plans; ++k)
        thinned.push_back(
            front[options.most_plans == 1 ? 0 : k * (front.size() - 1) / (options.most_plans - 1)]);
    for (auto& each : thinned) each.exact = false;
    return thinned;
}

}  // namespace dispart
