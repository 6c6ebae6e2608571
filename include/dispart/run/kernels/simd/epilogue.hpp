#pragma once
/// \file
/// What a kernel does to its sums before it stores them: bias, residual, activation.

#include <limits>

#include "dispart/run/kernels/simd/isa.hpp"

namespace dispart::kernels {

/// Functions of one value that kernels fuse or apply; `alpha` and `beta` are the fields of `activation`.
enum class activation_kind : std::uint8_t {
    none,
    relu,          ///< max(0, x)
    clip,          ///< min(beta, max(alpha, x)); relu6 is {clip, 0, 6}
    leaky_relu,    ///< x < 0 ? alpha x : x
    sigmoid,       ///< 1 / (1 + e^-x)
    silu,          ///< x sigmoid(x), also called swish
    hard_sigmoid,  ///< min(1, max(0, alpha x + beta))
    hard_swish,    ///< x min(1, max(0, x / 6 + 1/2))
    tanh,
    elu,        ///< x < 0 ? alpha (e^x - 1) : x
    gelu,       ///< x (1 + erf(x / sqrt 2)) / 2
    gelu_tanh,  ///< the tanh approximation of gelu
    mish,       ///< x tanh(ln(1 + e^x))
    exp,
    erf,
    abs,
    sqrt,
    square,
    negate,
    reciprocal,
    affine,  ///< alpha x + beta
};

/// An activation with its parameters. NaN in, NaN out.
struct activation {
    activation_kind kind = activation_kind::none;
    float alpha = 0.0F;
    float beta = 0.0F;
};

/// What happens to the sum s of an output value in column (channel) j: activation(s + bias[j] + residual).
struct epilogue {
    const float* bias = nullptr;      ///< one value per column, or none
    const float* residual = nullptr;  ///< as many rows and columns as the output; may be the output itself
    index_t residual_stride = 0;      ///< floats from one row of `residual` to the next; 0 means the output's
    activation act = {};
};

namespace detail {

/// The bounds that a fused activation clamps its sums to; infinite where it does not clamp.
struct clamp_bounds {
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
};

inline clamp_bounds bounds_of(const activation& act) noexcept {
    if (act.kind == activation_kind::relu) return {.low = 0.0F};
    if (act.kind == activation_kind::clip) return {.low = act.alpha, .high = act.beta};
    return {};
}

/// True if clamping to bounds_of(act) is all there is to do.
inline bool is_clamp(const activation& act) noexcept {
    return act.kind == activation_kind::none || act.kind == activation_kind::relu ||
           act.kind == activation_kind::clip;
}

}  // namespace detail
}  // namespace dispart::kernels
