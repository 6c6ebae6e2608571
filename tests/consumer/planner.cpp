// A consumer that really plans: templates are instantiated under its own warnings.
#include <dispart/dispart.hpp>

#include <iostream>

int main() {
    using namespace dispart;
    using namespace dispart::literals;
    const auto machines = cluster_builder("pair")
                              .device({.name = "a", .speed = 10_GFLOPS, .memory = 1_GiB})
                              .device({.name = "b", .speed = 5_GFLOPS, .memory = 1_GiB})
                              .link("a", "b", {.latency = 1_ms, .bandwidth = 1_Gbps})
                              .build();
    const auto net = zoo::make("resnet18", {.weights = false});
    if (!machines || !net) return 1;
    const auto best = make_plan(*net, *machines, roofline{}, {.goal = objective::throughput});
    if (!best) {
        std::cerr << best.error() << '\n';
        return 1;
    }
    std::cout << explain(*best);
    return best->prediction.period_s > 0.0 ? 0 : 1;
}
