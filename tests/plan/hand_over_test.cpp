#include "dispart/plan/spread/hand_over.hpp"

#include <doctest/doctest.h>

#include "plan/every_spread.hpp"

using namespace dispart;
using namespace dispart::literals;
using namespace dispart::test;

TEST_SUITE("plan/spread/hand_over") {
    TEST_CASE("two equal devices and three equal layers: whole layers cannot balance, strips can") {
        const auto net = row_of_convolutions(3);
        const auto on = cluster_builder("two")
                            .device({.name = "a", .speed = 1_GFLOPS, .memory = 1_GiB})
                            .device({.name = "b", .speed = 1_GFLOPS, .memory = 1_GiB})
                            .mesh({"a", "b"}, {.latency = seconds(1e-4), .bandwidth = 1_Gbps})
                            .source("a")
                            .sink("a")
                            .build()
                            .value();
        const auto built = build_instance(net, on, roofline{}).value();
        const auto pipeline = make_plan(net, on, roofline{}).value();
        const auto before = evaluate(built.problem, pipeline.division).value();
        hand_over search(net, built.problem, pipeline.division, objective::throughput);
        const auto steps = search.steps(before, 3);
        REQUIRE(!steps.empty());
        for (const auto& each : steps) {
            CHECK(each.plan.turns.size() == 2);
            CHECK(each.plan.turns[0].device != each.plan.turns[1].device);
        }
        const auto after = price_spread("", search.with(steps.front()).value(), on, roofline{}).value();
        CHECK(after.figures.period < 0.88 * before.period);
        search.accept(steps.front());
        for (const auto& each : search.steps(after.figures, 5))  // what is in strips stays
            for (const layer_id v : each.layers)
                CHECK(std::find(steps.front().layers.begin(), steps.front().layers.end(), v) ==
                      steps.front().layers.end());
    }

    TEST_CASE("small problems: as good as exhaustive search over runs, devices and strips") {
        random_source random(5);
        for (int round = 0; round < 4; ++round) {
            const auto net = row_of_convolutions(3);
            const auto on = unequal_machines(random, 2);
            for (const auto goal : {objective::latency, objective::throughput}) {
                const auto p = make_spread_plan(net, on, roofline{}, {.goal = goal}).value();
                CHECK(planned_value(p, on, goal) <= brute_force(net, on, goal).least() * (1.0 + 1e-9));
            }
        }
    }
}
