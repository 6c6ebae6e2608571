// How long planning takes: make_plan for ResNet-50 on 2 to 16 unequal devices (target on 16: milliseconds), and its pieces.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/problem/build.hpp"

namespace {

using namespace dispart;

cluster unequal(std::size_t devices) {
    random_source random(16);
    cluster_builder builder("unequal");
    std::vector<std::string> names;
    for (std::size_t d = 0; d < devices; ++d) {
        names.push_back("d" + std::to_string(d));
        builder.device({.name = names.back(),
                        .speed = flops_per_second(random.uniform(4e9, 60e9)),
                        .memory = bytes(random.uniform(2e8, 4e9))});
    }
    for (std::size_t a = 0; a < devices; ++a)
        for (std::size_t b = 0; b < devices; ++b)
            if (a != b)
                builder.one_way(names[a], names[b],
                                {.latency = seconds(random.uniform(1e-4, 5e-3)),
                                 .bandwidth = bytes_per_second(random.uniform(5e6, 1e8))});
    return builder.build().value();
}

/// The whole of make_plan. \param objective 0: latency, 1: throughput
void plan_resnet50(benchmark::State& state) {
    const auto net = zoo::make("resnet50", {.weights = false}).value();
    const auto machines = unequal(static_cast<std::size_t>(state.range(0)));
    const auto goal = state.range(1) == 0 ? objective::latency : objective::throughput;
    double gap = 0.0;
    for (auto _ : state) {
        const auto made = make_plan(net, machines, roofline{}, {.goal = goal});
        gap = made.value().gap;
        benchmark::DoNotOptimize(made);
    }
    state.counters["gap"] = gap;
}
BENCHMARK(plan_resnet50)->ArgsProduct({{2, 4, 8, 16}, {0, 1}})->Unit(benchmark::kMillisecond);

/// The exact chain algorithm alone, on one order of the devices.
void chain_resnet50(benchmark::State& state) {
    const auto net = zoo::make("resnet50", {.weights = false}).value();
    const auto built =
        build_instance(net, unequal(static_cast<std::size_t>(state.range(0))), roofline{}).value();
    for (auto _ : state)
        benchmark::DoNotOptimize(chain_partitioner{}.solve(built.problem, objective::throughput));
}
BENCHMARK(chain_resnet50)->RangeMultiplier(2)->Range(2, 16)->Unit(benchmark::kMillisecond);

}  // namespace
