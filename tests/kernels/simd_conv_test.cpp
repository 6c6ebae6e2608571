#include "dispart/run/kernels/simd/conv.hpp"

#include <doctest/doctest.h>

#include "dispart/run/kernels/simd/depthwise.hpp"
#include "simd_support.hpp"

using namespace dispart::test;
namespace kernels = dispart::kernels;

namespace {

struct operands {
    kernels::conv2d_shape shape;
    std::vector<float> in;
    std::vector<float> weights;
    std::vector<float> bias;
    std::vector<float> residual;
    kernels::epilogue post;
};

operands some_operands(draws& draw, const kernels::conv2d_shape& s) {
    operands o;
    o.shape = s;
    o.in = draw.values(s.batch * s.in_height * s.in_width * s.input_stride());
    o.weights = draw.values(s.out_channels * (s.in_channels / s.groups) * s.kernel_height * s.kernel_width);
    o.bias = draw.values(s.out_channels);
    o.post.residual_stride = draw.coin() ? 0 : s.output_stride() + 3;
    const index_t stride = o.post.residual_stride != 0 ? o.post.residual_stride : s.output_stride();
    o.residual = draw.values(s.batch * s.out_height() * s.out_width() * stride);
    if (draw.coin()) o.post.bias = o.bias.data();
    if (draw.coin()) o.post.residual = o.residual.data();
    o.post.act = some_activation(draw);
    return o;
}

std::vector<float> convolve(const operands& o, isa which, index_t row_step) {
    const kernels::conv2d_shape& s = o.shape;
    const index_t rows = s.batch * s.out_height();
    std::vector<float> out(static_cast<std::size_t>(rows * s.out_width() * s.output_stride()), NAN);
    std::vector<float> work = scratch(kernels::workspace_bytes(s));
    kernels::conv2d_args args{
        .input = o.in.data(), .output = out.data(), .workspace = work.data(), .post = o.post};
    for (args.row_begin = 0; args.row_begin < rows; args.row_begin = args.row_end) {
        args.row_end = std::min(rows, args.row_begin + row_step);
        if (kernels::is_depthwise(s))
            kernels::depthwise_conv2d(s, args, kernels::pack_depthwise(s, o.weights.data(), which));
        else kernels::conv2d(s, args, kernels::pack_conv2d(s, o.weights.data(), which));
    }
    return out;
}

void check_against_plain(const operands& o) {
    const std::vector<float> expected = plain_conv(o.shape, o.in, o.weights, o.post);
    const auto terms = static_cast<double>(o.shape.kernel_height * o.shape.kernel_width *
                                           o.shape.in_channels / o.shape.groups);
    for (const isa which : available_isas()) {
        CAPTURE(static_cast<int>(which));
        const std::vector<float> whole = convolve(o, which, 1 << 20);
        CHECK(max_difference(whole, expected) <= 4e-7 * (terms + 4));
        CHECK(max_difference(whole, convolve(o, which, 2)) == 0);
    }
}

}  // namespace

TEST_CASE("simd conv: equals the plain loops on random shapes, and by parts to the bit") {
    draws draw(1);
    for (int trial = 0; trial < 150; ++trial) {
        CAPTURE(trial);
        check_against_plain(some_operands(draw, some_conv(draw, false)));
    }
}

TEST_CASE("simd conv: depthwise equals the plain loops on random shapes, and by parts to the bit") {
    draws draw(2);
    for (int trial = 0; trial < 150; ++trial) {
        CAPTURE(trial);
        check_against_plain(some_operands(draw, some_conv(draw, true)));
    }
}

TEST_CASE("simd conv: depthwise windows of every width, odd heights and many channels") {
    draws draw(6);
    for (index_t width = 1; width <= 40; ++width) {
        for (const index_t size : {3, 5}) {
            const index_t stride = draw.integer(1, 2);
            const index_t pad = draw.integer(0, size - 1);
            const index_t channels = width % 20 == 3 ? 1100 : draw.integer(2, 70);
            kernels::conv2d_shape s{.batch = 2,
                                    .in_height = size + draw.integer(0, 5),
                                    .in_width = width + size - 1,
                                    .in_channels = channels,
                                    .out_channels = channels,
                                    .kernel_height = size,
                                    .kernel_width = size,
                                    .stride_height = stride,
                                    .stride_width = stride,
                                    .pad_top = pad,
                                    .pad_left = draw.integer(0, size - 1),
                                    .pad_bottom = draw.integer(0, size - 1),
                                    .pad_right = pad,
                                    .groups = channels};
            operands o = some_operands(draw, s);
            o.post.residual = nullptr;
            CAPTURE(width);
            check_against_plain(o);
        }
    }
}

