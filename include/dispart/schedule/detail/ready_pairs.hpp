#pragma once
/// \file
/// Dynamic list scheduling: of all pairs of a ready task and a device, the best is placed next.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "dispart/schedule/detail/timetable.hpp"

namespace dispart::detail {

/// What is compared between pairs: the greater the better, the second where the first are equal.
using pair_value = std::pair<double, double>;

/// Places, one after the other, the pair of ready task and device with the greatest `value(task, slot)` at the end of the
/// device's queue; ties by place in line, then by device. A task's best pair is only looked for again when its device got
/// a task, so values must not rise as devices fill.
template <class Value>
[[nodiscard]] result<schedule> place_best_pairs(const schedule_problem& problem, Value value) {
    struct waiting_task {
        task_id task;
        std::vector<double> arrivals;
        slot best{};
        pair_value worth{-never, -never};
    };
    timetable table(problem);
    readiness ready(problem);
    std::vector<waiting_task> line;
    const auto evaluate = [&](waiting_task& w) {
        w.best = {};
        for (device_id d = 0; d < problem.device_count(); ++d) {
            const slot s = table.slot_on(w.task, d, w.arrivals[d], false);
            if (s.device == no_id) continue;
            const pair_value worth = value(w.task, s);
            if (w.best.device == no_id || worth > w.worth) w.best = s, w.worth = worth;
        }
    };
    const auto add = [&](task_id t) {
        line.push_back({t, table.arrivals(t), {}, {}});
        evaluate(line.back());
    };
    for (const task_id t : ready.initial()) add(t);
    while (!line.empty()) {
        const auto chosen = std::max_element(line.begin(), line.end(), [](const auto& a, const auto& b) {
            return a.best.device != no_id && (b.best.device == no_id || a.worth < b.worth);
        });
        const auto [task, slot] = std::pair(chosen->task, chosen->best);
        DISPART_CHECK(table.try_place(task, slot));
        line.erase(chosen);
        for (waiting_task& w : line)
            if (w.best.device == slot.device) evaluate(w);
        ready.placed(task, add);
    }
    return std::move(table).take();
}

}  // namespace dispart::detail
