// Body of depthwise.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

/// One row of output pixels of a depthwise convolution: what its tiles share.
struct depthwise_row {
    const float* in;  ///< the pixel under the kernel's first valid row and (perhaps outside) first column of x = 0
    const float* weights;  ///< of the first valid kernel row, [ky][kx][channels]
    const float* bias;
    const float* residual;  ///< of the row, or none
    float* out;
    index_t kernel_rows;  ///< valid rows of the kernel here
    index_t kernel_width;
    index_t channels;
    index_t row_step;     ///< floats from one kernel row's input to the next
    index_t column_step;  ///< floats from one kernel column's input to the next
    index_t pixel_step;   ///< floats from the input of one output pixel to that of the next
    index_t out_stride;
    index_t residual_stride;
    clamp_bounds bounds;
};

/// The bias and residual of channels [c, ...) of `Pixels` neighbouring output pixels at x.
template <int Pixels, int Vectors, bool Some>
DISPART_SIMD_INLINE void depthwise_start(const depthwise_row& row, index_t x, index_t c, index_t count,
                                         vfloat (&sum)[Pixels][Vectors]) noexcept {
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j)
#pragma GCC unroll 8
        for (int i = 0; i < Pixels; ++i)
            sum[i][j] = row.bias != nullptr ? load_part<Some>(row.bias + c + j * lanes, count) : vfloat{};
    if (row.residual == nullptr) return;
#pragma GCC unroll 8
    for (int i = 0; i < Pixels; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j)
            sum[i][j] += load_part<Some>(row.residual + (x + i) * row.residual_stride + c + j * lanes, count);
}

/// Clamps and stores what depthwise_start began.
template <int Pixels, int Vectors, bool Some>
DISPART_SIMD_INLINE void depthwise_finish(const depthwise_row& row, index_t x, index_t c, index_t count,
                                          const vfloat (&sum)[Pixels][Vectors]) noexcept {
    const vfloat low = broadcast(row.bounds.low);
    const vfloat high = broadcast(row.bounds.high);
#pragma GCC unroll 8
    for (int i = 0; i < Pixels; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j)
            store_part<Some>(row.out + (x + i) * row.out_stride + c + j * lanes,
                             at_most(high, at_least(low, sum[i][j])), count);
}

/// One pixel under any kernel; `columns` are the kernel columns that lie inside.
struct any_pixel {
    static constexpr int pixels = 1;
    static constexpr int vectors = 4;
    index_t first = 0;
    index_t last = 0;

    template <int Vectors, bool Some>
    DISPART_SIMD_INLINE void channels(const depthwise_row& row, index_t x, index_t c,
                                      index_t count) const noexcept {
        vfloat sum[1][Vectors];
        depthwise_start<1, Vectors, Some>(row, x, c, count, sum);
        for (index_t ky = 0; ky < row.kernel_rows; ++ky) {
            const float* in = row.in + x * row.pixel_step + ky * row.row_step + first * row.column_step + c;
            const float* weights = row.weights + (ky * row.kernel_width + first) * row.channels + c;
            for (index_t kx = first; kx < last; ++kx, in += row.column_step, weights += row.channels)
#pragma GCC unroll 8
                for (int j = 0; j < Vectors; ++j)
                    sum[0][j] +=
                        load_part<Some>(in + j * lanes, count) * load_part<Some>(weights + j * lanes, count);
        }
        depthwise_finish<1, Vectors, Some>(row, x, c, count, sum);
    }
};

/// Neighbouring pixels under a kernel of fixed width and stride: each input is loaded once for all that read it.
template <int Pixels, int Width, int Stride>
struct pixel_run {
    static constexpr int pixels = Pixels;
    static constexpr int vectors = 2;
    index_t first = 0;  ///< input columns [first, last) of those that the run reads lie inside
    index_t last = 0;

    template <int Vectors, bool Some>
    DISPART_SIMD_INLINE void channels(const depthwise_row& row, index_t x, index_t c,
                                      index_t count) const noexcept {
        constexpr int columns = (Pixels - 1) * Stride + Width;
        vfloat sum[Pixels][Vectors];
        depthwise_start<Pixels, Vectors, Some>(row, x, c, count, sum);
        const float* weights = row.weights + c;
        const float* in = row.in + x * row.pixel_step + c;
        for (index_t ky = 0; ky < row.kernel_rows; ++ky, in += row.row_step, weights += Width * row.channels) {
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) {
                vfloat weight[Width];
#pragma GCC unroll 8
                for (int kx = 0; kx < Width; ++kx)
                    weight[kx] = load_part<Some>(weights + kx * row.channels + j * lanes, count);
#pragma GCC unroll 16
                for (int column = 0; column < columns; ++column) {
                    if (column < first || column >= last) continue;
                    const vfloat value = load_part<Some>(in + column * row.column_step + j * lanes, count);
#pragma GCC unroll 8
                    for (int i = 0; i < Pixels; ++i)
                        if (const int kx = column - i * Stride; kx >= 0 && kx < Width)
                            sum[i][j] += value * weight[kx];
                }
            }
        }
        depthwise_finish<Pixels, Vectors, Some>(row, x, c, count, sum);
    }
};

