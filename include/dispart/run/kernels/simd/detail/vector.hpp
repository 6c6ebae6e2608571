#pragma once

/// \file
/// Vectors of floats and their arithmetic, once per instruction set (`detail::baseline`, `avx2`, `avx512`).

#include "dispart/run/kernels/simd/isa.hpp"

/// A function of the vector layer: inlined always, so that no vector crosses a call.
#define DISPART_SIMD_INLINE inline __attribute__((always_inline))

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/vector.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"
