#include "dispart/run/kernels/simd/gemm.hpp"

#include <doctest/doctest.h>

#include "simd_support.hpp"

using namespace dispart::test;
namespace kernels = dispart::kernels;

namespace {

/// The product by its definition; a and b with their row strides, sums in double.
std::vector<float> plain_gemm(index_t rows, const kernels::dynamic_gemm_args& g) {
    std::vector<float> c(static_cast<std::size_t>(rows * g.c_stride), NAN);
    for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < g.columns; ++j) {
            double sum = g.post.bias != nullptr ? g.post.bias[j] : 0;
            for (index_t k = 0; k < g.depth; ++k)
                sum += double{g.a[i * g.a_stride + k]} *
                       double{g.b_transposed ? g.b[j * g.b_stride + k] : g.b[k * g.b_stride + j]} *
                       double{g.scale};
            if (g.post.residual != nullptr) sum += g.post.residual[i * g.post.residual_stride + j];
            c[static_cast<std::size_t>(i * g.c_stride + j)] = static_cast<float>(activated(g.post.act, sum));
        }
    }
    return c;
}

struct product {
    kernels::dynamic_gemm_args args;
    std::vector<float> a, b, bias, residual;
};

product some_product(draws& draw, index_t rows, index_t depth, index_t columns) {
    product p;
    kernels::dynamic_gemm_args& g = p.args;
    g.rows = rows;
    g.depth = depth;
    g.columns = columns;
    g.b_transposed = draw.coin();
    g.scale = draw.coin() ? 1.0F : 0.125F;
    g.a_stride = depth + (draw.coin() ? 0 : draw.integer(0, 5));
    g.b_stride = (g.b_transposed ? depth : columns) + (draw.coin() ? 0 : draw.integer(0, 5));
    g.c_stride = columns + (draw.coin() ? 0 : draw.integer(0, 5));
    g.post.residual_stride = columns + draw.integer(0, 5);
    p.a = draw.values(rows * g.a_stride);
    p.b = draw.values((g.b_transposed ? columns : depth) * g.b_stride);
    p.bias = draw.values(columns);
    p.residual = draw.values(rows * g.post.residual_stride);
    g.a = p.a.data();
    g.b = p.b.data();
    if (draw.coin()) g.post.bias = p.bias.data();
    if (draw.coin()) g.post.residual = p.residual.data();
    g.post.act = some_activation(draw);
    return p;
}

std::vector<float> multiply_packed(const kernels::dynamic_gemm_args& g, isa which, index_t row_step) {
    std::vector<float> c(static_cast<std::size_t>(g.rows * g.c_stride), NAN);
    const kernels::packed_matrix b = kernels::pack_b({.depth = g.depth,
                                                      .columns = g.columns,
                                                      .b = g.b,
                                                      .stride = g.b_stride,
                                                      .transposed = g.b_transposed,
                                                      .scale = g.scale},
                                                     which);
    kernels::gemm_args args{
        .rows = g.rows, .a = g.a, .a_stride = g.a_stride, .c = c.data(), .c_stride = g.c_stride, .post = g.post};
    for (args.row_begin = 0; args.row_begin < g.rows; args.row_begin = args.row_end) {
        args.row_end = std::min(g.rows, args.row_begin + row_step);
        kernels::gemm(args, b);
    }
    return c;
}

void check_product(const product& p) {
    const std::vector<float> expected = plain_gemm(p.args.rows, p.args);
    for (const isa which : available_isas()) {
        CAPTURE(static_cast<int>(which));
        const std::vector<float> packed = multiply_packed(p.args, which, 1 << 20);
        CHECK(max_difference(packed, expected) <= 4e-7 * static_cast<double>(p.args.depth + 4));
        CHECK(max_difference(packed, multiply_packed(p.args, which, 1)) == 0);

        kernels::dynamic_gemm_args args = p.args;
        std::vector<float> c(packed.size(), NAN);
        std::vector<float> work = scratch(kernels::workspace_bytes(args, which));
        args.c = c.data();
        args.workspace = work.data();
        kernels::gemm(args, which);
        CHECK(max_difference(packed, c) == 0);
    }
}

}  // namespace

TEST_CASE("simd gemm: equals the plain loops, packed and dynamic, and row by row to the bit") {
    draws draw(11);
    for (int trial = 0; trial < 200; ++trial) {
        CAPTURE(trial);
        const index_t rows = draw.coin() ? draw.integer(1, 8) : draw.integer(1, 200);
        check_product(some_product(draw, rows, draw.integer(1, 90), draw.integer(1, 150)));
    }
}

TEST_CASE("simd gemm: every width of the last panel, every height of the last tile") {
    draws draw(12);
    for (index_t columns = 1; columns <= 66; ++columns)
        check_product(some_product(draw, columns % 14 + 1, 3, columns));
}

TEST_CASE("simd gemm: depths and widths beyond one block") {
    draws draw(13);
    check_product(some_product(draw, 3, 1000, 20));
    check_product(some_product(draw, 1, 700, 1001));
    check_product(some_product(draw, 250, 513, 17));
    check_product(some_product(draw, 5, 2, 5000));
    check_product(some_product(draw, 130, 1, 1));
}

TEST_CASE("simd gemm: a wanted instruction set is never wider than the machine's") {
    const std::vector<float> b{1, 2};
    const kernels::packed_matrix packed =
        kernels::pack_b({.depth = 1, .columns = 2, .b = b.data()}, isa::avx512);
    CHECK(kernels::is_available(packed.instruction_set()));
    CHECK(kernels::usable(isa::baseline) == isa::baseline);
}
