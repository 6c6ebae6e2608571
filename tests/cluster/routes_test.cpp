#include "dispart/cluster/routes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

struct plain_link {
    std::size_t from, to;
    double weight;
};

std::vector<plain_link> links_of(const cluster& g, double reference) {
    std::vector<plain_link> all;
    for (auto [e, end] = edges(g); e != end; ++e)
        all.push_back({source(*e, g), target(*e, g), g[*e].latency.value + reference / g[*e].bandwidth.value});
    return all;
}

cluster random_cluster(random_source& random) {
    cluster g;
    const std::size_t n = 1 + random.index(7);
    for (std::size_t d = 0; d < n; ++d) add_vertex(device{.name = std::to_string(d), .speed = 1_GFLOPS}, g);
    for (std::size_t k = random.index(2 * n * n + 1); k > 0; --k) {
        const std::size_t a = random.index(n), b = random.index(n);
        const double steps = random.chance(0.5) ? 4.0 : 1e6;  // few different values make ties
        if (a != b)
            add_edge(a, b,
                     dispart::link{.latency = seconds(std::floor(random.uniform(0, 3)) * 1e-3),
                                   .bandwidth =
                                       bytes_per_second(1e6 * (1.0 + std::floor(random.uniform() * steps)))},
                     g);
    }
    return g;
}

/// All pairs by relaxation until nothing changes.
std::vector<double> brute_force(const cluster& g, double reference) {
    const std::size_t n = num_vertices(g);
    std::vector<double> best(n * n, std::numeric_limits<double>::infinity());
    for (std::size_t d = 0; d < n; ++d) best[d * n + d] = 0.0;
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& l : links_of(g, reference))
            for (std::size_t from = 0; from < n; ++from)
                if (best[from * n + l.from] + l.weight < best[from * n + l.to])
                    best[from * n + l.to] = best[from * n + l.from] + l.weight, changed = true;
    }
    return best;
}

}  // namespace

TEST_CASE("routes of random clusters are connected, shortest, and sum up their links") {
    random_source random(1);
    for (int trial = 0; trial < 500; ++trial) {
        const cluster g = random_cluster(random);
        const double reference = 1e6;
        const auto table = make_routes(g, {.reference = bytes(reference)});
        const auto links = links_of(g, reference);
        const auto best = brute_force(g, reference);
        const std::size_t n = num_vertices(g);
        REQUIRE(table.links.size() == n * n);
        for (std::size_t from = 0; from < n; ++from)
            for (std::size_t to = 0; to < n; ++to) {
                const std::size_t pair = from * n + to;
                std::size_t at = from;
                double weight = 0.0, slowest = 0.0;
                for (const link_id i : table.links[pair]) {
                    REQUIRE(links[i].from == at);
                    at = links[i].to;
                    weight += links[i].weight;
                    slowest = std::max(slowest, table.link_seconds_per_byte[i]);
                }
                if (std::isinf(best[pair])) {
                    CHECK(std::isinf(table.latency[pair]));
                    CHECK(table.links[pair].empty());
                    continue;
                }
                CHECK(at == to);
                CHECK(weight == doctest::Approx(best[pair]));
                CHECK(table.seconds_per_byte[pair] == slowest);
                CHECK(table.latency[pair] <= weight + 1e-12);
            }
    }
}

TEST_CASE("hand-computed: over a switch, both latencies and the slower bandwidth") {
    const auto g = cluster_builder()
                       .device({.name = "a", .speed = 1_GFLOPS})
                       .device({.name = "b", .speed = 1_GFLOPS})
                       .forwarder("switch")
                       .link("a", "switch", {.latency = 1_ms, .bandwidth = 10_MBps})
                       .link("switch", "b", {.latency = 2_ms, .bandwidth = 5_MBps})
                       .build();
    REQUIRE(g);
    const auto table = make_routes(*g);
    CHECK(table.latency[0 * 3 + 1] == doctest::Approx(3e-3));
    CHECK(table.seconds_per_byte[0 * 3 + 1] == doctest::Approx(2e-7));
    CHECK(table.links[0 * 3 + 1].size() == 2);
    CHECK(table.links[0 * 3 + 1][0] == 0);
    CHECK(table.links[0 * 3 + 1][1] == 2);
}

TEST_CASE("the reference size decides between low latency and high bandwidth") {
    const auto g = cluster_builder()
                       .device({.name = "a", .speed = 1_GFLOPS})
                       .device({.name = "b", .speed = 1_GFLOPS})
                       .one_way("a", "b", {.latency = 1_ms, .bandwidth = 1_MBps})
                       .one_way("a", "b", {.latency = 100_ms, .bandwidth = 100_MBps})
                       .build();
    REQUIRE(g);
    CHECK(make_routes(*g, {.reference = 1_KB}).links[1][0] == 0);
    CHECK(make_routes(*g, {.reference = 10_MB}).links[1][0] == 1);
}

TEST_CASE("ties go to fewer links, then to the lowest id; free links make no cycle") {
    cluster g;
    for (const char* name : {"a", "b", "c"}) add_vertex(device{.name = name, .speed = 1_GFLOPS}, g);
    const double huge = std::numeric_limits<double>::max();
    for (const auto& [from, to] : {std::pair(0, 1), {1, 2}, {2, 0}, {0, 2}, {0, 2}, {1, 0}})
        add_edge(static_cast<device_id>(from), static_cast<device_id>(to),
                 dispart::link{.bandwidth = bytes_per_second(huge)}, g);
    const auto table = make_routes(g, {.reference = bytes(0.0)});
    REQUIRE(table.links[2].size() == 1);
    CHECK(table.links[2][0] == 3);
}

TEST_CASE("a cost of one's own replaces the declared one") {
    const auto g = cluster_builder()
                       .device({.name = "a", .speed = 1_GFLOPS})
                       .device({.name = "b", .speed = 1_GFLOPS})
                       .link("a", "b", {.latency = 1_ms, .bandwidth = 1_MBps})
                       .build();
    REQUIRE(g);
    const auto twice = [](const dispart::link& l) {
        return link_cost{l.latency * 2.0, 2.0 / l.bandwidth.value};
    };
    const auto table = make_routes(*g, {}, twice);
    CHECK(table.latency[1] == doctest::Approx(2e-3));
    CHECK(table.link_seconds_per_byte[0] == doctest::Approx(2e-6));
}
