#include "dispart/model/operators/recurrent.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/recurrent") {
    const attributes hidden8{{"hidden_size", std::int64_t{8}}};

    TEST_CASE("LSTM: three results") {
        const op_case c{
            "LSTM", {data({5, 2, 3}), data({1, 32, 3}), data({1, 32, 8}), data({1, 64})}, hidden8, 14, 3};
        const auto found = infer(c);
        REQUIRE(found);
        CHECK((*found)[0].dims == shape{5, 1, 2, 8});
        CHECK((*found)[1].dims == shape{1, 2, 8});
        CHECK((*found)[2].dims == shape{1, 2, 8});
        CHECK(flops_of(c) == 5.0 * 2 * 32 * (2 * (3 + 8) + 4));
    }

    TEST_CASE("both directions, batch first") {
        attributes attrs = hidden8;
        attrs["direction"] = std::string("bidirectional");
        attrs["layout"] = std::int64_t{1};
        const auto found = infer({"GRU", {data({2, 5, 3}), data({2, 24, 3}), data({2, 24, 8})}, attrs, 14, 2});
        REQUIRE(found);
        CHECK((*found)[0].dims == shape{2, 5, 2, 8});
        CHECK((*found)[1].dims == shape{2, 2, 8});
        CHECK(error_of({"GRU", {data({2, 5, 3}), data({2, 24, 3}), data({2, 24, 8})}, attrs, 14, 3}) ==
              errc::invalid_model);
    }

    TEST_CASE("operands that do not fit") {
        const auto x = data({5, 2, 3});
        const auto w = data({1, 8, 3});
        const auto r = data({1, 8, 8});
        CHECK(shape_of({"RNN", {x, w, r}, hidden8}) == "[5, 1, 2, 8]");
        CHECK(shape_of({"RNN", {x, w, r}}) == "[5, 1, 2, 8]");
        CHECK(error_of({"RNN", {x, w, r}, {{"hidden_size", std::int64_t{7}}}}) == errc::shape_mismatch);
        CHECK(error_of({"RNN", {x, w, r}, {{"hidden_size", std::numeric_limits<std::int64_t>::max()}}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"RNN", {x, w, r, data({1, 8})}, hidden8}) == errc::shape_mismatch);
        CHECK(error_of({"RNN", {x, w, r, absent, data({3}, dtype::i32)}, hidden8}) == errc::shape_mismatch);
        CHECK(error_of({"RNN", {x, w, r}, {{"direction", std::string("up")}}}) == errc::unsupported);
        CHECK(error_of({"RNN", {data({5, 2}), w, r}, hidden8}) == errc::shape_mismatch);
    }
}
