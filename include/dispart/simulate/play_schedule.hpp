#pragma once
/// \file
/// What becomes of a schedule on a network whose links are shared, and the scheduler that bears it best.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/schedule/problem.hpp"
#include "dispart/schedule/registry.hpp"
#include "dispart/schedule/schedule.hpp"
#include "dispart/schedule/validate.hpp"
#include "dispart/simulate/platform.hpp"
#include "dispart/simulate/play.hpp"
#include "dispart/simulate/workload.hpp"

namespace dispart {

/// The times that a schedule's tasks really get when each message is a flow that shares links with others: devices and
/// the order of tasks on each stay, starts follow. Problem and platform must be of the same devices; latencies and rates
/// are the platform's.
/// Errors: those of `validate_timing` and `play`; infeasible (a message that has no way). O(play).
[[nodiscard]] inline result<schedule> play_schedule(const schedule_problem& problem, const platform& on,
                                                    const schedule& given) {
    DISPART_CHECK(validate_timing(problem, given));
    if (on.device_count() != problem.device_count())
        return fail(errc::invalid_argument, "platform", "it has another number of devices than the problem");
    workload work;
    for (task_id t = 0; t < problem.task_count(); ++t)
        work.add({.device = given.tasks[t].device,
                  .amount = given.tasks[t].finish - given.tasks[t].start,
                  .earliest = problem.release(t)});
    const auto item = [](task_id t) { return static_cast<std::uint32_t>(t); };
    for (const auto& row : detail::device_orders(problem, given))
        for (std::size_t i = 1; i < row.size(); ++i) work.order.emplace_back(item(row[i - 1]), item(row[i]));
    for (const dependency& d : problem.tables().dependencies) {
        const device_id from = given.tasks[d.from].device, to = given.tasks[d.to].device;
        auto before = item(d.from);
        if (from != to) {
            const auto message = work.add({.device = from, .peer = to, .amount = d.bytes});
            work.order.emplace_back(before, message);
            before = message;
        }
        work.order.emplace_back(before, item(d.to));
    }
    DISPART_TRY(const playback played, play(on, work));
    if (played.unfinished > 0)
        return fail(errc::infeasible, "platform", "a message has no way to its reader");
    schedule made = given;
    for (task_id t = 0; t < made.tasks.size(); ++t)
        made.tasks[t] = {given.tasks[t].device, played.begin[t], played.end[t]};
    return made;
}

/// Of all list schedules the one that is shortest when links are shared max-min fairly, with its times there.
/// Errors: those of the last that fails, if all do. Heuristic.
[[nodiscard]] inline result<schedule> schedule_on_shared_links(const schedule_problem& problem,
                                                               const platform& on) {
    result<schedule> best = fail(errc::infeasible, "schedule", "no scheduler found a schedule");
    for (const named_scheduler& each : list_schedulers()) {
        auto made = each.run(problem);
        if (made) made = play_schedule(problem, on, *made);
        if (!made && !best) best = std::move(made);
        else if (made && (!best || made->makespan() < best->makespan())) best = std::move(made);
    }
    return best;
}

}  // namespace dispart
