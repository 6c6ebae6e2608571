#pragma once
/// \file
/// A topological order of tasks that wait for dependencies and for the task before them on their device, kept as tasks
/// move; and whether one task comes before another.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart::detail {

class machine_order {
  public:
    /// \param sequence [device] its tasks in order
    machine_order(const schedule_problem& problem, const std::vector<std::vector<task_id>>& sequence)
        : problem_(&problem)
        , order_(problem.task_count())
        , position_(problem.task_count())
        , previous_(problem.task_count(), no_id)
        , next_(problem.task_count(), no_id)
        , mark_(problem.task_count(), 0) {
        for (const auto& row : sequence)
            for (std::size_t i = 1; i < row.size(); ++i) link(row[i - 1], row[i]);
        consistent_ = sort();
    }

    /// Whether device orders and dependencies agree; if not, nothing else may be called.
    [[nodiscard]] bool consistent() const noexcept { return consistent_; }
    /// All tasks, each after those that it waits for; one that was taken out keeps its position.
    [[nodiscard]] const std::vector<task_id>& tasks() const noexcept { return order_; }
    [[nodiscard]] std::size_t position(task_id t) const noexcept { return position_[t]; }
    /// The task before it on its device; `no_id`: none.
    [[nodiscard]] task_id previous(task_id t) const noexcept { return previous_[t]; }
    [[nodiscard]] task_id next(task_id t) const noexcept { return next_[t]; }

    /// Links its neighbours on the device with each other; `t` still knows them.
    void take_out(task_id t) noexcept { link(previous_[t], next_[t]); }
    /// Links a task between two neighbours (`no_id`: none); the order may be wrong until `repair`.
    void put_between(task_id before, task_id t, task_id behind) noexcept {
        previous_[t] = before;
        next_[t] = behind;
        link(before, t);
        link(t, behind);
    }

    /// Moves a task, newly linked, and what must come behind it, to positions that fit. O(positions between).
    void repair(task_id t) {
        std::size_t low = 0, high = order_.size();  // t goes behind all positions < low, before all >= high
        const auto behind = [&](task_id x) { low = std::max(low, position_[x] + 1); };
        const auto before = [&](task_id x) { high = std::min(high, position_[x]); };
        if (previous_[t] != no_id) behind(previous_[t]);
        for (const neighbour& in : problem_->inputs(t)) behind(in.task);
        if (next_[t] != no_id) before(next_[t]);
        for (const neighbour& out : problem_->outputs(t)) before(out.task);
        if (low > high) return reorder(t, std::min(high, position_[t]), std::max(low, position_[t] + 1));
        const std::size_t at = position_[t];
        if (at < low) shift(at, low - 1);
        else if (at > high) shift(at, high);
    }

    /// Whether `x` has to come behind a task `t` that is taken out.
    [[nodiscard]] bool is_behind(task_id x, task_id t) {
        const std::size_t limit = position_[x];
        return reaches(
            x, t, problem_->outputs(t), [&](task_id y) { return position_[y] <= limit; },
            [&](task_id y, auto visit) { visit_followers(y, visit); });
    }
    /// Whether `x` has to come before a task `t` that is taken out.
    [[nodiscard]] bool is_before(task_id x, task_id t) {
        const std::size_t limit = position_[x];
        return reaches(
            x, t, problem_->inputs(t), [&](task_id y) { return position_[y] >= limit; },
            [&](task_id y, auto visit) {
                if (previous_[y] != no_id) visit(previous_[y]);
                for (const neighbour& in : problem_->inputs(y)) visit(in.task);
            });
    }

  private:
    void link(task_id before, task_id behind) noexcept {
        if (before != no_id) next_[before] = behind;
        if (behind != no_id) previous_[behind] = before;
    }
    template <class Visit>
    void visit_followers(task_id t, Visit visit) const {
        if (next_[t] != no_id) visit(next_[t]);
        for (const neighbour& out : problem_->outputs(t)) visit(out.task);
    }

    /// Kahn's algorithm. \return whether there is no circle.
    [[nodiscard]] bool sort() {
        std::vector<std::size_t> waiting(order_.size());
        std::size_t count = 0;
        for (task_id t = 0; t < waiting.size(); ++t) {
            waiting[t] = problem_->inputs(t).size() + (previous_[t] != no_id ? 1 : 0);
            if (waiting[t] == 0) place_at(t, count++);
        }
        for (std::size_t i = 0; i < count; ++i)
            visit_followers(order_[i], [&](task_id x) {
                if (--waiting[x] == 0) place_at(x, count++);
            });
        return count == order_.size();
    }

    void place_at(task_id t, std::size_t at) noexcept {
        order_[at] = t;
        position_[t] = at;
    }
    /// Moves the task at position `from` to position `to`, those between by one.
    void shift(std::size_t from, std::size_t to) {
        const task_id t = order_[from];
        for (; from < to; ++from) place_at(order_[from + 1], from);
        for (; from > to; --from) place_at(order_[from - 1], from);
        place_at(t, to);
    }

    /// Puts, among positions [low, high), what follows the task behind it and the rest before it, otherwise in order.
    void reorder(task_id t, std::size_t low, std::size_t high) {
        new_mark();
        const auto mark = [&](task_id x) { mark_[x] = now_; };
        mark(t);
        visit_followers(t, mark);
        line_.clear();
        std::size_t at = low;
        for (std::size_t i = low; i < high; ++i) {
            const task_id x = order_[i];
            if (x == t) continue;
            if (mark_[x] != now_) {
                place_at(x, at++);
                continue;
            }
            line_.push_back(x);
            visit_followers(x, mark);
        }
        place_at(t, at++);
        for (const task_id x : line_) place_at(x, at++);
    }

    /// Depth-first search for `x` from neighbours of `t`, not through `t`, through tasks that `within` admits.
    template <class Within, class Expand>
    bool reaches(task_id x, task_id t, std::span<const neighbour> from, Within within, Expand expand) {
        new_mark();
        line_.clear();
        const auto visit = [&](task_id y) {
            if (y == t || mark_[y] == now_ || !within(y)) return;
            mark_[y] = now_;
            line_.push_back(y);
        };
        for (const neighbour& each : from) visit(each.task);
        while (!line_.empty()) {
            const task_id y = line_.back();
            line_.pop_back();
            if (y == x) return true;
            expand(y, visit);
        }
        return false;
    }
    void new_mark() {
        if (++now_ == 0) std::fill(mark_.begin(), mark_.end(), 0U), now_ = 1;
    }

    const schedule_problem* problem_;
    std::vector<task_id> order_;
    std::vector<std::size_t> position_;
    std::vector<task_id> previous_, next_;
    std::vector<std::uint32_t> mark_;
    std::uint32_t now_ = 0;
    std::vector<task_id> line_{};
    bool consistent_ = false;
};

}  // namespace dispart::detail
