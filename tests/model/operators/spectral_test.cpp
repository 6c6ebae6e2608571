#include "dispart/model/operators/spectral.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/spectral") {
    TEST_CASE("DFT: the axis by opset, padded lengths, one side") {
        CHECK(shape_of({"DFT", {data({2, 10, 1})}}) == "[2, 10, 2]");
        CHECK(shape_of({"DFT", {data({2, 10, 6, 2}), number(16), number(-2)}, {}, 20}) == "[2, 10, 16, 2]");
        CHECK(shape_of({"DFT", {data({2, 10, 1})}, {{"onesided", std::int64_t{1}}}}) == "[2, 6, 2]");
        CHECK(error_of({"DFT", {data({2, 10, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"DFT", {data({2, 10, 1})}, {{"axis", std::int64_t{2}}}}) == errc::shape_mismatch);
        CHECK(error_of({"DFT", {data({2, 10, 1}), number(0)}}) == errc::shape_mismatch);
        CHECK(flops_of({"DFT", {data({1, 8, 1})}}) == 16.0 * 4.0 * 8.0);
    }

    TEST_CASE("STFT: frames by window or length") {
        CHECK(shape_of({"STFT", {data({1, 100, 1}), number(10), data({20})}}) == "[1, 9, 11, 2]");
        CHECK(shape_of({"STFT", {data({1, 100, 1}), number(10), absent, number(30)}}) == "[1, 8, 16, 2]");
        CHECK(error_of({"STFT", {data({1, 100, 1}), number(10)}}) == errc::invalid_model);
        CHECK(error_of({"STFT", {data({1, 10, 1}), number(1), data({20})}}) == errc::shape_mismatch);
        CHECK(error_of({"STFT", {data({1, 100, 1}), number(0), data({20})}}) == errc::shape_mismatch);
    }

    TEST_CASE("windows") {
        CHECK(shape_of({"HannWindow", {number(12)}}) == "[12]");
        CHECK(error_of({"HammingWindow", {number(-1)}}) == errc::shape_mismatch);
        CHECK(error_of({"BlackmanWindow", {data({})}}) == errc::unsupported);
    }
}
