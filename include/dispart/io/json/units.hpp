#pragma once
/// \file
/// Quantities as people write them: "4 GiB", "100 Mbit/s", "2 ms", "13.5 GFLOPS".

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"

namespace dispart::io {

namespace detail {

/// A way to write a unit, and how many SI units one of it is.
using unit_name = std::pair<std::string_view, double>;

template <class Unit>
struct unit_text;
template <>
struct unit_text<unit::byte> {
    static constexpr std::array names{unit_name{"B", 1.0}, unit_name{"byte", 1.0}, unit_name{"bytes", 1.0}};
    static constexpr const char* hint = "a number of bytes, or text like \"4 GiB\"";
};
template <>
struct unit_text<unit::second> {
    static constexpr std::array names{unit_name{"s", 1.0}};
    static constexpr const char* hint = "a number of seconds, or text like \"2 ms\"";
};
template <>
struct unit_text<unit::byte_per_second> {
    static constexpr std::array names{unit_name{"B/s", 1.0}, unit_name{"Bps", 1.0}, unit_name{"bit/s", 0.125},
                                      unit_name{"bps", 0.125}};
    static constexpr const char* hint = "a number of bytes per second, or text like \"100 Mbit/s\"";
};
template <>
struct unit_text<unit::flop_per_second> {
    static constexpr std::array names{unit_name{"flop/s", 1.0}, unit_name{"flops", 1.0},
                                      unit_name{"FLOPS", 1.0}, unit_name{"FLOP/s", 1.0}};
    static constexpr const char* hint = "a number of operations per second, or text like \"13.5 GFLOPS\"";
};
template <>
struct unit_text<unit::flop> {
    static constexpr std::array names{unit_name{"flop", 1.0}, unit_name{"FLOP", 1.0}};
    static constexpr const char* hint = "a number of operations, or text like \"2 GFLOP\"";
};
template <>
struct unit_text<unit::watt> {
    static constexpr std::array names{unit_name{"W", 1.0}};
    static constexpr const char* hint = "a number of watts, or text like \"5 W\"";
};
template <>
struct unit_text<unit::joule> {
    static constexpr std::array names{unit_name{"J", 1.0}};
    static constexpr const char* hint = "a number of joules, or text like \"20 nJ\"";
};
template <>
struct unit_text<unit::money> {
    static constexpr std::array<unit_name, 0> names{};
    static constexpr const char* hint = "a number";
};

inline constexpr std::array unit_prefixes{unit_name{"", 1.0},
                                          unit_name{"n", 1e-9},
                                          unit_name{"u", 1e-6},
                                          unit_name{"\u00b5", 1e-6},
                                          unit_name{"m", 1e-3},
                                          unit_name{"k", 1e3},
                                          unit_name{"K", 1e3},
                                          unit_name{"M", 1e6},
                                          unit_name{"G", 1e9},
                                          unit_name{"T", 1e12},
                                          unit_name{"Ki", 1024.0},
                                          unit_name{"Mi", 1048576.0},
                                          unit_name{"Gi", 1073741824.0},
                                          unit_name{"Ti", 1099511627776.0}};

/// How many SI units a suffix like "GiB" stands for; NaN where it is none. Without a suffix: 1.
inline double unit_factor(std::string_view suffix, std::span<const unit_name> names) {
    if (suffix.empty()) return 1.0;
    for (const auto& [name, of_name] : names)
        for (const auto& [prefix, of_prefix] : unit_prefixes)
            if (suffix.size() == prefix.size() + name.size() && suffix.starts_with(prefix) &&
                suffix.ends_with(name))
                return of_prefix * of_name;
    return std::nan("");
}

}  // namespace detail

/// Reads a number, white space and a unit with an SI or binary prefix; without a unit the number is in SI units.
/// Errors: parse_error, with the text as offender (not a number, an unknown unit, not finite). O(length).
template <class Unit>
[[nodiscard]] result<quantity<Unit>> parse_quantity(std::string_view text) {
    const auto wrong = [&](const char* message) {
        return fail(errc::parse_error, std::string(text), message, detail::unit_text<Unit>::hint);
    };
    double number = 0.0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{}) return wrong("it does not begin with a number");
    std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    while (suffix.starts_with(' ')) suffix.remove_prefix(1);
    const double factor = detail::unit_factor(suffix, detail::unit_text<Unit>::names);
    if (std::isnan(factor)) return wrong("its unit is not known here");
    if (!std::isfinite(number * factor)) return wrong("it is not finite");
    return quantity<Unit>(number * factor);
}

}  // namespace dispart::io
