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

/// Two rows of `Columns` neighbouring output pixels under a Size x Size kernel, for one vector of channels from c on.
/// `window` holds a pointer for every input pixel that they read, or one to zeros where it lies outside; each input
/// is loaded once for all that read it.
template <int Size, int Stride, int Columns>
DISPART_SIMD_INLINE void depthwise_vector(const depthwise_layer& layer, const float* const* window,
                                          float* out, index_t c) noexcept {
    vfloat sum[2][Columns];
    const vfloat start = layer.bias != nullptr ? load(layer.bias + c) : vfloat{};
#pragma GCC unroll 8
    for (int y = 0; y < 2; ++y)
#pragma GCC unroll 8
        for (int x = 0; x < Columns; ++x) sum[y][x] = start;
    const float* weights = layer.weights + c * Size * Size;
#pragma GCC unroll 16
    for (int row = 0; row < Stride + Size; ++row) {
        vfloat weight[2][Size];
#pragma GCC unroll 8
        for (int y = 0; y < 2; ++y)
#pragma GCC unroll 8
            for (int kx = 0; kx < Size; ++kx)
                if (const int ky = row - y * Stride; ky >= 0 && ky < Size)
                    weight[y][kx] = load(weights + (ky * Size + kx) * lanes);
#pragma GCC unroll 16
        for (int column = 0; column < (Columns - 1) * Stride + Size; ++column) {
            const vfloat value = load(window[row * window_pitch + column] + c);
#pragma GCC unroll 8
            for (int y = 0; y < 2; ++y)
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
    for (int y = 0; y < 2; ++y)
#pragma GCC unroll 8
        for (int x = 0; x < Columns; ++x)
            store(out + y * layer.out_row + x * layer.out_column + c, at_most(high, at_least(low, sum[y][x])));
}

/// The channels of one tile, whole vectors only.
template <int Size, int Stride, int Columns>
inline void depthwise_tile(const depthwise_layer& shared, const float* const* window, float* out) noexcept {
    const depthwise_layer layer = shared;
    for (index_t c = 0; c < layer.channels; c += lanes)
        depthwise_vector<Size, Stride, Columns>(layer, window, out, c);
}

/// Two output rows from r on and columns [x, x + count), 3 <= count <= window_pixels: tiles of 4 and 3 columns, of
/// which two overlap where these do not add up to `count`.
template <int Size, int Stride>
inline void depthwise_window(const depthwise_job& job, depthwise_layer layer, index_t r, index_t x,
                             index_t count) noexcept {
    const float* window[window_rows * window_pitch];
    index_t fours = count / 4;
    while (fours > 0 && (count - 4 * fours) % 3 != 0) --fours;
    const index_t whole = job.shape.in_channels / lanes * lanes;
    for (index_t c = 0; c < whole; c += zero_channels) {
        layer.channels = whole - c < zero_channels ? whole - c : zero_channels;
        layer.weights = job.weights + c * Size * Size;
        layer.bias = job.args.post.bias != nullptr ? job.args.post.bias + c : nullptr;
        point_at_window(job, r, x, Stride + Size, (count - 1) * Stride + Size, c, window);
        float* out = job.args.output + r * layer.out_row + x * layer.out_column + c;
        for (index_t i = 0; i < 4 * fours; i += 4)
            depthwise_tile<Size, Stride, 4>(layer, window + i * Stride, out + i * layer.out_column);
        for (index_t i = 4 * fours; i < count; i += 3) {
            const index_t at = i + 3 <= count ? i : count - 3;
            depthwise_tile<Size, Stride, 3>(layer, window + at * Stride, out + at * layer.out_column);
        }
    }
}

/// Rows [begin, end) of one image, at least two, in pairs; the last two pairs overlap where the number is odd.
template <int Size, int Stride>
inline void depthwise_pairs(const depthwise_job& job, index_t begin, index_t end) noexcept {
    const conv2d_shape& s = job.shape;
    const index_t width = s.out_width();
    const depthwise_layer layer{.out_row = width * s.output_stride(),
                                .out_column = s.output_stride(),
                                .bounds = bounds_of(job.args.post.act)};
    for (index_t i = begin; i < end; i += 2) {
        const index_t r = i + 2 <= end ? i : end - 2;
        for (index_t x = 0; x < width; x += window_pixels) {
            const index_t at = x + 3 <= width ? x : width - 3;
            depthwise_window<Size, Stride>(job, layer, r, at,
                                           width - at < window_pixels ? width - at : window_pixels);
        }
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

/// Channels from `first` on of rows [begin, end), pixel by pixel: any kernel, stride and dilation, and residuals.
inline void depthwise_pixels(const depthwise_job& job, index_t begin, index_t end, index_t first) noexcept {
    const index_t channels = job.shape.in_channels;
    for (index_t r = begin; r < end; ++r) {
        for (index_t x = 0; x < job.shape.out_width(); ++x) {
            const depthwise_pixel pixel = pixel_at(job, r, x);
            index_t c = first;
            for (; c + 4 * lanes <= channels; c += 4 * lanes) depthwise_channels<4, false>(pixel, c, lanes);
            for (; c + lanes <= channels; c += lanes) depthwise_channels<1, false>(pixel, c, lanes);
            if (c < channels) depthwise_channels<1, true>(pixel, c, channels - c);
        }
    }
}

/// Rows [begin, end) of one image.
inline void depthwise_image(const depthwise_job& job, index_t begin, index_t end) noexcept {
    const conv2d_shape& s = job.shape;
    const bool tiles = end - begin >= 2 && s.out_width() >= 3;
    if (tiles && has_window(job, 3, 1)) depthwise_pairs<3, 1>(job, begin, end);
    else if (tiles && has_window(job, 3, 2)) depthwise_pairs<3, 2>(job, begin, end);
    else if (tiles && has_window(job, 5, 1)) depthwise_pairs<5, 1>(job, begin, end);
    else if (tiles && has_window(job, 5, 2)) depthwise_pairs<5, 2>(job, begin, end);
    else return depthwise_pixels(job, begin, end, 0);
    if (const index_t whole = s.in_channels / lanes * lanes; whole < s.in_channels)
        depthwise_pixels(job, begin, end, whole);
}

DISPART_SIMD_ENTRY void run_depthwise(const depthwise_job& job) noexcept {
    const conv2d_shape& s = job.shape;
    const index_t begin = job.args.row_begin;
    const index_t end = job.args.row_end < 0 ? s.batch * s.out_height() : job.args.row_end;
    for (index_t r = begin; r < end;) {
        const index_t next = (r / s.out_height() + 1) * s.out_height();
        depthwise_image(job, r, next < end ? next : end);
        r = next;
    }
    if (is_clamp(job.args.post.act)) return;
    for (index_t p = begin * s.out_width(); p < end * s.out_width(); ++p) {
        float* pixel = job.args.output + p * s.output_stride();
        run_activate(job.args.post.act, pixel, pixel, s.out_channels);
    }
}

}  // namespace dispart::kernels::detail::DISPART_SIMD_NAMESPACE

#endif
