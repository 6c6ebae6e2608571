#include "dispart/problem/build.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/problem/validate.hpp"

using namespace dispart;

namespace {

/// input -> conv -> relu -> add(conv, relu) -> output
dispart::model small_model() {
    model_builder b("small");
    const auto x = b.input("x", {1, 4, 8, 8});
    const auto w = b.weight("w", {4, 4, 1, 1});
    const auto c = b.add("Conv", {x, w}, {.name = "conv"});
    const auto r = b.add("Relu", {c}, {.name = "relu"});
    const auto s = b.add("Add", {c, r}, {.name = "add"});
    b.output(s);
    auto built = std::move(b).build();
    REQUIRE(built);
    return *built;
}

cluster small_cluster() {
    auto built =
        cluster_builder("c")
            .device(
                {.name = "pi", .speed = 1_GFLOPS, .memory = 1_GiB, .reserve = 1_MiB, .labels = {{"zone", "eu"}}})
            .device(
                {.name = "laptop", .speed = 4_GFLOPS, .operators = {"Conv", "Relu"}, .labels = {{"zone", "us"}}})
            .forwarder("switch")
            .star("switch", {"pi", "laptop"}, {.latency = 1_ms, .bandwidth = 10_MBps})
            .source("pi")
            .sink("laptop")
            .build();
    REQUIRE(built);
    return *built;
}

std::string offender_of(const build_options& options) {
    const auto built = build_instance(small_model(), small_cluster(), roofline{}, options);
    REQUIRE_FALSE(built);
    return std::string(to_string(built.error().code)) + " " + built.error().offender;
}

struct constant_cost {
    double value = 1.0;
    seconds compute(const layer_view<>&, const device&) const { return seconds(value); }
};
static_assert(cost_model<constant_cost>);

}  // namespace

TEST_CASE("hand-computed: every field of a small instance") {
    const auto built = build_instance(small_model(), small_cluster(), roofline{});
    if (!built) FAIL(to_string(built.error()));
    const instance& p = built->problem;
    REQUIRE(validate(p));
    CHECK(p.layer_names == std::vector<std::string>{"conv", "relu", "add"});
    CHECK(p.device_names == std::vector<std::string>{"pi", "laptop", "switch"});
    CHECK(p.tensor_names == std::vector<std::string>{"x", "conv", "relu", "add"});
    CHECK(p.tensor_bytes == std::vector<double>(4, 1024.0));
    CHECK(p.weight_bytes == std::vector<double>{64.0, 0.0, 0.0});
    CHECK(p.producer == std::vector<layer_id>{no_id, 0, 1, 2});
    CHECK(p.consumers == csr({{0}, {1, 2}, {2}, {}}));
    CHECK(p.reads == csr({{0}, {1}, {1, 2}}));
    CHECK(p.writes == csr({{1}, {2}, {3}}));
    CHECK(p.model_inputs == std::vector<tensor_id>{0});
    CHECK(p.model_outputs == std::vector<tensor_id>{3});
    CHECK(p.compute(0, 0) == doctest::Approx(2.0 * 256 * 4 / 1e9));
    CHECK(p.compute(0, 1) == doctest::Approx(2.0 * 256 * 4 / 4e9));
    CHECK(p.is_allowed(0, 1));
    CHECK_FALSE(p.is_allowed(2, 1));  // the laptop lacks Add
    CHECK_FALSE(p.is_allowed(0, 2));  // a switch computes nothing
    CHECK(p.latency(0, 1) == doctest::Approx(2e-3));
    CHECK(p.seconds_per_byte(0, 1) == doctest::Approx(1e-7));
    CHECK(p.routes[1].size() == 2);
    CHECK(p.memory_capacity[0] == 1024.0 * 1024.0 * 1023.0);
    CHECK(p.memory_capacity[1] == std::numeric_limits<double>::infinity());
    CHECK(p.source == 0);
    CHECK(p.sink == 1);
    CHECK(built->layer_vertex == std::vector<layer_id>{0, 1, 2});
    CHECK(built->tensor_of_graph[1] == no_id);  // w is a constant
    CHECK(built->graph_tensor == std::vector<tensor_id>{0, 2, 3, 4});
}

