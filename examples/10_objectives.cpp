// Least energy under a deadline, an objective of one's own, and the front of all plans that none beats in everything.
#include <iostream>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/plan/rates.hpp"
#include "dispart/problem/build.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::squeezenet1_1({.weights = false}).value();
    const auto machines =
        cluster_builder("home")
            .device({.name = "board", .speed = 6_GFLOPS, .busy_power = watts(4), .idle_power = watts(1)})
            .device({.name = "box", .speed = 25_GFLOPS, .busy_power = watts(12), .idle_power = watts(3)})
            .device({.name = "server", .speed = 400_GFLOPS, .busy_power = watts(250), .idle_power = watts(90)})
            .mesh({"board", "box", "server"}, {.latency = 2_ms, .bandwidth = 200_Mbps})
            .source("board")
            .sink("board")
            .build()
            .value();
    const auto built = build_instance(net, machines, roofline{}).value();
    criteria_options options{.rates = rates_of(machines)};

    const auto front = pareto(built.problem, options).value();
    for (const auto& each : front) {
        std::cout << each.figures.latency << " s, " << each.figures.joules << " J:";
        for (const auto& part : each.division.parts)
            std::cout << ' ' << built.problem.device_names[part.device] << " (" << part.layers.size() << ')';
        std::cout << '\n';
    }
    const auto mine = best_by(
        built.problem, [](const criteria& c) { return c.joules + 2.0 * c.latency; }, options);
    options.limits.latency = 0.06;
    const auto frugal = best_by(built.problem, &criteria::joules, options);
    if (!mine || !frugal) return 1;
    std::cout << "least energy within 60 ms: " << frugal->figures.joules << " J\n";
    return frugal->figures.latency <= 0.06 ? 0 : 1;
}
