#pragma once
/// \file
/// A schedule as a graph: dependencies, and on each device the order of its tasks. Starts are longest ways; they follow
/// changes incrementally, and where a task taken out could go back is priced exactly without trying.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"
#include "dispart/schedule/validate.hpp"

namespace dispart::detail {

/// A set of positions that is emptied in ascending or descending order while it grows.
class position_set {
  public:
    explicit position_set(std::size_t size) : words_((size + 63) / 64, 0), low_(words_.size()) {}

    void add(std::size_t i) noexcept {
        words_[i / 64] |= std::uint64_t{1} << (i % 64);
        low_ = std::min(low_, i / 64);
        high_ = std::max(high_, i / 64 + 1);
    }
    /// Calls `visit(i)` for each, ascending; visits may add greater ones.
    template <class Visit>
    void drain_up(Visit visit) {
        for (std::size_t w = low_; w < high_; ++w)
            while (words_[w] != 0) {
                const auto bit = static_cast<std::size_t>(std::countr_zero(words_[w]));
                words_[w] &= words_[w] - 1;
                visit(w * 64 + bit);
            }
        low_ = words_.size(), high_ = 0;
    }
    /// Calls `visit(i)` for each, descending; visits may add smaller ones.
    template <class Visit>
    void drain_down(Visit visit) {
        for (std::size_t w = high_; w-- > low_;)
            while (words_[w] != 0) {
                const auto bit = static_cast<std::size_t>(63 - std::countl_zero(words_[w]));
                words_[w] &= ~(std::uint64_t{1} << bit);
                visit(w * 64 + bit);
            }
        low_ = words_.size(), high_ = 0;
    }

  private:
    std::vector<std::uint64_t> words_;
    std::size_t low_;
    std::size_t high_ = 0;
};

/// Where a task could go: before the `index`-th task that is left on a device; and the longest way through it there.
struct insertion {
    device_id device = no_id;
    std::size_t index = 0;
    double through = std::numeric_limits<double>::infinity();
};

/// Dependencies with the delays that the present devices of their ends give them.
class arc_rows {
  public:
    /// An arc to a neighbour; `twin` is its index in the rows of the other direction.
    struct arc {
        double delay = 0.0;
        std::uint32_t task = 0;
        std::uint32_t twin = 0;
    };

    template <class Row>
    arc_rows(std::size_t tasks, Row row) {
        for (task_id t = 0; t < tasks; ++t) {
            for (const neighbour& each : row(t))
                arcs_.push_back({0.0, static_cast<std::uint32_t>(each.task), 0});
            offsets_.push_back(arcs_.size());
        }
    }
    [[nodiscard]] std::span<arc> operator[](task_id t) noexcept {
        return {arcs_.data() + offsets_[t], offsets_[t + 1] - offsets_[t]};
    }
    [[nodiscard]] std::span<const arc> operator[](task_id t) const noexcept {
        return {arcs_.data() + offsets_[t], offsets_[t + 1] - offsets_[t]};
    }
    [[nodiscard]] arc& at(std::uint32_t index) noexcept { return arcs_[index]; }
    /// Links each arc with the one of the other direction.
    static void pair_up(arc_rows& in, arc_rows& out, std::size_t tasks) {
        std::vector<std::size_t> next(in.offsets_.begin(), in.offsets_.end() - 1);
        for (task_id t = 0; t < tasks; ++t)  // inputs are sorted by task, so each row fills in order
            for (std::size_t a = out.offsets_[t]; a < out.offsets_[t + 1]; ++a) {
                const std::size_t twin = next[out.arcs_[a].task]++;
                out.arcs_[a].twin = static_cast<std::uint32_t>(twin);
                in.arcs_[twin].twin = static_cast<std::uint32_t>(a);
            }
    }

  private:
    std::vector<std::size_t> offsets_{0};
    std::vector<arc> arcs_{};
};

class machine_graph {
  public:
    machine_graph(const schedule_problem& problem, const schedule& from)
        : problem_(&problem)
        , in_(problem.task_count(), [&](task_id t) { return problem.inputs(t); })
        , out_(problem.task_count(), [&](task_id t) { return problem.outputs(t); })
        , device_(problem.task_count())
        , sequence_(device_orders(problem, from))
        , order_(problem.task_count())
        , position_(problem.task_count())
        , duration_(problem.task_count())
        , finish_(problem.task_count(), 0.0)
        , tail_(problem.task_count(), 0.0)
        , previous_(problem.task_count(), no_id)
        , next_(problem.task_count(), no_id)
        , dirty_(problem.task_count())
        , mark_(problem.task_count(), 0) {
        arc_rows::pair_up(in_, out_, problem.task_count());
        for (device_id d = 0; d < sequence_.size(); ++d)
            for (std::size_t i = 0; i < sequence_[d].size(); ++i) {
                const task_id t = sequence_[d][i];
                device_[t] = d;
                duration_[t] = problem.seconds(t, d);
                if (i > 0) previous_[t] = sequence_[d][i - 1];
                if (i + 1 < sequence_[d].size()) next_[t] = sequence_[d][i + 1];
            }
        if (!sort_topologically()) return;
        consistent_ = true;
        for (const task_id t : order_) set_delays(t);
        for (const task_id t : order_) finish_[t] = earliest(t) + duration_[t];
        for (auto t = order_.rbegin(); t != order_.rend(); ++t) tail_[*t] = longest_after(*t) + duration_[*t];
    }

