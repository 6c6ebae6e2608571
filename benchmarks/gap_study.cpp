// How near the optimum plans are: ten networks on six clusters for both objectives, with the bound that proves each gap.
// Writes a Markdown page: gap_study > docs/gaps.md
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/make_plan.hpp"

namespace {

using namespace dispart;
using namespace dispart::literals;

const device pi3{
    .speed = 4_GFLOPS, .memory_bandwidth = 2_GBps, .layer_overhead = seconds(60e-6), .memory = 1_GiB};
const device pi4{
    .speed = 11_GFLOPS, .memory_bandwidth = 4_GBps, .layer_overhead = seconds(30e-6), .memory = 4_GiB};
const device pi5{
    .speed = 28_GFLOPS, .memory_bandwidth = 9_GBps, .layer_overhead = seconds(15e-6), .memory = 8_GiB};
const device jetson{
    .speed = 230_GFLOPS, .memory_bandwidth = 25_GBps, .layer_overhead = seconds(40e-6), .memory = 4_GiB};
const device laptop{.speed = 90_GFLOPS, .memory_bandwidth = 20_GBps, .memory = 16_GiB};

device named(device like, std::string name) {
    like.name = std::move(name);
    return like;
}

cluster pis_on_wifi() {
    return cluster_builder("three equal Pis on Wi-Fi")
        .device(named(pi4, "pi-a"))
        .device(named(pi4, "pi-b"))
        .device(named(pi4, "pi-c"))
        .switched("access point", {"pi-a", "pi-b", "pi-c"}, {.latency = 2_ms, .bandwidth = 60_Mbps})
        .source("pi-a")
        .sink("pi-a")
        .build()
        .value();
}

cluster mixed_pis() {
    return cluster_builder("Pi 3, 4 and 5")
        .device(named(pi3, "pi3"))
        .device(named(pi4, "pi4"))
        .device(named(pi5, "pi5"))
        .switched("switch", {"pi3", "pi4", "pi5"}, {.latency = seconds(3e-4), .bandwidth = 300_Mbps})
        .source("pi5")
        .sink("pi5")
        .build()
        .value();
}

cluster lab() {
    cluster_builder builder("laptop, two Jetsons, four Pis");
    std::vector<std::string> all{"laptop", "jetson-a", "jetson-b", "pi-a", "pi-b", "pi-c", "pi-d"};
    for (std::size_t d = 0; d < all.size(); ++d)
        builder.device(named(d == 0 ? laptop : d < 3 ? jetson : pi4, all[d]));
    return builder.switched("switch", all, {.latency = seconds(2e-4), .bandwidth = 900_Mbps})
        .source("laptop")
        .sink("laptop")
        .build()
        .value();
}

cluster three_tiers() {
    return cluster_builder("device, edge, cloud")
        .device(named(pi3, "device"))
        .device(named(laptop, "edge"))
        .device(
            {.name = "cloud", .speed = flops_per_second(5e12), .memory_bandwidth = 400_GBps, .memory = 64_GiB})
        .link("device", "edge", {.latency = 3_ms, .bandwidth = 80_Mbps})
        .link("edge", "cloud", {.latency = 25_ms, .bandwidth = 200_Mbps})
        .source("device")
        .sink("device")
        .build()
        .value();
}

/// Eight servers of different speeds, four on each of two sites.
cluster two_sites() {
    random_source random(8);
    cluster_builder builder("eight unequal servers on two sites");
    std::vector<std::string> here, there;
    for (std::size_t d = 0; d < 8; ++d) {
        auto& site = d < 4 ? here : there;
        site.push_back("server-" + std::to_string(d));
        builder.device({.name = site.back(),
                        .speed = flops_per_second(random.uniform(2e11, 1.5e12)),
                        .memory_bandwidth = bytes_per_second(random.uniform(3e10, 2e11)),
                        .memory = 32_GiB});
    }
    const dispart::link cable{.latency = seconds(1e-4), .bandwidth = 10_Gbps};
    return builder.switched("switch-a", here, cable)
        .switched("switch-b", there, cable)
        .link("switch-a", "switch-b", {.latency = 50_ms, .bandwidth = 1_Gbps})
        .source("server-0")
        .sink("server-0")
        .build()
        .value();
}

cluster twelve_random() {
    random_source random(12);
    cluster_builder builder("twelve random devices");
    std::vector<std::string> names;
    for (std::size_t d = 0; d < 12; ++d) {
        names.push_back("d" + std::to_string(d));
        builder.device({.name = names.back(),
                        .speed = flops_per_second(random.uniform(5e9, 2e11)),
                        .memory_bandwidth = bytes_per_second(random.uniform(3e9, 3e10)),
                        .memory = bytes(random.uniform(1e9, 8e9))});
    }
    for (const auto& a : names)
        for (const auto& b : names)
            if (a != b)
                builder.one_way(a, b,
                                {.latency = seconds(random.uniform(1e-4, 1e-2)),
                                 .bandwidth = bytes_per_second(random.uniform(2e6, 1e8))});
    return builder.source("d0").sink("d0").build().value();
}

struct row {
    std::string model{}, cluster{};
    objective goal = objective::latency;
    double value = 0.0, bound = 0.0, gap = 0.0, seconds = 0.0;
    std::string bound_name{}, algorithm{};
    std::size_t devices = 0;
};

row study(const model& net, const std::string& name, const cluster& machines, objective goal) {
    row r{.model = name, .cluster = info(machines).name, .goal = goal};
    const auto begin = std::chrono::steady_clock::now();
    const auto made = make_plan(net, machines, roofline{}, {.goal = goal});
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!made) {
        std::fprintf(stderr, "%s on %s: %s\n", name.c_str(), r.cluster.c_str(), made.error().message.c_str());
        r.gap = 1.0;
        return r;
    }
    r.gap = made->gap;
    r.bound = made->bound_s;
    r.value = made->bound_s / (1.0 - made->gap);
    r.bound_name = made->bound_name;
    r.algorithm = made->algorithm;
    r.devices = made->devices_used();
    return r;
}

