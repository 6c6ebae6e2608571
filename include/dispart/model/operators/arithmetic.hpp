#pragma once
/// \file
/// Arithmetic on extents that come from untrusted files: it saturates instead of overflowing, and whatever
/// saturated is refused by `checked_elements` afterwards.

#include <cstddef>
#include <cstdint>
#include <optional>

namespace dispart::detail {

/// Where extents saturate: far above `max_elements`, and the sum of two still fits.
inline constexpr std::int64_t saturated = std::int64_t{1} << 61;

[[nodiscard]] constexpr std::int64_t clamp_extent(std::int64_t value) noexcept {
    return value > saturated ? saturated : value < -saturated ? -saturated : value;
}

/// a + b, between -2^61 and 2^61.
[[nodiscard]] constexpr std::int64_t plus(std::int64_t a, std::int64_t b) noexcept {
    return clamp_extent(clamp_extent(a) + clamp_extent(b));
}

/// a - b, between -2^61 and 2^61.
[[nodiscard]] constexpr std::int64_t minus(std::int64_t a, std::int64_t b) noexcept {
    return clamp_extent(clamp_extent(a) - clamp_extent(b));
}

/// a * b, between -2^61 and 2^61.
[[nodiscard]] constexpr std::int64_t times(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return (a < 0) == (b < 0) ? saturated : -saturated;
    return clamp_extent(product);
}

/// Quotient rounded down. Precondition: b > 0.
[[nodiscard]] constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// Quotient rounded up. Precondition: b > 0.
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept {
    return a / b + (a % b > 0 ? 1 : 0);
}

/// Axis -rank..rank-1 as an index 0..rank-1, or nothing where it is outside.
[[nodiscard]] constexpr std::optional<std::size_t> normal_axis(std::int64_t axis, std::size_t rank) noexcept {
    const auto count = static_cast<std::int64_t>(rank);
    if (axis < -count || axis >= count) return std::nullopt;
    return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

/// A fractional extent rounded down, or nothing where it is NaN, negative or beyond 2^48.
[[nodiscard]] inline std::optional<std::int64_t> whole_extent(double value) noexcept {
    if (!(value >= 0.0 && value <= 281474976710656.0)) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

}  // namespace dispart::detail
