#include "dispart/model/operators/layout.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/layout") {
    TEST_CASE("Reshape") {
        const auto x = data({2, 3, 4});
        CHECK(shape_of({"Reshape", {x, list({4, 6})}}) == "[4, 6]");
        CHECK(shape_of({"Reshape", {x, list({0, -1})}}) == "[2, 12]");
        CHECK(shape_of({"Reshape", {x, list({-1, 0, 2})}}) == "[4, 3, 2]");
        CHECK(shape_of({"Reshape", {x}, {{"shape", ints{6, -1}}}, 4}) == "[6, 4]");
        CHECK(shape_of({"Reshape", {data({0, 3}), list({3, 0})}, {{"allowzero", std::int64_t{1}}}}) ==
              "[3, 0]");
        CHECK(shape_of({"Reshape", {data({1}), list({})}}) == "[]");
        CHECK(error_of({"Reshape", {x, list({5, -1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, list({-1, -1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, list({23})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, list({-2, 12})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, list({2, 3, 4, 0})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, list(ints(5000, 1))}}) == errc::shape_mismatch);
        constexpr auto huge = std::numeric_limits<std::int64_t>::max();
        CHECK(error_of({"Reshape", {x, list({huge, huge, huge})}}) == errc::shape_mismatch);
        CHECK(error_of({"Reshape", {x, data({2}, dtype::i64)}}) == errc::unsupported);
        CHECK(error_of({"Reshape", {x, scales({24.0F})}}) == errc::unsupported);
        const auto hint = infer({"Reshape", {x, data({2}, dtype::i64)}}).error().hint;
        CHECK(hint.find("evaluator") != std::string::npos);
    }

    TEST_CASE("Flatten, Squeeze, Unsqueeze") {
        CHECK(shape_of({"Flatten", {data({2, 3, 4})}}) == "[2, 12]");
        CHECK(shape_of({"Flatten", {data({2, 3, 4})}, {{"axis", std::int64_t{0}}}}) == "[1, 24]");
        CHECK(shape_of({"Flatten", {data({2, 3, 4})}, {{"axis", std::int64_t{-1}}}}) == "[6, 4]");
        CHECK(shape_of({"Flatten", {data({2, 3, 4})}, {{"axis", std::int64_t{3}}}}) == "[24, 1]");
        CHECK(error_of({"Flatten", {data({2, 3, 4})}, {{"axis", std::int64_t{4}}}}) == errc::shape_mismatch);
        CHECK(shape_of({"Squeeze", {data({1, 3, 1})}}) == "[3]");
        CHECK(shape_of({"Squeeze", {data({1, 3, 1})}, {{"axes", ints{-1}}}, 11}) == "[1, 3]");
        CHECK(shape_of({"Squeeze", {data({1, 3, 1}), list({0})}}) == "[3, 1]");
        CHECK(error_of({"Squeeze", {data({1, 3, 1}), list({1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Squeeze", {data({1, 3, 1}), list({0, -3})}}) == errc::shape_mismatch);
        CHECK(shape_of({"Unsqueeze", {data({3})}, {{"axes", ints{0, 2}}}, 11}) == "[1, 3, 1]");
        CHECK(shape_of({"Unsqueeze", {data({3}), list({-1})}}) == "[3, 1]");
        CHECK(shape_of({"Unsqueeze", {data({3}), number(0)}}) == "[1, 3]");
        CHECK(error_of({"Unsqueeze", {data({3}), list({5})}}) == errc::shape_mismatch);
        CHECK(error_of({"Unsqueeze", {data({3}), list(ints(60000, 1))}}) == errc::shape_mismatch);
    }

    TEST_CASE("Transpose, Expand, Tile") {
        CHECK(shape_of({"Transpose", {data({2, 3, 4})}}) == "[4, 3, 2]");
        CHECK(shape_of({"Transpose", {data({2, 3, 4})}, {{"perm", ints{1, 0, 2}}}}) == "[3, 2, 4]");
        CHECK(error_of({"Transpose", {data({2, 3, 4})}, {{"perm", ints{1, 1, 2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"Transpose", {data({2, 3, 4})}, {{"perm", ints{0, 1}}}}) == errc::shape_mismatch);
        CHECK(shape_of({"Expand", {data({3, 1}), list({2, 1, 6})}}) == "[2, 3, 6]");
        CHECK(error_of({"Expand", {data({1}), list({std::int64_t{1} << 50})}}) == errc::shape_mismatch);
        CHECK(error_of({"Expand", {data({1}), list({-4})}}) == errc::shape_mismatch);
        CHECK(shape_of({"Tile", {data({2, 3}), list({2, 1})}}) == "[4, 3]");
        CHECK(shape_of({"Tile", {data({2, 3}), number(2), number(1)}, {}, 1}) == "[2, 6]");
        CHECK(error_of({"Tile", {data({2, 3}), list({-1, 1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Tile", {data({2, 3}), list({std::int64_t{1} << 62, 3})}}) == errc::shape_mismatch);
    }

    TEST_CASE("blocks") {
        CHECK(shape_of({"DepthToSpace", {data({1, 8, 2, 3})}, {{"blocksize", std::int64_t{2}}}}) ==
              "[1, 2, 4, 6]");
        CHECK(shape_of({"SpaceToDepth", {data({1, 2, 4, 6})}, {{"blocksize", std::int64_t{2}}}}) ==
              "[1, 8, 2, 3]");
        for (const std::int64_t block : {0L, -2L, 3L, std::numeric_limits<std::int64_t>::max()}) {
            CHECK(error_of({"DepthToSpace", {data({1, 8, 2, 3})}, {{"blocksize", std::int64_t{block}}}}) ==
                  errc::shape_mismatch);
            CHECK(error_of({"SpaceToDepth", {data({1, 8, 2, 2})}, {{"blocksize", std::int64_t{block}}}}) ==
                  errc::shape_mismatch);
        }
    }
}
