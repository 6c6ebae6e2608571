// Body of elementwise.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

/// Lane by lane, for want of a portable vector square root; negative lanes stay away from the library's error path.
DISPART_SIMD_INLINE vfloat square_root(vfloat x) noexcept {
    float values[DISPART_SIMD_BYTES / 4];
    store(values, at_least(vfloat{}, x));
    for (index_t i = 0; i < lanes; ++i) values[i] = __builtin_sqrtf(values[i]);
    return x < vfloat{} ? broadcast(__builtin_nanf("")) : load(values);
}

template <activation_kind Kind>
DISPART_SIMD_INLINE vfloat activated(vfloat x, vfloat alpha, vfloat beta) noexcept {
    using enum activation_kind;
    const vfloat zero = vfloat{};
    const vfloat one = broadcast(1.0F);
    if constexpr (Kind == relu) return at_least(zero, x);
    if constexpr (Kind == clip) return at_most(beta, at_least(alpha, x));
    if constexpr (Kind == leaky_relu) return x < zero ? x * alpha : x;
    if constexpr (Kind == sigmoid) return logistic(x);
    if constexpr (Kind == silu) return x * logistic(x);
    if constexpr (Kind == hard_sigmoid) return at_most(one, at_least(zero, x * alpha + beta));
    if constexpr (Kind == hard_swish)
        return x * at_most(one, at_least(zero, x * broadcast(1.0F / 6.0F) + broadcast(0.5F)));
    if constexpr (Kind == tanh) return hyperbolic_tangent(x);
    if constexpr (Kind == elu) return x < zero ? alpha * (exponential(x) - one) : x;
    if constexpr (Kind == gelu) return 0.5F * x * (one + error_function(x * 0.707106781186547524F));
    if constexpr (Kind == gelu_tanh)
        return 0.5F * x * (one + hyperbolic_tangent(0.797884560802865356F * (x + 0.044715F * x * x * x)));
    if constexpr (Kind == mish) {
        const vfloat e = exponential(at_most(broadcast(20.0F), x));
        const vfloat n = e * (e + 2.0F);
        return x * (n / (n + 2.0F));
    }
    if constexpr (Kind == exp) return exponential(x);
    if constexpr (Kind == erf) return error_function(x);
    if constexpr (Kind == abs) return absolute(x);
    if constexpr (Kind == sqrt) return square_root(x);
    if constexpr (Kind == square) return x * x;
    if constexpr (Kind == negate) return -x;
    if constexpr (Kind == reciprocal) return one / x;
    if constexpr (Kind == affine) return x * alpha + beta;
    return x;
}

template <activation_kind Kind>
inline void activate_all(const activation& act, const float* in, float* out, index_t count) noexcept {
    const vfloat alpha = broadcast(act.alpha);
    const vfloat beta = broadcast(act.beta);
    index_t i = 0;
    for (; i + lanes <= count; i += lanes) store(out + i, activated<Kind>(load(in + i), alpha, beta));
    if (i < count) store_some(out + i, activated<Kind>(load_some(in + i, count - i), alpha, beta), count - i);
}

DISPART_SIMD_ENTRY void run_activate(const activation& act, const float* in, float* out,
                                     index_t count) noexcept {
    using enum activation_kind;
    switch (act.kind) {
    case none:
        if (in != out) __builtin_memmove(out, in, static_cast<std::size_t>(count) * sizeof(float));
        return;
    case relu:
        return activate_all<relu>(act, in, out, count);
    case clip:
        return activate_all<clip>(act, in, out, count);
    case leaky_relu:
        return activate_all<leaky_relu>(act, in, out, count);
    case sigmoid:
        return activate_all<sigmoid>(act, in, out, count);
    case silu:
        return activate_all<silu>(act, in, out, count);
    case hard_sigmoid:
        return activate_all<hard_sigmoid>(act, in, out, count);
    case hard_swish:
        return activate_all<hard_swish>(act, in, out, count);
    case tanh:
        return activate_all<tanh>(act, in, out, count);
    case elu:
        return activate_all<elu>(act, in, out, count);
    case gelu:
        return activate_all<gelu>(act, in, out, count);
    case gelu_tanh:
        return activate_all<gelu_tanh>(act, in, out, count);
    case mish:
        return activate_all<mish>(act, in, out, count);
    case exp:
        return activate_all<exp>(act, in, out, count);
    case erf:
        return activate_all<erf>(act, in, out, count);
    case abs:
        return activate_all<abs>(act, in, out, count);
    case sqrt:
        return activate_all<sqrt>(act, in, out, count);
    case square:
        return activate_all<square>(act, in, out, count);
    case negate:
        return activate_all<negate>(act, in, out, count);
    case reciprocal:
        return activate_all<reciprocal>(act, in, out, count);
    case affine:
        return activate_all<affine>(act, in, out, count);
    }
}

