#pragma once
/// \file
/// The two devices that matter to a task: the one that is free first, and the one from which its last input comes.

#include "dispart/schedule/detail/timetable.hpp"

namespace dispart::detail {

/// The earlier start of a task on the device that is free first and on its enabling device (on all devices where it may run
/// on neither); the slot at the end of the device's queue. O(inputs + devices).
[[nodiscard]] inline slot idle_or_enabling(const timetable& table, task_id t) {
    const schedule_problem& problem = table.problem();
    device_id idle = no_id, enabling = no_id;
    for (device_id d = 0; d < problem.device_count(); ++d)
        if (problem.is_allowed(t, d) && (idle == no_id || table.available(d) < table.available(idle)))
            idle = d;
    double last = -1.0;
    for (const neighbour& in : problem.inputs(t)) {
        const scheduled_task& from = table[in.task];
        const double arrival = from.finish + problem.transfer(from.device, idle, in.bytes);
        if (arrival > last) last = arrival, enabling = from.device;
    }
    slot best;
    const auto consider = [&](device_id d) {
        const slot s = table.slot_on(t, d, table.arrival(t, d), false);
        if (s.device != no_id && (s.start < best.start || (s.start == best.start && s.finish < best.finish)))
            best = s;
    };
    consider(idle);
    if (enabling != no_id) consider(enabling);
    if (best.device == no_id)
        for (device_id d = 0; d < problem.device_count(); ++d) consider(d);
    return best;
}

}  // namespace dispart::detail
