#pragma once
/// \file
/// Processor time: how much of it threads and processes used, and how much of a core this process is given. Containers
/// are often held to a share of a core: they run at full speed until it is used up, and then not until the next period.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>

#include "dispart/core/contracts.hpp"
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
    seconds period{};  ///< between two times that it was held back; 0 where that was not seen often enough
};

namespace detail {

/// Nanoseconds of the wall clock, and of a thread's processor time until then.
struct processor_moment {
    std::int64_t elapsed = 0;
    std::int64_t used = 0;
};

/// What moments of a thread that does nothing but ask for them say, seen for so long.
template <class Now>
[[nodiscard]] processor_share share_seen(seconds lasting, const Now& now) {
    const std::int64_t held_back = 500'000;  // nanoseconds, that no interrupt takes
    const processor_moment begin = now();
    processor_moment last = begin, first_return = begin, last_return = begin;
    int returns = 0;
    while (static_cast<double>(last.elapsed - begin.elapsed) < lasting.value * 1e9) {
        const processor_moment here = now();
        if ((here.elapsed - last.elapsed) - (here.used - last.used) > held_back) {
            if (returns++ == 0) first_return = here;
            last_return = here;
        }
        last = here;
    }
    const bool whole_periods = returns >= 4;
    const auto& from = whole_periods ? first_return : begin;
    const auto& to = whole_periods ? last_return : last;
    const auto elapsed = static_cast<double>(to.elapsed - from.elapsed);
    const double share = static_cast<double>(to.used - from.used) / elapsed;
    if (!(share <= 0.9)) return {};
    return {share, seconds(whole_periods ? elapsed * 1e-9 / (returns - 1) : 0.0)};
}

}  // namespace detail

/// How long work of so much processor time lasts that begins at any moment of a period, of which nothing is used up yet:
/// the mean over 64 moments. O(64). Precondition: a positive share.
[[nodiscard]] inline double lasts(double processor_s, const processor_share& given) {
    DISPART_EXPECTS(given.of_core > 0.0);
    const double period = given.period.value, quota = period * given.of_core;
    if (given.of_core >= 1.0 || period <= 0.0) return processor_s / given.of_core;
    const int moments = 64;
    double sum = 0.0;
    for (int m = 0; m < moments; ++m) {
        const double until_refill = period * (m + 0.5) / moments;
        const double at_once = std::min(quota, until_refill);  // what is left of the quota then is lost
        if (processor_s <= at_once) {
            sum += processor_s;
            continue;
        }
        const double left = processor_s - at_once;
        const double whole_periods = std::ceil(left / quota) - 1.0;
        sum += until_refill + whole_periods * period + (left - whole_periods * quota);
    }
    return sum / moments;
}

/// Computes for so long, and sees how often and for how long the process is held back. Whole periods are counted, where there
/// are three or more. Less than a tenth is taken for the doings of others, not for a limit.
[[nodiscard]] inline processor_share measure_processor_share(seconds lasting = seconds(0.5)) {
    if (detail::current_world != nullptr) return {};  // no time passes there by computing
    return detail::share_seen(lasting, [] {
        return detail::processor_moment{detail::processor_nanoseconds(CLOCK_MONOTONIC),
                                        thread_processor_now()};
    });
}

}  // namespace dispart
