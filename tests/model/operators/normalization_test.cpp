#include "dispart/model/operators/normalization.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/normalization") {
    TEST_CASE("BatchNormalization") {
        const auto c4 = data({4});
        CHECK(shape_of({"BatchNormalization", {data({2, 4, 5, 5}), c4, c4, c4, c4}}) == "[2, 4, 5, 5]");
        CHECK(shape_of({"BatchNormalization", {data({2, 4}), c4, c4, c4, c4}}) == "[2, 4]");
        CHECK(error_of({"BatchNormalization", {data({2, 5, 5, 5}), c4, c4, c4, c4}}) == errc::shape_mismatch);
        CHECK(error_of({"BatchNormalization", {data({2, 4}), c4, c4, c4}}) == errc::invalid_model);
        CHECK(infer({"BatchNormalization", {data({2, 4}), c4, c4, c4, c4}, {}, 6, 5}).value().size() == 5);
        const auto each = data({4 * 25});
        const attributes per_element{{"spatial", std::int64_t{0}}};
        CHECK(shape_of({"BatchNormalization", {data({2, 4, 5, 5}), each, each, each, each}, per_element, 7}) ==
              "[2, 4, 5, 5]");
        CHECK(error_of({"BatchNormalization", {data({2, 4, 5, 5}), each, each, each, each}, per_element, 9}) ==
              errc::shape_mismatch);
    }

    TEST_CASE("LayerNormalization and its statistics") {
        const auto found = infer({"LayerNormalization",
                                  {data({2, 3, 8}), data({3, 8}), data({8})},
                                  {{"axis", std::int64_t{1}}},
                                  17,
                                  3});
        REQUIRE(found);
        CHECK((*found)[0].dims == shape{2, 3, 8});
        CHECK((*found)[2].dims == shape{2, 1, 1});
        CHECK(error_of({"LayerNormalization", {data({2, 3, 8}), data({7})}}) == errc::shape_mismatch);
        CHECK(error_of({"LayerNormalization", {data({2, 8}), data({8})}, {{"axis", std::int64_t{2}}}}) ==
              errc::shape_mismatch);
    }

    TEST_CASE("other normalisations") {
        CHECK(shape_of({"InstanceNormalization", {data({1, 3, 4}), data({3}), data({3})}}) == "[1, 3, 4]");
        CHECK(error_of({"InstanceNormalization", {data({1, 3, 4}), data({4}), data({3})}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"GroupNormalization",
                        {data({1, 6, 4}), data({2}), data({2})},
                        {{"num_groups", std::int64_t{4}}},
                        18}) == errc::shape_mismatch);
        CHECK(shape_of({"GroupNormalization",
                        {data({1, 6, 4}), data({2}), data({2})},
                        {{"num_groups", std::int64_t{2}}},
                        18}) == "[1, 6, 4]");
        CHECK(error_of({"LRN", {data({1, 6, 4})}}) == errc::shape_mismatch);
        CHECK(shape_of({"LRN", {data({1, 6, 4})}, {{"size", std::int64_t{5}}}}) == "[1, 6, 4]");
    }

    TEST_CASE("Softmax: the axis by opset") {
        CHECK(shape_of({"Softmax", {data({2, 3})}}) == "[2, 3]");
        CHECK(shape_of({"Softmax", {data({3})}, {}, 11}) == "[3]");
        CHECK(error_of({"Softmax", {data({2, 3})}, {{"axis", std::int64_t{2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"LogSoftmax", {data({2, 3})}, {{"axis", std::int64_t{-3}}}, 12}) ==
              errc::shape_mismatch);
        CHECK(flops_of({"Softmax", {data({2, 3})}}) == 30.0);
    }
}
