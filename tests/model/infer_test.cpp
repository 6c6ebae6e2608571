#include "dispart/model/infer.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "dispart/model/builder.hpp"
#include "model/execute.hpp"
#include "model/random_model.hpp"

using namespace dispart;
using test::evaluate;

namespace {

/// x [2, 3, 4] reshaped to [2, 12] by exporters' usual arithmetic: Shape, Gather, Unsqueeze, Concat.
model computed_reshape(const char* gather_operand_name = "zero") {
    model_builder b("computed", 13);
    const auto x = b.input("x", {2, 3, 4});
    const auto dims = b.add("Shape", {x}, {.name = "shape"});
    const auto zero = b.constant(gather_operand_name, tensor::of({}, std::vector<std::int64_t>{0}));
    const auto axes = b.constant("axes", tensor::of({1}, std::vector<std::int64_t>{0}));
    const auto rest = b.constant("rest", tensor::of({1}, std::vector<std::int64_t>{-1}));
    const auto batch = b.add("Unsqueeze", {b.add("Gather", {dims, zero}, {.name = "gather"}), axes});
    const auto target =
        b.add("Concat", {batch, rest}, {.name = "target", .attrs = {{"axis", std::int64_t{0}}}});
    b.output(b.add("Reshape", {x, target}, {.name = "reshape"}), "y");
    return b.build(evaluate).value();
}

}  // namespace

TEST_SUITE("model/infer") {
    TEST_CASE("shapes that are computed by the graph itself") {
        auto g = computed_reshape();
        const auto y = info(g).outputs[0];
        CHECK(info(g).tensors[y].dims == shape{2, 12});
        // Another batch, the same graph.
        info(g).tensors[info(g).inputs[0]].dims = shape{5, 3, 4};
        REQUIRE(infer_shapes(g, evaluate));
        CHECK(info(g).tensors[y].dims == shape{5, 12});
        CHECK_FALSE(info(g).tensors[y].constant);
        const auto without = infer_shapes(g);
        REQUIRE(!without);
        CHECK(without.error().offender == "reshape");
        CHECK(without.error().code == errc::unsupported);
        CHECK(info(g).tensors[y].dims == shape{5, 12});  // as before
    }

    TEST_CASE("what a file claims is replaced by what follows") {
        auto g = computed_reshape();
        for (auto& t : info(g).tensors)
            if (!t.constant && t.name != "x") {
                t.dims = shape{99};
                t.type = dtype::u8;
            }
        REQUIRE(infer_shapes(g, evaluate));
        CHECK(info(g).tensors[info(g).outputs[0]].dims == shape{2, 12});
        CHECK(info(g).tensors[info(g).outputs[0]].type == dtype::f32);
    }

    TEST_CASE("an unbound input is named") {
        auto g = computed_reshape();
        info(g).tensors[info(g).inputs[0]].dims.reset();
        const auto done = infer_shapes(g, evaluate);
        REQUIRE(!done);
        CHECK(done.error().offender == "x");
        CHECK(done.error().hint.find("bind") != std::string::npos);
    }

    TEST_CASE("evaluators that fail, throw or lie") {
        auto g = computed_reshape();
        using values = result<std::vector<tensor>>;
        const auto code_with = [&](const layer_evaluator& e) {
            const auto done = infer_shapes(g, e);
            return done ? std::string("inferred") : to_string(done.error());
        };
        CHECK(code_with([](auto&&...) -> values {
                  throw std::runtime_error("boom");
              }).find("callback_failed: gather: ") == 0);
        CHECK(code_with([](auto&&...) -> values { throw 7; }).find("callback_failed: gather: ") == 0);
        CHECK(code_with([](auto&&...) -> values { return fail(errc::shape_mismatch, "k", "no"); }) ==
              "shape_mismatch: k: no");
        CHECK(code_with([](auto&&...) -> values {
                  return fail(errc::unsupported, "k", "no");
              }).find("unsupported: reshape: ") == 0);
        CHECK(code_with([](auto&&...) -> values {
                  return std::vector{tensor(dtype::i64, {7})};
              }).find("callback_failed: gather: ") == 0);
        CHECK(code_with([](auto&&...) -> values {
                  return std::vector<tensor>{};
              }).find("unsupported: reshape: ") == 0);
    }

    TEST_CASE("bounds: a large constant is described, not computed") {
        model_builder b("large");
        const auto dims = b.constant("dims", tensor::of({2}, std::vector<std::int64_t>{1 << 20, 1 << 20}));
        const auto filled = b.add("ConstantOfShape", {dims}, {.name = "filled"});
        const auto x = b.input("x", {1});
        b.output(b.add("Add", {x, filled}));
        int calls = 0;
        const auto g = b.build([&](const layer& l, std::span<const tensor> in, std::int64_t opset) {
            ++calls;
            return test::evaluate(l, in, opset);
        });
        REQUIRE(g);
        CHECK(calls == 0);
        CHECK(info(*g).tensors[filled].dims == shape{1 << 20, 1 << 20});
    }

    TEST_CASE("bounds: a long computation on constants is not done") {
        model_builder b("long");
        const shape side{400, 400};
        auto a = b.constant("a", tensor::of(side, std::vector<float>(160000, 1.0F)));
        for (int i = 0; i < 100; ++i) a = b.add("MatMul", {a, a});
        b.output(b.add("Add", {b.input("x", {1}), a}));
        int calls = 0;
        const auto g = b.build(
            [&](const layer&, std::span<const tensor> in, std::int64_t) -> result<std::vector<tensor>> {
                ++calls;
                return std::vector{in[0]};
            });
        REQUIRE(g);
        CHECK(calls == 31);  // 4e9 / (2 * 400^3)
    }

    TEST_CASE("data-dependent shapes: only of constants") {
        model_builder b("nonzero");
        const auto c = b.constant("c", tensor::of({4}, std::vector{0.0F, 1.0F, 0.0F, 2.0F}));
        const auto at = b.add("NonZero", {c}, {.name = "of_constant"});
        b.output(at);
        const auto x = b.input("x", {4});
        const auto g = b.build(evaluate);
        REQUIRE_MESSAGE(g.has_value(), g.error());
        CHECK(info(*g).tensors[at].dims == shape{1, 2});
        b.output(b.add("NonZero", {x}, {.name = "of_data"}));
        const auto fails = b.build(evaluate);
        REQUIRE(!fails);
        CHECK(fails.error().offender == "of_data");
        CHECK(fails.error().code == errc::unsupported);
    }

    TEST_CASE("unknown operators may be kept where their shapes are given") {
        model_builder b("foreign");
        const auto y = b.add("MyOwn", {b.input("x", {2})}, {.name = "mine"});
        b.tensor_at(y).dims = shape{3};
        b.output(b.add("Relu", {y}));
        CHECK(b.build().error().offender == "mine");
        model g = [&] {
            auto with_known = model_builder("known");
            with_known.output(with_known.add("Relu", {with_known.add("Relu", {with_known.input("x", {2})})}));
            return with_known.build().value();
        }();
        g[0].op = "MyOwn";
        info(g).tensors[g[0].outputs[0]].dims = shape{3};
        REQUIRE(!infer_shapes(g));
        REQUIRE(infer_shapes(g, {}, {.keep_unknown = true}));
        CHECK(info(g).tensors[info(g).outputs[0]].dims == shape{3});
    }

    TEST_CASE("long chains take time in proportion") {
        model_builder b("chain");
        auto x = b.input("x", {4});
        for (int i = 0; i < 20000; ++i) x = b.add("Relu", {x});
        b.output(x);
        CHECK(std::move(b).build().has_value());
    }
}
