// Divides ResNet-50 over a laptop and two unequal boards, and says why so.
#include <iostream>

#include "dispart/dispart.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::make("resnet50", {.weights = false});
    const auto machines =
        cluster_builder("desk")
            .device({.name = "laptop", .speed = 60_GFLOPS, .memory_bandwidth = 20_GBps, .memory = 8_GiB})
            .device({.name = "pi5", .speed = 25_GFLOPS, .memory_bandwidth = 9_GBps, .memory = 4_GiB})
            .device({.name = "pi3", .speed = 4_GFLOPS, .memory_bandwidth = 2_GBps, .memory = 1_GiB})
            .mesh({"laptop", "pi5", "pi3"}, {.latency = 1_ms, .bandwidth = 300_Mbps})
            .source("laptop")
            .sink("laptop")
            .build();
    const auto best = make_plan(net.value(), machines.value(), roofline{}, {.goal = objective::throughput});
    if (!best) {
        std::cerr << best.error() << '\n';
        return 1;
    }
    std::cout << explain(*best);
    return 0;
}
