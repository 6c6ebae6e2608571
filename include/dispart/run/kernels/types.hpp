#pragma once
/// \file
/// Choosing the element type of a kernel at run time, and conversions between element types that are always defined.

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "dispart/run/kernels/call.hpp"
#include "dispart/tensor/half.hpp"

namespace dispart::kernels {

template <class... Ts>
struct type_list {};

using floating_types = type_list<float, double>;
using integer_types = type_list<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                                std::uint16_t, std::uint32_t, std::uint64_t>;
using number_types = type_list<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                               std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
using common_types = type_list<float, double, std::int32_t, std::int64_t>;

/// Calls `f(std::type_identity<T>{})` for the T that stores `type`; false where the list has none.
template <class... Ts, class F>
bool visit_type(type_list<Ts...>, dtype type, F&& f) {
    return ((type == dtype_of<Ts> && (f(std::type_identity<Ts>{}), true)) || ...);
}

/// A value as another element type: floating to integer truncates and saturates, NaN becomes 0; integers wrap.
template <class To, class From>
[[nodiscard]] To convert(From from) noexcept {
    if constexpr (std::is_same_v<To, bool>) {
        return from != From{};
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
        if (!(from == from)) return To{0};
        if (from <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
        if (from >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
        return static_cast<To>(from);
    } else {
        return static_cast<To>(from);
    }
}

/// Integers as unsigned of the same width, where arithmetic wraps; floating types as they are.
template <class T>
struct wrapping_of {
    using type = T;
};
template <class T>
    requires std::is_integral_v<T>
struct wrapping_of<T> {
    // At least 32 bits: smaller unsigned types would be promoted to int.
    using type = std::conditional_t<(sizeof(T) < 8), std::uint32_t, std::uint64_t>;
};
template <class T>
using wrapping = typename wrapping_of<T>::type;

template <class T>
[[nodiscard]] constexpr T wrap_add(T a, T b) noexcept {
    return static_cast<T>(static_cast<wrapping<T>>(a) + static_cast<wrapping<T>>(b));
}
template <class T>
[[nodiscard]] constexpr T wrap_subtract(T a, T b) noexcept {
    return static_cast<T>(static_cast<wrapping<T>>(a) - static_cast<wrapping<T>>(b));
}
template <class T>
[[nodiscard]] constexpr T wrap_multiply(T a, T b) noexcept {
    return static_cast<T>(static_cast<wrapping<T>>(a) * static_cast<wrapping<T>>(b));
}
/// Integer division truncates; by zero it gives 0, and the smallest integer by -1 wraps.
template <class T>
[[nodiscard]] constexpr T safe_divide(T a, T b) noexcept {
    if constexpr (std::is_integral_v<T>) {
        if (b == T{0}) return T{0};
        if constexpr (std::is_signed_v<T>) {
            if (b == T{-1}) return wrap_subtract(T{0}, a);
        }
        return static_cast<T>(a / b);
    } else {
        return a / b;
    }
}

/// Every type but the 16-bit floating ones.
using plain_types = type_list<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                              std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, bool>;

/// The elements of any type but the 16-bit floating ones as T.
template <class T>
[[nodiscard]] std::vector<T> values_as(const tensor& from) {
    std::vector<T> list(from.size());
    visit_type(plain_types{}, from.type(), [&]<class From>(std::type_identity<From>) {
        const auto* values = from.data<From>().data();
        for (std::size_t i = 0; i < list.size(); ++i) list[i] = convert<T>(values[i]);
    });
    return list;
}

/// f16 and bf16 elements as f32, other tensors as they are.
[[nodiscard]] inline result<tensor> widened(const call& c, const tensor& t) {
    if (t.type() != dtype::f16 && t.type() != dtype::bf16) return t;
    DISPART_TRY(tensor wide, c.make(dtype::f32, t.dims()));
    if (t.type() == dtype::f16) widen(t.data<f16_bits>(), wide.data<float>());
    else widen(t.data<bf16_bits>(), wide.data<float>());
    return wide;
}

/// f32 elements rounded to f16 or bf16, other tensors as they are.
[[nodiscard]] inline result<tensor> narrowed(const call& c, const tensor& t, dtype half) {
    if (t.type() != dtype::f32) return t;
    DISPART_TRY(tensor narrow_one, c.make(half, t.dims()));
    const std::span<const float> from = t.data<float>();
    if (half == dtype::f16) narrow(from, narrow_one.data<f16_bits>());
    else narrow(from, narrow_one.data<bf16_bits>());
    return narrow_one;
}

}  // namespace dispart::kernels
