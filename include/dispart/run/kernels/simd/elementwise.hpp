#pragma once
/// \file
/// Activations, arithmetic of two arrays, per-channel scaling, softmax and layer normalisation over contiguous floats.

#include "dispart/run/kernels/simd/detail/vector.hpp"
#include "dispart/run/kernels/simd/epilogue.hpp"

namespace dispart::kernels {

/// Arithmetic of two values.
enum class binary_kind : std::uint8_t { add, subtract, multiply, divide, maximum, minimum };

/// Which values of the second operand meet a [rows, columns] first operand.
enum class broadcast_kind : std::uint8_t {
    none,     ///< [rows, columns]: value by value
    rows,     ///< [columns]: the same for every row (per channel in NHWC)
    columns,  ///< [rows]: one value per row
    scalar,   ///< one value
};

/// out = activation(a op b), all [rows, columns] but `b`, which `broadcast` describes.
struct binary_args {
    binary_kind kind = binary_kind::add;
    broadcast_kind broadcast = broadcast_kind::none;
    bool swapped = false;  ///< compute b op a instead
    index_t rows = 1;
    index_t columns = 0;
    const float* a = nullptr;
    const float* b = nullptr;
    float* out = nullptr;  ///< may be `a`, or `b` where nothing is broadcast
    activation act = {};
};

/// out = activation(in * scale[j] + shift[j]) over [rows, columns]: batch normalisation that could not be folded.
struct scale_shift_args {
    index_t rows = 0;
    index_t columns = 0;
    const float* in = nullptr;
    const float* scale = nullptr;  ///< [columns]
    const float* shift = nullptr;  ///< [columns]
    float* out = nullptr;          ///< may be `in`
    activation act = {};
};

/// out = (in - mean) / sqrt(variance + epsilon) * scale[j] + shift[j] for each row of [rows, columns].
struct layer_norm_args {
    index_t rows = 0;
    index_t columns = 0;
    const float* in = nullptr;
    const float* scale = nullptr;  ///< [columns], or none for 1
    const float* shift = nullptr;  ///< [columns], or none for 0
    float* out = nullptr;          ///< may be `in`
    float epsilon = 1e-5F;
};

}  // namespace dispart::kernels

#define DISPART_SIMD_BODY "dispart/run/kernels/simd/detail/elementwise.inl.hpp"
#include "dispart/run/kernels/simd/detail/each_isa.inl.hpp"

namespace dispart::kernels {

/// out[i] = act(in[i]) for i < count; `out` may be `in`. O(count).
/// Relative error of exp is under 2e-7 (of the others a few times that, or as absolute error where they pass 0).
inline void activate(const activation& act, const float* in, float* out, index_t count,
                     isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_activate, act, in, out, count);
}

/// Arithmetic of two arrays with an optional activation; see binary_args. O(rows * columns).
inline void binary(const binary_args& args, isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_binary, args);
}

/// Per-channel scale and shift; see scale_shift_args. O(rows * columns).
inline void scale_shift(const scale_shift_args& args, isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_scale_shift, args);
}

/// out = e^(in - max) / sum for each row of [rows, columns], columns > 0; `out` may be `in`. O(rows * columns).
inline void softmax(const float* in, float* out, index_t rows, index_t columns,
                    isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_softmax, in, out, rows, columns);
}

/// Layer normalisation over the last axis; see layer_norm_args. O(rows * columns).
inline void layer_norm(const layer_norm_args& args, isa which = best_isa()) noexcept {
    DISPART_SIMD_CALL(which, run_layer_norm, args);
}

}  // namespace dispart::kernels
