#pragma once
/// \file
/// Units are types: `2_ms + 1_GiB` does not compile, `1_GiB / (1_GiB / 2_s)` is `2_s`.

#include <compare>
#include <concepts>
#include <ostream>

namespace dispart {

/// A double with a unit; converts from and to double only explicitly.
template <class Unit>
struct quantity {
    double value = 0.0;

    constexpr quantity() = default;
    constexpr explicit quantity(double v) noexcept : value(v) {}

    friend constexpr auto operator<=>(quantity, quantity) = default;
    constexpr quantity& operator+=(quantity other) noexcept { return value += other.value, *this; }
    constexpr quantity& operator-=(quantity other) noexcept { return value -= other.value, *this; }
    friend constexpr quantity operator+(quantity a, quantity b) noexcept {
        return quantity(a.value + b.value);
    }
    friend constexpr quantity operator-(quantity a, quantity b) noexcept {
        return quantity(a.value - b.value);
    }
    friend constexpr quantity operator*(quantity a, double k) noexcept { return quantity(a.value * k); }
    friend constexpr quantity operator*(double k, quantity a) noexcept { return quantity(a.value * k); }
    friend constexpr quantity operator/(quantity a, double k) noexcept { return quantity(a.value / k); }
    friend constexpr double operator/(quantity a, quantity b) noexcept { return a.value / b.value; }
};

namespace unit {
struct byte {
    static constexpr const char* symbol = "B";
};
struct flop {
    static constexpr const char* symbol = "flop";
};
struct second {
    static constexpr const char* symbol = "s";
};
struct flop_per_second {
    static constexpr const char* symbol = "flop/s";
};
struct byte_per_second {
    static constexpr const char* symbol = "B/s";
};
struct joule {
    static constexpr const char* symbol = "J";
};
struct watt {
    static constexpr const char* symbol = "W";
};
struct money {
    static constexpr const char* symbol = "";
};
}  // namespace unit

using bytes = quantity<unit::byte>;      ///< an amount of memory or data
using flops = quantity<unit::flop>;      ///< floating-point operations; a multiply-add counts 2
using seconds = quantity<unit::second>;  ///< a duration
using flops_per_second = quantity<unit::flop_per_second>;  ///< a rate of computing
using bytes_per_second = quantity<unit::byte_per_second>;  ///< a rate of transfer
using joules = quantity<unit::joule>;                      ///< energy
using watts = quantity<unit::watt>;                        ///< power
using currency = quantity<unit::money>;                    ///< a price, in the user's own currency

/// Products and quotients across units; Doxygen cannot tell such overloads apart. \cond
[[nodiscard]] constexpr seconds operator/(bytes a, bytes_per_second b) noexcept {
    return seconds(a.value / b.value);
}
[[nodiscard]] constexpr seconds operator/(flops a, flops_per_second b) noexcept {
    return seconds(a.value / b.value);
}
[[nodiscard]] constexpr bytes_per_second operator/(bytes a, seconds b) noexcept {
    return bytes_per_second(a.value / b.value);
}
[[nodiscard]] constexpr flops_per_second operator/(flops a, seconds b) noexcept {
    return flops_per_second(a.value / b.value);
}
[[nodiscard]] constexpr bytes operator*(bytes_per_second a, seconds b) noexcept {
    return bytes(a.value * b.value);
}
[[nodiscard]] constexpr bytes operator*(seconds a, bytes_per_second b) noexcept { return b * a; }
[[nodiscard]] constexpr flops operator*(flops_per_second a, seconds b) noexcept {
    return flops(a.value * b.value);
}
[[nodiscard]] constexpr flops operator*(seconds a, flops_per_second b) noexcept { return b * a; }
[[nodiscard]] constexpr joules operator*(watts a, seconds b) noexcept { return joules(a.value * b.value); }
[[nodiscard]] constexpr joules operator*(seconds a, watts b) noexcept { return b * a; }
[[nodiscard]] constexpr watts operator/(joules a, seconds b) noexcept { return watts(a.value / b.value); }
/// \endcond

template <class Unit>
std::ostream& operator<<(std::ostream& out, quantity<Unit> q) {
    return out << q.value << ' ' << Unit::symbol;
}

/// `using namespace dispart::literals;` brings 3_ms, 2_GiB, 10_GFLOPS, 100_Mbps, 5_W, ...
inline namespace literals {
// NOLINTBEGIN: one line per literal, for integers and for decimals
#define DISPART_LITERAL(suffix, type, factor)                           \
    constexpr type operator""_##suffix(unsigned long long v) noexcept { \
        return type(static_cast<double>(v) * (factor));                 \
    }                                                                   \
    constexpr type operator""_##suffix(long double v) noexcept {        \
        return type(static_cast<double>(v) * (factor));                 \
    }
DISPART_LITERAL(B, bytes, 1.0)
DISPART_LITERAL(KiB, bytes, 1024.0)
DISPART_LITERAL(MiB, bytes, 1024.0 * 1024.0)
DISPART_LITERAL(GiB, bytes, 1024.0 * 1024.0 * 1024.0)
DISPART_LITERAL(KB, bytes, 1e3)
DISPART_LITERAL(MB, bytes, 1e6)
DISPART_LITERAL(GB, bytes, 1e9)
DISPART_LITERAL(s, seconds, 1.0)
DISPART_LITERAL(ms, seconds, 1e-3)
DISPART_LITERAL(us, seconds, 1e-6)
DISPART_LITERAL(MFLOP, flops, 1e6)
DISPART_LITERAL(GFLOP, flops, 1e9)
DISPART_LITERAL(MFLOPS, flops_per_second, 1e6)
DISPART_LITERAL(GFLOPS, flops_per_second, 1e9)
DISPART_LITERAL(TFLOPS, flops_per_second, 1e12)
DISPART_LITERAL(Kbps, bytes_per_second, 1e3 / 8)
DISPART_LITERAL(Mbps, bytes_per_second, 1e6 / 8)
DISPART_LITERAL(Gbps, bytes_per_second, 1e9 / 8)
DISPART_LITERAL(MBps, bytes_per_second, 1e6)
DISPART_LITERAL(GBps, bytes_per_second, 1e9)
DISPART_LITERAL(J, joules, 1.0)
DISPART_LITERAL(W, watts, 1.0)
#undef DISPART_LITERAL
// NOLINTEND
}  // namespace literals

}  // namespace dispart
