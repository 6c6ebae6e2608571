#pragma once
/// \file
/// Intervals and rectangles of feature maps.

#include <algorithm>
#include <cstdint>

namespace dispart {

/// Positions begin .. end - 1 along one axis; every empty interval counts as none.
struct interval {
    std::int64_t begin = 0;
    std::int64_t end = 0;

    [[nodiscard]] constexpr std::int64_t size() const noexcept { return end > begin ? end - begin : 0; }
    [[nodiscard]] constexpr bool empty() const noexcept { return end <= begin; }
    [[nodiscard]] constexpr bool contains(const interval& other) const noexcept {
        return other.empty() || (begin <= other.begin && other.end <= end);
    }
    friend bool operator==(const interval&, const interval&) = default;
};

/// The smallest interval that contains both.
[[nodiscard]] constexpr interval hull(const interval& a, const interval& b) noexcept {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

/// What lies in both.
[[nodiscard]] constexpr interval intersection(const interval& a, const interval& b) noexcept {
    const interval both{std::max(a.begin, b.begin), std::min(a.end, b.end)};
    return both.empty() ? interval{} : both;
}

/// A rectangle of a map.
struct region {
    interval rows{};
    interval columns{};

    [[nodiscard]] constexpr std::int64_t area() const noexcept { return rows.size() * columns.size(); }
    [[nodiscard]] constexpr bool empty() const noexcept { return rows.empty() || columns.empty(); }
    [[nodiscard]] constexpr bool contains(const region& other) const noexcept {
        return other.empty() || (rows.contains(other.rows) && columns.contains(other.columns));
    }
    friend bool operator==(const region&, const region&) = default;
};

/// The smallest rectangle that contains both.
[[nodiscard]] constexpr region hull(const region& a, const region& b) noexcept {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {hull(a.rows, b.rows), hull(a.columns, b.columns)};
}

/// What lies in both.
[[nodiscard]] constexpr region intersection(const region& a, const region& b) noexcept {
    const region both{intersection(a.rows, b.rows), intersection(a.columns, b.columns)};
    return both.empty() ? region{} : both;
}

}  // namespace dispart
