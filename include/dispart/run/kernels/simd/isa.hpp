#pragma once
/// \file
/// Which instruction set a kernel runs with: found once per process, never assumed at compile time.

#include <cstddef>
#include <cstdint>

#if !defined(__GNUC__)
#error "dispart's kernels need GNU vector extensions (g++ or clang++)"
#endif

/// 1 where the compiler can emit AVX2 and AVX-512 code for single functions (x86-64), else 0.
#if defined(__x86_64__)
#define DISPART_SIMD_X86 1
#else
#define DISPART_SIMD_X86 0
#endif

namespace dispart::kernels {

/// Signed count or offset, in elements unless said otherwise.
using index_t = std::ptrdiff_t;

/// Instruction sets that kernels are compiled for, narrowest first.
enum class isa : std::uint8_t {
    baseline,  ///< 16-byte vectors of the target's ground level: SSE2 on x86-64, NEON on AArch64.
    avx2,      ///< 32-byte vectors with AVX2 and FMA.
    avx512,    ///< 64-byte vectors with AVX-512F.
};

/// Name of an instruction set, for reports.
[[nodiscard]] constexpr const char* to_string(isa which) noexcept {
    return which == isa::avx512 ? "avx512" : which == isa::avx2 ? "avx2" : "baseline";
}

/// Floats in one vector of an instruction set.
[[nodiscard]] constexpr int lanes(isa which) noexcept {
    return which == isa::avx512 ? 16 : which == isa::avx2 ? 8 : 4;
}

namespace detail {

inline isa detect_isa() noexcept {
#if DISPART_SIMD_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f")) return isa::avx512;
    if (avx2) return isa::avx2;
#endif
    return isa::baseline;
}

}  // namespace detail

/// The widest instruction set that this processor and operating system can execute; detected once per process.
[[nodiscard]] inline isa best_isa() noexcept {
    static const isa found = detail::detect_isa();
    return found;
}

/// True if code of that instruction set may run here.
[[nodiscard]] inline bool is_available(isa which) noexcept { return which <= best_isa(); }

/// `wanted`, or the widest set that may run here if that is narrower: every kernel's entry passes through it.
[[nodiscard]] inline isa usable(isa wanted) noexcept { return is_available(wanted) ? wanted : best_isa(); }

}  // namespace dispart::kernels

/// A function that DISPART_SIMD_CALL calls: compiled for its instruction set alone, whatever the caller knows.
#if defined(__clang__)
#define DISPART_SIMD_ENTRY inline __attribute__((noinline))
#else
#define DISPART_SIMD_ENTRY inline __attribute__((noinline, noclone))
#endif

/// Calls FUNCTION(...) of the namespace that was compiled for `usable(WHICH)`.
#if DISPART_SIMD_X86
#define DISPART_SIMD_CALL(WHICH, FUNCTION, ...)                      \
    switch (::dispart::kernels::usable(WHICH)) {                     \
    case ::dispart::kernels::isa::avx512:                            \
        ::dispart::kernels::detail::avx512::FUNCTION(__VA_ARGS__);   \
        break;                                                       \
    case ::dispart::kernels::isa::avx2:                              \
        ::dispart::kernels::detail::avx2::FUNCTION(__VA_ARGS__);     \
        break;                                                       \
    default:                                                         \
        ::dispart::kernels::detail::baseline::FUNCTION(__VA_ARGS__); \
        break;                                                       \
    }
#else
#define DISPART_SIMD_CALL(WHICH, FUNCTION, ...) \
    (static_cast<void>(WHICH), ::dispart::kernels::detail::baseline::FUNCTION(__VA_ARGS__))
#endif
