#pragma once
/// \file
/// Ready tasks with their best slots at the end of each device's queue, kept up to date as tasks are placed.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dispart/schedule/detail/ties.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart::detail {

/// A ready task, where it would finish first, and when at the second best device (never: there is none).
struct candidate {
    task_id task = no_id;
    std::size_t row = 0;  ///< of its arrivals
    slot best{};
    double second_finish = never;
};

class ready_pool {
  public:
    explicit ready_pool(timetable& table, tie_breaker broken = tie_breaker())
        : table_(&table)
        , broken_(broken) {}

    [[nodiscard]] bool empty() const noexcept { return candidates_.empty(); }

    void add(task_id t) {
        const auto& arrivals = table_->arrivals(t);
        std::size_t row = arrivals_.size();
        if (free_.empty()) arrivals_.push_back(arrivals);
        else row = free_.back(), free_.pop_back(), arrivals_[row] = arrivals;
        candidates_.push_back({t, row, {}, never});
        evaluate(candidates_.back());
    }

    /// Places the candidate that is greatest by `value(candidate)`, ties by lowest task. Errors: infeasible. \return it.
    template <class Value>
    [[nodiscard]] result<task_id> place_greatest(Value value) {
        auto chosen = candidates_.begin();
        double greatest = broken_(chosen->task, value(*chosen));
        for (auto c = chosen + 1; c != candidates_.end(); ++c) {
            const double v = broken_(c->task, value(*c));
            tied_ = tied_ || std::abs(v - greatest) <= tie_width * std::abs(v);
            if (v > greatest || (v == greatest && c->task < chosen->task)) chosen = c, greatest = v;
        }
        return place(chosen);
    }
    /// Whether a choice was ever between candidates of the same value.
    [[nodiscard]] bool tied() const noexcept { return tied_; }

  private:
    result<task_id> place(std::vector<candidate>::iterator chosen) {
        const candidate placed = *chosen;
        DISPART_CHECK(table_->try_place(placed.task, placed.best));
        free_.push_back(placed.row);
        *chosen = candidates_.back();
        candidates_.pop_back();
        // A device that has become busier changes only those who counted on it as first or second choice.
        for (candidate& c : candidates_) {
            const double there =
                table_->slot_on(c.task, placed.best.device, arrivals_[c.row][placed.best.device], false).finish;
            if (c.best.device == placed.best.device || there >= c.second_finish) evaluate(c);
        }
        return placed.task;
    }

    void evaluate(candidate& c) const {
        c.best = {};
        c.second_finish = never;
        const auto& ready = arrivals_[c.row];
        for (device_id d = 0; d < ready.size(); ++d) {
            const slot s = table_->slot_on(c.task, d, ready[d], false);
            if (s.finish < c.best.finish) {
                c.second_finish = c.best.finish;
                c.best = s;
            } else {
                c.second_finish = std::min(c.second_finish, s.finish);
            }
        }
    }

    timetable* table_;
    tie_breaker broken_;
    bool tied_ = false;
    std::vector<candidate> candidates_{};
    std::vector<std::vector<double>> arrivals_{};
    std::vector<std::size_t> free_{};
};

/// Runs `fill(pool, readiness, table) -> result<void>` with ties broken in as many ways as are affordable, one if there are
/// no ties; the best is kept.
template <class Fill>
[[nodiscard]] result<schedule> fill_pool(const schedule_problem& problem, Fill fill) {
    bool tied = false;
    const auto make = [&](std::uint64_t way) -> result<schedule> {
        timetable table(problem);
        readiness ready(problem);
        ready_pool pool(table, tie_breaker(way));
        DISPART_CHECK(fill(pool, ready));
        tied = pool.tied();
        return std::move(table).take();
    };
    auto best = make(0);
    return best && !tied ? std::move(best) : best_way(affordable_ways(problem), make);
}

/// Places all tasks wave by wave: a wave is what is ready when the last one is done; in it, greatest `value(candidate)`
/// first. O(tasks * (widest wave + devices)) to O(tasks * widest wave * devices), times the ways.
template <class Value>
[[nodiscard]] result<schedule> place_in_waves(const schedule_problem& problem, Value value) {
    return fill_pool(problem, [&](ready_pool& pool, readiness& ready) -> result<void> {
        for (auto wave = ready.initial(); !wave.empty();) {
            for (const task_id t : wave) pool.add(t);
            wave.clear();
            while (!pool.empty()) {
                DISPART_TRY(const task_id placed, pool.place_greatest(value));
                ready.placed(placed, [&](task_id t) { wave.push_back(t); });
            }
        }
        return {};
    });
}

/// Places all tasks, of those ready at any time the one with the greatest `value(candidate)`.
template <class Value>
[[nodiscard]] result<schedule> place_when_ready(const schedule_problem& problem, Value value) {
    return fill_pool(problem, [&](ready_pool& pool, readiness& ready) -> result<void> {
        for (const task_id t : ready.initial()) pool.add(t);
        while (!pool.empty()) {
            DISPART_TRY(const task_id placed, pool.place_greatest(value));
            ready.placed(placed, [&](task_id t) { pool.add(t); });
        }
        return {};
    });
}

}  // namespace dispart::detail
