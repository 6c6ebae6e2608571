#pragma once
/// \file
/// Division of a graph into intervals of a topological order: quick, and what the exact search starts from.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/partition/detail/blocks.hpp"
#include "dispart/partition/detail/segments.hpp"

namespace dispart::detail {

/// The kind of device of each block and which of that kind, and the largest load.
struct block_division {
    double value = std::numeric_limits<double>::infinity();
    std::vector<device_id> device{};                     ///< [block]
    std::vector<std::vector<device_id>> taking_turns{};  ///< replicas; the first of each is in `device`
};

/// A topological order: the ready block with the smallest rank comes first, among those made ready last if `deep`.
[[nodiscard]] inline std::vector<std::size_t> block_order(const block_problem& p, bool deep,
                                                          random_source* random) {
    std::vector<std::size_t> waiting = p.before_count, ready, order;
    for (std::size_t b = p.problem.size(); b-- > 0;)
        if (waiting[b] == 0) ready.push_back(b);
    while (!ready.empty()) {
        std::size_t at = deep ? ready.size() - 1 : 0;
        if (random != nullptr && !(deep && random->chance(0.7))) at = random->index(ready.size());
        const std::size_t b = ready[at];
        ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(at));
        order.push_back(b);
        const auto after = p.after[b];
        for (std::size_t i = after.size(); i-- > 0;)
            if (--waiting[after[i]] == 0) ready.push_back(after[i]);
    }
    return order;
}

/// How the loads of intervals make up the value of a division.
enum class interval_goal {
    largest,  ///< throughput
    sum,      ///< an upper limit of the latency: one interval after the other
};

/// The best division into intervals of one order, if it is better than `below`. O(blocks * longest interval * (degrees
/// + counts of devices)).
class interval_search {
  public:
    interval_search(const block_problem& p, const device_counts& counts, interval_goal goal)
        : p_(p)
        , counts_(counts)
        , goal_(goal) {}

    [[nodiscard]] std::optional<block_division> solve(const std::vector<std::size_t>& order, double below) {
        const std::size_t n = order.size(), width = counts_.size();
        below_ = below;
        value_.assign((n + 1) * width, std::numeric_limits<double>::infinity());
        from_.assign((n + 1) * width, 0);
        value_[0] = 0.0;
        segment_builder segment(p_.problem, counts_.work());
        std::vector<bool> is_below(n, false);
        for (std::size_t first = 0; first < n; ++first) {
            if (first > 0) is_below[order[first - 1]] = true;
            const auto row = value_.begin() + static_cast<std::ptrdiff_t>(first * width);
            if (*std::min_element(row, row + static_cast<std::ptrdiff_t>(width)) < below)
                extend(order, first, segment, segment.start(is_below));
        }
        return best(order);
    }

  private:
    void extend(const std::vector<std::size_t>& order, std::size_t first, segment_builder& segment,
                segment_sums sums) {
        for (std::size_t end = first + 1; end <= order.size(); ++end) {
            segment.add(order[end - 1], sums);
            bool any = false;
            for (std::size_t k = 0; k < p_.problem.kinds.size(); ++k) {
                if (!segment.fits(sums, k) || segment.least_load(sums, k) >= below_) continue;
                any = true;
                relax(first, end, k, segment.load(sums, k));
            }
            if (!any) return;
        }
    }
    void relax(std::size_t first, std::size_t end, std::size_t kind, double load) {
        if (load >= below_) return;
        const std::size_t width = counts_.size();
        for (std::size_t c = 0; c < width; ++c) {
            const double before = value_[first * width + c];
            const double value = goal_ == interval_goal::sum ? load + before : std::max(load, before);
            if (value >= below_ || !(has_many(kind) || counts_.has_room(c, kind))) continue;
            const std::size_t to = end * width + c + (has_many(kind) ? 0 : counts_.stride(kind));
            if (value >= value_[to]) continue;
            value_[to] = value;
            from_[to] = first * p_.problem.kinds.size() + kind;
        }
    }
    /// Whether any number of intervals may go to devices of this kind.
    [[nodiscard]] bool has_many(std::size_t kind) const {
        return goal_ == interval_goal::sum && p_.problem.kinds[kind].unlimited;
    }
    [[nodiscard]] std::optional<block_division> best(const std::vector<std::size_t>& order) const {
        const std::size_t n = order.size(), width = counts_.size(), kinds = p_.problem.kinds.size();
        std::size_t c = 0;
        for (std::size_t other = 0; other < width; ++other)
            if (value_[n * width + other] < value_[n * width + c]) c = other;
        block_division out{value_[n * width + c], std::vector<device_id>(n, no_id)};
        if (!(out.value < below_)) return std::nullopt;
        for (std::size_t end = n; end > 0;) {
            const std::size_t first = from_[end * width + c] / kinds, kind = from_[end * width + c] % kinds;
            const auto& devices = p_.problem.kinds[kind].devices;
            const device_id d = has_many(kind) ? devices.front() : devices[counts_.used(c, kind) - 1];
            for (std::size_t i = first; i < end; ++i) out.device[order[i]] = d;
            end = first;
            if (!has_many(kind)) c -= counts_.stride(kind);
        }
        return out;
    }

    const block_problem& p_;
    const device_counts& counts_;
    interval_goal goal_;
    double below_ = 0.0;
    std::vector<double> value_{};      ///< [end of the interval, devices used] smallest largest load
    std::vector<std::size_t> from_{};  ///< [same] beginning of the last interval * kinds + its kind
};

/// The best division into intervals of several topological orders, some of them random.
[[nodiscard]] inline block_division best_intervals(const block_problem& p, const device_counts& counts,
                                                   std::size_t orders, std::uint64_t seed,
                                                   interval_goal goal = interval_goal::largest) {
    interval_search search(p, counts, goal);
    random_source random(seed);
    block_division best;
    for (std::size_t i = 0; i < orders; ++i) {
        auto found = search.solve(block_order(p, i % 2 == 0, i < 2 ? nullptr : &random), best.value);
        if (found) best = std::move(*found);
    }
    return best;
}

}  // namespace dispart::detail