TEST_CASE("constraints decide who may run what") {
    build_options options;
    options.rules.pins = {{"re*", "pi"}};
    auto built = build_instance(small_model(), small_cluster(), roofline{}, options);
    REQUIRE(built);
    CHECK(built->problem.is_allowed(1, 0));
    CHECK_FALSE(built->problem.is_allowed(1, 1));
    CHECK(built->problem.is_allowed(0, 1));

    options.rules = {.layers = {{"conv", "zone", "us"}}};
    built = build_instance(small_model(), small_cluster(), roofline{}, options);
    REQUIRE(built);
    CHECK_FALSE(built->problem.is_allowed(0, 0));
    CHECK(built->problem.is_allowed(0, 1));
    CHECK(built->problem.is_allowed(1, 0));

    options.rules = {.forbids = {{"conv", "laptop"}}, .order = {"laptop", "*"}, .max_devices = 2};
    built = build_instance(small_model(), small_cluster(), roofline{}, options);
    REQUIRE(built);
    CHECK_FALSE(built->problem.is_allowed(0, 1));
    CHECK(built->device_order == std::vector<device_id>{1, 0, 2});
    CHECK(built->problem.max_devices == 2);

    options.rules = {.tensors = {{"x", "zone", "eu"}}};
    built = build_instance(small_model(), small_cluster(), roofline{}, options);
    REQUIRE(built);
    CHECK_FALSE(built->problem.is_allowed(0, 1));
    CHECK(built->problem.is_allowed(1, 1));

    CHECK(offender_of({.rules = {.devices = {"laptop"}}}) == "infeasible add");
    CHECK(offender_of({.rules = {.layers = {{"*", "zone", "mars"}}}}) == "infeasible conv");
    CHECK(offender_of(
              {.rules = {.tensors = {{"x", "zone", "us"}, {"relu", "zone", "eu"}, {"conv", "zone", "us"}}}}) ==
          "infeasible relu");
    CHECK(offender_of({.rules = {.pins = {{"nothing", "pi"}}}}) == "not_found nothing");
    CHECK(offender_of({.rules = {.pins = {{"conv", "nobody"}}}}) == "not_found nobody");
    CHECK(offender_of({.rules = {.tensors = {{"none", "zone", "eu"}}}}) == "not_found none");
    CHECK(offender_of({.rules = {.order = {"nobody"}}}) == "not_found nobody");
    CHECK(offender_of({.route_reference = bytes(0.0)}) == "invalid_argument route_reference");
}

