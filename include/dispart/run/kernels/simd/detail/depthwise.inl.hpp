// Body of depthwise.hpp; compiled once per instruction set by each_isa.inl.hpp.
#ifdef DISPART_SIMD_NAMESPACE

namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE {

/// What the tiles of a depthwise convolution share, from the first channel of a block on.
struct depthwise_layer {
    const float* weights = nullptr;  ///< [blocks of `lanes` channels][taps][lanes]
    const float* bias = nullptr;
    index_t channels = 0;
    index_t out_row = 0;  ///< floats from one output row to the next
    index_t out_column = 0;
    clamp_bounds bounds = {};
};

/// Rows x Columns neighbouring output pixels under a Size x Size kernel. `window` holds a pointer for every input
/// pixel that they read, or one to zeros where it lies outside; each input is loaded once for all that read it.
template <int Size, int Stride, int Rows, int Columns>
struct depthwise_tile {
    /// One vector of channels from c on, or fewer.
    template <bool Some>
    static DISPART_SIMD_INLINE void channels(const depthwise_layer& layer, const float* const* window,
                                             float* out, index_t c, index_t count) noexcept {
        vfloat sum[Rows][Columns];
        const vfloat start = layer.bias != nullptr ? load_part<Some>(layer.bias + c, count) : vfloat{};
#pragma GCC unroll 8
        for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 8
            for (int x = 0; x < Columns; ++x) sum[y][x] = start;
        const float* weights = layer.weights + c * Size * Size;
#pragma GCC unroll 16
        for (int row = 0; row < (Rows - 1) * Stride + Size; ++row) {
            vfloat weight[Rows][Size];
#pragma GCC unroll 8
            for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 8
                for (int kx = 0; kx < Size; ++kx)
                    if (const int ky = row - y * Stride; ky >= 0 && ky < Size)
                        weight[y][kx] = load(weights + (ky * Size + kx) * lanes);
#pragma GCC unroll 16
            for (int column = 0; column < (Columns - 1) * Stride + Size; ++column) {
                const vfloat value = load_part<Some>(window[row * window_pitch + column] + c, count);
#pragma GCC unroll 8
                for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 8
                    for (int x = 0; x < Columns; ++x)
                        if (const int ky = row - y * Stride, kx = column - x * Stride;
                            ky >= 0 && ky < Size && kx >= 0 && kx < Size)
                            sum[y][x] += value * weight[y][kx];
            }
        }
        const vfloat low = broadcast(layer.bounds.low);
        const vfloat high = broadcast(layer.bounds.high);
#pragma GCC unroll 8
        for (int y = 0; y < Rows; ++y)
#pragma GCC unroll 8
            for (int x = 0; x < Columns; ++x)
                store_part<Some>(out + y * layer.out_row + x * layer.out_column + c,
                                 at_most(high, at_least(low, sum[y][x])), count);
    }

    static inline void run(const depthwise_layer& shared, const float* const* window, float* out) noexcept {
        const depthwise_layer layer = shared;
        index_t c = 0;
        for (; c + lanes <= layer.channels; c += lanes) channels<false>(layer, window, out, c, lanes);
        if (c < layer.channels) channels<true>(layer, window, out, c, layer.channels - c);
    }
};

/// Output rows [r, r + Rows) and columns [x, x + count) of a job, count <= window_pixels.
template <int Size, int Stride, int Rows>
inline void depthwise_window(const depthwise_job& job, depthwise_layer layer, index_t r, index_t x,
                             index_t count) noexcept {
    const float* window[window_rows * window_pitch];
    for (index_t c = 0; c < job.shape.in_channels; c += zero_channels) {
        const index_t rest = job.shape.in_channels - c;
        layer.channels = rest < zero_channels ? rest : zero_channels;
        layer.weights = job.weights + c * Size * Size;
        layer.bias = job.args.post.bias != nullptr ? job.args.post.bias + c : nullptr;
        point_at_window(job, r, x, (Rows - 1) * Stride + Size, (count - 1) * Stride + Size, c, window);
        float* out = job.args.output + r * layer.out_row + x * layer.out_column + c;
        index_t fours = count / 4;
        while (fours > 0 && (count - 4 * fours) % 3 != 0) --fours;
        index_t i = 0;
        for (; i < 4 * fours; i += 4)
            depthwise_tile<Size, Stride, Rows, 4>::run(layer, window + i * Stride, out + i * layer.out_column);
        for (; i + 3 <= count; i += 3)
            depthwise_tile<Size, Stride, Rows, 3>::run(layer, window + i * Stride, out + i * layer.out_column);
        for (; i < count; ++i)
            depthwise_tile<Size, Stride, Rows, 1>::run(layer, window + i * Stride, out + i * layer.out_column);
    }
}

/// Rows [begin, end) two by two, in windows of some pixels.
template <int Size, int Stride>
inline void depthwise_rows(const depthwise_job& job, index_t begin, index_t end) noexcept {
    const conv2d_shape& s = job.shape;
    const index_t height = s.out_height();
    const index_t width = s.out_width();
    const depthwise_layer layer{.out_row = width * s.output_stride(),
                                .out_column = s.output_stride(),
                                .bounds = bounds_of(job.args.post.act)};
    for (index_t r = begin; r < end;) {
        const bool pair = r + 1 < end && (r + 1) % height != 0;
        for (index_t x = 0; x < width; x += window_pixels) {
            const index_t count = width - x < window_pixels ? width - x : window_pixels;
            if (pair) depthwise_window<Size, Stride, 2>(job, layer, r, x, count);
            else depthwise_window<Size, Stride, 1>(job, layer, r, x, count);
        }
        r += pair ? 2 : 1;
    }
}

/// One output pixel under any kernel, `Vectors` vectors of channels from c on, or fewer than one.
template <int Vectors, bool Some>
DISPART_SIMD_INLINE void depthwise_channels(const depthwise_pixel& pixel, index_t c, index_t count) noexcept {
    vfloat sum[Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) {
        sum[j] = pixel.bias != nullptr ? load_part<Some>(pixel.bias + c + j * lanes, count) : vfloat{};
        if (pixel.residual != nullptr) sum[j] += load_part<Some>(pixel.residual + c + j * lanes, count);
    }
    for (index_t ky = pixel.first_row; ky < pixel.last_row; ++ky) {
        for (index_t kx = pixel.first_column; kx < pixel.last_column; ++kx) {
            const float* in = pixel.in + ky * pixel.row_step + kx * pixel.column_step + c;
            const float* weights = pixel.weights + c * pixel.taps + (ky * pixel.kernel_width + kx) * lanes;
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j)
                sum[j] += load_part<Some>(in + j * lanes, count) * load(weights + j * pixel.taps * lanes);
        }
    }
    const vfloat low = broadcast(pixel.bounds.low);
    const vfloat high = broadcast(pixel.bounds.high);
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j)
        store_part<Some>(pixel.out + c + j * lanes, at_most(high, at_least(low, sum[j])), count);
}

