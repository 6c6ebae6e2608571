#pragma once
/// \file
/// The loops of the codecs that scale: largest magnitude, and 8-bit integers from and to floats. Groups of 32 with AVX2
/// where the processor has it, with the same results as the plain loops.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dispart/tensor/half.hpp"

namespace dispart::detail {

/// Bits of the largest |x|: those of a float as long as none is infinite or NaN; then above 0x7f7fffff.
[[nodiscard]] inline std::uint32_t largest_plain(const float* in, std::size_t count, std::uint32_t most) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(in[i]) & 0x7fffffffU;
        most = magnitude > most ? magnitude : most;
    }
    return most;
}

/// Nearest integers of in * factor, ties to even. Precondition: all within +-127.
inline void quantise_plain(const float* in, std::int8_t* out, std::size_t count, float factor) {
    for (std::size_t i = 0; i < count; ++i) {
        const float shifted = in[i] * factor + 12582912.0F;  // 1.5 * 2^23: the integer is in the low bits
        out[i] = static_cast<std::int8_t>(std::bit_cast<std::uint32_t>(shifted) & 0xffU);
    }
}

inline void dequantise_plain(const std::int8_t* in, float* out, std::size_t count, float scale) {
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(in[i]) * scale;
}

#if DISPART_HAS_F16C
using eight_integers = int __attribute__((vector_size(32)));
using sixteen_shorts = short __attribute__((vector_size(32)));
using many_bytes = char __attribute__((vector_size(32)));
using sixteen_bytes = char __attribute__((vector_size(16)));
using two_longs = long long __attribute__((vector_size(16)));
using eight_bytes = signed char __attribute__((vector_size(8)));

__attribute__((target("avx2"))) inline std::uint32_t largest_groups(const float* in, std::size_t count) {
    eight_integers most[4] = {};
    for (std::size_t i = 0; i + 32 <= count; i += 32)
        for (std::size_t k = 0; k < 4; ++k) {
            eight_integers v;
            std::memcpy(&v, in + i + 8 * k, sizeof v);
            v &= 0x7fffffff;
            most[k] = v > most[k] ? v : most[k];
        }
    std::uint32_t all = 0;
    for (const auto& each : most)
        for (int k = 0; k < 8; ++k)
            all = static_cast<std::uint32_t>(each[k]) > all ? static_cast<std::uint32_t>(each[k]) : all;
    return all;
}

__attribute__((target("avx2"))) inline void quantise_groups(const float* in, std::int8_t* out,
                                                            std::size_t count, float factor) {
    for (std::size_t i = 0; i + 32 <= count; i += 32) {
        eight_integers n[4];
        for (std::size_t k = 0; k < 4; ++k) {
            eight_floats v;
            std::memcpy(&v, in + i + 8 * k, sizeof v);
            n[k] = __builtin_ia32_cvtps2dq256(v * factor);
        }
        const auto low = __builtin_ia32_packssdw256(n[0], n[1]);
        const auto high = __builtin_ia32_packssdw256(n[2], n[3]);
        const auto bytes = __builtin_ia32_packsswb256(low, high);
        const eight_integers order = {0, 4, 1, 5, 2, 6, 3, 7};
        const auto sorted = __builtin_ia32_permvarsi256(reinterpret_cast<eight_integers>(bytes), order);
        std::memcpy(out + i, &sorted, sizeof sorted);
    }
}

__attribute__((target("avx2"))) inline void dequantise_groups(const std::int8_t* in, float* out,
                                                              std::size_t count, float scale) {
    for (std::size_t i = 0; i + 32 <= count; i += 32)
        for (std::size_t k = 0; k < 4; ++k) {
#if defined(__clang__)
            eight_bytes bytes;
            std::memcpy(&bytes, in + i + 8 * k, sizeof bytes);
            const auto wide = __builtin_convertvector(bytes, eight_integers);
#else  // which makes it eight single conversions
            long long bytes = 0;
            std::memcpy(&bytes, in + i + 8 * k, sizeof bytes);
            const two_longs low = {bytes, 0};
            const eight_integers wide = __builtin_ia32_pmovsxbd256(reinterpret_cast<sixteen_bytes>(low));
#endif
            const eight_floats values = __builtin_convertvector(wide, eight_floats) * scale;
            std::memcpy(out + i + 8 * k, &values, sizeof values);
        }
}
#else
inline std::uint32_t largest_groups(const float*, std::size_t) { return 0; }
inline void quantise_groups(const float*, std::int8_t*, std::size_t, float) {}
inline void dequantise_groups(const std::int8_t*, float*, std::size_t, float) {}
#endif

/// How many of `count` the loops of groups take.
[[nodiscard]] inline std::size_t in_groups(std::size_t count) noexcept {
    return cpu_has_avx2() ? count / 32 * 32 : 0;
}

[[nodiscard]] inline std::uint32_t largest_magnitude_bits(std::span<const float> in) {
    const std::size_t done = in_groups(in.size());
    const std::uint32_t most = done > 0 ? largest_groups(in.data(), done) : 0;
    return largest_plain(in.data() + done, in.size() - done, most);
}

inline void quantise(std::span<const float> in, std::int8_t* out, float factor) {
    const std::size_t done = in_groups(in.size());
    if (done > 0) quantise_groups(in.data(), out, done, factor);
    quantise_plain(in.data() + done, out + done, in.size() - done, factor);
}

inline void dequantise(const std::int8_t* in, std::span<float> out, float scale) {
    const std::size_t done = in_groups(out.size());
    if (done > 0) dequantise_groups(in, out.data(), done, scale);
    dequantise_plain(in + done, out.data() + done, out.size() - done, scale);
}

}  // namespace dispart::detail
