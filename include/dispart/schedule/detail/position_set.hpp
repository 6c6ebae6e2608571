#pragma once
/// \file
/// A set of small numbers that is emptied in order while it grows.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dispart::detail {

/// A set of positions that is emptied in ascending or descending order while it grows.
class position_set {
  public:
    explicit position_set(std::size_t size) : words_((size + 63) / 64, 0), low_(words_.size()) {}

    void add(std::size_t i) noexcept {
        words_[i / 64] |= std::uint64_t{1} << (i % 64);
        low_ = std::min(low_, i / 64);
        high_ = std::max(high_, i / 64 + 1);
    }
    /// Calls `visit(i)` for each, ascending; visits may add greater ones.
    template <class Visit>
    void drain_up(Visit visit) {
        for (std::size_t w = low_; w < high_; ++w)
            while (words_[w] != 0) {
                const auto bit = static_cast<std::size_t>(std::countr_zero(words_[w]));
                words_[w] &= words_[w] - 1;
                visit(w * 64 + bit);
            }
        low_ = words_.size(), high_ = 0;
    }
    /// Calls `visit(i)` for each, descending; visits may add smaller ones.
    template <class Visit>
    void drain_down(Visit visit) {
        for (std::size_t w = high_; w-- > low_;)
            while (words_[w] != 0) {
                const auto bit = static_cast<std::size_t>(63 - std::countl_zero(words_[w]));
                words_[w] &= ~(std::uint64_t{1} << bit);
                visit(w * 64 + bit);
            }
        low_ = words_.size(), high_ = 0;
    }

  private:
    std::vector<std::uint64_t> words_;
    std::size_t low_;
    std::size_t high_ = 0;
};

}  // namespace dispart::detail
