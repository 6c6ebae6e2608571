#include "dispart/plan/spread/make_spread_plan.hpp"

#include <doctest/doctest.h>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/model/zoo/vgg.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/validate.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

cluster random_boards(random_source& random, std::size_t count) {
    cluster_builder b("boards");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back("board" + std::to_string(i));
        b.device({.name = names.back(), .speed = flops_per_second(random.uniform(5e9, 40e9)), .memory = 4_GiB});
    }
    const double rate = std::pow(10.0, random.uniform(6.5, 9.0));
    b.mesh(names, {.latency = 1_ms, .bandwidth = bytes_per_second(rate)}).source("board0").sink("board0");
    return b.build().value();
}

double value_of(const result<spread_plan>& p, const cluster& on, objective goal) {
    REQUIRE_MESSAGE(p.has_value(), p.error());
    const auto built = build_instance(p->graph, on, roofline{}).value();
    return evaluate(built.problem, p->chosen.division).value().value(goal);
}

}  // namespace

TEST_SUITE("plan/spread/make_spread_plan") {
    TEST_CASE("auto is never worse than a pure way, and often better; no plan beats its bound") {
        random_source random(21);
        const std::vector<model> nets{zoo::vgg16({.weights = false, .image = 64}).value(),
                                      zoo::squeezenet1_1({.weights = false, .image = 96}).value()};
        std::size_t better = 0;
        for (int round = 0; round < 4; ++round) {
            const auto& net = nets[static_cast<std::size_t>(round) % 2];
            const auto on = random_boards(random, 2 + static_cast<std::size_t>(round) % 3);
            const auto goal = round < 2 ? objective::latency : objective::throughput;
            const plan_options options{.goal = goal};
            const auto best = make_spread_plan(net, on, roofline{}, options);
            const double value = value_of(best, on, goal);
            double least = std::numeric_limits<double>::infinity();
            for (const auto way : {spread_way::pipeline, spread_way::tiles, spread_way::shards})
                least =
                    std::min(least, value_of(make_spread_plan(net, on, roofline{}, options, way), on, goal));
            CHECK(value <= least * (1.0 + 1e-9));
            CHECK(best->chosen.bound_s <= value * (1.0 + 1e-9));
            better += best->pure.front().prediction.value(goal) > value * 1.001 ? 1 : 0;
        }
        CHECK(better >= 1);
    }

    TEST_CASE("replicas take requests in turn, the quicker device more of them") {
        const auto net = zoo::vgg16({.weights = false, .image = 64}).value();
        const auto on = cluster_builder("unequal")
                            .device({.name = "a", .speed = 30_GFLOPS, .memory = 4_GiB})
                            .device({.name = "b", .speed = 10_GFLOPS, .memory = 4_GiB})
                            .mesh({"a", "b"}, {.latency = 1_ms, .bandwidth = 10_Gbps})
                            .source("a")
                            .sink("a")
                            .build()
                            .value();
        const auto alone = make_plan(net, on, roofline{}, {.algorithm = "best-single-device"}).value();
        const auto p = make_spread_plan(net, on, roofline{}, {}, spread_way::replicas).value();
        CHECK(p.chosen.division.turns == 4);
        std::size_t of_a = 0;
        for (const part& each : p.chosen.division.parts) of_a += each.device == 0 ? 1 : 0;
        CHECK(of_a == 3);
        CHECK(p.chosen.prediction.period_s < 0.77 * alone.prediction.period_s);
        CHECK(p.chosen.prediction.period_s > p.chosen.bound_s * (1 - 1e-9));
        CHECK(p.chosen.prediction.latency_s > alone.prediction.latency_s);  // of the slowest turn
        CHECK(validate_plan(p.chosen, p.graph));
        CHECK(explain(p.chosen).find("in 4 turns") != std::string::npos);
        const auto best = make_spread_plan(net, on, roofline{}, {}).value();
        CHECK(best.chosen.prediction.period_s <= p.chosen.prediction.period_s * 1.001);
    }

    TEST_CASE("slow links: one device does it all; what cannot be spread that way says so") {
        const auto net = zoo::vgg16({.weights = false, .image = 64}).value();
        const auto on = cluster_builder("far")
                            .device({.name = "a", .speed = 20_GFLOPS, .memory = 4_GiB})
                            .device({.name = "b", .speed = 20_GFLOPS, .memory = 4_GiB})
                            .mesh({"a", "b"}, {.latency = 1_s, .bandwidth = bytes_per_second(100.0)})
                            .source("a")
                            .sink("a")
                            .build()
                            .value();
        const auto p = make_spread_plan(net, on, roofline{}, {.goal = objective::latency}).value();
        CHECK(p.chosen.devices_used() == 1);
        CHECK(num_vertices(p.graph) == num_vertices(net));
        CHECK(make_spread_plan(net, on, roofline{}, {.goal = objective::latency}, spread_way::replicas)
                  .error()
                  .code == errc::unsupported);
        const plan_options pinned{.rules = {.pins = {{.layers = "conv1_1", .devices = "b"}}}};
        CHECK(make_spread_plan(net, on, roofline{}, pinned, spread_way::tiles).error().offender ==
              "constraints");
        CHECK(make_spread_plan(net, on, roofline{}, pinned).has_value());
        CHECK(spread_way_of("shreds").error().offender == "shreds");
    }
}
