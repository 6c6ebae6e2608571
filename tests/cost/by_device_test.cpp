#include "dispart/cost/by_device.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

TEST_CASE("each kind of device has its own model, the others the fallback") {
    struct fixed {
        double value = 0.0;
        seconds compute(const layer_view<>&, const device&) const { return seconds(value); }
    };
    model_builder b("m");
    b.output(b.add("Relu", {b.input("x", {8})}));
    const auto net = std::move(b).build();
    REQUIRE(net);
    const viewed_layer viewed(*net, 0);
    by_device<fixed, fixed> costs{.models = {{"pi", {1.0}}, {"laptop", {2.0}}}, .fallback = {3.0}};
    CHECK(costs.compute(viewed.view(), {.name = "a", .labels = {{"kind", "pi"}}}).value == 1.0);
    CHECK(costs.compute(viewed.view(), {.name = "laptop", .labels = {{"kind", "pi"}}}).value == 2.0);
    CHECK(costs.compute(viewed.view(), {.name = "b"}).value == 3.0);
    costs.models["*"] = {4.0};
    CHECK(costs.compute(viewed.view(), {.name = "b"}).value == 4.0);
}
