#include "dispart/model/operators/quantization.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/quantization") {
    TEST_CASE("types and scales") {
        const auto quantized = infer({"QuantizeLinear", {data({2, 3}), data({}), data({}, dtype::i8)}});
        REQUIRE(quantized);
        CHECK(quantized->front().type == dtype::i8);
        CHECK(infer({"QuantizeLinear", {data({2, 3}), data({})}}).value()[0].type == dtype::u8);
        CHECK(infer({"DequantizeLinear", {data({2, 3}, dtype::u8), data({3})}}).value()[0].type == dtype::f32);
        CHECK(error_of({"DequantizeLinear", {data({2, 3}, dtype::u8), data({4})}}) == errc::shape_mismatch);
        CHECK(error_of({"QuantizeLinear", {data({2, 3}), data({3}), data({}, dtype::u8)}}) ==
              errc::shape_mismatch);
        CHECK(infer({"DynamicQuantizeLinear", {data({2, 3})}, {}, 17, 3}).value()[2].type == dtype::u8);
    }

    TEST_CASE("products and convolutions of quantised operands") {
        const auto byte = [](shape dims) { return data(std::move(dims), dtype::u8); };
        CHECK(infer({"ConvInteger", {byte({1, 2, 5, 5}), data({3, 2, 3, 3}, dtype::i8)}}).value()[0].type ==
              dtype::i32);
        CHECK(shape_of({"MatMulInteger", {byte({4, 2}), byte({2, 3})}}) == "[4, 3]");
        CHECK(error_of({"MatMulInteger", {data({4, 2}), byte({2, 3})}}) == errc::invalid_model);
        const op_case conv{"QLinearConv",
                           {byte({1, 2, 5, 5}), data({}), byte({}), byte({3, 2, 3, 3}), data({3}), byte({3}),
                            data({}), byte({})}};
        CHECK(shape_of(conv) == "[1, 3, 3, 3]");
        CHECK(infer(conv).value()[0].type == dtype::u8);
        CHECK(flops_of(conv) == 27.0 * 2.0 * 18.0);
        CHECK(shape_of({"QLinearMatMul",
                        {byte({2, 4}), data({}), byte({}), byte({4, 3}), data({}), byte({}), data({}),
                         byte({})}}) == "[2, 3]");
    }
}
