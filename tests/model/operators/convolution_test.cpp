#include "dispart/model/operators/convolution.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/convolution") {
    TEST_CASE("Conv: hand-computed shapes") {
        const auto image = data({1, 3, 224, 224});
        CHECK(shape_of({"Conv",
                        {image, data({64, 3, 7, 7})},
                        {{"strides", ints{2, 2}}, {"pads", ints{3, 3, 3, 3}}}}) == "[1, 64, 112, 112]");
        CHECK(shape_of({"Conv", {image, data({8, 3, 3, 5})}}) == "[1, 8, 222, 220]");
        CHECK(shape_of({"Conv", {image, data({8, 3, 3, 3})}, {{"dilations", ints{2, 4}}}}) ==
              "[1, 8, 220, 216]");
        CHECK(shape_of({"Conv", {image, data({8, 3, 3, 3})}, {{"pads", ints{0, 1, 2, 3}}}}) ==
              "[1, 8, 224, 226]");
        CHECK(shape_of({"Conv", {data({2, 6, 10}), data({4, 3, 3})}, {{"group", std::int64_t{2}}}}) ==
              "[2, 4, 8]");
        CHECK(shape_of({"Conv", {data({1, 1, 4, 5, 6}), data({2, 1, 2, 2, 2}), data({2})}}) ==
              "[1, 2, 3, 4, 5]");
    }

    TEST_CASE("Conv: automatic padding") {
        const op_case same{"Conv", {data({1, 1, 5, 6}), data({1, 1, 3, 3})}, {{"strides", ints{2, 2}}}};
        for (const std::string mode : {"SAME_UPPER", "SAME_LOWER"}) {
            auto c = same;
            c.attrs["auto_pad"] = mode;
            CHECK(shape_of(c) == "[1, 1, 3, 3]");
            const auto self = layer_of(c);
            const std::vector<const tensor_info*> operands{&*c.operands[0], &*c.operands[1]};
            const auto w = convolution_window({self, operands, {}, 17});
            REQUIRE(w);
            CHECK(w->pads_begin == (mode == "SAME_UPPER" ? ints{1, 0} : ints{1, 1}));
            CHECK(w->pads_end == (mode == "SAME_UPPER" ? ints{1, 1} : ints{1, 0}));
        }
        auto valid = same;
        valid.attrs["auto_pad"] = std::string("VALID");
        CHECK(shape_of(valid) == "[1, 1, 2, 2]");
        valid.attrs["auto_pad"] = std::string("ELSE");
        CHECK(error_of(valid) == errc::unsupported);
    }

    TEST_CASE("Conv: attributes from hostile files") {
        const op_case good{"Conv", {data({1, 4, 8, 8}), data({4, 4, 3, 3})}};
        REQUIRE(infer(good));
        const auto with = [&](const char* name, attribute value) {
            auto c = good;
            c.attrs[name] = std::move(value);
            return error_of(c);
        };
        constexpr auto huge = std::numeric_limits<std::int64_t>::max();
        for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, huge, -huge}) {
            CAPTURE(value);
            CHECK(with("strides", ints{value, 1}) == errc::shape_mismatch);
            CHECK(with("dilations", ints{1, value}) == errc::shape_mismatch);
            CHECK(with("kernel_shape", ints{value, value}) == errc::shape_mismatch);
            CHECK(with("group", value) == errc::shape_mismatch);
            if (value != 0) CHECK(with("pads", ints{value, value, value, value}) == errc::shape_mismatch);
        }
        CHECK(with("strides", ints{1}) == errc::shape_mismatch);
        CHECK(with("pads", ints{1, 1}) == errc::shape_mismatch);
        CHECK(with("pads", ints(1000, 1)) == errc::shape_mismatch);
        CHECK(with("group", std::int64_t{3}) == errc::shape_mismatch);
        CHECK(with("dilations", ints{4, 4}) == errc::shape_mismatch);
        const auto pads = ints(4, std::int64_t{1} << 30);
        CHECK(with("pads", pads) == errc::shape_mismatch);  // 2^62 elements
    }

    TEST_CASE("Conv: operands that do not fit") {
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 4, 3, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 3, 9, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 3, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3}), data({4, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 3, 3, 3}), data({5})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 3, 0, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8}), data({4, 3, 3, 3}, dtype::f64)}}) == errc::invalid_model);
        CHECK(error_of({"Conv", {data({1, 3, 8, 8})}}) == errc::invalid_model);
    }

    TEST_CASE("ConvTranspose: hand-computed shapes") {
        const auto x = data({1, 2, 3, 3});
        const auto w = data({2, 4, 3, 3});
        CHECK(shape_of({"ConvTranspose", {x, w}}) == "[1, 4, 5, 5]");
        CHECK(shape_of({"ConvTranspose", {x, w}, {{"strides", ints{3, 2}}}}) == "[1, 4, 9, 7]");
        CHECK(shape_of({"ConvTranspose", {x, w}, {{"strides", ints{3, 2}}, {"output_padding", ints{1, 1}}}}) ==
              "[1, 4, 10, 8]");
        CHECK(shape_of({"ConvTranspose", {x, w}, {{"strides", ints{3, 2}}, {"output_shape", ints{10, 8}}}}) ==
              "[1, 4, 10, 8]");
        CHECK(shape_of({"ConvTranspose", {x, w}, {{"pads", ints{1, 1, 1, 1}}, {"strides", ints{2, 2}}}}) ==
              "[1, 4, 5, 5]");
        CHECK(shape_of({"ConvTranspose",
                        {x, w},
                        {{"auto_pad", std::string("SAME_UPPER")}, {"strides", ints{2, 2}}}}) ==
              "[1, 4, 6, 6]");
        CHECK(shape_of({"ConvTranspose", {x, data({2, 4, 3, 3})}, {{"group", std::int64_t{2}}}}) ==
              "[1, 8, 5, 5]");
        CHECK(error_of({"ConvTranspose", {x, w}, {{"pads", ints{9, 9, 9, 9}}}}) == errc::shape_mismatch);
        CHECK(error_of({"ConvTranspose",
                        {x, w},
                        {{"strides", ints{std::int64_t{1} << 31, std::int64_t{1} << 31}}}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"ConvTranspose", {x, data({3, 4, 3, 3})}}) == errc::shape_mismatch);
    }

    TEST_CASE("operations: 2 per multiply-add, 1 for the bias") {
        CHECK(flops_of({"Conv", {data({1, 3, 10, 10}), data({4, 3, 3, 3})}}) == 2.0 * 27 * 4 * 64);
        CHECK(flops_of({"Conv", {data({1, 3, 10, 10}), data({4, 3, 3, 3}), data({4})}}) ==
              (2.0 * 27 + 1) * 4 * 64);
        CHECK(flops_of({"Conv", {data({1, 4, 10, 10}), data({4, 1, 3, 3})}, {{"group", std::int64_t{4}}}}) ==
              2.0 * 9 * 4 * 64);
        CHECK(flops_of({"ConvTranspose", {data({1, 2, 3, 3}), data({2, 4, 3, 3})}}) == 2.0 * 18 * 36);
    }
}
