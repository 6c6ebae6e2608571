#include "dispart/run/kernels/simd/elementwise.hpp"

#include <doctest/doctest.h>

#include "simd_support.hpp"

using namespace dispart::test;
namespace kernels = dispart::kernels;
using fn = kernels::activation_kind;

namespace {

/// Largest |got - expected| / max(|expected|, floor) of an activation over the inputs.
double worst_error(const kernels::activation& act, const std::vector<float>& in, double floor, isa which) {
    std::vector<float> out(in.size());
    kernels::activate(act, in.data(), out.data(), static_cast<index_t>(in.size()), which);
    double worst = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
        const double expected = activated(act, static_cast<double>(in[i]));
        worst = std::max(worst, std::abs(out[i] - expected) / std::max(std::abs(expected), floor));
    }
    return worst;
}

std::vector<float> sweep(double low, double high, int count) {
    std::vector<float> v;
    for (int i = 0; i <= count; ++i) v.push_back(static_cast<float>(low + (high - low) * i / count));
    return v;
}

}  // namespace

TEST_CASE("simd elementwise: accuracy of every activation") {
    struct bound {
        kernels::activation act;
        double low, high, floor, error;
    };
    const std::vector<bound> bounds{
        {{.kind = fn::none}, -9, 9, 1e-30, 0},
        {{.kind = fn::relu}, -9, 9, 1e-30, 0},
        {{.kind = fn::clip, .alpha = 0, .beta = 6}, -9, 9, 1e-30, 0},
        {{.kind = fn::leaky_relu, .alpha = 0.01F}, -9, 9, 1e-30, 1e-7},
        {{.kind = fn::exp}, -87, 88.7, 1e-37, 2e-7},
        {{.kind = fn::sigmoid}, -80, 80, 1e-36, 4e-7},
        {{.kind = fn::silu}, -40, 40, 1e-30, 4e-7},
        {{.kind = fn::hard_sigmoid, .alpha = 0.2F, .beta = 0.5F}, -9, 9, 1, 2e-7},
        {{.kind = fn::hard_swish}, -9, 9, 1, 4e-7},
        {{.kind = fn::tanh}, -20, 20, 1e-30, 4e-7},
        {{.kind = fn::elu, .alpha = 1.5F}, -20, 20, 1, 2e-7},
        {{.kind = fn::gelu}, -9, 9, 1, 3e-7},
        {{.kind = fn::gelu_tanh}, -9, 9, 1, 6e-7},
        {{.kind = fn::mish}, -20, 40, 1e-9, 6e-7},
        {{.kind = fn::erf}, -6, 6, 1e-30, 3e-7},
        {{.kind = fn::abs}, -9, 9, 1e-30, 0},
        {{.kind = fn::sqrt}, 0, 90, 1e-30, 1e-7},
        {{.kind = fn::square}, -9, 9, 1e-30, 1e-7},
        {{.kind = fn::negate}, -9, 9, 1e-30, 0},
        {{.kind = fn::reciprocal}, 0.1, 9, 1e-30, 1e-7},
        {{.kind = fn::affine, .alpha = 2, .beta = 1}, 0, 9, 1e-30, 2e-7},
    };
    for (const isa which : available_isas()) {
        for (const bound& b : bounds) {
            CAPTURE(static_cast<int>(which));
            CAPTURE(static_cast<int>(b.act.kind));
            CHECK(worst_error(b.act, sweep(b.low, b.high, 20003), b.floor, which) <= b.error);
        }
    }
}

TEST_CASE("simd elementwise: small arguments and extremes") {
    const float inf = INFINITY;
    for (const isa which : available_isas()) {
        CAPTURE(static_cast<int>(which));
        CHECK(worst_error({.kind = fn::tanh}, sweep(-1e-3, 1e-3, 1001), 1e-30, which) <= 2e-7);
        CHECK(worst_error({.kind = fn::erf}, sweep(-1e-3, 1e-3, 1001), 1e-30, which) <= 3e-7);
        CHECK(worst_error({.kind = fn::exp}, sweep(-103, -87, 1001), 1e-30, which) <= 2e-7);

        const std::vector<float> in{inf, -inf, NAN, 200, -200, 0, -0.0F, 89, -105, 88.72F};
        std::vector<float> out(in.size());
        const auto apply = [&](fn what) {
            kernels::activate({.kind = what}, in.data(), out.data(), static_cast<index_t>(in.size()), which);
        };
        apply(fn::exp);
        CHECK(out[0] == inf);
        CHECK(out[1] == 0);
        CHECK(std::isnan(out[2]));
        CHECK(out[3] == inf);
        CHECK(out[4] == 0);
        CHECK(out[5] == 1);
        CHECK(out[7] == inf);
        CHECK(out[8] == 0);
        CHECK(out[9] == doctest::Approx(std::exp(88.72F)).epsilon(1e-6));
        apply(fn::tanh);
        CHECK(out[0] == 1);
        CHECK(out[1] == -1);
        CHECK(std::isnan(out[2]));
        CHECK(out[5] == 0);
        apply(fn::sigmoid);
        CHECK(out[0] == 1);
        CHECK(out[1] == 0);
        CHECK(std::isnan(out[2]));
        apply(fn::relu);
        CHECK(std::isnan(out[2]));
        apply(fn::erf);
        CHECK(out[0] == 1);
        CHECK(out[1] == -1);
    }
}

