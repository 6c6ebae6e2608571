#include "dispart/plan/spread/respread.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/run/fault_transport.hpp"
#include "dispart/run/service.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/spread.hpp"
#include "runtime/toy.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

/// Three workers of a network that can be harmed, and their cluster.
struct three_workers {
    three_workers() {
        cluster_builder b("three");
        for (const auto& each : hosts) b.device({.name = each.name, .speed = 5_GFLOPS, .memory = 1_GiB});
        machines = b.mesh({"w0", "w1", "w2"}, {.latency = seconds(1e-5), .bandwidth = 10_Gbps})
                       .source("w0")
                       .sink("w0")
                       .build()
                       .value();
        for (const auto& each : hosts)
            programs.emplace_back([this, each, carrier = network.at(each.name)](std::stop_token stop) mutable {
                auto listener = carrier.listen(each.address).value();
                worker<fault_transport, eigen_backend> serving(
                    carrier, eigen_backend{}, {.name = each.name, .decode = models.decoder()});
                serving.serve(std::move(listener), stop);
            });
    }

    test::shelf models{};
    fault_network network{};
    std::vector<worker_host> hosts{{"w0", "w0"}, {"w1", "w1"}, {"w2", "w2"}};
    cluster machines{};
    std::vector<std::jthread> programs{};
};

}  // namespace

TEST_SUITE("plan/spread/respread") {
    TEST_CASE(
        "tiles, shards, replicas and mixtures survive a lost worker: spread anew over those who are left") {
        const auto net = test::simplified(zoo::squeezenet1_1({.image = 64}));
        const auto inputs = sample_inputs(net).value();
        const auto expected = test::outputs_of(net, inputs);
        for (const auto& [way, goal] : {std::pair{spread_way::tiles, objective::latency},
                                        {spread_way::shards, objective::latency},
                                        {spread_way::replicas, objective::throughput},
                                        {spread_way::automatic, objective::latency},
                                        {spread_way::automatic, objective::throughput}}) {
            three_workers it;
            std::mutex guard;
            std::size_t wrong = 0, answered = 0;
            std::vector<std::set<device_id>> used;  // by each plan
            const auto planner = [&, way = way, goal = goal](const roster_view& who) -> result<service_plan> {
                std::vector<std::string> names;
                for (const auto& each : who.present) names.push_back(each.name);
                DISPART_TRY(const auto p,
                            respread(net, it.machines, names, who.broken, roofline{}, {.goal = goal}, way));
                used.emplace_back();
                for (const part& each : p.plan.chosen.division.parts) used.back().insert(each.device);
                DISPART_TRY(auto stages, make_deployment(p.plan.graph, p.plan.chosen.division, it.hosts,
                                                         it.models.encoder()));
                return service_plan{.stages = std::move(stages)};
            };
            {
                service<fault_transport> serving(it.network.at("here"), it.hosts, planner,
                                                 [&](const outcome& o) {
                                                     const std::scoped_lock lock(guard);
                                                     ++answered;
                                                     wrong += o.how != outcome_kind::answered ||
                                                              test::deviation(o.outputs, expected) > 1e-4;
                                                 },
                                                 {});
                for (request_id r = 0; r < 30; ++r) {
                    REQUIRE(serving.submit(r, inputs));
                    if (r == 15) {
                        serving.wait_until_idle(deadline_in(seconds(20.0)));
                        it.network.kill("w1");
                    }
                }
                serving.wait_until_idle(deadline_in(seconds(30.0)));
            }
            it.network.kill("w0");
            it.network.kill("w2");
            CHECK(answered == 30);
            CHECK(wrong == 0);
            REQUIRE(used.size() >= 2);
            CHECK(used.front().size() >= 2);
            CHECK(!used.back().contains(1));
        }
    }

    TEST_CASE("one device is left: no strips any more, but a plan") {
        const auto net = zoo::squeezenet1_1({.weights = false, .image = 64}).value();
        const auto on = cluster_builder("two")
                            .device({.name = "a", .speed = 5_GFLOPS, .memory = 1_GiB})
                            .device({.name = "b", .speed = 5_GFLOPS, .memory = 1_GiB})
                            .mesh({"a", "b"}, {.latency = seconds(1e-4), .bandwidth = 1_Gbps})
                            .build()
                            .value();
        const std::vector<std::string> present{"b"};
        const auto p = respread(net, on, present, {}, roofline{}, {}, spread_way::tiles).value();
        for (const part& each : p.plan.chosen.division.parts) CHECK(each.device == 1);
        CHECK(!respread(net, on, {}, {}, roofline{}, {}, spread_way::tiles));
    }
}