TEST_CASE("simd conv: shapes that networks have") {
    draws draw(3);
    const std::vector<kernels::conv2d_shape> shapes{
        {.in_height = 30,
         .in_width = 31,
         .in_channels = 3,
         .out_channels = 64,
         .kernel_height = 7,
         .kernel_width = 7,
         .stride_height = 2,
         .stride_width = 2,
         .pad_top = 3,
         .pad_left = 3,
         .pad_bottom = 3,
         .pad_right = 3},
        {.in_height = 33,
         .in_width = 33,
         .in_channels = 3,
         .out_channels = 32,
         .kernel_height = 3,
         .kernel_width = 3,
         .stride_height = 2,
         .stride_width = 2,
         .pad_bottom = 1,
         .pad_right = 1},
        {.in_height = 7,
         .in_width = 7,
         .in_channels = 520,
         .out_channels = 40,
         .kernel_height = 1,
         .kernel_width = 1},
        {.in_height = 7,
         .in_width = 7,
         .in_channels = 300,
         .out_channels = 72,
         .kernel_height = 3,
         .kernel_width = 3,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.in_channels = 700, .out_channels = 130},
        {.in_height = 1,
         .in_width = 1,
         .in_channels = 9,
         .out_channels = 1,
         .kernel_height = 3,
         .kernel_width = 3,
         .pad_top = 1,
         .pad_left = 1,
         .pad_bottom = 1,
         .pad_right = 1},
        {.in_height = 25,
         .in_width = 25,
         .in_channels = 32,
         .out_channels = 24,
         .kernel_height = 3,
         .kernel_width = 3,
         .dilation_height = 6,
         .dilation_width = 6,
         .pad_top = 6,
         .pad_left = 6,
         .pad_bottom = 6,
         .pad_right = 6},
    };
    for (const kernels::conv2d_shape& s : shapes) {
        CAPTURE(s.in_height);
        CAPTURE(s.in_channels);
        check_against_plain(some_operands(draw, s));
    }
}

TEST_CASE("simd conv: the residual may be the output itself") {
    draws draw(4);
    const kernels::conv2d_shape s{.in_height = 9, .in_width = 9, .in_channels = 300, .out_channels = 21};
    const std::vector<float> in = draw.values(9 * 9 * 300);
    const std::vector<float> weights = draw.values(300 * 21);
    const std::vector<float> start = draw.values(9 * 9 * 21);
    const std::vector<float> expected = plain_conv(s, in, weights, {.residual = start.data()});
    for (const isa which : available_isas()) {
        std::vector<float> out = start;
        std::vector<float> work = scratch(kernels::workspace_bytes(s));
        kernels::conv2d(s,
                        {.input = in.data(),
                         .output = out.data(),
                         .workspace = work.data(),
                         .post = {.residual = out.data()}},
                        kernels::pack_conv2d(s, weights.data(), which));
        CHECK(max_difference(out, expected) < 1e-4);
    }
}

TEST_CASE("simd conv: a NaN reaches the outputs that read it and no others") {
    const kernels::conv2d_shape s{.in_height = 8,
                                  .in_width = 8,
                                  .in_channels = 4,
                                  .out_channels = 5,
                                  .kernel_height = 3,
                                  .kernel_width = 3};
    draws draw(5);
    std::vector<float> in = draw.values(8 * 8 * 4);
    in[0] = NAN;
    const std::vector<float> weights = draw.values(5 * 4 * 9);
    for (const isa which : available_isas()) {
        std::vector<float> out(6 * 6 * 5);
        std::vector<float> work = scratch(kernels::workspace_bytes(s));
        kernels::conv2d(s,
                        {.input = in.data(),
                         .output = out.data(),
                         .workspace = work.data(),
                         .post = {.act = {.kind = kernels::activation_kind::relu}}},
                        kernels::pack_conv2d(s, weights.data(), which));
        CHECK(std::count_if(out.begin(), out.end(), [](float x) { return std::isnan(x); }) == 5);
    }
}
