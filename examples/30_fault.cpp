// Plays a fault: of three boards that share the work of a pipeline, one dies for four seconds and a link gets slow.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/io/svg_charts.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/simulate/load.hpp"
#include "dispart/simulate/simulate.hpp"
#include "dispart/simulate/statistics.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::make("resnet50", {.weights = false}).value();
    const auto machines = cluster_builder("boards")
                              .device({.name = "north", .speed = 25_GFLOPS, .memory = 4_GiB})
                              .device({.name = "east", .speed = 20_GFLOPS, .memory = 4_GiB})
                              .device({.name = "south", .speed = 15_GFLOPS, .memory = 2_GiB})
                              .mesh({"north", "east", "south"}, {.latency = 1_ms, .bandwidth = 1_Gbps})
                              .source("north")
                              .sink("north")
                              .build()
                              .value();
    const auto made = make_plan(net, machines, roofline{}).value();
    const instance network = network_instance(made);

    simulation_options options{.requests = 150};
    options.arrivals =
        make_arrivals({.pattern = arrival_pattern::poisson, .rate = 5.0, .seed = 1}, 150).value();
    options.variation = {.kind = jitter_kind::log_normal, .spread = 0.05};
    const std::vector<fault> faults{
        {.what = fault_kind::dies, .target = 1, .at = 8.0, .until = 12.0},
        {.what = fault_kind::degrades, .target = 0, .at = 20.0, .until = 22.0, .factor = 0.05}};
    for (const bool faulty : {false, true}) {
        options.faults = faulty ? faults : std::vector<fault>{};
        const auto outcome = simulate(network, made.tasks, options);
        if (!outcome) {
            std::cerr << outcome.error() << '\n';
            return 1;
        }
        std::vector<double> latencies;
        for (request_id r = 0; r < outcome->completed; ++r)
            latencies.push_back(outcome->finished[r] - options.arrivals[r]);
        const auto latency = summarise(latencies);
        std::cout << (faulty ? "with faults" : "all is well") << ": " << outcome->completed << " requests in "
                  << outcome->makespan().value << " s; latency median " << latency.p50 << " s, 99 % "
                  << latency.p99 << " s\n";
        const std::string name = faulty ? "fault" : "calm";
        std::ofstream(name + "-utilisation.svg") << io::utilisation_svg(outcome->trace, {.title = name});
        std::ofstream(name + "-latency.svg") << io::latency_svg(latencies, {.title = name});
    }
    return 0;
}
