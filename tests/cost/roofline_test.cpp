#include "dispart/cost/roofline.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

dispart::model matrix_product() {
    model_builder b("m");
    const auto x = b.input("x", {10, 100});
    const auto w = b.weight("w", {100, 50});
    b.output(
        b.add("Reshape", {b.add("MatMul", {x, w}), b.constant("s", tensor::of<std::int64_t>({1}, {500}))}));
    auto net = std::move(b).build();
    REQUIRE(net);
    return *net;
}

}  // namespace

TEST_CASE("closed form: arithmetic or traffic, whichever is slower, plus overhead, times slowdown") {
    const auto net = matrix_product();
    const viewed_layer viewed(net, 0);
    const double work = 2.0 * 10 * 100 * 50, moved = 4.0 * (1000 + 5000 + 500);
    device d{.name = "d", .speed = 1_GFLOPS};
    CHECK(roofline{}.compute(viewed.view(), d).value == doctest::Approx(work / 1e9));
    d.memory_bandwidth = 1_MBps;
    CHECK(roofline{}.compute(viewed.view(), d).value == doctest::Approx(moved / 1e6));
    d.memory_bandwidth = 1000_GBps;
    roofline half;
    half.efficiency[static_cast<std::size_t>(op_family::gemm)] = 0.5;
    CHECK(half.compute(viewed.view(), d).value == doctest::Approx(2.0 * work / 1e9));
    d.layer_overhead = 1_ms;
    CHECK(roofline{}.compute(viewed.view(), d).value == doctest::Approx(work / 1e9 + 1e-3));
    d.slowdown = 3.0;
    CHECK(roofline{}.compute(viewed.view(), d).value == doctest::Approx(3.0 * (work / 1e9 + 1e-3)));
    CHECK(roofline{}.overhead(viewed.view(), d).value == doctest::Approx(3e-3));
}

TEST_CASE("a new shape for the same elements costs a call") {
    const auto net = matrix_product();
    const device d{.name = "d", .speed = 1_GFLOPS, .memory_bandwidth = 1_MBps, .layer_overhead = 1_us};
    CHECK(roofline{}.compute(viewed_layer(net, 1).view(), d) == 1_us);
}
