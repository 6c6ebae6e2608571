// Body of vector.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

inline constexpr index_t lanes = DISPART_SIMD_BYTES / 4;

using vfloat = float __attribute__((vector_size(DISPART_SIMD_BYTES)));
using vint = std::int32_t __attribute__((vector_size(DISPART_SIMD_BYTES)));

/// Anywhere: copying says so to every compiler (clang takes a store through an under-aligned vector type for aligned).
DISPART_SIMD_INLINE vfloat load(const float* p) noexcept {
    vfloat v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
DISPART_SIMD_INLINE void store(float* p, vfloat v) noexcept { __builtin_memcpy(p, &v, sizeof v); }

/// All lanes = x.
DISPART_SIMD_INLINE vfloat broadcast(float x) noexcept { return x - vfloat{}; }
DISPART_SIMD_INLINE vint broadcast_int(std::int32_t x) noexcept { return x - vint{}; }

/// The first `count` < lanes values; the other lanes are 0.
DISPART_SIMD_INLINE vfloat load_some(const float* p, index_t count) noexcept {
    float values[DISPART_SIMD_BYTES / 4] = {};
    for (index_t i = 0; i < count; ++i) values[i] = p[i];
    return load(values);
}

/// A whole vector, or the first `count` < lanes values.
template <bool Some>
DISPART_SIMD_INLINE vfloat load_part(const float* p, [[maybe_unused]] index_t count) noexcept {
    if constexpr (Some) return load_some(p, count);
    else return load(p);
}

/// Stores the first `count` < lanes lanes.
DISPART_SIMD_INLINE void store_some(float* p, vfloat v, index_t count) noexcept {
    float values[DISPART_SIMD_BYTES / 4];
    store(values, v);
    for (index_t i = 0; i < count; ++i) p[i] = values[i];
}

/// Stores a whole vector, or the first `count` < lanes lanes.
template <bool Some>
DISPART_SIMD_INLINE void store_part(float* p, vfloat v, [[maybe_unused]] index_t count) noexcept {
    if constexpr (Some) store_some(p, v, count);
    else store(p, v);
}

/// max(bound, v) lane by lane; a NaN in v stays.
DISPART_SIMD_INLINE vfloat at_least(vfloat bound, vfloat v) noexcept { return bound > v ? bound : v; }
/// min(bound, v) lane by lane; a NaN in v stays.
DISPART_SIMD_INLINE vfloat at_most(vfloat bound, vfloat v) noexcept { return bound < v ? bound : v; }

DISPART_SIMD_INLINE vint bits(vfloat v) noexcept { return reinterpret_cast<vint>(v); }
DISPART_SIMD_INLINE vfloat from_bits(vint v) noexcept { return reinterpret_cast<vfloat>(v); }
DISPART_SIMD_INLINE vfloat absolute(vfloat v) noexcept {
    return from_bits(bits(v) & broadcast_int(0x7fffffff));
}
/// |v| with the sign of `sign`.
DISPART_SIMD_INLINE vfloat with_sign(vfloat v, vfloat sign) noexcept {
    return from_bits((bits(v) & broadcast_int(0x7fffffff)) | (bits(sign) & ~broadcast_int(0x7fffffff)));
}

/// Sum of all lanes, by halves.
DISPART_SIMD_INLINE float sum_lanes(vfloat v) noexcept {
    float values[DISPART_SIMD_BYTES / 4];
    store(values, v);
    for (index_t half = lanes / 2; half > 0; half /= 2)
        for (index_t i = 0; i < half; ++i) values[i] += values[i + half];
    return values[0];
}

/// Largest lane; NaN if any lane is NaN.
DISPART_SIMD_INLINE float max_lanes(vfloat v) noexcept {
    float values[DISPART_SIMD_BYTES / 4];
    store(values, v);
    float most = values[0];
    for (index_t i = 1; i < lanes; ++i) most = most >= values[i] || most != most ? most : values[i];
    return most;
}

/// e^x with relative error under 2e-7 where the result is normal; inf above 88.73, denormals below -87.33 kept,
/// 0 under -104, NaN stays. Range reduction by ln 2 in two parts (Cody and Waite), polynomial of degree 6.
DISPART_SIMD_INLINE vfloat exponential(vfloat x) noexcept {
    x = at_most(broadcast(89.0F), at_least(broadcast(-104.0F), x));
    const vfloat shift = broadcast(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
    const vfloat shifted = x * 1.44269504088896341F + shift;
    const vfloat n = shifted - shift;
    const vint whole = bits(shifted) - bits(shift);
    const vfloat r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
    vfloat p = broadcast(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    const vfloat e = (p * (r * r) + r) + 1.0F;
    const vint half = whole >> 1;
    const vfloat low = from_bits((half + 127) << 23);
    const vfloat high = from_bits((whole - half + 127) << 23);
    return e * low * high;
}

/// 1 / (1 + e^-x), absolute error under 2e-7.
DISPART_SIMD_INLINE vfloat logistic(vfloat x) noexcept { return 1.0F / (1.0F + exponential(-x)); }

/// tanh x, relative error under 4e-7: a polynomial near 0 (Cephes tanhf), else 1 - 2 / (e^2|x| + 1).
DISPART_SIMD_INLINE vfloat hyperbolic_tangent(vfloat x) noexcept {
    const vfloat magnitude = absolute(x);
    const vfloat square = x * x;
    vfloat p = broadcast(-5.70498872745e-3F);
    p = p * square + 2.06390887954e-2F;
    p = p * square + -5.37397155531e-2F;
    p = p * square + 1.33314422036e-1F;
    p = p * square + -3.33332819422e-1F;
    const vfloat near = x + x * square * p;
    const vfloat far = with_sign(1.0F - 2.0F / (exponential(magnitude + magnitude) + 1.0F), x);
    return magnitude < broadcast(0.625F) ? near : far;
}

/// erf x, relative error under 3e-7 (piecewise polynomial and 1 - e^p; after N. Juffa's single-precision erf).
DISPART_SIMD_INLINE vfloat error_function(vfloat x) noexcept {
    const vfloat t = absolute(x);
    const vfloat s = x * x;
    vfloat r = t * -1.72853470e-5F + 3.83197126e-4F;
    const vfloat u = t * -3.88396438e-3F + 2.42546219e-2F;
    r = r * s + u;
    r = r * t + -1.06777877e-1F;
    r = r * t + -6.34846687e-1F;
    r = r * t + -1.28717512e-1F;
    r = r * t - t;
    const vfloat far = with_sign(1.0F - exponential(at_least(broadcast(-100.0F), r)), x);
    vfloat q = broadcast(-5.96761703e-4F);
    q = q * s + 4.99119423e-3F;
    q = q * s + -2.67681349e-2F;
    q = q * s + 1.12819925e-1F;
    q = q * s + -3.76125336e-1F;
    q = q * s + 1.28379166e-1F;
    const vfloat near = q * x + x;
    return t > broadcast(0.927734375F) ? far : near;
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
