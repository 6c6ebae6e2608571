#include "dispart/plan/complete.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/plan/validate.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

model network() { return zoo::squeezenet1_1({.weights = false}).value(); }

cluster machines(bytes camera_memory) {
    return cluster_builder("home")
        .device({.name = "camera", .speed = 4_GFLOPS, .memory = camera_memory, .labels = {{"trust", "high"}}})
        .device({.name = "box", .speed = 20_GFLOPS, .memory = 2_GiB, .labels = {{"trust", "high"}}})
        .device({.name = "server", .speed = 200_GFLOPS, .memory = 16_GiB, .labels = {{"trust", "low"}}})
        .mesh({"camera", "box", "server"}, {.latency = 1_ms, .bandwidth = 100_Mbps})
        .source("camera")
        .sink("camera")
        .build()
        .value();
}

std::string device_of(const plan& made, const std::string& layer) {
    for (const auto& stage : made.stages)
        if (std::find(stage.layers.begin(), stage.layers.end(), layer) != stage.layers.end())
            return made.devices[stage.device].name;
    return "";
}

std::vector<std::string> conflict(const constraints& rules, bytes camera_memory) {
    const auto found =
        conflicting_constraints(network(), machines(camera_memory), roofline{}, {.rules = rules});
    REQUIRE(found);
    return *found;
}

}  // namespace

TEST_CASE("a user's beginning is kept and the rest is planned") {
    const auto net = network();
    const auto order = topological_order(net).value();
    const std::string first = net[order.front()].name, last = net[order.back()].name;
    for (const auto goal : {objective::latency, objective::throughput}) {
        const auto made = complete_plan(net, machines(1_GiB), roofline{}, {{first, "camera"}, {last, "box"}},
                                        {.goal = goal});
        REQUIRE(made);
        CHECK(validate_plan(*made, net));
        CHECK(device_of(*made, first) == "camera");
        CHECK(device_of(*made, last) == "box");
    }
    const auto whole = complete_plan(net, machines(1_GiB), roofline{}, {{"*", "box"}});
    REQUIRE(whole);
    CHECK(whole->stages.size() == 1);
    CHECK(complete_plan(net, machines(1_GiB), roofline{}, {{"no such layer", "box"}}).error().code ==
          errc::not_found);
}

TEST_CASE("constraints that cannot hold together are named, and no others") {
    CHECK(conflict({}, 1_GiB).empty());
    // only camera and box may see anything, and the camera is too small for what must be on it
    constraints rules{.pins = {{"*", "camera"}}, .layers = {{"*", "trust", "high"}}};
    CHECK(conflict(rules, 1_MiB) == std::vector<std::string>{"pin * to camera", "memory of camera"});
    CHECK(conflict(rules, 1_GiB).empty());
    rules.forbids = {{"*", "box"}, {"*", "server"}};
    rules.pins.clear();
    CHECK(conflict(rules, 1_MiB) ==
          std::vector<std::string>{"forbid * on box", "* needs trust=high", "memory of camera"});
    const auto net = network();
    const auto order = topological_order(net).value();
    const std::string first = net[order.front()].name, last = net[order.back()].name;
    CHECK(conflict({.pins = {{first, "camera"}, {last, "box"}}, .together = {{first, last}}, .max_devices = 2},
                   1_GiB) == std::vector<std::string>{"pin " + first + " to camera", "pin " + last + " to box",
                                                      "together: " + first + ", " + last});
    CHECK(conflict({.pins = {{first, "camera"}, {last, "box"}}, .max_devices = 1}, 1_GiB).size() == 3);
    CHECK(conflict({.caps = {{"*", 1e5}}}, 1_GiB) == std::vector<std::string>{"at most 97.66 KiB on *"});
}

TEST_CASE("an impossible completion says which constraints conflict") {
    const auto made = complete_plan(network(), machines(1_MiB), roofline{}, {{"*", "camera"}},
                                    {.rules = {.layers = {{"*", "trust", "high"}}}});
    REQUIRE(!made);
    CHECK(made.error().code == errc::infeasible);
    CHECK(made.error().hint.find("pin * to camera") != std::string::npos);
    CHECK(made.error().hint.find("memory of camera") != std::string::npos);
}
