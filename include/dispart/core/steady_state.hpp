#pragma once
/// \file
/// One definition of the period, for predictions and for measurements.

#include <span>

#include "dispart/core/contracts.hpp"
#include "dispart/core/units.hpp"

namespace dispart {

/// Seconds between results once the pipeline is full: the mean gap over the last three quarters of the results.
/// \param finished times at which requests 0, 1, ... were finished, not descending, not empty
/// \return 0 for a single request, which has no period
[[nodiscard]] inline seconds steady_period(std::span<const double> finished) {
    DISPART_EXPECTS(!finished.empty());
    const std::size_t last = finished.size() - 1;
    const std::size_t first = finished.size() / 4;
    if (last == first) return seconds(0.0);
    return seconds((finished[last] - finished[first]) / static_cast<double>(last - first));
}

}  // namespace dispart
