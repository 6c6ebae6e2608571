#include "dispart/cost/fusion.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dispart/cost/fitted.hpp"
#include "dispart/model/builder.hpp"

using namespace dispart;

namespace {

/// conv -> relu -> conv -> add(relu) -> relu -> concat(twice) -> relu
dispart::model residual(const char* activation = "Relu") {
    model_builder b("residual");
    const auto x = b.input("x", {1, 8, 4, 4});
    const auto w = b.weight("w", {8, 8, 1, 1});
    const auto first = b.add(activation, {b.add("Conv", {x, w}, {.name = "conv1"})}, {.name = "act1"});
    const auto sum = b.add("Add", {b.add("Conv", {first, w}, {.name = "conv2"}), first}, {.name = "sum"});
    const auto second = b.add(activation, {sum}, {.name = "act2"});
    const auto both = b.add("Concat", {second, second}, {.name = "cat", .attrs = {{"axis", std::int64_t{1}}}});
    b.output(b.add(activation, {both}, {.name = "act3"}));
    auto net = std::move(b).build();
    REQUIRE(net);
    return *net;
}

fusion_rules learned() {
    fusion_rules rules;
    rules.learn(residual(), {true, false, true, false, false, true, true});
    return rules;
}

}  // namespace

TEST_CASE("candidates: only operands that nobody else reads") {
    const auto all = fusion_candidates(residual());
    CHECK(all[0].empty());
    CHECK(all[1] == std::vector<std::string>{"conv > elementwise/1"});
    CHECK(all[2].empty());  // the sum reads its operand too
    CHECK(all[3] == std::vector<std::string>{"conv > elementwise/2"});
    CHECK(all[4] == std::vector<std::string>{"elementwise > elementwise/1"});
    CHECK(all[6] == std::vector<std::string>{"movement > elementwise/1"});
}

TEST_CASE("a gate and its product are fused together or not at all") {
    model_builder b("swish");
    const auto c = b.add("Conv", {b.input("x", {1, 8, 4, 4}), b.weight("w", {8, 8, 1, 1})}, {.name = "conv"});
    b.output(b.add("Mul", {c, b.add("Sigmoid", {c}, {.name = "gate"})}, {.name = "product"}));
    const auto net = std::move(b).build();
    REQUIRE(net);
    const auto all = fusion_candidates(*net);
    CHECK(all[1] == std::vector<std::string>{"conv > gate"});
    CHECK(all[2] == std::vector<std::string>{"conv > gate"});
    const auto of_host = tails(*net, {true, false, false});
    CHECK(of_host[0].amount.value > 0.0);
    CHECK(of_host[0].op == "Sigmoid");
    CHECK(of_host[1] == tail_work{});
    CHECK(tails(*net, {true, true, true})[0] == tail_work{});
}

TEST_CASE("what is learned on one model holds for another with other activations") {
    CHECK(learned().fused_layers(residual("LeakyRelu")) == std::set<std::string>{"act1", "sum", "act2"});
    CHECK(fusion_rules().fused_layers(residual()).empty());
    CHECK(learned().counts().at("conv > elementwise/1") == fusion_rules::count{1, 0});
}

TEST_CASE("fused layers cost nothing in a fitted model that knows the net") {
    fitted_model fitted;
    fitted.fusion = learned();
    const auto net = residual();
    const device d{.name = "d", .speed = 1_GFLOPS};
    const auto bound = fitted.for_model(net);
    const viewed_layer relu(net, 1), last(net, 6);
    CHECK(fitted.compute(relu.view(), d).value > 0.0);
    CHECK(bound.compute(relu.view(), d).value == 0.0);
    CHECK(bound.compute(last.view(), d).value > 0.0);
    CHECK(bound.key(relu.view()) != fitted.key(relu.view()));
}