/// Rows [begin, end) pixel by pixel: any kernel, stride and dilation, and residuals.
inline void depthwise_pixels(const depthwise_job& job, index_t begin, index_t end) noexcept {
    const index_t channels = job.shape.in_channels;
    for (index_t r = begin; r < end; ++r) {
        for (index_t x = 0; x < job.shape.out_width(); ++x) {
            const depthwise_pixel pixel = pixel_at(job, r, x);
            index_t c = 0;
            for (; c + 4 * lanes <= channels; c += 4 * lanes) depthwise_channels<4, false>(pixel, c, lanes);
            for (; c + lanes <= channels; c += lanes) depthwise_channels<1, false>(pixel, c, lanes);
            if (c < channels) depthwise_channels<1, true>(pixel, c, channels - c);
        }
    }
}

inline void run_depthwise(const depthwise_job& job) noexcept {
    const conv2d_shape& s = job.shape;
    const index_t begin = job.args.row_begin;
    const index_t end = job.args.row_end < 0 ? s.batch * s.out_height() : job.args.row_end;
    if (has_window(job, 3, 1)) depthwise_rows<3, 1>(job, begin, end);
    else if (has_window(job, 3, 2)) depthwise_rows<3, 2>(job, begin, end);
    else if (has_window(job, 5, 1)) depthwise_rows<5, 1>(job, begin, end);
    else if (has_window(job, 5, 2)) depthwise_rows<5, 2>(job, begin, end);
    else depthwise_pixels(job, begin, end);
    if (is_clamp(job.args.post.act)) return;
    for (index_t p = begin * s.out_width(); p < end * s.out_width(); ++p) {
        float* pixel = job.args.output + p * s.output_stride();
        run_activate(job.args.post.act, pixel, pixel, s.out_channels);
    }
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
