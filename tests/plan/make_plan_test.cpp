#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/plan/validate.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

model network(const char* name) { return zoo::make(name, {.weights = false}).value(); }

cluster random_cluster(random_source& random, std::size_t devices) {
    cluster_builder builder("random");
    std::vector<std::string> names;
    for (std::size_t d = 0; d < devices; ++d) {
        names.push_back("d" + std::to_string(d));
        builder.device({.name = names.back(),
                        .speed = flops_per_second(random.uniform(2e9, 50e9)),
                        .memory = bytes(random.uniform(1e8, 1e9))});
    }
    builder.forwarder("host");
    names.push_back("host");
    for (std::size_t a = 0; a < names.size(); ++a)
        for (std::size_t b = 0; b < names.size(); ++b)
            if (a != b)
                builder.one_way(names[a], names[b],
                                {.latency = seconds(random.uniform(1e-4, 5e-3)),
                                 .bandwidth = bytes_per_second(random.uniform(2e6, 2e8))});
    return builder.source("host").sink("host").build().value();
}

struct throwing {
    template <class View>
    seconds compute(const View&, const device&) const {
        throw std::runtime_error("no idea");
    }
};

}  // namespace

TEST_CASE("make_plan: never worse than a baseline, never better than its bound, every layer once") {
    random_source random(3);
    const auto net = network("squeezenet");
    for (int round = 0; round < 12; ++round) {
        const auto machines = random_cluster(random, 1 + random.index(5));
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto made = make_plan(net, machines, roofline{}, {.goal = goal});
            REQUIRE_MESSAGE(made, to_string(made.error()));
            CHECK(validate_plan(*made, net));
            const double value = made->prediction.value(goal);
            CHECK(value >= made->bound_s * (1 - 1e-9));
            CHECK(made->gap >= 0.0);
            for (const auto& each : made->baselines)
                if (each.feasible) CHECK(value <= each.prediction.value(goal) * (1 + 1e-6));
            for (device_id d = 0; d < made->devices.size(); ++d) {
                const bool works = std::any_of(made->stages.begin(), made->stages.end(),
                                               [d](const plan_stage& s) { return s.device == d; });
                const auto& each = made->devices[d];
                CHECK((!each.computes || works != !each.left_out.empty()));
            }
            for (const auto& each : made->devices) CHECK(each.memory_bytes <= each.capacity_bytes);
        }
    }
}

TEST_CASE("make_plan: constraints hold, and what cannot be is named") {
    random_source random(4);
    const auto net = network("squeezenet");
    const auto machines = random_cluster(random, 4);
    const auto two = make_plan(net, machines, roofline{}, {.rules = {.max_devices = 2}});
    REQUIRE(two);
    CHECK(two->stages.size() <= 2);
    const auto given = make_plan(net, machines, roofline{}, {.rules = {.order = {"d3", "d1"}}});
    REQUIRE(given);
    for (const auto& s : given->stages) CHECK((s.device == 3 || s.device == 1));
    CHECK(make_plan(net, machines, roofline{}, {.algorithm = "magic"}).error().code == errc::invalid_argument);
    CHECK(make_plan(net, machines, throwing{}).error().code == errc::callback_failed);

    const auto tiny =
        cluster_builder("tiny").device({.name = "d", .speed = 1_GFLOPS, .memory = 1_MiB}).build();
    const auto none = make_plan(net, *tiny, roofline{});
    REQUIRE_FALSE(none);
    CHECK(none.error().code == errc::infeasible);
    CHECK_FALSE(none.error().offender.empty());
}

TEST_CASE("make_plan: an algorithm by name is the one that is used") {
    random_source random(5);
    const auto net = network("squeezenet");
    const auto machines = random_cluster(random, 3);
    const auto even = make_plan(net, machines, roofline{}, {.algorithm = "even"});
    REQUIRE(even);
    CHECK(even->algorithm == "even");
    CHECK(even->stages.size() == 3);
    const auto single = make_plan(net, machines, roofline{}, {.algorithm = "best-single-device"});
    REQUIRE(single);
    CHECK(single->stages.size() == 1);
}

TEST_CASE("explain: names every device, what binds, what is left out and why") {
    const auto net = network("squeezenet");
    const auto machines = cluster_builder("desk")
                              .device({.name = "fast", .speed = 50_GFLOPS, .memory = 1_GiB})
                              .device({.name = "hopeless", .speed = 10_MFLOPS, .memory = 1_GiB})
                              .mesh({"fast", "hopeless"}, {.latency = 1_ms, .bandwidth = 10_Mbps})
                              .build();
    const auto made = make_plan(net, *machines, roofline{});
    REQUIRE(made);
    const auto text = explain(*made);
    CHECK(made->stages.size() == 1);
    CHECK(text.find("Left out:\n  hopeless: with a piece of any stage the period would be") !=
          std::string::npos);
    CHECK(text.find("The period is set by device fast") != std::string::npos);
    CHECK(text.find("best-single-device") != std::string::npos);
}

TEST_CASE("validate_plan: a plan that was tampered with is refused") {
    const auto net = network("squeezenet");
    random_source random(6);
    const auto good = make_plan(net, random_cluster(random, 3), roofline{}, {.algorithm = "even"}).value();
    CHECK(validate_plan(good, net));
    CHECK_FALSE(validate_plan(good, network("resnet18")));
    auto bad = good;
    bad.division.parts[0].layers.pop_back();
    CHECK_FALSE(validate_plan(bad));
    bad = good;
    bad.division.parts[1].layers.insert(bad.division.parts[1].layers.begin(), 0);
    CHECK_FALSE(validate_plan(bad));
    bad = good;
    bad.stages[0].device = bad.division.parts[0].device = 99;
    CHECK_FALSE(validate_plan(bad));
    bad = good;
    bad.tasks.messages[0].bytes = -1.0;
    CHECK_FALSE(validate_plan(bad));
    bad = good;
    bad.network.latency_s.pop_back();
    CHECK_FALSE(validate_plan(bad));
}
