#include "dispart/run/kernels/simd/layout.hpp"

#include <doctest/doctest.h>

#include "simd_support.hpp"

using namespace dispart::test;
namespace kernels = dispart::kernels;

TEST_CASE("simd layout: transposes of every shape, with strides") {
    draws draw(41);
    for (int trial = 0; trial < 200; ++trial) {
        const index_t rows = draw.integer(1, 70);
        const index_t columns = draw.integer(1, 70);
        const index_t in_stride = columns + draw.integer(0, 3);
        const index_t out_stride = rows + draw.integer(0, 3);
        const std::vector<float> in = draw.values(rows * in_stride);
        std::vector<float> out(static_cast<std::size_t>(columns * out_stride), NAN);
        std::vector<float> expected = out;
        for (index_t r = 0; r < rows; ++r)
            for (index_t c = 0; c < columns; ++c)
                expected[static_cast<std::size_t>(c * out_stride + r)] =
                    in[static_cast<std::size_t>(r * in_stride + c)];
        kernels::transpose(rows, columns, in.data(), out.data(), in_stride, out_stride);
        CHECK(max_difference(out, expected) == 0);
    }
}

TEST_CASE("simd layout: NCHW to NHWC and back") {
    draws draw(42);
    const std::vector<float> in = draw.values(2 * 3 * 35);
    std::vector<float> nhwc(in.size());
    std::vector<float> back(in.size());
    kernels::nchw_to_nhwc(2, 3, 35, in.data(), nhwc.data());
    CHECK(nhwc[1] == in[35]);               // image 0, pixel 0, channel 1
    CHECK(nhwc[3] == in[1]);                // image 0, pixel 1, channel 0
    CHECK(nhwc[3 * 35 + 2] == in[5 * 35]);  // image 1, pixel 0, channel 2
    kernels::nhwc_to_nchw(2, 3, 35, nhwc.data(), back.data());
    CHECK(back == in);
}
