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

/// Channels [c, c + count) of `Pixels` neighbouring output pixels at x, kernel columns [first, last); `Vectors`
/// vectors, or fewer than one when count < lanes.
template <int Pixels, int Vectors, bool Some>
DISPART_SIMD_INLINE void depthwise_tile(const depthwise_row& row, index_t x, index_t first, index_t last,
                                        index_t c, index_t count) noexcept {
    vfloat sum[Pixels][Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j)
#pragma GCC unroll 8
        for (int i = 0; i < Pixels; ++i)
            sum[i][j] = row.bias != nullptr ? load_part<Some>(row.bias + c + j * lanes, count) : vfloat{};
    if (row.residual != nullptr) {
#pragma GCC unroll 8
        for (int i = 0; i < Pixels; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j)
                sum[i][j] +=
                    load_part<Some>(row.residual + (x + i) * row.residual_stride + c + j * lanes, count);
    }
    const float* in = row.in + x * row.pixel_step + c;
    for (index_t ky = 0; ky < row.kernel_rows; ++ky) {
        for (index_t kx = first; kx < last; ++kx) {
            const float* weights = row.weights + (ky * row.kernel_width + kx) * row.channels + c;
            const float* at = in + ky * row.row_step + kx * row.column_step;
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) {
                const vfloat weight = load_part<Some>(weights + j * lanes, count);
#pragma GCC unroll 8
                for (int i = 0; i < Pixels; ++i)
                    sum[i][j] += load_part<Some>(at + i * row.pixel_step + j * lanes, count) * weight;
            }
        }
    }
    const vfloat low = broadcast(row.bounds.low);
    const vfloat high = broadcast(row.bounds.high);
#pragma GCC unroll 8
    for (int i = 0; i < Pixels; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) {
            float* out = row.out + (x + i) * row.out_stride + c + j * lanes;
            store_part<Some>(out, at_most(high, at_least(low, sum[i][j])), count);
        }
    }
}

/// All channels of `Pixels` output pixels at x, kernel columns [first, last).
template <int Pixels>
inline void depthwise_pixels(const depthwise_row& row, index_t x, index_t first, index_t last) noexcept {
    index_t c = 0;
    for (; c + 2 * lanes <= row.channels; c += 2 * lanes)
        depthwise_tile<Pixels, 2, false>(row, x, first, last, c, lanes);
    for (; c + lanes <= row.channels; c += lanes)
        depthwise_tile<Pixels, 1, false>(row, x, first, last, c, lanes);
    if (c < row.channels) depthwise_tile<Pixels, 1, true>(row, x, first, last, c, row.channels - c);
}

inline index_t ceiling_divide(index_t a, index_t b) noexcept { return a > 0 ? (a + b - 1) / b : 0; }

/// One row of output: pixels whose kernel lies inside in tiles, those at the borders one by one.
inline void depthwise_run(const conv2d_shape& s, const depthwise_row& row) noexcept {
    const index_t width = s.out_width();
    const index_t reach = (s.kernel_width - 1) * s.dilation_width;
    index_t inner = ceiling_divide(s.pad_left, s.stride_width);
    index_t inner_end = s.in_width + s.pad_left - reach;
    inner_end = inner_end > 0 ? (inner_end - 1) / s.stride_width + 1 : 0;
    inner_end = inner_end < width ? inner_end : width;
    for (index_t x = 0; x < width;) {
        if (x >= inner && x + 4 <= inner_end) {
            depthwise_pixels<4>(row, x, 0, s.kernel_width);
            x += 4;
            continue;
        }
        const index_t left = x * s.stride_width - s.pad_left;
        index_t first = ceiling_divide(-left, s.dilation_width);
        first = first < s.kernel_width ? first : s.kernel_width;
        index_t last = ceiling_divide(s.in_width - left, s.dilation_width);
        last = last < s.kernel_width ? last : s.kernel_width;
        depthwise_pixels<1>(row, x, first, last > first ? last : first);
        ++x;
    }
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
        depthwise_run(s, row);
        if (is_clamp(args.post.act)) continue;
        for (index_t x = 0; x < s.out_width(); ++x)
            run_activate(args.post.act, row.out + x * row.out_stride, row.out + x * row.out_stride,
                         row.channels);
    }
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
