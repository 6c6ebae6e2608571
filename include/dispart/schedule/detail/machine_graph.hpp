#pragma once
/// \file
/// A schedule as a graph: dependencies, and on each device the order of its tasks. Starts are longest ways; they follow
/// changes incrementally, and where a task taken out could go back is priced exactly without trying.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/schedule/detail/arc_rows.hpp"
#include "dispart/schedule/detail/machine_order.hpp"
#include "dispart/schedule/detail/position_set.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"
#include "dispart/schedule/validate.hpp"

namespace dispart::detail {

/// Where a task could go: before the `index`-th task that is left on a device; and the longest way through it there.
struct insertion {
    device_id device = no_id;
    std::size_t index = 0;
    double through = std::numeric_limits<double>::infinity();
};

class machine_graph {
  public:
    machine_graph(const schedule_problem& problem, const schedule& from)
        : problem_(&problem)
        , in_(problem.task_count(), [&](task_id t) { return problem.inputs(t); })
        , out_(problem.task_count(), [&](task_id t) { return problem.outputs(t); })
        , sequence_(device_orders(problem, from))
        , order_(problem, sequence_)
        , device_(problem.task_count())
        , duration_(problem.task_count())
        , start_(problem.task_count(), 0.0)
        , finish_(problem.task_count(), 0.0)
        , rest_(problem.task_count(), 0.0)
        , tail_(problem.task_count(), 0.0)
        , dirty_(problem.task_count())
        , ready_(problem.device_count())
        , after_(problem.device_count()) {
        arc_rows::pair_up(in_, out_, problem.task_count());
        transpose_transfers();
        if (!order_.consistent()) return;
        for (task_id t = 0; t < device_.size(); ++t) {
            device_[t] = from.tasks[t].device;
            duration_[t] = problem.seconds(t, device_[t]);
        }
        const auto& order = order_.tasks();
        for (const task_id t : order) set_delays(t);
        for (const task_id t : order) set_start(t, earliest(t));
        for (auto t = order.rbegin(); t != order.rend(); ++t) set_rest(*t, longest_after(*t));
    }

    /// Whether the device orders of the schedule agree with the dependencies; if not, nothing else may be called.
    [[nodiscard]] bool consistent() const noexcept { return order_.consistent(); }
    /// Without a detached task. O(devices).
    [[nodiscard]] double makespan() const noexcept {
        double end = 0.0;
        for (const auto& row : sequence_)
            if (!row.empty()) end = std::max(end, finish_[row.back()]);
        return end;
    }
    /// Length of the longest way through a task.
    [[nodiscard]] double through(task_id t) const noexcept { return start_[t] + tail_[t]; }
    [[nodiscard]] device_id device(task_id t) const noexcept { return device_[t]; }
    [[nodiscard]] const std::vector<task_id>& sequence(device_id d) const noexcept { return sequence_[d]; }

    /// Takes a task out; `makespan` and `through` then speak of the others. \return where it was.
    insertion detach(task_id t) {
        auto& sequence = sequence_[device_[t]];
        const auto at = std::find(sequence.begin(), sequence.end(), t);
        const insertion was{device_[t], static_cast<std::size_t>(at - sequence.begin()), through(t)};
        sequence.erase(at);
        order_.take_out(t);
        absent_ = t;
        saved_start_.assign(1, {t, start_[t]});
        saved_rest_.assign(1, {t, rest_[t]});
        const double finish = finish_[t], tail = tail_[t];
        constexpr double infinity = std::numeric_limits<double>::infinity();
        finish_[t] = tail_[t] = -infinity;  // binds nobody
        start_[t] = rest_[t] = infinity;    // is bound by nobody
        lower_starts(t, finish);
        lower_rests(t, tail);
        return was;
    }

    /// Puts the task back where it was, undoing `detach`.
    void restore(const insertion& was) {
        for (auto s = saved_start_.rbegin(); s != saved_start_.rend(); ++s) set_start(s->first, s->second);
        for (auto s = saved_rest_.rbegin(); s != saved_rest_.rend(); ++s) set_rest(s->first, s->second);
        put_into_sequence(absent_, was);
    }

