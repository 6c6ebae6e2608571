#include "dispart/model/operators/elementwise.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/elementwise") {
    TEST_CASE("broadcasting as numpy does it") {
        CHECK(shape_of({"Add", {data({2, 3, 4}), data({3, 1})}}) == "[2, 3, 4]");
        CHECK(shape_of({"Mul", {data({}), data({5})}}) == "[5]");
        CHECK(shape_of({"Sub", {data({2, 1}), data({1, 7})}}) == "[2, 7]");
        CHECK(shape_of({"Div", {data({0, 1}), data({1, 3})}}) == "[0, 3]");
        CHECK(error_of({"Add", {data({2, 3}), data({2})}}) == errc::shape_mismatch);
        CHECK(error_of({"Add", {data({2}), data({2}, dtype::i64)}}) == errc::invalid_model);
        CHECK(shape_of({"Pow", {data({2, 3}), data({}, dtype::i64)}}) == "[2, 3]");
    }

    TEST_CASE("broadcasting before opset 7 goes by an axis") {
        const attributes at1{{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}};
        CHECK(shape_of({"Add", {data({2, 3, 4, 5}), data({3, 4})}, at1, 6}) == "[2, 3, 4, 5]");
        CHECK(shape_of({"Add", {data({2, 3, 4, 5}), data({4, 5})}, {{"broadcast", std::int64_t{1}}}, 6}) ==
              "[2, 3, 4, 5]");
        CHECK(error_of({"Add", {data({2, 3, 4, 5}), data({3, 4})}, at1, 7}) == errc::shape_mismatch);
        CHECK(error_of({"Add", {data({2, 3}), data({2, 3, 4})}, at1, 6}) == errc::shape_mismatch);
        for (const std::int64_t axis : {-9L, 9L, std::numeric_limits<std::int64_t>::min()})
            CHECK(error_of({"Add",
                            {data({2, 3, 4, 5}), data({3, 4})},
                            {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{axis}}},
                            6}) == errc::shape_mismatch);
    }

    TEST_CASE("types of comparisons, logic and casts") {
        const auto type_of = [](const op_case& c) { return infer(c).value().front().type; };
        CHECK(type_of({"Greater", {data({2}), data({2})}}) == dtype::boolean);
        CHECK(type_of({"IsNaN", {data({2})}}) == dtype::boolean);
        CHECK(type_of({"Cast", {data({2})}, {{"to", std::int64_t{7}}}}) == dtype::i64);
        CHECK(type_of({"Cast", {data({2})}, {{"to", std::string("DOUBLE")}}, 1}) == dtype::f64);
        CHECK(type_of({"CastLike", {data({2}), data({}, dtype::u8)}}) == dtype::u8);
        CHECK(error_of({"Cast", {data({2})}, {{"to", std::int64_t{8}}}}) == errc::unsupported);
        CHECK(error_of({"And", {data({2}), data({2})}}) == errc::invalid_model);
        CHECK(shape_of({"Not", {data({2}, dtype::boolean)}}) == "[2]");
        CHECK(shape_of({"Where", {data({2, 1}, dtype::boolean), data({3}), data({})}}) == "[2, 3]");
        CHECK(error_of({"Where", {data({2, 1}), data({3}), data({})}}) == errc::invalid_model);
    }

    TEST_CASE("many operands, slopes and bounds") {
        CHECK(shape_of({"Sum", {data({2, 1}), data({3}), data({})}}) == "[2, 3]");
        CHECK(error_of({"Max", {data({2}), absent}}) == errc::invalid_model);
        CHECK(flops_of({"Sum", {data({2, 3}), data({3}), data({})}}) == 12.0);
        CHECK(shape_of({"PRelu", {data({1, 4, 2, 2}), data({4, 1, 1})}}) == "[1, 4, 2, 2]");
        CHECK(shape_of({"PRelu", {data({1, 4, 2, 2}), data({4})}, {}, 6}) == "[1, 4, 2, 2]");
        CHECK(error_of({"PRelu", {data({1, 4, 2, 2}), data({4})}}) == errc::shape_mismatch);
        CHECK(error_of({"PRelu", {data({4}), data({1, 4})}}) == errc::shape_mismatch);
        CHECK(shape_of({"Clip", {data({4}), absent, data({})}}) == "[4]");
        CHECK(error_of({"Clip", {data({4}), data({2})}}) == errc::shape_mismatch);
        CHECK(error_of({"Relu", {data({4}), data({4})}}) == errc::invalid_model);
    }

    TEST_CASE("Dropout returns a mask too") {
        const auto both = infer({"Dropout", {data({3})}, {}, 13, 2});
        REQUIRE(both);
        CHECK((*both)[1].type == dtype::boolean);
    }
}
