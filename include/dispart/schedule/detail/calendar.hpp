#pragma once
/// \file
/// When one thing is busy, and where a span of a given length still fits.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace dispart::detail {

class calendar {
  public:
    /// When it has done everything that is entered so far.
    [[nodiscard]] double end() const noexcept { return spans_.empty() ? 0.0 : spans_.back().finish; }

    /// The earliest start at or after `ready`, also in a gap that is long enough. O(log k + gaps passed).
    [[nodiscard]] double earliest(double ready, double duration) const {
        if (spans_.empty() || ready >= spans_.back().finish) return ready;
        auto next = std::upper_bound(spans_.begin(), spans_.end(), ready,
                                     [](double at, const span& s) { return at < s.finish; });
        for (double from = ready; next != spans_.end(); from = next->finish, ++next)
            if (std::max(from, ready) + duration <= next->start) return std::max(from, ready);
        return spans_.back().finish;
    }

    void enter(double start, double finish) {
        if (spans_.empty() || spans_.back().finish <= start) return spans_.push_back({start, finish});
        spans_.insert(std::upper_bound(spans_.begin(), spans_.end(), span{start, finish},
                                       [](const span& a, const span& b) {
                                           return std::pair(a.start, a.finish) < std::pair(b.start, b.finish);
                                       }),
                      {start, finish});
    }

  private:
    struct span {
        double start;
        double finish;
    };
    std::vector<span> spans_{};
};

}  // namespace dispart::detail
