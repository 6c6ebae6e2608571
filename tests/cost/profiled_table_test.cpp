#include "dispart/cost/profiled_table.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

dispart::model one_relu(std::int64_t n) {
    model_builder b("m");
    b.output(b.add("Relu", {b.input("x", {n})}));
    auto net = std::move(b).build();
    REQUIRE(net);
    return *net;
}

}  // namespace

TEST_CASE("name before kind before any, then the fallback; slowdown multiplies what was measured") {
    const auto net = one_relu(8), other = one_relu(9);
    const viewed_layer viewed(net, 0);
    const std::string sign = layer_signature(viewed.view());
    device d{.name = "pi-3", .speed = 1_GFLOPS, .labels = {{"kind", "pi"}}, .slowdown = 2.0};
    profiled_table<> table;
    CHECK(table.find(viewed.view(), d) == nullptr);
    CHECK(table.compute(viewed.view(), d) == roofline{}.compute(viewed.view(), d));
    table.set(sign, "*", 1_ms);
    CHECK(table.compute(viewed.view(), d) == 2_ms);
    table.set(sign, "pi", 2_ms);
    CHECK(table.compute(viewed.view(), d) == 4_ms);
    table.set(sign, "pi-3", 3_ms);
    CHECK(table.compute(viewed.view(), d) == 6_ms);
    CHECK(table.compute(viewed_layer(other, 0).view(), d) ==
          roofline{}.compute(viewed_layer(other, 0).view(), d));
    d.name = "xeon";
    d.labels.clear();
    CHECK(table.compute(viewed.view(), d) == 2_ms);
    CHECK(table.key(viewed.view()) != table.key(viewed_layer(other, 0).view()));
}