TEST_CASE("senseless costs and throwing cost models become errors that name layer and device") {
    for (const double bad :
         {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        const auto built = build_instance(small_model(), small_cluster(), constant_cost{bad});
        REQUIRE_FALSE(built);
        CHECK(built.error().code == errc::invalid_argument);
        CHECK(built.error().offender == "layer conv on pi");
    }
    struct throwing {
        seconds compute(const layer_view<>& view, const device&) const {
            if (view.layer.name == "relu") throw std::runtime_error("no idea");
            return seconds(1.0);
        }
    };
    const auto built = build_instance(small_model(), small_cluster(), throwing{});
    REQUIRE_FALSE(built);
    CHECK(built.error().code == errc::callback_failed);
    CHECK(built.error().offender == "layer relu on pi");
    CHECK(built.error().message.find("no idea") != std::string::npos);
    struct throwing_link : constant_cost {
        seconds transfer(bytes, const dispart::link&) const { throw 7; }
    };
    const auto linked = build_instance(small_model(), small_cluster(), throwing_link{});
    REQUIRE_FALSE(linked);
    CHECK(linked.error().code == errc::callback_failed);
}

TEST_CASE("hooks: overhead, workspace, transfer") {
    struct hooked : constant_cost {
        seconds overhead(const layer_view<>&, const device&) const { return seconds(0.25); }
        bytes workspace(const layer_view<>& view, const device&) const { return view.work.input * 2.0; }
        seconds transfer(bytes size, const dispart::link& l) const { return 5_ms + size / l.bandwidth * 3.0; }
    };
    const auto built = build_instance(small_model(), small_cluster(), hooked{});
    REQUIRE(built);
    const instance& p = built->problem;
    CHECK(p.fixed_seconds(p.layer_class[0], p.device_class[0]) == 0.25);
    CHECK(p.compute(0, 0) == 1.0);
    CHECK(p.workspace(0, 0) == 2048.0);
    CHECK(p.latency(0, 1) == doctest::Approx(12e-3));
    CHECK(p.seconds_per_byte(0, 1) == doctest::Approx(3e-7));
    const auto capped = build_instance(small_model(), small_cluster(), hooked{{0.125}});
    REQUIRE(capped);
    CHECK(capped->problem.compute(0, 0) == 0.125);  // no more than the whole
}

TEST_CASE("equal layers and equal devices share rows and columns, whatever the cost model reads") {
    model_builder b("deep");
    auto t = b.input("x", {1, 64});
    for (int i = 0; i < 60; ++i) t = b.add(i % 3 == 0 ? "Relu" : "Sigmoid", {t});
    b.output(t);
    const auto net = std::move(b).build();
    REQUIRE(net);
    cluster_builder c;
    std::vector<std::string> names;
    for (int d = 0; d < 20; ++d) {
        names.push_back("d" + std::to_string(d));
        c.device({.name = names.back(), .speed = d % 2 == 0 ? 1_GFLOPS : 2_GFLOPS});
    }
    const auto on = c.switched("sw", names, {.latency = 1_ms, .bandwidth = 1_MBps}).build();
    REQUIRE(on);
    const auto plain = build_instance(*net, *on, roofline{});
    REQUIRE(plain);
    CHECK(plain->problem.fixed_seconds.shape()[0] == 1);  // one operation per element, either way
    CHECK(plain->problem.fixed_seconds.shape()[1] == 3);  // slow, fast, switch

    struct by_name {  // reads what no key could know
        seconds compute(const layer_view<>& view, const device& on) const {
            return seconds(static_cast<double>(view.layer.name.size() + on.name.size()));
        }
    };
    const auto named = build_instance(*net, *on, by_name{});
    REQUIRE(named);
    for (layer_id l = 0; l < 60; ++l)
        for (device_id d = 0; d < 20; ++d)
            CHECK(named->problem.compute(l, d) == static_cast<double>(named->problem.layer_names[l].size() +
                                                                      named->problem.device_names[d].size()));
}

TEST_CASE("bundles of one's own reach the cost model") {
    struct my_layer : layer {
        double difficulty = 1.0;
    };
    struct my_device : device {
        double skill = 1.0;
    };
    struct my_cost {
        seconds compute(const layer_view<my_layer>& view, const my_device& on) const {
            return seconds(view.layer.difficulty / on.skill);
        }
    };
    basic_model_builder<my_layer> b("mine");
    const auto x = b.input("x", {2});
    const auto y = b.add("Relu", {x});
    b.last_layer().difficulty = 6.0;
    b.output(y);
    const auto net = std::move(b).build();
    REQUIRE(net);
    basic_cluster_builder<my_device> c;
    my_device d;
    d.name = "d";
    d.speed = 1_GFLOPS;
    d.skill = 3.0;
    const auto on = c.device(d).build();
    REQUIRE(on);
    const auto built = build_instance(*net, *on, my_cost{});
    REQUIRE(built);
    CHECK(built->problem.compute(0, 0) == 2.0);
}

TEST_CASE("broken models and clusters are refused") {
    auto net = small_model();
    info(net).tensors[2].dims.reset();
    const auto built = build_instance(net, small_cluster(), roofline{});
    REQUIRE_FALSE(built);
    CHECK(built.error().code == errc::invalid_model);
    CHECK(built.error().offender == "conv");
    auto on = small_cluster();
    on[0].speed.value = 0.0;
    const auto other = build_instance(small_model(), on, roofline{});
    REQUIRE_FALSE(other);
    CHECK(other.error().code == errc::invalid_cluster);
}