template <binary_kind Kind>
DISPART_SIMD_INLINE vfloat combined(vfloat a, vfloat b) noexcept {
    if constexpr (Kind == binary_kind::add) return a + b;
    if constexpr (Kind == binary_kind::subtract) return a - b;
    if constexpr (Kind == binary_kind::multiply) return a * b;
    if constexpr (Kind == binary_kind::divide) return a / b;
    if constexpr (Kind == binary_kind::maximum) return a != a ? a : at_least(a, b);
    return a != a ? a : at_most(a, b);
}

/// One row: b is an array, or one value if `constant`; clamped to [low, high].
template <binary_kind Kind, bool Swapped>
inline void binary_row(const float* a, const float* b, bool constant, float* out, index_t count,
                       clamp_bounds bounds) noexcept {
    const vfloat low = broadcast(bounds.low);
    const vfloat high = broadcast(bounds.high);
    const vfloat value = constant ? broadcast(*b) : vfloat{};
    index_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const vfloat x = load(a + i);
        const vfloat y = constant ? value : load(b + i);
        store(out + i, at_most(high, at_least(low, Swapped ? combined<Kind>(y, x) : combined<Kind>(x, y))));
    }
    if (i < count) {
        const vfloat x = load_some(a + i, count - i);
        const vfloat y = constant ? value : load_some(b + i, count - i);
        const vfloat z = Swapped ? combined<Kind>(y, x) : combined<Kind>(x, y);
        store_some(out + i, at_most(high, at_least(low, z)), count - i);
    }
}

template <binary_kind Kind>
inline void binary_rows(const binary_args& args) noexcept {
    const bool dense = args.broadcast == broadcast_kind::none || args.broadcast == broadcast_kind::scalar;
    const index_t rows = dense ? 1 : args.rows;
    const index_t columns = dense ? args.rows * args.columns : args.columns;
    const bool constant =
        args.broadcast == broadcast_kind::scalar || args.broadcast == broadcast_kind::columns;
    const index_t step = args.broadcast == broadcast_kind::columns ? 1 : 0;
    for (index_t r = 0; r < rows; ++r) {
        const float* a = args.a + r * columns;
        const float* b = args.b + r * step;
        float* out = args.out + r * columns;
        if (args.swapped) binary_row<Kind, true>(a, b, constant, out, columns, bounds_of(args.act));
        else binary_row<Kind, false>(a, b, constant, out, columns, bounds_of(args.act));
        if (!is_clamp(args.act)) run_activate(args.act, out, out, columns);
    }
}

DISPART_SIMD_ENTRY void run_binary(const binary_args& args) noexcept {
    switch (args.kind) {
    case binary_kind::add:
        return binary_rows<binary_kind::add>(args);
    case binary_kind::subtract:
        return binary_rows<binary_kind::subtract>(args);
    case binary_kind::multiply:
        return binary_rows<binary_kind::multiply>(args);
    case binary_kind::divide:
        return binary_rows<binary_kind::divide>(args);
    case binary_kind::maximum:
        return binary_rows<binary_kind::maximum>(args);
    case binary_kind::minimum:
        return binary_rows<binary_kind::minimum>(args);
    }
}

