#include "dispart/cost/fit.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "dispart/model/builder.hpp"

using namespace dispart;

TEST_CASE("the model: laws by family, speeds, slowdown, fallback") {
    model_builder b("m");
    const auto x = b.input("x", {100});
    b.output(b.add("Sigmoid", {b.add("Relu", {x})}));
    const auto net = std::move(b).build();
    REQUIRE(net);
    const viewed_layer relu(*net, 0), sigmoid(*net, 1);
    std::vector<cost_sample> samples;
    for (const double n : {1000.0, 2000.0, 4000.0})
        samples.push_back(
            {"", op_family::elementwise, {flops(n), bytes(4 * n), bytes(4 * n), {}}, seconds(n * 1e-6)});
    auto fitted = fit_laws(samples);
    device d{.name = "d", .speed = 2_GFLOPS};
    CHECK(fitted.compute(relu.view(), d).value == doctest::Approx(1e-4));
    CHECK(fitted.compute(sigmoid.view(), d) == roofline{}.compute(sigmoid.view(), d));
    fitted.measured_speed = 4_GFLOPS;
    CHECK(fitted.compute(relu.view(), d).value == doctest::Approx(2e-4));
    d.slowdown = 3.0;
    CHECK(fitted.compute(relu.view(), d).value == doctest::Approx(6e-4));
}

TEST_CASE("an operator with enough samples has a law of its own; others follow their family") {
    std::vector<cost_sample> samples;
    for (const double n : {1000.0, 2000.0, 4000.0}) {
        const layer_work work{flops(n), bytes(4 * n), bytes(4 * n), {}};
        samples.push_back({"Add{}(f32[1])->f32[1]", op_family::elementwise, work, seconds(n * 1e-6), {}});
        samples.push_back({"Where{}(f32[1])->f32[1]", op_family::elementwise, work, seconds(n * 3e-6), {}});
    }
    const auto fitted = fit_laws(samples);
    const layer_work work{flops(3000.0), bytes(12000.0), bytes(12000.0), {}};
    CHECK(fitted.law("Add", op_family::elementwise)(work).value == doctest::Approx(3e-3));
    CHECK(fitted.law("Where", op_family::elementwise)(work).value == doctest::Approx(9e-3));
    const double other = fitted.law("Mul", op_family::elementwise)(work).value;
    CHECK(other > 3e-3);
    CHECK(other < 9e-3);
}

TEST_CASE("a transcendental tail is priced by what it adds to the layer that it is done with") {
    std::vector<cost_sample> samples;
    for (const double n : {1e6, 2e6, 4e6}) {
        const layer_work work{flops(n), bytes(n), bytes(n), bytes(1e4)};
        samples.push_back({"Conv{}", op_family::conv_1x1, work, seconds(n * 1e-9), {}});
        samples.push_back(
            {"Conv{}", op_family::conv_1x1, work, seconds(n * 1.5e-9), {flops(n * 0.1), "Sigmoid"}});
        samples.push_back({"Conv{}", op_family::conv_1x1, work, seconds(n * 1.9e-9), {flops(n * 0.1), "Erf"}});
    }
    const auto laws = fit_laws(samples);
    CHECK(laws.seconds_per_tail_flop.at("Sigmoid") == doctest::Approx(5e-9));
    CHECK(laws.seconds_per_tail_flop.at("Erf") == doctest::Approx(9e-9));
    CHECK(laws.seconds_per_tail_flop.at("") == doctest::Approx(7e-9));  // of an operator that was not measured
}
