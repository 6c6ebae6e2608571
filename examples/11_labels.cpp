// What leaves a camera's zone: raw pictures and the first layers stay where the label says.
#include <iostream>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/problem/build.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::squeezenet1_1({.weights = false}).value();
    const auto machines = cluster_builder("street")
                              .device({.name = "camera", .speed = 4_GFLOPS, .labels = {{"trust", "high"}}})
                              .device({.name = "server", .speed = 400_GFLOPS, .labels = {{"trust", "low"}}})
                              .mesh({"camera", "server"}, {.latency = 1_ms, .bandwidth = 1_Gbps})
                              .source("camera")
                              .sink("camera")
                              .build()
                              .value();
    const auto input = net[vertex(0, net)].name;
    const auto built =
        build_instance(net, machines, roofline{}, {.rules = {.layers = {{input, "trust", "high"}}}});
    if (!built) return std::cerr << built.error() << '\n', 1;
    const auto division = chain_orders_partitioner{}(built->problem, objective::latency);
    if (!division) return std::cerr << division.error() << '\n', 1;
    for (const auto& part : division->parts)
        std::cout << built->problem.device_names[part.device] << ": " << part.layers.size() << " layers\n";
    return division->parts.front().device == 0 ? 0 : 1;  // the camera sees the picture first
}
