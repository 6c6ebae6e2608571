#pragma once
/// \file
/// Compressed rows: many short lists of indices in two contiguous arrays.

#include <cstddef>
#include <span>
#include <vector>

namespace dispart {

/// Row i is `items[offsets[i] .. offsets[i + 1])`.
class csr {
  public:
    csr() = default;

    /// Copies a vector of lists. O(total size).
    explicit csr(const std::vector<std::vector<std::size_t>>& rows) {
        for (const auto& row : rows) push_back(row);
    }

    /// Appends a row.
    void push_back(std::span<const std::size_t> row) {
        items_.insert(items_.end(), row.begin(), row.end());
        offsets_.push_back(items_.size());
    }

    /// Number of rows.
    [[nodiscard]] std::size_t size() const noexcept { return offsets_.size() - 1; }
    [[nodiscard]] std::span<const std::size_t> operator[](std::size_t row) const noexcept {
        return {items_.data() + offsets_[row], offsets_[row + 1] - offsets_[row]};
    }
    /// Sum of the rows' lengths.
    [[nodiscard]] std::size_t item_count() const noexcept { return items_.size(); }

    friend bool operator==(const csr&, const csr&) = default;

  private:
    std::vector<std::size_t> offsets_{0};
    std::vector<std::size_t> items_{};
};

}  // namespace dispart