    /// Puts the detached task elsewhere; the place must be `feasible`.
    void attach(const insertion& to) {
        const task_id t = absent_;
        if (device_[t] != to.device) {
            device_[t] = to.device;
            duration_[t] = problem_->seconds(t, to.device);
            set_delays(t);
        }
        put_into_sequence(t, to);
        order_.repair(t);
        set_start(t, earliest(t));
        set_rest(t, longest_after(t));
        raise_starts(t);
        raise_rests(t);
    }

    /// Calls `visit(insertion)` for the places of the detached task on all devices among which, on each, the shortest way
    /// through it is (exact where the place is `feasible`). Devices are passed over where the way is longer than `most()`,
    /// asked anew for each. O((inputs + outputs + log k) * devices + places).
    template <class Most, class Visit>
    void visit_places(Most most, Visit visit) {
        const task_id t = absent_;
        std::fill(ready_.begin(), ready_.end(), problem_->release(t));
        std::fill(after_.begin(), after_.end(), 0.0);
        for (const neighbour& in : problem_->inputs(t)) {
            const device_id from = device_[in.task];
            raise_all(ready_, finish_[in.task], problem_->latency(from).data(),
                      problem_->seconds_per_byte(from).data(), in.bytes);
        }
        for (const neighbour& out : problem_->outputs(t)) {
            const std::size_t row = device_[out.task] * after_.size();
            raise_all(after_, tail_[out.task], &latency_to_[row], &seconds_per_byte_to_[row], out.bytes);
        }
        for (device_id d = 0; d < ready_.size(); ++d)
            if (const double least = ready_[d] + problem_->seconds(t, d) + after_[d];
                least <= most() && least < std::numeric_limits<double>::infinity())
                visit_places_on(d, visit);
    }

    /// Whether the detached task can go there without waiting for itself.
    [[nodiscard]] bool feasible(const insertion& place) {
        const auto& sequence = sequence_[place.device];
        if (place.index > 0 && order_.is_behind(sequence[place.index - 1], absent_)) return false;
        return place.index == sequence.size() || !order_.is_before(sequence[place.index], absent_);
    }

    [[nodiscard]] schedule to_schedule() const {
        schedule made;
        for (task_id t = 0; t < device_.size(); ++t)
            made.tasks.push_back({device_[t], start_[t], finish_[t]});
        return made;
    }

  private:
    void put_into_sequence(task_id t, const insertion& at) {
        auto& sequence = sequence_[at.device];
        sequence.insert(sequence.begin() + static_cast<std::ptrdiff_t>(at.index), t);
        order_.put_between(at.index > 0 ? sequence[at.index - 1] : no_id, t,
                           at.index + 1 < sequence.size() ? sequence[at.index + 1] : no_id);
        absent_ = no_id;
    }

    // --- places

    /// to[d] = max(to[d], from + latency[d] + per_byte[d] * size) for all devices.
    static void raise_all(std::vector<double>& to, double from, const double* latency, const double* per_byte,
                          double size) noexcept {
        for (std::size_t d = 0; d < to.size(); ++d)
            to[d] = std::max(to[d], from + (latency[d] + per_byte[d] * size));
    }

    template <class Visit>
    void visit_places_on(device_id d, Visit& visit) const {
        const auto& sequence = sequence_[d];
        const double ready = ready_[d], after = after_[d], own = problem_->seconds(absent_, d);
        const auto count_while = [&](auto holds) {
            return static_cast<std::size_t>(std::partition_point(sequence.begin(), sequence.end(), holds) -
                                            sequence.begin());
        };
        const std::size_t early = count_while([&](task_id x) { return finish_[x] <= ready; });
        const std::size_t late = count_while([&](task_id x) { return tail_[x] > after; });
        for (std::size_t i = std::min(early, late); i <= std::max(early, late); ++i) {
            const double from = i > 0 ? std::max(ready, finish_[sequence[i - 1]]) : ready;
            const double to = i < sequence.size() ? std::max(after, tail_[sequence[i]]) : after;
            visit(insertion{d, i, from + own + to});
        }
    }

    void transpose_transfers() {
        const std::size_t devices = problem_->device_count();
        for (device_id to = 0; to < devices; ++to)
            for (device_id from = 0; from < devices; ++from) {
                latency_to_.push_back(problem_->latency(from)[to]);
                seconds_per_byte_to_.push_back(problem_->seconds_per_byte(from)[to]);
            }
    }

    // --- longest ways