double quantile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

int main() {
    const std::vector<std::string> models{"bert_base",    "densenet121",  "efficientnet_b0", "gpt2",
                                          "inception_v3", "mobilenet_v2", "resnet50",        "squeezenet",
                                          "vgg16",        "vit_base"};
    const std::vector<cluster> clusters{pis_on_wifi(), mixed_pis(), lab(),
                                        three_tiers(), two_sites(), twelve_random()};
    std::vector<row> rows;
    for (const auto& name : models) {
        const auto net = zoo::make(name, {.weights = false}).value();
        for (const auto& machines : clusters)
            for (const auto goal : {objective::latency, objective::throughput})
                rows.push_back(study(net, name, machines, goal));
    }
    std::vector<double> gaps;
    for (const auto& r : rows) gaps.push_back(r.gap);
    std::printf(
        "# Certified gaps\n\nTen networks of the zoo on six clusters, for both objectives: what `make_plan` "
        "found, the lower bound\nthat no plan with one stage a device can be under, and the gap between "
        "them, (value - bound) / value.\nWritten by `benchmarks/gap_study.cpp`, which says what the clusters "
        "are.\n\nMedian gap %.1f %%, 90th percentile %.1f %%, largest %.1f %%; %zu of %zu are zero.\n\n",
        100.0 * quantile(gaps, 0.5), 100.0 * quantile(gaps, 0.9), 100.0 * quantile(gaps, 1.0),
        static_cast<std::size_t>(std::count_if(gaps.begin(), gaps.end(), [](double g) { return g < 1e-6; })),
        gaps.size());
    std::printf(
        "| network | cluster | objective | value, s | bound, s | gap | devices | found by | bound by |\n"
        "|---|---|---|---|---|---|---|---|---|\n");
    for (const auto& r : rows)
        std::printf("| %s | %s | %s | %.4g | %.4g | %.1f %% | %zu | %s | %s |\n", r.model.c_str(),
                    r.cluster.c_str(), r.goal == objective::latency ? "latency" : "period", r.value, r.bound,
                    100.0 * r.gap, r.devices, r.algorithm.c_str(), r.bound_name.c_str());
    double longest = 0.0;
    for (const auto& r : rows) longest = std::max(longest, r.seconds);
    std::fprintf(stderr, "longest planning: %.2f s\n", longest);
}
