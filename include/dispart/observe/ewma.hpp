#pragma once
/// \file
/// A mean that forgets, and how sure it is.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "dispart/core/contracts.hpp"

namespace dispart {

/// Exponentially weighted mean and variance of a stream of values.
/// Source: Finch, "Incremental calculation of weighted mean and variance", 2009, section 9.
class ewma {
  public:
    /// \param weight of a new value, in (0, 1]; until 1/weight values have come, all count the same
    explicit ewma(double weight = 0.1) : weight_(weight) { DISPART_EXPECTS(weight > 0.0 && weight <= 1.0); }

    void add(double value) {
        ++count_;
        const double w = std::max(weight_, 1.0 / static_cast<double>(count_));
        const double step = w * (value - mean_);
        if (count_ == 1) {
            mean_ = value;
            return;
        }
        variance_ = (1.0 - w) * (variance_ + step * (value - mean_));
        mean_ += step;
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] double mean() const noexcept { return mean_; }
    [[nodiscard]] double deviation() const { return std::sqrt(variance_); }

    /// Half the width of the interval that holds the true mean with 95 %, were values independent and normal; infinite
    /// for fewer than two values. The mean stands for min(count, (2 - weight) / weight) values.
    [[nodiscard]] double half_width() const {
        if (count_ < 2) return std::numeric_limits<double>::infinity();
        const double n = std::min(static_cast<double>(count_), (2.0 - weight_) / weight_);
        return 1.96 * deviation() / std::sqrt(n);
    }

  private:
    double weight_;
    std::size_t count_ = 0;
    double mean_ = 0.0;
    double variance_ = 0.0;
};

}  // namespace dispart
