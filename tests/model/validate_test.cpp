#include "dispart/model/validate.hpp"

#include <doctest/doctest.h>

#include "model/random_model.hpp"

using namespace dispart;

namespace {

/// in -> a -> b -> out, and a constant that b reads.
model chain() {
    model_builder b("chain");
    const auto a = b.add("Relu", {b.input("in", {2})}, {.name = "a"});
    b.output(b.add("Add", {a, b.constant("c", tensor::of({2}, std::vector{1.0F, 2.0F}))}, {.name = "b"}));
    return b.build().value();
}

std::string broken(void (*damage)(model&)) {
    auto g = chain();
    damage(g);
    const auto checked = validate(g);
    return checked ? "valid" : to_string(checked.error());
}

}  // namespace

TEST_SUITE("model/validate") {
    TEST_CASE("what the builder makes is valid") {
        random_source random(1);
        for (int i = 0; i < 200; ++i) {
            const auto g = test::random_model(random, 1 + random.index(30));
            REQUIRE_MESSAGE(g.has_value(), g.error());
            CHECK(validate(*g).has_value());
        }
    }

    TEST_CASE("every broken rule is found and named") {
        // Tensors of the chain: 0 in, 1 a, 2 c, 3 b.
        CHECK(broken([](model&) {}) == "valid");
        CHECK(broken([](model& g) { g[0].name = "b"; }).find("invalid_model: b: two layers") == 0);
        CHECK(broken([](model& g) { g[1].name.clear(); }).find("invalid_model: layer 1: the name is empty") ==
              0);
        CHECK(broken([](model& g) {
                  info(g).tensors[2].name = "in";
              }).find("invalid_model: in: two tensors") == 0);
        CHECK(broken([](model& g) { info(g).tensors[1].name.clear(); }).find("invalid_model: tensor 1") == 0);
        CHECK(broken([](model& g) { g[1].inputs[0] = 77; }).find("invalid_model: b: an operand id") == 0);
        CHECK(broken([](model& g) { g[1].outputs[0] = 77; }).find("invalid_model: b: a result id") == 0);
        CHECK(broken([](model& g) { g[1].outputs[0] = 1; }).find("invalid_model: a: produced by layer 'b'") ==
              0);
        CHECK(broken([](model& g) { g[1].outputs[0] = 2; }).find("invalid_model: c: produced by layer 'b'") ==
              0);
        CHECK(broken([](model& g) { g[1].outputs[0] = 0; }).find("invalid_model: in: produced by layer 'b'") ==
              0);
        CHECK(broken([](model& g) { info(g).inputs.clear(); }).find("invalid_model: a: operand 'in'") == 0);
        CHECK(broken([](model& g) { info(g).inputs = {0, 0}; }).find("invalid_model: in: an input") == 0);
        CHECK(broken([](model& g) { info(g).inputs = {9}; }).find("an input id") != std::string::npos);
        CHECK(broken([](model& g) { info(g).outputs = {9}; }).find("an output id") != std::string::npos);
        CHECK(broken([](model& g) { g[1].outputs[0] = no_id; }).find("an output is produced by nobody") !=
              std::string::npos);
        CHECK(broken([](model& g) {
                  info(g).tensors[2].dims = shape{3};
              }).find("invalid_model: c: the value") == 0);
        CHECK(broken([](model& g) {
                  info(g).tensors[2].type = dtype::i32;
              }).find("invalid_model: c: the value") == 0);
        CHECK(broken([](model& g) { info(g).tensors[2].constant = false; }).find("invalid_model: c: ") == 0);
        CHECK(broken([](model& g) { info(g).tensors[1].dims = shape{-1}; }).find("shape_mismatch: a: ") == 0);
        CHECK(broken([](model& g) {
                  remove_edge(0, 1, g);
              }).find("invalid_model: b: an operand has no edge") == 0);
        CHECK(broken([](model& g) {
                  add_edge(0, 1, connection{1, 0, 0}, g);
              }).find("invalid_model: b: an edge") == 0);
        CHECK(broken([](model& g) {
                  g[*out_edges(0, g).first].tensor = 3;
              }).find("invalid_model: b: an edge") == 0);
        CHECK(broken([](model& g) {
                  g[*out_edges(0, g).first].input_port = 1;
              }).find("invalid_model: b: an edge") == 0);
    }

    TEST_CASE("a cycle is named by one of its layers") {
        const auto cyclic = broken([](model& g) {
            g[0].inputs[0] = 3;
            connect(g);
        });
        CHECK((cyclic == "invalid_model: a: the layer is on a cycle" ||
               cyclic == "invalid_model: b: the layer is on a cycle"));
        const auto itself = broken([](model& g) {
            g[1].inputs[1] = 3;
            connect(g);
        });
        CHECK(itself == "invalid_model: b: the layer is on a cycle");
    }
}
