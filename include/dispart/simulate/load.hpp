#pragma once
/// \file
/// When requests arrive: all at once, evenly, at random, in bursts, or as a trace has it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// How requests follow each other.
enum class arrival_pattern {
    at_once,   ///< all are there at the start
    constant,  ///< one every 1/rate seconds, the first at 0
    poisson,   ///< exponentially distributed gaps of mean 1/rate
    bursts,  ///< `burst` requests together, the bursts at exponentially distributed gaps; `rate` requests a second on average
    trace,   ///< at the given times
};

struct request_load {
    arrival_pattern pattern = arrival_pattern::at_once;
    double rate = 1.0;            ///< requests per second, on average
    std::size_t burst = 10;       ///< requests that come together
    std::vector<double> times{};  ///< of a trace: seconds, ascending
    std::uint64_t seed = 1;
};

/// The first `count` times of arrival, ascending, in seconds.
/// Errors: invalid_argument (a rate that is not positive and finite, empty bursts, a trace that is too short, descends,
/// or has a time that is negative or not finite).
[[nodiscard]] inline result<std::vector<double>> make_arrivals(const request_load& load, std::size_t count) {
    const bool paced = load.pattern != arrival_pattern::at_once && load.pattern != arrival_pattern::trace;
    if (paced && !(load.rate > 0.0 && load.rate < std::numeric_limits<double>::infinity()))
        return fail(errc::invalid_argument, "rate", "it must be positive and finite");
    if (load.pattern == arrival_pattern::bursts && load.burst == 0)
        return fail(errc::invalid_argument, "burst", "a burst must have at least one request");
    if (load.pattern == arrival_pattern::trace) {
        const auto& times = load.times;
        if (times.size() < count)
            return fail(errc::invalid_argument, "times",
                        "the trace has " + std::to_string(times.size()) + " times for " +
                            std::to_string(count) + " requests");
        for (std::size_t i = 0; i < times.size(); ++i)
            if (!std::isfinite(times[i]) || times[i] < (i == 0 ? 0.0 : times[i - 1]))
                return fail(errc::invalid_argument, "times[" + std::to_string(i) + "]",
                            "times must be finite, not negative and ascending");
        return std::vector<double>(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(count));
    }
    random_source random(load.seed);
    std::vector<double> made(count, 0.0);
    double now = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
        if (load.pattern == arrival_pattern::constant) now = static_cast<double>(i) / load.rate;
        if (load.pattern == arrival_pattern::poisson) now += random.exponential(load.rate);
        if (load.pattern == arrival_pattern::bursts && i % load.burst == 0)
            now += random.exponential(load.rate / static_cast<double>(load.burst));
        made[i] = now;
    }
    return made;
}

}  // namespace dispart