    /// Whether the device orders of the schedule agree with the dependencies; if not, nothing else may be called.
    [[nodiscard]] bool consistent() const noexcept { return consistent_; }
    [[nodiscard]] double makespan() const noexcept {
        return *std::max_element(finish_.begin(), finish_.end());
    }
    /// Length of the longest way through a task.
    [[nodiscard]] double through(task_id t) const noexcept { return finish_[t] - duration_[t] + tail_[t]; }
    [[nodiscard]] double duration(task_id t) const noexcept { return duration_[t]; }
    [[nodiscard]] device_id device(task_id t) const noexcept { return device_[t]; }
    [[nodiscard]] std::size_t task_count() const noexcept { return device_.size(); }
    [[nodiscard]] const std::vector<task_id>& sequence(device_id d) const noexcept { return sequence_[d]; }

    /// Takes a task out; `makespan` and `through` then speak of the others. \return where it was.
    insertion detach(task_id t) {
        auto& sequence = sequence_[device_[t]];
        const auto at = std::find(sequence.begin(), sequence.end(), t);
        const insertion was{device_[t], static_cast<std::size_t>(at - sequence.begin()), through(t)};
        sequence.erase(at);
        saved_finish_.clear();
        saved_tail_.clear();
        saved_finish_.push_back({t, finish_[t]});
        saved_tail_.push_back({t, tail_[t]});
        const task_id before = previous_[t], behind = next_[t];
        link(before, behind);
        absent_ = t;
        finish_[t] = tail_[t] = -std::numeric_limits<double>::infinity();  // binds nobody
        update(t, before, behind);
        return was;
    }

    /// Puts the task back where it was, undoing `detach`.
    void restore(const insertion& was) {
        const task_id t = absent_;
        for (auto s = saved_finish_.rbegin(); s != saved_finish_.rend(); ++s) finish_[s->first] = s->second;
        for (auto s = saved_tail_.rbegin(); s != saved_tail_.rend(); ++s) tail_[s->first] = s->second;
        put_into_sequence(t, was);
        absent_ = no_id;
    }

    /// Puts the detached task elsewhere; the place must be `feasible`.
    void attach(const insertion& to) {
        const task_id t = absent_;
        device_[t] = to.device;
        duration_[t] = problem_->seconds(t, to.device);
        set_delays(t);
        put_into_sequence(t, to);
        absent_ = no_id;
        repair_order(t);
        finish_[t] = earliest(t) + duration_[t];
        tail_[t] = longest_after(t) + duration_[t];
        update(t, previous_[t], next_[t]);
    }

    /// Calls `visit(insertion)` for the places of the detached task on a device among which the shortest way through it is
    /// (exact where the place is `feasible`). O(inputs + outputs + log k + places).
    template <class Visit>
    void visit_places(device_id d, Visit visit) const {
        const task_id t = absent_;
        if (!problem_->is_allowed(t, d)) return;
        double ready = problem_->release(t), rest = 0.0;
        for (const neighbour& in : problem_->inputs(t))
            ready = std::max(ready, finish_[in.task] + problem_->transfer(device_[in.task], d, in.bytes));
        for (const neighbour& out : problem_->outputs(t))
            rest = std::max(rest, problem_->transfer(d, device_[out.task], out.bytes) + tail_[out.task]);
        if (!(ready + rest < std::numeric_limits<double>::infinity())) return;
        const auto& sequence = sequence_[d];
        const double own = problem_->seconds(t, d);
        const auto begin = sequence.begin();
        const auto early = static_cast<std::size_t>(
            std::partition_point(begin, sequence.end(), [&](task_id x) { return finish_[x] <= ready; }) -
            begin);
        const auto late = static_cast<std::size_t>(
            std::partition_point(begin, sequence.end(), [&](task_id x) { return tail_[x] > rest; }) - begin);
        for (std::size_t i = std::min(early, late); i <= std::max(early, late); ++i) {
            const double from = i > 0 ? std::max(ready, finish_[sequence[i - 1]]) : ready;
            const double to = i < sequence.size() ? std::max(rest, tail_[sequence[i]]) : rest;
            visit(insertion{d, i, from + own + to});
        }
    }

