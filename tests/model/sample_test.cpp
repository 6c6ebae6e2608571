#include "dispart/model/sample.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"

using namespace dispart;

TEST_SUITE("model/sample") {
    TEST_CASE("indices stay within the smallest table, masks are 1, floats vary") {
        model_builder b("sample");
        const auto ids = b.input("ids", {1000}, dtype::i64);
        const auto mask = b.input("mask", {3}, dtype::i64);
        const auto x = b.input("x", {1000});
        const auto rows = b.add("Gather", {b.weight("large", {90, 7}), ids});
        b.output(b.add("Gather", {b.weight("small", {7, 5}), ids}, {.attrs = {{"axis", std::int64_t{1}}}}));
        b.output(rows);
        b.output(b.add("Neg", {mask}));
        b.output(b.add("Relu", {x}));
        const auto g = b.build().value();
        const auto made = sample_inputs(g, 3);
        REQUIRE(made);
        REQUIRE(made->size() == 3);
        std::array<int, 5> seen{};
        for (const auto i : (*made)[0].data<std::int64_t>()) {
            REQUIRE((i >= 0 && i < 5));
            ++seen[static_cast<std::size_t>(i)];
        }
        for (const int n : seen) CHECK(n > 100);
        for (const auto i : (*made)[1].data<std::int64_t>()) CHECK(i == 1);
        double sum = 0.0;
        for (const float v : (*made)[2].data<float>()) sum += static_cast<double>(v);
        CHECK(std::abs(sum) < 150.0);
        CHECK(max_abs_difference((*made)[2], sample_inputs(g, 3).value()[2]) == 0.0);
        CHECK(max_abs_difference((*made)[2], sample_inputs(g, 4).value()[2]) > 0.1);
    }
}
