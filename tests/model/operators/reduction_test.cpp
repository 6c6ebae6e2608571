#include "dispart/model/operators/reduction.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/reduction") {
    TEST_CASE("axes by attribute and by operand") {
        const auto x = data({2, 3, 4});
        const attributes drop{{"keepdims", std::int64_t{0}}};
        CHECK(shape_of({"ReduceMean", {x}}) == "[1, 1, 1]");
        CHECK(shape_of({"ReduceMean", {x}, drop}) == "[]");
        CHECK(shape_of({"ReduceMax", {x}, {{"axes", ints{1, -1}}}}) == "[2, 1, 1]");
        CHECK(shape_of({"ReduceSum", {x, list({0})}, drop}) == "[3, 4]");
        CHECK(shape_of({"ReduceSum", {x, list({})}, {{"noop_with_empty_axes", std::int64_t{1}}}}) ==
              "[2, 3, 4]");
        CHECK(shape_of({"ReduceSum", {x, list({})}}) == "[1, 1, 1]");
        CHECK(error_of({"ReduceSum", {x, list({3})}}) == errc::shape_mismatch);
        CHECK(error_of({"ReduceSum", {x, list({1, 1})}}) == errc::shape_mismatch);
        CHECK(error_of({"ReduceSum", {x, data({1}, dtype::i64)}}) == errc::unsupported);
        CHECK(flops_of({"ReduceSum", {x}}) == 24.0);
        CHECK(flops_of({"ReduceL2", {x}}) == 48.0);
    }

    TEST_CASE("arguments of extrema") {
        CHECK(shape_of({"ArgMax", {data({2, 3, 4})}}) == "[1, 3, 4]");
        CHECK(shape_of({"ArgMin",
                        {data({2, 3, 4})},
                        {{"axis", std::int64_t{-1}}, {"keepdims", std::int64_t{0}}}}) == "[2, 3]");
        CHECK(infer({"ArgMax", {data({2})}}).value()[0].type == dtype::i64);
        CHECK(error_of({"ArgMax", {data({2, 0})}, {{"axis", std::int64_t{1}}}}) == errc::shape_mismatch);
        CHECK(error_of({"ArgMax", {data({})}}) == errc::shape_mismatch);
    }
}