/// All channels of the pixels at x.
template <class Pixels>
inline void depthwise_pixels(const depthwise_row& row, const Pixels& pixels, index_t x) noexcept {
    constexpr index_t wide = Pixels::vectors * lanes;
    index_t c = 0;
    for (; c + wide <= row.channels; c += wide)
        pixels.template channels<Pixels::vectors, false>(row, x, c, lanes);
    for (; c + lanes <= row.channels; c += lanes) pixels.template channels<1, false>(row, x, c, lanes);
    if (c < row.channels) pixels.template channels<1, true>(row, x, c, row.channels - c);
}

inline index_t ceiling_divide(index_t a, index_t b) noexcept { return a > 0 ? (a + b - 1) / b : 0; }

/// How many steps of `step` from `start` until `bound` is reached, at most `most`.
inline index_t steps_below(index_t bound, index_t start, index_t step, index_t most) noexcept {
    const index_t steps = ceiling_divide(bound - start, step);
    return steps < most ? steps : most;
}

template <int Pixels, int Stride>
inline void depthwise_run_of(const conv2d_shape& s, const depthwise_row& row, index_t x) noexcept {
    constexpr index_t columns = (Pixels - 1) * Stride + 3;
    const index_t left = x * Stride - s.pad_left;
    const pixel_run<Pixels, 3, Stride> run{.first = steps_below(0, left, 1, columns),
                                           .last = steps_below(s.in_width, left, 1, columns)};
    depthwise_pixels(row, run, x);
}

/// One row of output, one pixel after the other.
inline void depthwise_singles(const conv2d_shape& s, const depthwise_row& row, index_t begin,
                              index_t end) noexcept {
    for (index_t x = begin; x < end; ++x) {
        const index_t left = x * s.stride_width - s.pad_left;
        any_pixel pixel{.first = steps_below(0, left, s.dilation_width, s.kernel_width),
                        .last = steps_below(s.in_width, left, s.dilation_width, s.kernel_width)};
        depthwise_pixels(row, pixel, x);
    }
}

/// One row of output under kernels of width 3: runs of 4 and 3 pixels.
template <int Stride>
inline void depthwise_runs(const conv2d_shape& s, const depthwise_row& row) noexcept {
    const index_t width = s.out_width();
    index_t fours = width / 4;
    while (fours > 0 && (width - 4 * fours) % 3 != 0) --fours;
    const index_t threes = (width - 4 * fours) / 3;
    index_t x = 0;
    for (index_t i = 0; i < fours; ++i, x += 4) depthwise_run_of<4, Stride>(s, row, x);
    for (index_t i = 0; i < threes; ++i, x += 3) depthwise_run_of<3, Stride>(s, row, x);
    depthwise_singles(s, row, x, width);
}

inline void depthwise_whole_row(const conv2d_shape& s, const depthwise_row& row) noexcept {
    const bool three = s.kernel_width == 3 && s.dilation_width == 1;
    if (three && s.stride_width == 1) return depthwise_runs<1>(s, row);
    if (three && s.stride_width == 2) return depthwise_runs<2>(s, row);
    depthwise_singles(s, row, 0, s.out_width());
}

inline void run_depthwise(const conv2d_shape& s, const conv2d_args& args, const float* weights) noexcept {
    const index_t out_height = s.out_height();
    const index_t end = args.row_end < 0 ? s.batch * out_height : args.row_end;
    const index_t line = s.in_width * s.input_stride();
    const index_t residual_stride =
        args.post.residual_stride != 0 ? args.post.residual_stride : s.output_stride();
    depthwise_row row{.in = nullptr,
                      .weights = nullptr,
                      .bias = args.post.bias,
                      .residual = nullptr,
                      .out = nullptr,
                      .kernel_rows = 0,
                      .kernel_width = s.kernel_width,
                      .channels = s.in_channels,
                      .row_step = s.dilation_height * line,
                      .column_step = s.dilation_width * s.input_stride(),
                      .pixel_step = s.stride_width * s.input_stride(),
                      .out_stride = s.output_stride(),
                      .residual_stride = residual_stride,
                      .bounds = bounds_of(args.post.act)};
    for (index_t r = args.row_begin; r < end; ++r) {
        const index_t top = r % out_height * s.stride_height - s.pad_top;
        index_t first = ceiling_divide(-top, s.dilation_height);
        first = first < s.kernel_height ? first : s.kernel_height;
        index_t last = ceiling_divide(s.in_height - top, s.dilation_height);
        last = last < s.kernel_height ? last : s.kernel_height;
        row.kernel_rows = last > first ? last - first : 0;
        row.in = args.input + (r / out_height * s.in_height + top + first * s.dilation_height) * line -
                 s.pad_left * s.input_stride();
        row.weights = weights + first * s.kernel_width * s.in_channels;
        row.out = args.output + r * s.out_width() * row.out_stride;
        if (args.post.residual != nullptr)
            row.residual = args.post.residual + r * s.out_width() * residual_stride;
        depthwise_whole_row(s, row);
        if (is_clamp(args.post.act)) continue;
        for (index_t x = 0; x < s.out_width(); ++x)
            run_activate(args.post.act, row.out + x * row.out_stride, row.out + x * row.out_stride,
                         row.channels);
    }
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
