#include "dispart/run/kernels/simd/pool.hpp"

#include <doctest/doctest.h>

#include "simd_support.hpp"

using namespace dispart::test;
namespace kernels = dispart::kernels;

namespace {

/// Pooling by its definition.
std::vector<float> plain_pool(const kernels::pool2d_shape& s, const std::vector<float>& in) {
    const index_t oh = s.out_height();
    const index_t ow = s.out_width();
    const bool average = s.kind == kernels::pool_kind::average;
    std::vector<float> out(static_cast<std::size_t>(s.batch * oh * ow * s.output_stride()), NAN);
    for (index_t p = 0; p < s.batch * oh * ow; ++p) {
        for (index_t c = 0; c < s.channels; ++c) {
            double result = average ? 0 : -INFINITY;
            int inside = 0;
            int padded = 0;
            for (index_t ky = 0; ky < s.kernel_height; ++ky) {
                for (index_t kx = 0; kx < s.kernel_width; ++kx) {
                    const index_t y = p / ow % oh * s.stride_height - s.pad_top + ky * s.dilation_height;
                    const index_t x = p % ow * s.stride_width - s.pad_left + kx * s.dilation_width;
                    if (y < s.in_height + s.pad_bottom && x < s.in_width + s.pad_right) ++padded;
                    if (y < 0 || y >= s.in_height || x < 0 || x >= s.in_width) continue;
                    ++inside;
                    const index_t at =
                        ((p / (oh * ow) * s.in_height + y) * s.in_width + x) * s.input_stride() + c;
                    const double value = in[static_cast<std::size_t>(at)];
                    result = average ? result + value : std::max(result, value);
                }
            }
            const int count = s.count_include_pad ? padded : inside;
            if (average && count > 0) result /= count;
            out[static_cast<std::size_t>(p * s.output_stride() + c)] = static_cast<float>(result);
        }
    }
    return out;
}

kernels::pool2d_shape some_pool(draws& draw) {
    const kernels::conv2d_shape c = some_conv(draw, true);
    kernels::pool2d_shape s{.kind = draw.coin() ? kernels::pool_kind::maximum : kernels::pool_kind::average,
                            .batch = c.batch,
                            .in_height = c.in_height,
                            .in_width = c.in_width,
                            .channels = c.in_channels,
                            .kernel_height = c.kernel_height,
                            .kernel_width = c.kernel_width,
                            .stride_height = c.stride_height,
                            .stride_width = c.stride_width,
                            .dilation_height = c.dilation_height,
                            .dilation_width = c.dilation_width,
                            .pad_top = c.pad_top,
                            .pad_left = c.pad_left,
                            .pad_bottom = c.pad_bottom,
                            .pad_right = c.pad_right,
                            .ceil_mode = draw.coin(),
                            .count_include_pad = draw.coin(),
                            .in_pixel_stride = c.in_pixel_stride,
                            .out_pixel_stride = c.out_pixel_stride};
    return s;
}

}  // namespace

TEST_CASE("simd pool: equals the plain loops on random shapes, and by parts to the bit") {
    draws draw(31);
    for (int trial = 0; trial < 300; ++trial) {
        CAPTURE(trial);
        const kernels::pool2d_shape s = some_pool(draw);
        const std::vector<float> in = draw.values(s.batch * s.in_height * s.in_width * s.input_stride());
        const std::vector<float> expected = plain_pool(s, in);
        for (const isa which : available_isas()) {
            CAPTURE(static_cast<int>(which));
            std::vector<float> out(expected.size(), NAN);
            std::vector<float> parts(expected.size(), NAN);
            kernels::pool2d(s, {.input = in.data(), .output = out.data()}, which);
            const index_t rows = s.batch * s.out_height();
            for (index_t r = 0; r < rows; ++r)
                kernels::pool2d(
                    s, {.input = in.data(), .output = parts.data(), .row_begin = r, .row_end = r + 1}, which);
            CHECK(max_difference(out, expected) < 1e-6);
            CHECK(max_difference(out, parts) == 0);
        }
    }
}

TEST_CASE("simd pool: output sizes with ceil_mode, as ONNX defines them") {
    kernels::pool2d_shape s{.in_height = 4,
                            .in_width = 5,
                            .kernel_height = 3,
                            .kernel_width = 2,
                            .stride_height = 2,
                            .stride_width = 2};
    CHECK(s.out_height() == 1);
    CHECK(s.out_width() == 2);
    s.ceil_mode = true;
    CHECK(s.out_height() == 2);
    CHECK(s.out_width() == 3);
    // A window that would start in the trailing padding does not exist.
    const kernels::pool2d_shape t{
        .in_height = 2, .kernel_height = 1, .stride_height = 3, .pad_bottom = 1, .ceil_mode = true};
    CHECK(t.out_height() == 1);
}

TEST_CASE("simd pool: global average and a NaN under a maximum") {
    for (const isa which : available_isas()) {
        const std::vector<float> in{1, 2, 3, 5, 8, 13};
        std::vector<float> out(3);
        kernels::global_pool(kernels::pool_kind::average, 1, 2, 3, in.data(), out.data(), which);
        CHECK(out == std::vector<float>{3, 5, 8});
        const std::vector<float> odd{NAN, 1, 2, NAN};
        std::vector<float> most(2);
        kernels::global_pool(kernels::pool_kind::maximum, 1, 2, 2, odd.data(), most.data(), which);
        CHECK(std::isnan(most[0]));
        CHECK(std::isnan(most[1]));
    }
}
