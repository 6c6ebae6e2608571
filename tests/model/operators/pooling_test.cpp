#include "dispart/model/operators/pooling.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/pooling") {
    TEST_CASE("windows: hand-computed shapes") {
        const auto x = data({1, 2, 13, 13});
        CHECK(shape_of({"MaxPool", {x}, {{"kernel_shape", ints{3, 3}}, {"strides", ints{2, 2}}}}) ==
              "[1, 2, 6, 6]");
        CHECK(shape_of({"AveragePool", {x}, {{"kernel_shape", ints{2, 3}}}}) == "[1, 2, 12, 11]");
        CHECK(shape_of({"LpPool", {x}, {{"kernel_shape", ints{13, 13}}}}) == "[1, 2, 1, 1]");
        CHECK(shape_of({"MaxPool", {x}, {{"kernel_shape", ints{3, 3}}, {"dilations", ints{2, 2}}}}) ==
              "[1, 2, 9, 9]");
    }

    TEST_CASE("ceil_mode adds a window only where it begins inside the data") {
        const attributes attrs{
            {"kernel_shape", ints{3, 3}}, {"strides", ints{2, 2}}, {"ceil_mode", std::int64_t{1}}};
        CHECK(shape_of({"MaxPool", {data({1, 1, 12, 13})}, attrs}) == "[1, 1, 6, 6]");
        // ONNX's test_maxpool_2d_ceil_output_size_reduce_by_one: 2x2 by kernel 1, stride 2 gives 1x1.
        CHECK(shape_of(
                  {"MaxPool",
                   {data({1, 1, 2, 2})},
                   {{"kernel_shape", ints{1, 1}}, {"strides", ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}}) ==
              "[1, 1, 1, 1]");
    }

    TEST_CASE("MaxPool's second result holds indices") {
        const auto both = infer({"MaxPool", {data({1, 2, 4, 4})}, {{"kernel_shape", ints{2, 2}}}, 17, 2});
        REQUIRE(both);
        CHECK((*both)[1].type == dtype::i64);
        CHECK((*both)[1].dims == shape{1, 2, 3, 3});
        CHECK(error_of({"AveragePool", {data({1, 2, 4, 4})}, {{"kernel_shape", ints{2, 2}}}, 17, 2}) ==
              errc::invalid_model);
    }

    TEST_CASE("whole images and regions") {
        CHECK(shape_of({"GlobalAveragePool", {data({2, 5, 7, 9})}}) == "[2, 5, 1, 1]");
        CHECK(shape_of({"GlobalMaxPool", {data({2, 5, 7})}}) == "[2, 5, 1]");
        CHECK(shape_of({"MaxRoiPool", {data({1, 4, 8, 8}), data({6, 5})}, {{"pooled_shape", ints{2, 3}}}}) ==
              "[6, 4, 2, 3]");
        CHECK(shape_of({"RoiAlign",
                        {data({1, 4, 8, 8}), data({6, 4}), data({6}, dtype::i64)},
                        {{"output_height", std::int64_t{2}}}}) == "[6, 4, 2, 1]");
    }

    TEST_CASE("bad windows") {
        const auto x = data({1, 2, 4, 4});
        CHECK(error_of({"MaxPool", {x}}) == errc::shape_mismatch);
        CHECK(error_of({"MaxPool", {x}, {{"kernel_shape", ints{5, 5}}}}) == errc::shape_mismatch);
        CHECK(error_of({"MaxPool", {x}, {{"kernel_shape", ints{0, 2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"MaxPool", {x}, {{"kernel_shape", ints{2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"MaxPool", {data({4, 4})}, {{"kernel_shape", ints{2, 2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"MaxPool", {x}, {{"kernel_shape", ints{2, 2}}, {"dilations", ints{1 << 30, 1}}}}) ==
              errc::shape_mismatch);
    }

    TEST_CASE("operations") {
        CHECK(flops_of({"MaxPool", {data({1, 2, 4, 4})}, {{"kernel_shape", ints{2, 2}}}}) == 4.0 * 2 * 9);
        CHECK(flops_of({"GlobalAveragePool", {data({1, 2, 4, 4})}}) == 32.0);
    }
}