    /// Whether the detached task can go there without waiting for itself.
    [[nodiscard]] bool feasible(const insertion& place) {
        const auto& sequence = sequence_[place.device];
        if (place.index > 0 && is_descendant(sequence[place.index - 1])) return false;
        return place.index == sequence.size() || !is_ancestor(sequence[place.index]);
    }

    [[nodiscard]] schedule to_schedule() const {
        schedule made;
        for (task_id t = 0; t < device_.size(); ++t) {
            const double start = earliest(t);
            made.tasks.push_back({device_[t], start, start + duration_[t]});
        }
        return made;
    }

  private:
    void link(task_id before, task_id behind) noexcept {
        if (before != no_id) next_[before] = behind;
        if (behind != no_id) previous_[behind] = before;
    }

    void put_into_sequence(task_id t, const insertion& at) {
        auto& sequence = sequence_[at.device];
        sequence.insert(sequence.begin() + static_cast<std::ptrdiff_t>(at.index), t);
        previous_[t] = at.index > 0 ? sequence[at.index - 1] : no_id;
        next_[t] = at.index + 1 < sequence.size() ? sequence[at.index + 1] : no_id;
        link(previous_[t], t);
        link(t, next_[t]);
    }

    [[nodiscard]] double earliest(task_id t) const noexcept {
        double at = problem_->release(t);
        if (previous_[t] != no_id) at = std::max(at, finish_[previous_[t]]);
        for (const auto& in : in_[t]) at = std::max(at, finish_[in.task] + in.delay);
        return at;
    }

    [[nodiscard]] double longest_after(task_id t) const noexcept {
        double rest = next_[t] != no_id ? tail_[next_[t]] : 0.0;
        for (const auto& out : out_[t]) rest = std::max(rest, tail_[out.task] + out.delay);
        return rest;
    }

