#pragma once
/// \file
/// Hybrid heuristic with balanced minimum completion times.

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/schedule/concepts.hpp"
#include "dispart/schedule/detail/ranks.hpp"
#include "dispart/schedule/detail/timetable.hpp"

namespace dispart {

namespace detail {

/// Tasks that do not depend on each other, spread over the devices and balanced.
class balanced_group {
  public:
    /// \param tasks in the order in which each device runs its own; what they read is placed
    balanced_group(timetable& table, std::vector<task_id> tasks)
        : table_(&table)
        , tasks_(std::move(tasks))
        , on_(table.problem().device_count())
        , end_(table.problem().device_count()) {
        for (const task_id t : tasks_) arrivals_.push_back(table.arrivals(t));
    }

    /// Each task on the device that runs it fastest; then, as long as the last device to finish can give a task away so
    /// that the group finishes earlier, the best such move. Errors: infeasible.
    [[nodiscard]] result<void> place() {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            DISPART_TRY(const device_id fastest, fastest_for(i));
            on_[fastest].push_back(i);
        }
        for (device_id d = 0; d < on_.size(); ++d) end_[d] = end_of(d, none, none);
        while (give_away()) {
        }
        for (device_id d = 0; d < on_.size(); ++d)
            for (const std::size_t i : on_[d])
                table_->place(tasks_[i], table_->slot_on(tasks_[i], d, arrivals_[i][d], false));
        return {};
    }

  private:
    static constexpr std::size_t none = no_id;

    [[nodiscard]] bool can_run(std::size_t i, device_id d) const {
        return table_->problem().is_allowed(tasks_[i], d) && arrivals_[i][d] < never;
    }
    [[nodiscard]] result<device_id> fastest_for(std::size_t i) const {
        const schedule_problem& problem = table_->problem();
        device_id best = no_id;
        for (device_id d = 0; d < on_.size(); ++d)
            if (can_run(i, d) &&
                (best == no_id || problem.seconds(tasks_[i], d) < problem.seconds(tasks_[i], best)))
                best = d;
        if (best != no_id) return best;
        return fail(errc::infeasible, problem.task_label(tasks_[i]),
                    "no device may run the task and be reached from where its inputs are made");
    }

    /// When a device has run its tasks without `out` and with `in` (`none`: no such), in the group's order.
    [[nodiscard]] double end_of(device_id d, std::size_t out, std::size_t in) const {
        double end = table_->available(d);
        const auto run = [&](std::size_t i) {
            end = std::max(end, arrivals_[i][d]) + table_->problem().seconds(tasks_[i], d);
        };
        for (const std::size_t i : on_[d]) {
            if (in < i) run(std::exchange(in, none));
            if (i != out) run(i);
        }
        if (in != none) run(in);
        return end;
    }

    /// Takes the best task off the device that finishes last. \return whether that helped.
    bool give_away() {
        const auto last = static_cast<device_id>(std::max_element(end_.begin(), end_.end()) - end_.begin());
        double others = 0.0;  // the two last of the rest, so that the target can be left out
        device_id latest = no_id;
        double second = 0.0;
        for (device_id d = 0; d < end_.size(); ++d) {
            if (d == last) continue;
            if (latest == no_id || end_[d] > others) second = others, others = end_[d], latest = d;
            else second = std::max(second, end_[d]);
        }
        double shortest = end_[last];
        std::size_t moved = none;
        device_id target = no_id;
        for (const std::size_t i : on_[last]) {
            const double without = end_of(last, i, none);
            if (without >= shortest) continue;
            for (device_id d = 0; d < end_.size(); ++d) {
                if (d == last || !can_run(i, d)) continue;
                const double length = std::max({without, end_of(d, none, i), d == latest ? second : others});
                if (length < shortest) shortest = length, moved = i, target = d;
            }
        }
        if (moved == none) return false;
        std::erase(on_[last], moved);
        auto& row = on_[target];
        row.insert(std::upper_bound(row.begin(), row.end(), moved), moved);
        end_[last] = end_of(last, none, none);
        end_[target] = end_of(target, none, none);
        return true;
    }

    timetable* table_;
    std::vector<task_id> tasks_;
    std::vector<std::vector<double>> arrivals_{};  // [index in group][device]
    std::vector<std::vector<std::size_t>> on_;     // [device] indices, ascending
    std::vector<double> end_;                      // [device]
};

}  // namespace detail

/// HBMCT: tasks by falling upward rank are cut into groups of independent ones; a group starts on each task's fastest
/// device and is balanced by moving tasks off the device that finishes last. Every task is in exactly one group.
///
/// Errors: infeasible (no device has routes from all inputs of some task). Heuristic. O(dependencies * devices) and, per
/// move, O(tasks of the group * devices * tasks of a device). Source: Sakellariou, Zhao, "A hybrid heuristic for DAG
/// scheduling on heterogeneous systems", HCW 2004.
struct hbmct {
    [[nodiscard]] static constexpr std::string_view name() { return "hbmct"; }

    [[nodiscard]] result<schedule> operator()(const schedule_problem& problem) const {
        const auto rank =
            detail::upward_ranks(problem, detail::mean_seconds(problem), detail::mean_over_pairs(problem));
        detail::timetable table(problem);
        std::vector<task_id> group;
        std::vector<std::size_t> group_of(problem.task_count(), no_id);
        std::size_t now = 0;
        const auto close = [&]() -> result<void> {
            ++now;
            return detail::balanced_group(table, std::exchange(group, {})).place();
        };
        for (const task_id t : detail::by_priority(problem, rank)) {
            const auto inputs = problem.inputs(t);
            if (std::any_of(inputs.begin(), inputs.end(),
                            [&](const neighbour& in) { return group_of[in.task] == now; }))
                DISPART_CHECK(close());
            group.push_back(t);
            group_of[t] = now;
        }
        DISPART_CHECK(close());
        return std::move(table).take();
    }
};
static_assert(scheduler<hbmct>);

}  // namespace dispart
