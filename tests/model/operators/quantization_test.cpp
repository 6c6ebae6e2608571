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
}
