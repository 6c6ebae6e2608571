// Compiles the file named by DISPART_SIMD_BODY once per instruction set, each time in a namespace of its own.
//
// No include guard: every kernel header includes it after `#define DISPART_SIMD_BODY <...inl.hpp>`. A body must not
// include anything, and must not call templates of other headers: an instantiation made here could carry AVX code
// into a function that a narrower processor shares.

#ifdef DISPART_SIMD_BODY

#define DISPART_SIMD_NAMESPACE baseline
#define DISPART_SIMD_BYTES 16
#define DISPART_SIMD_PANEL 2
#include DISPART_SIMD_BODY
#undef DISPART_SIMD_NAMESPACE
#undef DISPART_SIMD_BYTES
#undef DISPART_SIMD_PANEL

#if DISPART_SIMD_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define DISPART_SIMD_NAMESPACE avx2
#define DISPART_SIMD_BYTES 32
#define DISPART_SIMD_PANEL 2
#include DISPART_SIMD_BODY
#undef DISPART_SIMD_NAMESPACE
#undef DISPART_SIMD_BYTES
#undef DISPART_SIMD_PANEL
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx2,fma")
#endif
#define DISPART_SIMD_NAMESPACE avx512
#define DISPART_SIMD_BYTES 64
#define DISPART_SIMD_PANEL 4
#include DISPART_SIMD_BODY
#undef DISPART_SIMD_NAMESPACE
#undef DISPART_SIMD_BYTES
#undef DISPART_SIMD_PANEL
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // DISPART_SIMD_X86

#undef DISPART_SIMD_BODY
#endif  // DISPART_SIMD_BODY
