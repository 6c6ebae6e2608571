#include "dispart/model/operators/loss.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_CASE("losses: one number, or one per label") {
    const auto labels = data({2, 4}, dtype::i64);
    CHECK(shape_of({"NegativeLogLikelihoodLoss", {data({2, 3, 4}), labels}}) == "[]");
    CHECK(shape_of({"NegativeLogLikelihoodLoss",
                    {data({2, 3, 4}), labels},
                    {{"reduction", std::string("none")}}}) == "[2, 4]");
    const auto both = infer({"SoftmaxCrossEntropyLoss", {data({2, 3, 4}), labels}, {}, 17, 2});
    REQUIRE(both);
    CHECK((*both)[1].dims == shape{2, 3, 4});
    CHECK(error_of({"NegativeLogLikelihoodLoss", {data({2, 3, 5}), labels}}) == errc::shape_mismatch);
}
