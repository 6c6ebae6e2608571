#include "dispart/model/rewrite/fold_constants.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/validate.hpp"
#include "model/execute.hpp"

using namespace dispart;

TEST_SUITE("model/rewrite/fold_constants") {
    TEST_CASE("shape arithmetic disappears") {
        model_builder b("shape");
        const auto x = b.input("x", {2, 3, 4});
        const auto two = b.constant("two", tensor::of({1}, std::vector<std::int64_t>{2}));
        const auto target = b.add("Div", {b.add("Shape", {x}, {.attrs = {{"end", std::int64_t{1}}}}), two});
        const auto rest = b.constant("rest", tensor::of({1}, std::vector<std::int64_t>{-1}));
        const auto joined =
            b.add("Concat", {target, rest}, {.name = "joined", .attrs = {{"axis", std::int64_t{0}}}});
        b.output(b.add("Reshape", {x, joined}, {.name = "reshape"}));
        auto g = b.build(test::evaluate).value();
        REQUIRE(fold_constants(g, test::evaluate).has_value());
        CHECK(validate(g).has_value());
        REQUIRE(num_vertices(g) == 1);
        const auto& operand = info(g).tensors[g[0].inputs[1]];
        CHECK(operand.constant);
        CHECK(operand.name == "joined");
        CHECK(operand.value.data<std::int64_t>()[0] == 1);
    }

    TEST_CASE("an output stays computed, a value beyond the bounds too") {
        model_builder b("stays");
        const auto dims = b.constant("dims", tensor::of({1}, std::vector<std::int64_t>{100}));
        const auto filled = b.add("ConstantOfShape", {dims});
        b.output(b.add("Neg", {filled}));
        auto g = b.build().value();
        auto bounded = g;
        REQUIRE(fold_constants(bounded, test::evaluate, {.max_value_bytes = 399.0}).has_value());
        CHECK(num_vertices(bounded) == 2);
        REQUIRE(fold_constants(g, test::evaluate, {.max_value_bytes = 400.0}).has_value());
        CHECK(num_vertices(g) == 1);
        CHECK(g[0].op == "Neg");
        CHECK(validate(g).has_value());
    }

    TEST_CASE("without an evaluator, Constant and Shape still fold") {
        model_builder b("plain");
        const auto c = b.add("Constant", {}, {.attrs = {{"value", tensor::of({2}, std::vector{1.0F, 2.0F})}}});
        b.output(b.add("Add", {b.input("x", {2}), c}));
        auto g = b.build().value();
        REQUIRE(fold_constants(g).has_value());
        CHECK(num_vertices(g) == 1);
        CHECK(info(g).tensors[g[0].inputs[1]].value.data<float>()[1] == 2.0F);
    }
}