TEST_CASE("simd elementwise: binary operations with every broadcast") {
    using kernels::binary_kind;
    using kernels::broadcast_kind;
    const auto combine = [](binary_kind kind, float a, float b) {
        switch (kind) {
        case binary_kind::add:
            return a + b;
        case binary_kind::subtract:
            return a - b;
        case binary_kind::multiply:
            return a * b;
        case binary_kind::divide:
            return a / b;
        case binary_kind::maximum:
            return std::max(a, b);
        case binary_kind::minimum:
            return std::min(a, b);
        }
        return a;
    };
    draws draw(21);
    for (int trial = 0; trial < 300; ++trial) {
        kernels::binary_args args{.kind = static_cast<binary_kind>(draw.integer(0, 5)),
                                  .broadcast = static_cast<broadcast_kind>(draw.integer(0, 3)),
                                  .swapped = draw.coin(),
                                  .rows = draw.integer(1, 9),
                                  .columns = draw.integer(1, 40),
                                  .act = some_activation(draw)};
        const std::vector<float> a = draw.values(args.rows * args.columns);
        const std::vector<float> b = draw.values(args.rows * args.columns);
        std::vector<float> expected(a.size());
        for (index_t i = 0; i < args.rows * args.columns; ++i) {
            const index_t at = args.broadcast == broadcast_kind::none      ? i
                               : args.broadcast == broadcast_kind::rows    ? i % args.columns
                               : args.broadcast == broadcast_kind::columns ? i / args.columns
                                                                           : 0;
            const float x = a[static_cast<std::size_t>(i)];
            const float y = b[static_cast<std::size_t>(at)];
            expected[static_cast<std::size_t>(i)] = static_cast<float>(
                activated(args.act, args.swapped ? combine(args.kind, y, x) : combine(args.kind, x, y)));
        }
        for (const isa which : available_isas()) {
            CAPTURE(trial);
            CAPTURE(static_cast<int>(which));
            std::vector<float> out = a;
            args.a = args.out = out.data();
            args.b = b.data();
            kernels::binary(args, which);
            for (std::size_t i = 0; i < out.size(); ++i)
                CHECK(out[i] == doctest::Approx(expected[i]).epsilon(1e-6));
        }
    }
}

TEST_CASE("simd elementwise: maximum and minimum keep a NaN of either side") {
    for (const isa which : available_isas()) {
        const std::vector<float> a{NAN, 1};
        const std::vector<float> b{1, NAN};
        std::vector<float> out(2);
        for (const auto kind : {kernels::binary_kind::maximum, kernels::binary_kind::minimum}) {
            kernels::binary({.kind = kind, .columns = 2, .a = a.data(), .b = b.data(), .out = out.data()},
                            which);
            CHECK(std::isnan(out[0]));
            CHECK(std::isnan(out[1]));
        }
    }
}

TEST_CASE("simd elementwise: softmax, layer normalisation, scale and shift") {
    draws draw(22);
    for (const index_t columns : {1, 3, 8, 17, 64, 1000}) {
        const index_t rows = 3;
        std::vector<float> in = draw.values(rows * columns);
        for (float& x : in) x *= 30;
        const std::vector<float> scale = draw.values(columns);
        const std::vector<float> shift = draw.values(columns);
        for (const isa which : available_isas()) {
            CAPTURE(columns);
            CAPTURE(static_cast<int>(which));
            std::vector<float> soft(in.size());
            std::vector<float> norm(in.size());
            std::vector<float> affine_out(in.size());
            kernels::softmax(in.data(), soft.data(), rows, columns, which);
            kernels::layer_norm({.rows = rows,
                                 .columns = columns,
                                 .in = in.data(),
                                 .scale = scale.data(),
                                 .shift = shift.data(),
                                 .out = norm.data()},
                                which);
            kernels::scale_shift({.rows = rows,
                                  .columns = columns,
                                  .in = in.data(),
                                  .scale = scale.data(),
                                  .shift = shift.data(),
                                  .out = affine_out.data(),
                                  .act = {.kind = fn::relu}},
                                 which);
            for (index_t r = 0; r < rows; ++r) {
                const float* row = in.data() + r * columns;
                const double most = *std::max_element(row, row + columns);
                double total = 0, mean = 0, variance = 0;
                for (index_t j = 0; j < columns; ++j) {
                    total += std::exp(row[j] - most);
                    mean += row[j] / static_cast<double>(columns);
                }
                for (index_t j = 0; j < columns; ++j)
                    variance += (row[j] - mean) * (row[j] - mean) / static_cast<double>(columns);
                for (index_t j = 0; j < columns; ++j) {
                    const auto at = static_cast<std::size_t>(r * columns + j);
                    const auto column = static_cast<std::size_t>(j);
                    CHECK(std::abs(soft[at] - std::exp(row[j] - most) / total) < 1e-6);
                    CHECK(std::abs(norm[at] -
                                   ((row[j] - mean) / std::sqrt(variance + 1e-5) * double{scale[column]} +
                                    double{shift[column]})) < 1e-5);
                    CHECK(std::abs(affine_out[at] - std::max(0.0, double{row[j]} * double{scale[column]} +
                                                                      double{shift[column]})) < 1e-5);
                }
            }
        }
    }
}