DISPART_SIMD_ENTRY void run_scale_shift(const scale_shift_args& args) noexcept {
    const vfloat low = broadcast(bounds_of(args.act).low);
    const vfloat high = broadcast(bounds_of(args.act).high);
    for (index_t r = 0; r < args.rows; ++r) {
        const float* in = args.in + r * args.columns;
        float* out = args.out + r * args.columns;
        index_t j = 0;
        for (; j + lanes <= args.columns; j += lanes) {
            const vfloat y = load(in + j) * load(args.scale + j) + load(args.shift + j);
            store(out + j, at_most(high, at_least(low, y)));
        }
        if (const index_t rest = args.columns - j; rest > 0) {
            const vfloat y =
                load_some(in + j, rest) * load_some(args.scale + j, rest) + load_some(args.shift + j, rest);
            store_some(out + j, at_most(high, at_least(low, y)), rest);
        }
        if (!is_clamp(args.act)) run_activate(args.act, out, out, args.columns);
    }
}

inline float row_maximum(const float* in, index_t count) noexcept {
    vfloat most = broadcast(in[0]);
    index_t i = 0;
    for (; i + lanes <= count; i += lanes) most = at_least(most, load(in + i));
    float result = max_lanes(most);
    for (; i < count; ++i) result = in[i] > result ? in[i] : result;
    return result;
}

/// out = e^(in - shift); returns the sum.
inline float exponential_sum(const float* in, float* out, index_t count, float shift) noexcept {
    vfloat sum = vfloat{};
    index_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const vfloat e = exponential(load(in + i) - shift);
        store(out + i, e);
        sum += e;
    }
    float total = sum_lanes(sum);
    if (i < count) {
        const vfloat e = exponential(load_some(in + i, count - i) - shift);
        store_some(out + i, e, count - i);
        for (; i < count; ++i) total += out[i];
    }
    return total;
}

DISPART_SIMD_ENTRY void run_softmax(const float* in, float* out, index_t rows, index_t columns) noexcept {
    for (index_t r = 0; r < rows; ++r, in += columns, out += columns) {
        const float total = exponential_sum(in, out, columns, row_maximum(in, columns));
        activate_all<activation_kind::affine>({.alpha = 1.0F / total}, out, out, columns);
    }
}

/// Sum of (in - shift) (Power 1) or of its square (Power 2).
template <int Power>
inline float power_sum(const float* in, index_t count, float shift) noexcept {
    vfloat sum = vfloat{};
    index_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const vfloat d = load(in + i) - shift;
        sum += Power == 2 ? d * d : d;
    }
    float total = sum_lanes(sum);
    for (; i < count; ++i) {
        const float d = in[i] - shift;
        total += Power == 2 ? d * d : d;
    }
    return total;
}

inline void layer_norm_row(const layer_norm_args& args, const float* in, float* out) noexcept {
    const float count = static_cast<float>(args.columns);
    const float mean = power_sum<1>(in, args.columns, 0.0F) / count;
    const float variance = power_sum<2>(in, args.columns, mean) / count;
    const float factor = 1.0F / __builtin_sqrtf(variance + args.epsilon);
    for (index_t j = 0; j < args.columns; j += lanes) {
        const index_t rest = args.columns - j;
        const bool whole = rest >= lanes;
        vfloat y = ((whole ? load(in + j) : load_some(in + j, rest)) - mean) * factor;
        if (args.scale != nullptr) y *= whole ? load(args.scale + j) : load_some(args.scale + j, rest);
        if (args.shift != nullptr) y += whole ? load(args.shift + j) : load_some(args.shift + j, rest);
        if (whole) store(out + j, y);
        else store_some(out + j, y, rest);
    }
}

DISPART_SIMD_ENTRY void run_layer_norm(const layer_norm_args& args) noexcept {
    for (index_t r = 0; r < args.rows; ++r)
        layer_norm_row(args, args.in + r * args.columns, args.out + r * args.columns);
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