    /// Delays of all arcs at a task, in both directions, from the devices of their ends.
    void set_delays(task_id t) {
        const auto set = [&](arc_rows& here, arc_rows& there, std::span<const neighbour> row, bool forward) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                auto& each = here[t][i];
                const device_id from = forward ? device_[t] : device_[each.task];
                const device_id to = forward ? device_[each.task] : device_[t];
                each.delay = there.at(each.twin).delay = problem_->transfer(from, to, row[i].bytes);
            }
        };
        set(in_, out_, problem_->inputs(t), false);
        set(out_, in_, problem_->outputs(t), true);
    }

    /// Brings everything up to date after the task, between its neighbours on the device, came or went.
    void update(task_id t, task_id before, task_id behind) {
        if (behind != no_id) dirty_.add(position_[behind]);
        for (const auto& out : out_[t]) dirty_.add(position_[out.task]);
        dirty_.drain_up([&](std::size_t i) {
            const task_id x = order_[i];
            const double finish = earliest(x) + duration_[x];
            if (finish == finish_[x]) return;
            saved_finish_.push_back({x, finish_[x]});
            finish_[x] = finish;
            if (next_[x] != no_id) dirty_.add(position_[next_[x]]);
            for (const auto& out : out_[x])
                if (out.task != absent_) dirty_.add(position_[out.task]);
        });
        if (before != no_id) dirty_.add(position_[before]);
        for (const auto& in : in_[t]) dirty_.add(position_[in.task]);
        dirty_.drain_down([&](std::size_t i) {
            const task_id x = order_[i];
            const double tail = longest_after(x) + duration_[x];
            if (tail == tail_[x]) return;
            saved_tail_.push_back({x, tail_[x]});
            tail_[x] = tail;
            if (previous_[x] != no_id) dirty_.add(position_[previous_[x]]);
            for (const auto& in : in_[x])
                if (in.task != absent_) dirty_.add(position_[in.task]);
        });
    }

    /// Kahn's algorithm over dependencies and device orders. \return whether there is no circle.
    [[nodiscard]] bool sort_topologically() {
        std::vector<std::size_t> waiting(device_.size());
        std::size_t count = 0;
        const auto ready = [&](task_id t) { order_[count++] = t; };
        for (task_id t = 0; t < device_.size(); ++t) {
            waiting[t] = problem_->inputs(t).size() + (previous_[t] != no_id ? 1 : 0);
            if (waiting[t] == 0) ready(t);
        }
        for (std::size_t i = 0; i < count; ++i) {
            position_[order_[i]] = i;
            if (next_[order_[i]] != no_id && --waiting[next_[order_[i]]] == 0) ready(next_[order_[i]]);
            for (const neighbour& out : problem_->outputs(order_[i]))
                if (--waiting[out.task] == 0) ready(out.task);
        }
        return count == device_.size();
    }

    /// Moves the task, newly linked, and what must come behind it, to positions that fit.
    void repair_order(task_id t) {
        std::size_t low = 0, high = device_.size();  // t goes behind all positions < low, before all >= high
        const auto behind = [&](task_id x) { low = std::max(low, position_[x] + 1); };
        const auto before = [&](task_id x) { high = std::min(high, position_[x]); };
        if (previous_[t] != no_id) behind(previous_[t]);
        for (const neighbour& in : problem_->inputs(t)) behind(in.task);
        if (next_[t] != no_id) before(next_[t]);
        for (const neighbour& out : problem_->outputs(t)) before(out.task);
        if (low <= high) {
            const std::size_t at = position_[t];
            if (at < low) shift(at, low - 1);
            else if (at > high) shift(at, high);
            return;
        }
        reorder_window(t, std::min(high, position_[t]), std::max(low, position_[t] + 1));
    }

    /// Moves the task at position `from` to position `to`, those between by one.
    void shift(std::size_t from, std::size_t to) {
        const task_id t = order_[from];
        for (; from < to; ++from) place_at(order_[from + 1], from);
        for (; from > to; --from) place_at(order_[from - 1], from);
        place_at(t, to);
    }
    void place_at(task_id t, std::size_t at) noexcept {
        order_[at] = t;
        position_[t] = at;
    }

    /// Puts, among positions [low, high), what follows the task behind it and the rest before it, otherwise in order.
    void reorder_window(task_id t, std::size_t low, std::size_t high) {
        new_mark();
        mark_[t] = now_;
        if (next_[t] != no_id) mark_[next_[t]] = now_;
        for (const neighbour& out : problem_->outputs(t)) mark_[out.task] = now_;
        window_.clear();
        std::size_t at = low;
        for (std::size_t i = low; i < high; ++i) {
            const task_id x = order_[i];
            if (x == t) continue;
            if (mark_[x] != now_) {
                place_at(x, at++);
                continue;
            }
            window_.push_back(x);
            if (next_[x] != no_id) mark_[next_[x]] = now_;
            for (const neighbour& out : problem_->outputs(x)) mark_[out.task] = now_;
        }
        place_at(t, at++);
        for (const task_id x : window_) place_at(x, at++);
    }

    /// Whether `x` has to come behind the detached task.
    [[nodiscard]] bool is_descendant(task_id x) {
        const std::size_t limit = position_[x];
        return reaches(
            x, problem_->outputs(absent_), [&](task_id y) { return position_[y] <= limit; },
            [&](task_id y, auto visit) {
                if (next_[y] != no_id) visit(next_[y]);
                for (const neighbour& out : problem_->outputs(y)) visit(out.task);
            });
    }
    /// Whether `x` has to come before the detached task.
    [[nodiscard]] bool is_ancestor(task_id x) {
        const std::size_t limit = position_[x];
        return reaches(
            x, problem_->inputs(absent_), [&](task_id y) { return position_[y] >= limit; },
            [&](task_id y, auto visit) {
                if (previous_[y] != no_id) visit(previous_[y]);
                for (const neighbour& in : problem_->inputs(y)) visit(in.task);
            });
    }
    /// Depth-first search for `x` from the neighbours of the detached task, through tasks that `within` admits.
    template <class Within, class Expand>
    bool reaches(task_id x, std::span<const neighbour> from, Within within, Expand expand) {
        new_mark();
        window_.clear();
        const auto visit = [&](task_id y) {
            if (y == absent_ || mark_[y] == now_ || !within(y)) return;
            mark_[y] = now_;
            window_.push_back(y);
        };
        for (const neighbour& each : from) visit(each.task);
        while (!window_.empty()) {
            const task_id y = window_.back();
            window_.pop_back();
            if (y == x) return true;
            expand(y, visit);
        }
        return false;
    }
    void new_mark() {
        if (++now_ == 0) std::fill(mark_.begin(), mark_.end(), 0U), now_ = 1;
    }

    const schedule_problem* problem_;
    arc_rows in_, out_;
    std::vector<device_id> device_;
    std::vector<std::vector<task_id>> sequence_;  // [device] without the detached task
    std::vector<task_id> order_;                  // topological; a detached task keeps its position
    std::vector<std::size_t> position_;
    std::vector<double> duration_;
    std::vector<double> finish_;  // longest way from the beginning to a task's end
    std::vector<double> tail_;    // longest way from a task's start to the end of everything
    std::vector<task_id> previous_, next_;
    task_id absent_ = no_id;
    bool consistent_ = false;
    position_set dirty_;
    std::vector<std::pair<task_id, double>> saved_finish_{}, saved_tail_{};  // since `detach`, for `restore`
    std::vector<std::uint32_t> mark_;
    std::uint32_t now_ = 0;
    std::vector<task_id> window_{};
};

}  // namespace dispart::detail
