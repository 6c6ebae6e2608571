#pragma once
/// \file
/// Processor time: how much of it threads and processes used, and how much of a core this process is given. Containers
/// are often held to a share of a core: they run at full speed until it is used up, and then not until the next period.

#include <cstdint>
#include <ctime>

#include "dispart/core/units.hpp"
#include "dispart/run/clock.hpp"

namespace dispart {

namespace detail {

/// 0 in a world of virtual time, where nothing takes any.
[[nodiscard]] inline std::int64_t processor_nanoseconds(clockid_t of) {
    timespec now{};
    if (current_world != nullptr || ::clock_gettime(of, &now) != 0) return 0;
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace detail

/// Nanoseconds of processor time that the calling thread has used.
[[nodiscard]] inline std::int64_t thread_processor_now() {
    return detail::processor_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}
/// Nanoseconds of processor time that all threads of this process have used.
[[nodiscard]] inline std::int64_t process_processor_now() {
    return detail::processor_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

/// What a process gets of a core.
struct processor_share {
    double of_core = 1.0;  ///< processor seconds per second; 1 where nothing holds the process back
    seconds period{};      ///< between two times that it was held back; 0 where it never was
};

/// Computes for so long, and sees how often and for how long it is held back. Whole periods are counted, where there are
/// three or more. Less than a tenth is taken for the doings of others, not for a limit.
[[nodiscard]] inline processor_share measure_processor_share(seconds lasting = seconds(0.5)) {
    struct moment {
        std::int64_t elapsed = 0, used = 0;
    };
    const auto now = [] {
        return moment{detail::processor_nanoseconds(CLOCK_MONOTONIC), thread_processor_now()};
    };
    const std::int64_t held_back = 500'000;  // nanoseconds, that no interrupt takes
    const moment begin = now();
    moment last = begin, first_return = begin, last_return = begin;
    int returns = 0;
    while (last.elapsed - begin.elapsed < static_cast<std::int64_t>(lasting.value * 1e9)) {
        const moment here = now();
        if (here.elapsed == 0) return {};  // no clock, or none that passes
        if ((here.elapsed - last.elapsed) - (here.used - last.used) > held_back) {
            if (returns++ == 0) first_return = here;
            last_return = here;
        }
        last = here;
    }
    const bool whole_periods = returns >= 4;
    const moment from = whole_periods ? first_return : begin, to = whole_periods ? last_return : last;
    const auto elapsed = static_cast<double>(to.elapsed - from.elapsed);
    const double share = static_cast<double>(to.used - from.used) / elapsed;
    if (share > 0.9) return {};
    return {share, seconds(whole_periods ? elapsed * 1e-9 / (returns - 1) : 0.0)};
}

}  // namespace dispart
