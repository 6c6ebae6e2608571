// A model of your own, layer by layer, on machines of the catalogue.
#include <iostream>

#include "dispart/cluster/builder.hpp"
#include "dispart/cluster/catalogue.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"

int main() {
    using namespace dispart;
    using namespace dispart::literals;

    // A small detector: a convolutional trunk, and two heads that read the same features.
    model_builder b("two-heads");
    auto x = b.input("image", {1, 3, 128, 128});
    const auto convolution = [&](const std::string& name, tensor_id in, std::int64_t from, std::int64_t to,
                                 std::int64_t stride) {
        const auto w = b.weight(name + ".w", {to, from, 3, 3});
        const attributes attrs{{"strides", std::vector<std::int64_t>{stride, stride}},
                               {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
        return b.add("Relu", {b.add("Conv", {in, w}, {.name = name, .attrs = attrs})},
                     {.name = name + ".relu"});
    };
    std::int64_t channels = 3;
    for (const std::int64_t wide : {32, 64, 128, 256}) {
        x = convolution("trunk" + std::to_string(wide), x, channels, wide, 2);
        channels = wide;
    }
    const auto boxes = convolution("boxes", x, channels, 16, 1);
    const auto classes = convolution("classes", x, channels, 80, 1);
    b.output(boxes);
    b.output(classes);
    const auto net = std::move(b).build();
    if (!net) {
        std::cerr << net.error() << '\n';
        return 1;
    }

    const auto wire = catalogue_link_of("gigabit-ethernet").value();
    const auto machines = cluster_builder("shelf")
                              .device(catalogue_device("raspberry-pi-3b+", "camera").value())
                              .device(catalogue_device("raspberry-pi-5", "near").value())
                              .device(catalogue_device("jetson-orin-nano-8gb", "far").value())
                              .switched("switch", {"camera", "near", "far"}, wire)
                              .source("camera")
                              .sink("camera")
                              .build();
    const auto best = make_plan(*net, machines.value(), roofline{}, {.goal = objective::throughput});
    if (!best) {
        std::cerr << best.error() << '\n';
        return 1;
    }
    std::cout << explain(*best);
    return 0;
}
