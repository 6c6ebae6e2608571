#pragma once
/// \file
/// A schedule in the making: which device is busy when, and when a task's inputs would arrive where.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/schedule/detail/calendar.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/schedule.hpp"

namespace dispart::detail {

inline constexpr double never = std::numeric_limits<double>::infinity();

/// Where a task would go.
struct slot {
    device_id device = no_id;
    double start = never;
    double finish = never;
};

class timetable {
  public:
    explicit timetable(const schedule_problem& problem)
        : problem_(&problem)
        , busy_(problem.device_count())
        , arrival_(problem.device_count()) {
        made_.tasks.resize(problem.task_count());
    }

    [[nodiscard]] const schedule_problem& problem() const noexcept { return *problem_; }
    [[nodiscard]] bool is_placed(task_id t) const noexcept { return made_.tasks[t].device != no_id; }
    [[nodiscard]] const scheduled_task& operator[](task_id t) const noexcept { return made_.tasks[t]; }
    /// When a device has done everything placed on it so far.
    [[nodiscard]] double available(device_id d) const noexcept { return busy_[d].end(); }

    /// When all inputs of a task would be there, per device; every input must be placed. O(inputs * devices).
    const std::vector<double>& arrivals(task_id t) {
        std::fill(arrival_.begin(), arrival_.end(), problem_->release(t));
        for (const neighbour& in : problem_->inputs(t)) {
            const scheduled_task& from = made_.tasks[in.task];
            const auto latency = problem_->latency(from.device);
            const auto per_byte = problem_->seconds_per_byte(from.device);
            for (device_id d = 0; d < arrival_.size(); ++d)
                arrival_[d] = std::max(arrival_[d], from.finish + (latency[d] + per_byte[d] * in.bytes));
        }
        return arrival_;
    }

    /// When all inputs of a task would be on one device. O(inputs).
    [[nodiscard]] double arrival(task_id t, device_id d) const {
        double at = problem_->release(t);
        for (const neighbour& in : problem_->inputs(t)) {
            const scheduled_task& from = made_.tasks[in.task];
            at = std::max(at, from.finish + problem_->transfer(from.device, d, in.bytes));
        }
        return at;
    }

    /// The earliest start at or after `ready`, behind everything on the device.
    [[nodiscard]] double append_start(device_id d, double ready) const noexcept {
        return std::max(ready, available(d));
    }

    [[nodiscard]] slot slot_on(task_id t, device_id d, double ready, bool insertion) const {
        const double duration = problem_->seconds(t, d);
        if (!(duration < never) || !(ready < never)) return {};
        const double start = insertion ? busy_[d].earliest(ready, duration) : append_start(d, ready);
        return {d, start, start + duration};
    }

    /// The slot with the earliest finish plus `extra(device)`, lowest device first. O(devices * (inputs + gaps)).
    template <class Extra>
    [[nodiscard]] slot best_slot(task_id t, bool insertion, Extra extra) {
        slot best;
        double best_value = never;
        arrivals(t);
        for (device_id d = 0; d < arrival_.size(); ++d) {
            const slot s = slot_on(t, d, arrival_[d], insertion);
            if (const double value = s.finish + extra(d); value < best_value) best = s, best_value = value;
        }
        return best;
    }
    [[nodiscard]] slot best_slot(task_id t, bool insertion) {
        return best_slot(t, insertion, [](device_id) { return 0.0; });
    }

    void place(task_id t, const slot& s) {
        made_.tasks[t] = {s.device, s.start, s.finish};
        busy_[s.device].enter(s.start, s.finish);
    }

    /// Places a task if there is a slot. Errors: infeasible (no device can run it with its inputs).
    [[nodiscard]] result<void> try_place(task_id t, const slot& s) {
        if (s.device == no_id)
            return fail(errc::infeasible, problem_->task_label(t),
                        "no device may run the task and be reached from where its inputs are made");
        place(t, s);
        return {};
    }

    [[nodiscard]] schedule take() && { return std::move(made_); }

  private:
    const schedule_problem* problem_;
    schedule made_{};
    std::vector<calendar> busy_;
    std::vector<double> arrival_;
};

/// Tasks whose inputs are all placed: `placed(t, visit)` calls `visit` for each task that `t` was the last input of.
class readiness {
  public:
    explicit readiness(const schedule_problem& problem) : problem_(&problem), waiting_(problem.task_count()) {
        for (task_id t = 0; t < waiting_.size(); ++t) waiting_[t] = problem.inputs(t).size();
    }
    /// Tasks without inputs, ascending.
    [[nodiscard]] std::vector<task_id> initial() const {
        std::vector<task_id> ready;
        for (task_id t = 0; t < waiting_.size(); ++t)
            if (waiting_[t] == 0) ready.push_back(t);
        return ready;
    }
    template <class Visit>
    void placed(task_id t, Visit visit) {
        for (const neighbour& out : problem_->outputs(t))
            if (--waiting_[out.task] == 0) visit(out.task);
    }

  private:
    const schedule_problem* problem_;
    std::vector<std::size_t> waiting_;
};

}  // namespace dispart::detail
