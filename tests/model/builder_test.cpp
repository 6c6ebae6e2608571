#include "dispart/model/builder.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {
struct priced_layer : layer {
    double price = 0.0;
};
struct labelled_tensor : tensor_info {
    std::string label{};
};
}  // namespace

TEST_SUITE("model/builder") {
    TEST_CASE("a small model: ids, names, shapes, edges") {
        model_builder b("small");
        const auto x = b.input("x", {1, 3, 8, 8});
        const auto w = b.weight("w", {4, 3, 3, 3});
        const auto y = b.add("Conv", {x, w}, {.name = "conv"});
        CHECK(b.dims(y) == shape{1, 4, 6, 6});
        const auto parts = b.add_many("Split", {y}, {.attrs = {{"axis", std::int64_t{1}}}, .outputs = 2});
        REQUIRE(parts.size() == 2);
        b.output(b.add("Add", {parts[0], parts[1]}), "sum");
        const auto g = b.build();
        REQUIRE_MESSAGE(g.has_value(), g.error());
        CHECK(num_vertices(*g) == 3);
        CHECK(num_edges(*g) == 3);
        CHECK((*g)[0].name == "conv");
        CHECK((*g)[1].name == "Split_1");
        CHECK(info(*g).tensors[parts[1]].name == "Split_1:1");
        CHECK(info(*g).tensors[info(*g).outputs[0]].name == "sum");
        CHECK(info(*g).tensors[info(*g).outputs[0]].dims == shape{1, 2, 6, 6});
        const auto [first, last] = out_edges(1, *g);
        REQUIRE(std::distance(first, last) == 2);
        const connection second = (*g)[*std::next(first)];
        CHECK(second.tensor == parts[1]);
        CHECK(second.output_port == 1);
        CHECK(second.input_port == 1);
    }

    TEST_CASE("bundles of one's own") {
        basic_model_builder<priced_layer, labelled_tensor> b("own");
        const auto x = b.input("x", {2});
        b.tensor_at(x).label = "secret";
        const auto y = b.add("Relu", {x});
        b.last_layer().price = 2.5;
        b.output(y);
        const auto g = std::move(b).build();
        REQUIRE(g);
        CHECK((*g)[0].price == 2.5);
        CHECK(info(*g).tensors[x].label == "secret");
    }

    TEST_CASE("errors name the offender, the first one wins") {
        const auto error_of = [](auto&& write) {
            model_builder b("bad");
            const auto x = b.input("x", {2, 3});
            write(b, x);
            const auto g = b.build();
            REQUIRE(!g);
            return to_string(g.error());
        };
        CHECK(error_of([](auto& b, auto x) {
                  b.output(b.add("Nonsense", {x}, {.name = "n"}));
              }).find("unsupported: n: operator Nonsense") == 0);
        CHECK(error_of([](auto& b, auto x) {
                  b.output(b.add("Relu", {x + 7}, {.name = "far"}));
              }).find("invalid_model: far: ") == 0);
        CHECK(error_of([](auto& b, auto x) {
                  b.add("Relu", {x}, {.name = "twice"});
                  b.output(b.add("Relu", {x}, {.name = "twice"}));
              }).find("invalid_model: twice: ") == 0);
        CHECK(error_of([](auto& b, auto) {
                  b.output(b.add("Relu", {b.input("x", {1})}));
              }).find("invalid_model: x: ") == 0);
        CHECK(error_of([](auto& b, auto) { b.output(b.add("Relu", {b.input("", {1})})); }).find("empty") !=
              std::string::npos);
        CHECK(error_of([](auto& b, auto x) {
                  b.weight("huge", {std::int64_t{1} << 40, std::int64_t{1} << 40});
                  b.add("Relu", {x + 99}, {.name = "later"});
              }).find("shape_mismatch: huge: ") == 0);
        CHECK(error_of([](auto& b, auto x) { b.add("Relu", {x}); }).find("no output") != std::string::npos);
        CHECK(error_of([](auto& b, auto x) { b.output(x); }).find("no layer") != std::string::npos);
        CHECK(error_of([](auto& b, auto x) {
                  b.add("Relu", {x});
                  b.output(12345);
              }).find("output id") != std::string::npos);
        CHECK(error_of([](auto& b, auto x) {
                  b.output(b.add("Add", {x, b.weight("w", {2})}, {.name = "sum"}));
              }).find("shape_mismatch: sum: Add: [2, 3] and [2]") == 0);
        CHECK(error_of([](auto& b, auto x) {
                  b.output(b.add("Relu", {x}), "x");
              }).find("invalid_model: x: ") == 0);
    }

    TEST_CASE("a shape that is computed needs an evaluator") {
        model_builder b("computed");
        const auto x = b.input("x", {2, 3});
        const auto s = b.constant("s", tensor::of({1}, std::vector<std::int64_t>{6}));
        b.output(b.add("Reshape", {x, b.add("Neg", {s}, {.name = "neg"})}, {.name = "reshape"}));
        const auto without = b.build();
        REQUIRE(!without);
        CHECK(without.error().code == errc::unsupported);
        CHECK(without.error().offender == "reshape");
        CHECK(without.error().hint.find("evaluator") != std::string::npos);
        const auto with = b.build([](const layer&, std::span<const tensor> in,
                                     std::int64_t) -> result<std::vector<tensor>> {
            return std::vector{tensor::of({1}, std::vector<std::int64_t>{-in[0].data<std::int64_t>()[0] + 5})};
        });
        REQUIRE_MESSAGE(with.has_value(), with.error());  // -6 + 5 = -1: what is left
        CHECK(info(*with).tensors[info(*with).outputs[0]].dims == shape{6});
    }
}
