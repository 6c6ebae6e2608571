#include "dispart/model/operators/generation.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {
ints value_of(const op_case& c) {
    const auto found = infer(c);
    REQUIRE(found);
    REQUIRE(found->front().value.has_value());
    return detail::integers_of(found->front().value).value();
}
}  // namespace

TEST_SUITE("model/operators/generation") {
    TEST_CASE("Shape and Size know their value") {
        const auto x = data({2, 3, 4});
        CHECK(value_of({"Shape", {x}}) == ints{2, 3, 4});
        CHECK(value_of({"Shape", {x}, {{"start", std::int64_t{1}}}}) == ints{3, 4});
        CHECK(value_of({"Shape", {x}, {{"start", std::int64_t{-2}}, {"end", std::int64_t{-1}}}}) == ints{3});
        CHECK(value_of({"Shape", {x}, {{"start", std::int64_t{2}}, {"end", std::int64_t{1}}}}).empty());
        CHECK(value_of({"Shape", {x}, {{"end", std::numeric_limits<std::int64_t>::max()}}}) == ints{2, 3, 4});
        CHECK(value_of({"Size", {x}}) == ints{24});
        CHECK(shape_of({"Size", {x}}) == "[]");
    }

    TEST_CASE("Constant in its forms") {
        CHECK(value_of({"Constant", {}, {{"value", tensor::of({2}, ints{5, 6})}}}) == ints{5, 6});
        CHECK(value_of({"Constant", {}, {{"value_int", std::int64_t{7}}}}) == ints{7});
        CHECK(value_of({"Constant", {}, {{"value_ints", ints{1, 2}}}}) == ints{1, 2});
        CHECK(shape_of({"Constant", {}, {{"value_floats", std::vector<float>{1, 2, 3}}}}) == "[3]");
        CHECK(shape_of({"Constant", {}, {{"value_float", 1.0F}}}) == "[]");
        CHECK(error_of({"Constant", {}}) == errc::unsupported);
        CHECK(error_of({"Constant", {}, {{"value_string", std::string("x")}}}) == errc::unsupported);
    }

    TEST_CASE("ConstantOfShape, Range, EyeLike") {
        CHECK(shape_of({"ConstantOfShape", {list({2, 0, 3})}}) == "[2, 0, 3]");
        CHECK(infer({"ConstantOfShape", {list({2})}, {{"value", tensor::of({1}, ints{1})}}}).value()[0].type ==
              dtype::i64);
        CHECK(error_of({"ConstantOfShape", {list({-1})}}) == errc::shape_mismatch);
        CHECK(error_of({"ConstantOfShape", {list({1 << 30, 1 << 30})}}) == errc::shape_mismatch);
        CHECK(error_of({"ConstantOfShape", {list({1})}, {{"value", tensor::of({2}, ints{1, 2})}}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"ConstantOfShape", {data({2}, dtype::i64)}}) == errc::unsupported);
        CHECK(shape_of({"Range", {number(3), number(10), number(2)}}) == "[4]");
        CHECK(shape_of({"Range", {number(10), number(3), number(-3)}}) == "[3]");
        CHECK(shape_of({"Range", {number(10), number(3), number(3)}}) == "[0]");
        CHECK(error_of({"Range", {number(0), number(3), number(0)}}) == errc::shape_mismatch);
        CHECK(error_of({"Range", {number(0), number(std::numeric_limits<std::int64_t>::max()), number(1)}}) ==
              errc::shape_mismatch);
        CHECK(infer({"EyeLike", {data({2, 3})}, {{"dtype", std::int64_t{7}}}}).value()[0].type == dtype::i64);
        CHECK(error_of({"EyeLike", {data({2})}}) == errc::shape_mismatch);
    }
}
