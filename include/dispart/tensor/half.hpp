#pragma once
/// \file
/// The two 16-bit floating types: exact widening to float, narrowing with round-to-nearest-even, one value or many.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dispart/core/contracts.hpp"
#include "dispart/tensor/dtype.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define DISPART_HAS_F16C 1
#else
#define DISPART_HAS_F16C 0
#endif

namespace dispart {

/// The same value as a float. Exact; a signalling NaN becomes quiet.
[[nodiscard]] constexpr float to_float(f16_bits half) noexcept {
    const std::uint32_t sign = (half.bits & 0x8000U) << 16U;
    const std::uint32_t exponent = (half.bits >> 10U) & 0x1fU;
    const std::uint32_t mantissa = half.bits & 0x3ffU;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
    }
    if (exponent == 31) {
        const std::uint32_t quiet = mantissa != 0 ? 0x400000U : 0U;
        return std::bit_cast<float>(sign | 0x7f800000U | (mantissa << 13U) | quiet);
    }
    return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (mantissa << 13U));
}

/// The nearest binary16 value, ties to even; beyond 65520 infinite; NaN stays NaN (quiet).
[[nodiscard]] constexpr f16_bits to_f16(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16U) & 0x8000U;
    const std::uint32_t magnitude = bits & 0x7fffffffU;
    std::uint32_t half = 0;
    if (magnitude > 0x7f800000U) {
        half = 0x7e00U | ((magnitude >> 13U) & 0x3ffU);
    } else if (magnitude >= 0x47800000U) {  // 65536
        half = 0x7c00U;
    } else if (magnitude <
               0x38800000U) {  // below 2^-14: adding 1/2 leaves the subnormal's bits, rounded, at the bottom
        half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
    } else {
        half = (magnitude - 0x38000000U + 0xfffU + ((magnitude >> 13U) & 1U)) >> 13U;
    }
    return {static_cast<std::uint16_t>(sign | half)};
}

/// The same value as a float. Exact.
[[nodiscard]] constexpr float to_float(bf16_bits half) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(half.bits) << 16U);
}

/// The nearest bfloat16 value, ties to even; NaN stays NaN (quiet).
[[nodiscard]] constexpr bf16_bits to_bf16(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    return {static_cast<std::uint16_t>(is_nan ? (bits >> 16U) | 0x40U : rounded)};
}

namespace detail {

#if DISPART_HAS_F16C
[[nodiscard]] inline bool cpu_has_f16c() noexcept {
    static const bool has = __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
    return has;
}

// The compilers' own builtins: <immintrin.h> would more than double the time to compile this header.
using eight_halves = short __attribute__((vector_size(16)));
using eight_floats = float __attribute__((vector_size(32)));

/// Converts whole groups of eight and returns how many values that was.
__attribute__((target("avx,f16c"))) inline std::size_t widen_groups(const f16_bits* in, float* out,
                                                                    std::size_t count) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        eight_halves halves;
        std::memcpy(&halves, in + i, sizeof halves);
        const eight_floats floats = __builtin_ia32_vcvtph2ps256(halves);
        std::memcpy(out + i, &floats, sizeof floats);
    }
    return i;
}

__attribute__((target("avx,f16c"))) inline std::size_t narrow_groups(const float* in, f16_bits* out,
                                                                     std::size_t count) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        eight_floats floats;
        std::memcpy(&floats, in + i, sizeof floats);
        const eight_halves halves = __builtin_ia32_vcvtps2ph256(floats, 0);  // 0: to nearest, ties to even
        std::memcpy(static_cast<void*>(out + i), &halves, sizeof halves);
    }
    return i;
}

[[nodiscard]] inline bool cpu_has_avx2() noexcept {
    static const bool has = __builtin_cpu_supports("avx2");
    return has;
}

using eight_words = unsigned __attribute__((vector_size(32)));
using eight_bf16 = unsigned short __attribute__((vector_size(16)));

__attribute__((target("avx2"))) inline std::size_t widen_groups(const bf16_bits* in, float* out,
                                                                std::size_t count) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        eight_bf16 halves;
        std::memcpy(&halves, in + i, sizeof halves);
        const eight_words words = __builtin_convertvector(halves, eight_words) << 16U;
        std::memcpy(out + i, &words, sizeof words);
    }
    return i;
}

__attribute__((target("avx2"))) inline std::size_t narrow_groups(const float* in, bf16_bits* out,
                                                                 std::size_t count) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        eight_words words;
        std::memcpy(&words, in + i, sizeof words);
        const eight_words rounded = (words + 0x7fffU + ((words >> 16U) & 1U)) >> 16U;
        const eight_words quiet = (words >> 16U) | 0x40U;
        const auto is_nan = reinterpret_cast<eight_words>((words & 0x7fffffffU) > 0x7f800000U);
        const eight_words chosen = (is_nan & quiet) | (~is_nan & rounded);
        const eight_bf16 halves = __builtin_convertvector(chosen, eight_bf16);
        std::memcpy(static_cast<void*>(out + i), &halves, sizeof halves);
    }
    return i;
}
#else
[[nodiscard]] inline bool cpu_has_f16c() noexcept { return false; }
[[nodiscard]] inline bool cpu_has_avx2() noexcept { return false; }
template <class Half>
inline std::size_t widen_groups(const Half*, float*, std::size_t) {
    return 0;
}
template <class Half>
inline std::size_t narrow_groups(const float*, Half*, std::size_t) {
    return 0;
}
#endif

}  // namespace detail

/// Widens element by element; uses the processor's own conversion where it has one, with the same results.
/// Precondition: both have equally many elements. O(n).
inline void widen(std::span<const f16_bits> in, std::span<float> out) {
    DISPART_EXPECTS(in.size() == out.size());
    std::size_t i = detail::cpu_has_f16c() ? detail::widen_groups(in.data(), out.data(), in.size()) : 0;
    for (; i < in.size(); ++i) out[i] = to_float(in[i]);
}
inline void widen(std::span<const bf16_bits> in, std::span<float> out) {
    DISPART_EXPECTS(in.size() == out.size());
    std::size_t i = detail::cpu_has_avx2() ? detail::widen_groups(in.data(), out.data(), in.size()) : 0;
    for (; i < in.size(); ++i) out[i] = to_float(in[i]);
}

/// Narrows element by element, to nearest, ties to even. Precondition: both have equally many elements. O(n).
inline void narrow(std::span<const float> in, std::span<f16_bits> out) {
    DISPART_EXPECTS(in.size() == out.size());
    std::size_t i = detail::cpu_has_f16c() ? detail::narrow_groups(in.data(), out.data(), in.size()) : 0;
    for (; i < in.size(); ++i) out[i] = to_f16(in[i]);
}
inline void narrow(std::span<const float> in, std::span<bf16_bits> out) {
    DISPART_EXPECTS(in.size() == out.size());
    std::size_t i = detail::cpu_has_avx2() ? detail::narrow_groups(in.data(), out.data(), in.size()) : 0;
    for (; i < in.size(); ++i) out[i] = to_bf16(in[i]);
}

}  // namespace dispart
