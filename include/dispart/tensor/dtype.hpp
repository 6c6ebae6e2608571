#pragma once
/// \file
/// Element types of tensors.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dispart {

/// Element type; the numbers are ours and appear on the wire.
enum class dtype : std::uint8_t { f32, f64, f16, bf16, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

inline constexpr std::size_t dtype_count = 13;

namespace detail {
struct dtype_row {
    std::string_view name;
    std::size_t size;
};
inline constexpr std::array<dtype_row, dtype_count> dtype_table{{{"f32", 4},
                                                                 {"f64", 8},
                                                                 {"f16", 2},
                                                                 {"bf16", 2},
                                                                 {"i8", 1},
                                                                 {"i16", 2},
                                                                 {"i32", 4},
                                                                 {"i64", 8},
                                                                 {"u8", 1},
                                                                 {"u16", 2},
                                                                 {"u32", 4},
                                                                 {"u64", 8},
                                                                 {"boolean", 1}}};
}  // namespace detail

/// Bytes of one element.
[[nodiscard]] constexpr std::size_t size_of(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].size;
}

[[nodiscard]] constexpr std::string_view to_string(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].name;
}

/// The dtype of that name, or nothing.
[[nodiscard]] constexpr std::optional<dtype> dtype_from_string(std::string_view name) noexcept {
    for (std::size_t i = 0; i < dtype_count; ++i)
        if (detail::dtype_table[i].name == name) return static_cast<dtype>(i);
    return std::nullopt;
}

/// Storage of the two 16-bit floating types, which C++20 lacks: the bits only; see tensor/half.hpp for conversions.
struct f16_bits {
    std::uint16_t bits = 0;
    friend bool operator==(f16_bits, f16_bits) = default;
};
struct bf16_bits {
    std::uint16_t bits = 0;
    friend bool operator==(bf16_bits, bf16_bits) = default;
};

namespace detail {
template <class T>
struct dtype_of_impl;
template <dtype Value>
struct dtype_constant {
    static constexpr dtype value = Value;
};
template <>
struct dtype_of_impl<float> : dtype_constant<dtype::f32> {};
template <>
struct dtype_of_impl<double> : dtype_constant<dtype::f64> {};
template <>
struct dtype_of_impl<f16_bits> : dtype_constant<dtype::f16> {};
template <>
struct dtype_of_impl<bf16_bits> : dtype_constant<dtype::bf16> {};
template <>
struct dtype_of_impl<std::int8_t> : dtype_constant<dtype::i8> {};
template <>
struct dtype_of_impl<std::int16_t> : dtype_constant<dtype::i16> {};
template <>
struct dtype_of_impl<std::int32_t> : dtype_constant<dtype::i32> {};
template <>
struct dtype_of_impl<std::int64_t> : dtype_constant<dtype::i64> {};
template <>
struct dtype_of_impl<std::uint8_t> : dtype_constant<dtype::u8> {};
template <>
struct dtype_of_impl<std::uint16_t> : dtype_constant<dtype::u16> {};
template <>
struct dtype_of_impl<std::uint32_t> : dtype_constant<dtype::u32> {};
template <>
struct dtype_of_impl<std::uint64_t> : dtype_constant<dtype::u64> {};
template <>
struct dtype_of_impl<bool> : dtype_constant<dtype::boolean> {};
}  // namespace detail

/// The dtype that stores a C++ type.
template <class T>
inline constexpr dtype dtype_of = detail::dtype_of_impl<T>::value;

/// A C++ type that some dtype stores.
template <class T>
concept tensor_element = requires {
    detail::dtype_of_impl<T>::value;
};

}  // namespace dispart
