#include "dispart/model/operators/resize.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/resize") {
    TEST_CASE("scales and sizes at every opset") {
        const auto x = data({1, 2, 3, 5});
        CHECK(shape_of({"Resize", {x, absent, scales({1, 1, 2, 1.5F})}}) == "[1, 2, 6, 7]");
        CHECK(shape_of({"Resize", {x, absent, absent, list({1, 2, 9, 9})}}) == "[1, 2, 9, 9]");
        CHECK(shape_of({"Resize", {x, scales({}), scales({}), list({1, 2, 9, 9})}}) == "[1, 2, 9, 9]");
        CHECK(shape_of({"Resize", {x, scales({1, 1, 0.5F, 0.5F})}, {}, 10}) == "[1, 2, 1, 2]");
        CHECK(shape_of({"Upsample", {x, scales({1, 1, 2, 2})}, {}, 9}) == "[1, 2, 6, 10]");
        CHECK(shape_of({"Upsample", {x}, {{"scales", std::vector<float>{1, 1, 2, 2}}}, 7}) ==
              "[1, 2, 6, 10]");
        CHECK(shape_of({"Upsample", {x}, {{"height_scale", 2.0F}, {"width_scale", 3.0F}}, 1}) ==
              "[1, 2, 6, 15]");
        CHECK(shape_of({"Resize", {x, absent, scales({2})}, {{"axes", ints{2}}}, 18}) == "[1, 2, 6, 5]");
        const attributes fit{{"axes", ints{2, 3}}, {"keep_aspect_ratio_policy", std::string("not_larger")}};
        CHECK(shape_of({"Resize", {x, absent, absent, list({6, 8})}, fit, 18}) == "[1, 2, 5, 8]");
        const attributes crop{{"coordinate_transformation_mode", std::string("tf_crop_and_resize")}};
        const auto region = scales({0, 0, 0, 0, 1, 1, 0.5F, 1});
        CHECK(shape_of({"Resize", {data({1, 1, 8, 8}), region, scales({1, 1, 2, 1})}, crop}) ==
              "[1, 1, 8, 8]");
    }

    TEST_CASE("bad scales and sizes") {
        const auto x = data({1, 2, 3, 5});
        const float nan = std::numeric_limits<float>::quiet_NaN();
        const float infinite = std::numeric_limits<float>::infinity();
        for (const float scale : {0.0F, -1.0F, nan, infinite, 1e30F, 1e9F}) {
            CAPTURE(scale);
            CHECK(error_of({"Resize", {x, absent, scales({1, 1, scale, scale})}}) == errc::shape_mismatch);
        }
        CHECK(error_of({"Resize", {x, absent, scales({1, 1, 1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Resize", {x, absent, absent, list({1, 2, -3, 5})}}) == errc::shape_mismatch);
        CHECK(error_of({"Resize", {x, absent, absent, list({1, 2})}}) == errc::shape_mismatch);
        CHECK(error_of({"Resize", {data({1, 0}), absent, absent, list({1, 2})}}) == errc::shape_mismatch);
        CHECK(error_of({"Resize", {x}}) == errc::shape_mismatch);
        CHECK(error_of({"Resize", {x, absent, data({4})}}) == errc::unsupported);
        CHECK(error_of({"Upsample", {x}, {}, 7}) == errc::shape_mismatch);
    }

    TEST_CASE("GridSample") {
        CHECK(shape_of({"GridSample", {data({1, 2, 4, 4}), data({1, 6, 7, 2})}}) == "[1, 2, 6, 7]");
        CHECK(error_of({"GridSample", {data({1, 2, 4, 4}), data({2, 6, 7, 2})}}) == errc::shape_mismatch);
    }
}
