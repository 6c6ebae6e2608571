#include "dispart/model/work.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"

using namespace dispart;

TEST_SUITE("model/work") {
    TEST_CASE("bytes are charged per distinct tensor") {
        model_builder b("work");
        const auto x = b.input("x", {4, 4});
        const auto w = b.weight("w", {4, 4});
        const auto square = b.add("MatMul", {x, x}, {.name = "square"});
        const auto first = b.add("MatMul", {square, w}, {.name = "first"});
        b.output(b.add("MatMul", {first, w}, {.name = "second"}));
        const auto g = b.build().value();
        const auto work = work_of(g, 0);
        CHECK(work.compute == flops(128));
        CHECK(work.input == bytes(64));
        CHECK(work.output == bytes(64));
        CHECK(work.weights == bytes(0));
        CHECK(work_of(g, 1).weights == bytes(64));
        CHECK(total_flops(g) == flops(3 * 128));
        CHECK(total_weight_bytes(g) == bytes(64));
    }

    TEST_CASE("a view shows operands in order, absent ones as nullptr") {
        model_builder b("view");
        const auto x = b.input("x", {3});
        const auto high = b.constant("high", tensor::of({}, std::vector{1.0F}));
        b.output(b.add("Clip", {x, no_id, high}, {.name = "clip"}));
        const auto g = b.build().value();
        const viewed_layer seen(g, 0);
        const auto view = seen.view();
        REQUIRE(view.inputs.size() == 3);
        CHECK(view.inputs[0]->name == "x");
        CHECK(view.inputs[1] == nullptr);
        CHECK(view.inputs[2]->constant);
        CHECK(view.layer.name == "clip");
        CHECK(view.outputs[0]->dims == shape{3});
        CHECK(view.work.compute == flops(3));
        CHECK(view.work.weights == bytes(4));
    }

    TEST_CASE("unknown shapes and operators count nothing") {
        model g(1);
        info(g).tensors.resize(2);
        g[0] = layer{.name = "l", .op = "Relu", .inputs = {0}, .outputs = {1}};
        CHECK(work_of(g, 0).compute == flops(0));
        g[0].op = "Unknown";
        info(g).tensors[0].dims = info(g).tensors[1].dims = shape{2};
        CHECK(work_of(g, 0).compute == flops(0));
        CHECK(work_of(g, 0).input == bytes(8));
    }
}