    void set_start(task_id t, double start) noexcept {
        start_[t] = start;
        finish_[t] = start + duration_[t];
    }
    void set_rest(task_id t, double rest) noexcept {
        rest_[t] = rest;
        tail_[t] = rest + duration_[t];
    }

    [[nodiscard]] double earliest(task_id t) const noexcept {
        double at = problem_->release(t);
        if (const task_id p = order_.previous(t); p != no_id) at = std::max(at, finish_[p]);
        for (const auto& in : in_[t]) at = std::max(at, finish_[in.task] + in.delay);
        return at;
    }
    [[nodiscard]] double longest_after(task_id t) const noexcept {
        double rest = order_.next(t) != no_id ? tail_[order_.next(t)] : 0.0;
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

    /// A task's finish was `before` and has fallen: starts that it determined are computed anew, and so on.
    void lower_starts(task_id t, double before) {
        const auto loosen = [&](task_id x, double finish) {
            const task_id next = order_.next(x);
            if (next != no_id && finish >= start_[next]) dirty_.add(order_.position(next));
            for (const auto& out : out_[x])
                if (finish + out.delay >= start_[out.task]) dirty_.add(order_.position(out.task));
        };
        loosen(t, before);
        dirty_.drain_up([&](std::size_t i) {
            const task_id x = order_.tasks()[i];
            const double start = earliest(x), finish = finish_[x];
            if (start == start_[x]) return;
            saved_start_.emplace_back(x, start_[x]);
            set_start(x, start);
            loosen(x, finish);
        });
    }
    void lower_rests(task_id t, double before) {
        const auto loosen = [&](task_id x, double tail) {
            const task_id previous = order_.previous(x);
            if (previous != no_id && tail >= rest_[previous]) dirty_.add(order_.position(previous));
            for (const auto& in : in_[x])
                if (tail + in.delay >= rest_[in.task]) dirty_.add(order_.position(in.task));
        };
        loosen(t, before);
        dirty_.drain_down([&](std::size_t i) {
            const task_id x = order_.tasks()[i];
            const double rest = longest_after(x), tail = tail_[x];
            if (rest == rest_[x]) return;
            saved_rest_.emplace_back(x, rest_[x]);
            set_rest(x, rest);
            loosen(x, tail);
        });
    }

    /// A task has come: what starts before its inputs can be there starts later, and so on.
    void raise_starts(task_id t) {
        const auto push = [&](task_id x, double start) {
            if (start <= start_[x]) return;
            start_[x] = start;
            dirty_.add(order_.position(x));
        };
        dirty_.add(order_.position(t));
        dirty_.drain_up([&](std::size_t i) {
            const task_id x = order_.tasks()[i];
            finish_[x] = start_[x] + duration_[x];
            if (order_.next(x) != no_id) push(order_.next(x), finish_[x]);
            for (const auto& out : out_[x]) push(out.task, finish_[x] + out.delay);
        });
    }
    void raise_rests(task_id t) {
        const auto push = [&](task_id x, double rest) {
            if (rest <= rest_[x]) return;
            rest_[x] = rest;
            dirty_.add(order_.position(x));
        };
        dirty_.add(order_.position(t));
        dirty_.drain_down([&](std::size_t i) {
            const task_id x = order_.tasks()[i];
            tail_[x] = rest_[x] + duration_[x];
            if (order_.previous(x) != no_id) push(order_.previous(x), tail_[x]);
            for (const auto& in : in_[x]) push(in.task, tail_[x] + in.delay);
        });
    }

    const schedule_problem* problem_;
    arc_rows in_, out_;
    std::vector<std::vector<task_id>> sequence_;  // [device] without the detached task
    machine_order order_;
    std::vector<device_id> device_;
    std::vector<double> duration_;
    std::vector<double> start_, finish_;  // longest ways from the beginning to a task's start and end
    std::vector<double> rest_, tail_;     // longest ways from a task's end and start to the end of everything
    task_id absent_ = no_id;
    position_set dirty_;
    std::vector<std::pair<task_id, double>> saved_start_{}, saved_rest_{};  // since `detach`, for `restore`
    std::vector<double> latency_to_{}, seconds_per_byte_to_{};              // [to * devices + from]
    std::vector<double> ready_, after_;                                     // [device] of the detached task
};

}  // namespace dispart::detail
