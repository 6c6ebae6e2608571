#pragma once
/// \file
/// Where a published rule leaves a choice, several ways are tried and the best is kept.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/timetable.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart::detail {

/// Values that differ by less than this share are a tie: sums in another order differ by as much.
inline constexpr double tie_width = 1e-9;

/// Factors close to 1, one per task, that break ties in one of many ways; way 0 changes nothing.
class tie_breaker {
  public:
    explicit tie_breaker(std::uint64_t way = 0) : way_(way) {}
    [[nodiscard]] double operator()(task_id t, double value) const noexcept {
        if (way_ == 0) return value;
        const auto draw = static_cast<double>(mix64(mix64(way_) + t) >> 11U);  // of 2^53
        return value * (1.0 + tie_width * draw * 0x1p-53) + 1e-290 * draw;     // zeros tie too
    }
    [[nodiscard]] std::vector<double> operator()(std::vector<double> values) const {
        for (task_id t = 0; t < values.size(); ++t) values[t] = (*this)(t, values[t]);
        return values;
    }

  private:
    std::uint64_t way_;
};

/// Whether two values are within `tie_width` of one another. O(n log n).
[[nodiscard]] inline bool has_ties(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return std::adjacent_find(values.begin(), values.end(),
                              [](double a, double b) { return b - a <= tie_width * b; }) != values.end();
}

/// The order of level-wise sorting (Kahn's) from sources in a shuffled order; way 0: ascending. O(tasks + dependencies).
[[nodiscard]] inline std::vector<task_id> some_topological_order(const schedule_problem& problem,
                                                                 std::uint64_t way) {
    if (way == 0) return problem.topological_order();
    random_source random(way);
    readiness ready(problem);
    auto order = ready.initial();
    random.shuffle(order);
    std::vector<task_id> readers;
    for (std::size_t next = 0; next < order.size(); ++next) {
        readers.clear();
        ready.placed(order[next], [&](task_id t) { readers.push_back(t); });
        random.shuffle(readers);
        order.insert(order.end(), readers.begin(), readers.end());
    }
    return order;
}

/// [device] its turn where devices tie; way 0: ascending, way 1: those with the least work in all first, then shuffled.
/// O(tasks * devices) for way 1, O(devices) for others.
[[nodiscard]] inline std::vector<std::size_t> some_device_turns(const schedule_problem& problem,
                                                                std::uint64_t way) {
    std::vector<device_id> order(problem.device_count());
    std::iota(order.begin(), order.end(), device_id{0});
    if (way == 1) {
        std::vector<double> work(order.size(), 0.0);
        for (task_id t = 0; t < problem.task_count(); ++t)
            for (device_id d = 0; d < order.size(); ++d) work[d] += problem.seconds(t, d);
        std::stable_sort(order.begin(), order.end(),
                         [&](device_id a, device_id b) { return work[a] < work[b]; });
    } else if (way > 1) {
        random_source random(way);
        random.shuffle(order);
    }
    std::vector<std::size_t> turn(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) turn[order[i]] = i;
    return turn;
}

/// How many ways a small problem can afford: 256 up to 1,875 pairs of task and device, 23 at 6,250, 4 at 25,000, 1 beyond 50,000.
[[nodiscard]] inline std::size_t affordable_ways(const schedule_problem& problem) {
    const auto pairs = static_cast<double>(problem.task_count() * problem.device_count());
    return static_cast<std::size_t>(std::clamp(std::max(9e8 / (pairs * pairs), 1e5 / pairs), 1.0, 256.0));
}

/// The best of `make(way) -> result<schedule>` for ways 0 .. ways-1, the first of equals. Errors: those of way 0 where all fail.
template <class Make>
[[nodiscard]] result<schedule> best_way(std::size_t ways, Make make) {
    result<schedule> best = make(std::uint64_t{0});
    for (std::uint64_t way = 1; way < ways; ++way)
        if (auto other = make(way); other && (!best || other->makespan() < best->makespan()))
            best = std::move(other);
    return best;
}

}  // namespace dispart::detail
