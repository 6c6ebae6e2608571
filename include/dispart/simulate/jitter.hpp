#pragma once
/// \file
/// Random variation of computing times: by part, or by layer.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// The distribution of the factor by which a time varies; its mean is 1.
enum class jitter_kind {
    none,
    uniform,      ///< within 1 +- sqrt(3) * spread
    log_normal,   ///< skewed to the long side, as measured times are
    exponential,  ///< memoryless; its spread is 1 whatever is asked for
};

/// Factors that depend on seed, request and task alone: the order of events does not change them.
struct jitter {
    jitter_kind kind = jitter_kind::none;
    double spread = 0.0;                ///< standard deviation over mean
    std::vector<double> task_spread{};  ///< [task] instead of `spread`, where it is not empty
    std::uint64_t seed = 1;

    /// What the task's computing time is multiplied by for the request; positive or 0.
    [[nodiscard]] double factor(request_id request, task_id task) const {
        if (kind == jitter_kind::none) return 1.0;
        const std::uint64_t state = mix64(mix64(mix64(seed) ^ request) ^ task);
        const double u = unit(state);
        if (kind == jitter_kind::exponential) return -std::log1p(-u);
        const double s = task < task_spread.size() ? task_spread[task] : spread;
        if (kind == jitter_kind::uniform) return 1.0 + std::sqrt(3.0) * s * (2.0 * u - 1.0);
        const double variance = std::log1p(s * s);
        const double normal =
            std::sqrt(-2.0 * std::log1p(-u)) * std::cos(2.0 * std::numbers::pi * unit(mix64(state)));
        return std::exp(std::sqrt(variance) * normal - variance / 2.0);
    }

  private:
    /// Uniform in [0, 1).
    static double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1p-53; }
};

/// Errors: invalid_argument (a spread that is negative or not finite; a uniform one so wide that times turn negative).
[[nodiscard]] inline result<void> validate(const jitter& j) {
    auto all = j.task_spread;
    all.push_back(j.spread);
    for (const double s : all) {
        if (!(s >= 0.0) || !std::isfinite(s))
            return fail(errc::invalid_argument, "spread", "it must be finite and not negative");
        if (j.kind == jitter_kind::uniform && s * std::sqrt(3.0) > 1.0)
            return fail(errc::invalid_argument, "spread", "uniform times of such a spread would be negative",
                        "take log_normal");
    }
    return {};
}

/// A task's spread when each of its layers varies on its own: the root of the sum of (spread * time)^2 over the sum of
/// times. \param times of the layers, seconds
[[nodiscard]] inline double combined_spread(const std::vector<double>& times, double layer_spread) {
    double squares = 0.0, sum = 0.0;
    for (const double t : times) {
        squares += layer_spread * t * layer_spread * t;
        sum += t;
    }
    return sum > 0.0 ? std::sqrt(squares) / sum : 0.0;
}

}  // namespace dispart
