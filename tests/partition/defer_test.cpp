// DEFER's case (Parthasarathy, Krishnamachari, arXiv 2201.06769): ResNet-50 on eight equal devices of 1 GMAC/s that
// compute and send one after the other over links of 14.8 Mbit/s, from and to a dispatcher. A chain with serial loads.
#include <doctest/doctest.h>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/problem/build.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

instance defer_case(std::size_t devices, load_model load, bytes_per_second link) {
    cluster_builder builder("DEFER");
    std::vector<std::string> names{"dispatcher"};
    builder.forwarder("dispatcher");
    for (std::size_t d = 0; d < devices; ++d) {
        names.push_back("node" + std::to_string(d));
        builder.device({.name = names.back(), .speed = 2_GFLOPS});
    }
    const auto machines =
        builder.mesh(names, {.bandwidth = link}).source("dispatcher").sink("dispatcher").build();
    const auto net = zoo::resnet50({.weights = false});
    return build_instance(net.value(), machines.value(), roofline{}, {.load = load}).value().problem;
}

/// How much sooner results follow one another than on one device, and how many devices that takes.
std::pair<double, std::size_t> speedup(const instance& problem) {
    const double alone = evaluate(problem, *best_single_device{}(problem, objective::throughput))->period;
    const auto found = chain_orders_partitioner{}.solve(problem, objective::throughput);
    REQUIRE(found);
    return {alone / found->chain.value, found->chain.division.parts.size()};
}

}  // namespace

TEST_CASE("choosing the cuts: over 2.1 times with serial sends, over 4 times with overlapped ones") {
    const auto link = bytes_per_second(14.8e6 / 8.0);
    const auto [serial, serial_parts] = speedup(defer_case(8, load_model::serial, link));
    MESSAGE("serial " << serial << " on " << serial_parts);
    CHECK(serial >= 2.10);
    CHECK(serial_parts <= 8);
    const auto [overlapped, parts] = speedup(defer_case(8, load_model::overlapped, link));
    MESSAGE("overlapped " << overlapped << " on " << parts);
    CHECK(overlapped >= 4.0);
    CHECK(overlapped > serial);
}

TEST_CASE("where sending takes longer than computing, one device is best") {
    const auto [ratio, parts] = speedup(defer_case(8, load_model::serial, bytes_per_second(3e3)));
    CHECK(parts == 1);
    CHECK(ratio == 1.0);
}
