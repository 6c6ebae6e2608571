// The hybrid planner on many problems: against every pure way, and against exhaustive search.
#include "dispart/plan/spread/make_spread_plan.hpp"

#include <array>

#include "dispart/cluster/catalogue.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo.hpp"
#include "plan/every_spread.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// Machines of the catalogue at a third of their peaks around a switch.
cluster of_the_catalogue(random_source& random, std::size_t count) {
    static const std::array kinds{"raspberry-pi-3b+", "raspberry-pi-4b", "raspberry-pi-5",
                                  "jetson-nano",      "core-i7-1165g7",  "snapdragon-865"};
    static const std::array links{"fast-ethernet", "fast-ethernet", "gigabit-ethernet"};
    cluster_builder b("machines");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back("d" + std::to_string(i));
        device made = catalogue_device(kinds[random.index(kinds.size())], names.back()).value();
        made.speed = flops_per_second(made.speed.value / 3.0);
        made.layer_overhead = seconds(2e-5);
        b.device(std::move(made));
    }
    const auto each = catalogue_link_of(links[random.index(links.size())]).value();
    return b.switched("switch", names, each).source("d0").sink("d0").build().value();
}

}  // namespace

TEST_SUITE("plan/spread/make_spread_plan") {
    TEST_CASE("104 problems: never worse than a pure way, better on a third of them; the bound holds") {
        random_source random(4);
        std::size_t problems = 0, better = 0;
        for (const std::string name : {"vgg16", "resnet18", "mobilenet_v2", "squeezenet"}) {
            auto net = zoo::make(name, {.weights = false, .image = 128}).value();
            REQUIRE(simplify(net));
            for (const auto goal : {objective::latency, objective::throughput})
                for (int round = 0; round < 13; ++round) {
                    const auto on = of_the_catalogue(random, 2 + random.index(3));
                    const auto found = make_spread_plan(net, on, roofline{}, {.goal = goal}).value();
                    const double value = planned_value(found, on, goal);
                    double least = std::numeric_limits<double>::infinity();
                    for (const auto way : {spread_way::pipeline, spread_way::tiles, spread_way::shards,
                                           spread_way::replicas}) {
                        const auto pure = make_spread_plan(net, on, roofline{}, {.goal = goal}, way);
                        if (pure) least = std::min(least, planned_value(*pure, on, goal));
                    }
                    CAPTURE(name);
                    CHECK(value <= least * (1.0 + 1e-9));
                    CHECK(found.chosen.bound_s <= value * (1.0 + 1e-9));
                    ++problems;
                    better += value < found.pure.front().prediction.value(goal) * (1.0 - 1e-6) ? 1 : 0;
                }
        }
        MESSAGE(better << " of " << problems << " better than every pure way");
        CHECK(problems >= 100);
        CHECK(3 * better >= problems);
    }

    TEST_CASE("small problems: as good as exhaustive search over runs, devices and strips") {
        random_source random(6);
        const std::vector<std::pair<std::size_t, std::size_t>> sizes{{4, 2}, {5, 2}, {2, 3}, {3, 3}};
        for (const auto& [layers, devices] : sizes)
            for (int round = 0; round < 3; ++round) {
                const auto net = row_of_convolutions(layers);
                const auto on = unequal_machines(random, devices);
                for (const auto goal : {objective::latency, objective::throughput}) {
                    CAPTURE(layers);
                    CAPTURE(devices);
                    const auto p = make_spread_plan(net, on, roofline{}, {.goal = goal}).value();
                    CHECK(planned_value(p, on, goal) <= brute_force(net, on, goal).least() * (1.0 + 1e-9));
                }
            }
    }
}
