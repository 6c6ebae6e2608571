#pragma once
/// \file
/// What schedulers make: where and when each task runs.

#include <algorithm>
#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart {

/// One task's place and time, in seconds.
struct scheduled_task {
    device_id device = no_id;
    double start = 0.0;
    double finish = 0.0;

    friend bool operator==(const scheduled_task&, const scheduled_task&) = default;
};

/// [task] of the problem. A device runs one task at a time, each without interruption.
struct schedule {
    std::vector<scheduled_task> tasks{};

    /// Seconds until everything is done.
    [[nodiscard]] double makespan() const noexcept {
        double end = 0.0;
        for (const scheduled_task& t : tasks) end = std::max(end, t.finish);
        return end;
    }

    friend bool operator==(const schedule&, const schedule&) = default;
};

}  // namespace dispart
