#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/play.hpp"
#include "simgrid/simgrid_play.hpp"

using namespace dispart;

namespace {

/// A star whose hosts have ways of their own bandwidth and latency, and a backbone that everything crosses.
struct star {
    platform machines;
    std::vector<double> link_latency;
};

star make_star(std::size_t hosts, random_source& random, double backbone, bool equal_latencies) {
    std::vector<tree_node> nodes{{.inside = backbone}};
    std::vector<std::size_t> devices;
    star made;
    made.link_latency.assign(3, 0.0);
    for (device_id d = 0; d < hosts; ++d) {
        devices.push_back(nodes.size());
        nodes.push_back({.parent = 0,
                         .up = random.uniform(1e6, 1e8),
                         .down = random.uniform(1e6, 1e8),
                         .latency = equal_latencies ? 5e-3 : random.uniform(1e-3, 5e-2)});
        made.link_latency.insert(made.link_latency.end(), {nodes.back().latency, nodes.back().latency, 0.0});
    }
    made.machines = tree_platform(nodes, devices);
    return made;
}

double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
        worst = std::max(worst, std::abs(a[i] - b[i]) / std::abs(b[i]));
    return worst;
}

/// Requests through stages, one stage a device: a stage handles them one by one.
workload pipeline(std::size_t stages, std::size_t requests, random_source& random) {
    std::vector<double> seconds, sizes;
    for (std::size_t s = 0; s < stages; ++s) {
        seconds.push_back(random.uniform(0.01, 0.2));
        sizes.push_back(std::floor(random.uniform(1e4, 4e6)));
    }
    workload work;
    std::vector<std::uint32_t> before(stages);
    for (std::size_t r = 0; r < requests; ++r) {
        std::uint32_t message = 0;
        for (std::size_t s = 0; s < stages; ++s) {
            const auto compute = work.add({.device = s, .amount = seconds[s], .request = r});
            if (r > 0) work.order.emplace_back(before[s], compute);
            if (s > 0) work.order.emplace_back(message, compute);
            before[s] = compute;
            if (s + 1 == stages) continue;
            message = work.add({.device = s, .peer = s + 1, .amount = sizes[s], .request = r});
            work.order.emplace_back(compute, message);
        }
    }
    return work;
}

workload random_flows(std::size_t hosts, std::size_t flows, random_source& random) {
    workload work;
    for (std::size_t f = 0; f < flows; ++f) {
        const device_id from = random.index(hosts);
        const device_id to = (from + 1 + random.index(hosts - 1)) % hosts;
        work.add({.device = from,
                  .peer = to,
                  .amount = std::floor(random.uniform(1e5, 1e8)),
                  .earliest = random.chance(0.5) ? random.uniform(0.0, 5.0) : 0.0});
    }
    return work;
}

}  // namespace

TEST_CASE("SimGrid agrees on chain pipelines to 1e-6") {
    random_source random(41);
    for (int round = 0; round < 10; ++round) {
        const std::size_t stages = 2 + random.index(8);
        const bool equal = round < 5;
        const auto network = make_star(stages, random, round % 2 == 0 ? 3e7 : 1e12, equal);
        const auto work = pipeline(stages, 20, random);
        const auto sharing = equal ? link_sharing::max_min : link_sharing::round_trip;
        const auto ours = play(network.machines, work, {.sharing = sharing});
        REQUIRE(ours);
        const auto theirs = test::simgrid_play(network.machines, network.link_latency, work);
        CAPTURE(round);
        CHECK(worst_difference(ours->end, theirs.end) < 1e-6);
    }
}

TEST_CASE("SimGrid agrees on every flow over a shared backbone, routes of equal latency") {
    random_source random(42);
    for (int round = 0; round < 10; ++round) {
        const std::size_t hosts = 2 + random.index(60);
        const auto network = make_star(hosts, random, random.uniform(1e7, 1e9), true);
        const auto work = random_flows(hosts, 200, random);
        const auto ours = play(network.machines, work);
        REQUIRE(ours);
        const auto theirs = test::simgrid_play(network.machines, network.link_latency, work);
        CAPTURE(round);
        CHECK(worst_difference(ours->end, theirs.end) < 0.01);
    }
}

TEST_CASE(
    "SimGrid agrees on every flow over a shared backbone, routes of unequal latency, weighed by round trip") {
    random_source random(43);
    for (int round = 0; round < 10; ++round) {
        const std::size_t hosts = 2 + random.index(60);
        const auto network = make_star(hosts, random, random.uniform(1e7, 1e9), false);
        const auto work = random_flows(hosts, 200, random);
        const auto ours = play(network.machines, work, {.sharing = link_sharing::round_trip});
        REQUIRE(ours);
        const auto theirs = test::simgrid_play(network.machines, network.link_latency, work);
        CAPTURE(round);
        CHECK(worst_difference(ours->end, theirs.end) < 0.01);
    }
}
