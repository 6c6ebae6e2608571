// A graph of your own types: any Boost.Graph graph becomes a model through property maps, and keeps your properties.
#include <boost/graph/adjacency_list.hpp>
#include <boost/property_map/function_property_map.hpp>

#include <iostream>
#include <string>

#include "dispart/cluster/builder.hpp"
#include "dispart/model/foreign.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"

namespace {

// What some other program knows of its operators.
struct step {
    std::string name{};
    std::string kind{};
    double milliseconds = 0.0;  // on its reference machine
};
struct flow {
    std::int64_t floats = 0;
};
using workflow = boost::adjacency_list<boost::listS, boost::vecS, boost::directedS, step, flow>;

// What travels with each layer from there into the cost model.
struct timed_layer : dispart::layer {
    double milliseconds = 0.0;
};

struct by_clock {
    template <class Layer, class Tensor>
    dispart::seconds compute(const dispart::layer_view<Layer, Tensor>& view, const dispart::device& on) const {
        return dispart::seconds(view.layer.milliseconds * 1e-3 * on.slowdown);
    }
};

workflow make_workflow() {
    workflow g;
    const auto camera = add_vertex({"camera", "Input", 0.0}, g);
    const auto decode = add_vertex({"decode", "vendor.Decode", 4.0}, g);
    const auto detect = add_vertex({"detect", "vendor.Detect", 40.0}, g);
    const auto track = add_vertex({"track", "vendor.Track", 9.0}, g);
    add_edge(camera, decode, {640 * 480}, g);
    add_edge(decode, detect, {320 * 240 * 3}, g);
    const auto screen = add_vertex({"screen", "Output", 0.0}, g);
    add_edge(detect, track, {100 * 6}, g);
    add_edge(track, screen, {100 * 7}, g);
    return g;
}

}  // namespace

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const workflow g = make_workflow();
    const auto layers = boost::make_function_property_map<workflow::vertex_descriptor>([&](auto v) {
        timed_layer made;
        made.name = g[v].name;
        made.op = g[v].kind;
        made.milliseconds = g[v].milliseconds;
        return made;
    });
    const auto tensors = boost::make_function_property_map<workflow::edge_descriptor>([&](auto e) {
        return tensor_info{
            .name = g[source(e, g)].name + ".out", .type = dtype::f32, .dims = shape{g[e].floats}};
    });
    // Operators that dispart does not know keep the shapes that the edges describe.
    auto net = from_graph(g, layers, tensors, {}, {.name = "workflow"});
    if (!net) {
        std::cerr << net.error() << '\n';
        return 1;
    }

    const auto machines = cluster_builder("two")
                              .device({.name = "old", .speed = 1_GFLOPS, .slowdown = 2.0})
                              .device({.name = "new", .speed = 1_GFLOPS})
                              .link("old", "new", {.latency = 0.2_ms, .bandwidth = 1_Gbps})
                              .build();
    const auto best = make_plan(*net, machines.value(), by_clock{}, {.goal = objective::throughput});
    if (!best) {
        std::cerr << best.error() << '\n';
        return 1;
    }
    std::cout << explain(*best);
    return 0;
}
