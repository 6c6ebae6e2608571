// Body of pool.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

/// The input of one window: kernel rows and columns that lie inside.
struct pool_window {
    const float* in;
    index_t rows;
    index_t columns;
    index_t row_step;     ///< floats
    index_t column_step;  ///< floats
    float scale;          ///< 1 / count, of averages
};

/// max(a, b) lane by lane; NaN if either is.
DISPART_SIMD_INLINE vfloat maximum(vfloat a, vfloat b) noexcept { return a != a ? a : at_least(a, b); }

template <bool Average, int Vectors, bool Some>
DISPART_SIMD_INLINE void pool_channels(const pool_window& window, index_t c, index_t count,
                                       float* out) noexcept {
    vfloat result[Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) result[j] = Average ? vfloat{} : broadcast(-__builtin_inff());
    for (index_t y = 0; y < window.rows; ++y) {
        const float* in = window.in + y * window.row_step + c;
        for (index_t x = 0; x < window.columns; ++x, in += window.column_step) {
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) {
                const vfloat value = load_part<Some>(in + j * lanes, count);
                result[j] = Average ? result[j] + value : maximum(result[j], value);
            }
        }
    }
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) {
        const vfloat value = Average ? result[j] * window.scale : result[j];
        store_part<Some>(out + c + j * lanes, value, count);
    }
}

template <bool Average>
inline void pool_pixel(const pool_window& window, index_t channels, float* out) noexcept {
    index_t c = 0;
    for (; c + 4 * lanes <= channels; c += 4 * lanes) pool_channels<Average, 4, false>(window, c, lanes, out);
    for (; c + lanes <= channels; c += lanes) pool_channels<Average, 1, false>(window, c, lanes, out);
    if (c < channels) pool_channels<Average, 1, true>(window, c, channels - c, out);
}

/// The taps of a window along one axis: [first, last) are inside the input, `counted` inside its padding too.
struct pool_taps {
    index_t first;
    index_t last;
    index_t counted;
};

inline index_t taps_before(index_t distance, index_t dilation, index_t kernel) noexcept {
    const index_t taps = distance > 0 ? (distance + dilation - 1) / dilation : 0;
    return taps < kernel ? taps : kernel;
}

inline pool_taps taps_at(index_t start, index_t in, index_t pad_after, index_t kernel,
                         index_t dilation) noexcept {
    const index_t first = taps_before(-start, dilation, kernel);
    const index_t last = taps_before(in - start, dilation, kernel);
    return {first, last > first ? last : first, taps_before(in + pad_after - start, dilation, kernel)};
}

inline void pool_row(const pool2d_shape& s, const float* image, index_t oy, float* out) noexcept {
    const index_t top = oy * s.stride_height - s.pad_top;
    const pool_taps y = taps_at(top, s.in_height, s.pad_bottom, s.kernel_height, s.dilation_height);
    const index_t stride = s.input_stride();
    pool_window window{.in = nullptr,
                       .rows = y.last - y.first,
                       .columns = 0,
                       .row_step = s.dilation_height * s.in_width * stride,
                       .column_step = s.dilation_width * stride,
                       .scale = 0.0F};
    const index_t width = s.out_width();
    for (index_t ox = 0; ox < width; ++ox, out += s.output_stride()) {
        const index_t left = ox * s.stride_width - s.pad_left;
        const pool_taps x = taps_at(left, s.in_width, s.pad_right, s.kernel_width, s.dilation_width);
        window.in =
            image +
            ((top + y.first * s.dilation_height) * s.in_width + left + x.first * s.dilation_width) * stride;
        window.columns = x.last - x.first;
        const index_t count = s.count_include_pad ? y.counted * x.counted : window.rows * window.columns;
        window.scale = count > 0 ? 1.0F / static_cast<float>(count) : 0.0F;
        if (s.kind == pool_kind::average) pool_pixel<true>(window, s.channels, out);
        else pool_pixel<false>(window, s.channels, out);
    }
}

DISPART_SIMD_ENTRY void run_pool2d(const pool2d_shape& s, const pool2d_args& args) noexcept {
    const index_t out_height = s.out_height();
    const index_t end = args.row_end < 0 ? s.batch * out_height : args.row_end;
    for (index_t r = args.row_begin; r < end; ++r)
        pool_row(s, args.input + r / out_height * s.in_height * s.in_width * s.input_stride(), r % out_height,
                 args.output + r * s.out_width() * s.output_stride());
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
