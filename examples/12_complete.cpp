// A user's own beginning of a plan: completed, and where it cannot hold, why.
#include <iostream>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/squeezenet.hpp"
#include "dispart/plan/complete.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::squeezenet1_1({.weights = false}).value();
    const auto machines = cluster_builder("street")
                              .device({.name = "camera", .speed = 4_GFLOPS, .memory = 1_MiB})
                              .device({.name = "server", .speed = 400_GFLOPS, .memory = 8_GiB})
                              .mesh({"camera", "server"}, {.latency = 1_ms, .bandwidth = 1_Gbps})
                              .source("camera")
                              .build()
                              .value();
    const auto first = net[vertex(0, net)].name, last = net[vertex(num_vertices(net) - 1, net)].name;
    const auto begun =
        complete_plan(net, machines, roofline{}, {{last, "server"}}, {.goal = objective::latency});
    if (!begun) return std::cerr << begun.error() << '\n', 1;
    for (const auto& stage : begun->stages)
        std::cout << begun->devices[stage.device].name << ": " << stage.layers.size() << " layers\n";

    // Everything on the camera: its memory does not hold the weights.
    const auto refused = complete_plan(net, machines, roofline{}, {{"*", "camera"}});
    if (refused) return 1;
    std::cout << refused.error().hint << '\n';
    return begun->stages.back().layers.back() == last &&
                   refused.error().hint.find("camera") != std::string::npos
               ? 0
               : 1;
}
