// A cost model of your own: convolutions run on an accelerator that only some boards have.
#include <iostream>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"

struct accelerated {
    dispart::roofline host{};

    template <class Layer, class Tensor>
    dispart::seconds compute(const dispart::layer_view<Layer, Tensor>& view, const dispart::device& on) const {
        const bool offloaded = view.layer.op == "Conv" && on.labels.contains("npu");
        return offloaded ? host.compute(view, on) * 0.1 + dispart::seconds(50e-6) : host.compute(view, on);
    }
};
static_assert(dispart::cost_model<accelerated>);

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    const auto net = zoo::make("mobilenet_v2", {.weights = false});
    const auto machines =
        cluster_builder("boards")
            .device({.name = "plain", .speed = 20_GFLOPS, .memory_bandwidth = 8_GBps, .memory = 4_GiB})
            .device({.name = "with-npu",
                     .speed = 8_GFLOPS,
                     .memory_bandwidth = 8_GBps,
                     .memory = 2_GiB,
                     .labels = {{"npu", "yes"}}})
            .mesh({"plain", "with-npu"}, {.latency = 0.5_ms, .bandwidth = 900_Mbps})
            .build();
    const auto usual = make_plan(net.value(), machines.value(), roofline{});
    const auto ours = make_plan(net.value(), machines.value(), accelerated{});
    if (!usual || !ours) {
        std::cerr << (usual ? ours : usual).error() << '\n';
        return 1;
    }
    std::cout << "as a roofline sees it:\n"
              << explain(*usual) << "\nwith the accelerator:\n"
              << explain(*ours);
    return ours->prediction.period_s < usual->prediction.period_s ? 0 : 1;
}
