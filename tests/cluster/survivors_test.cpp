#include "dispart/cluster/survivors.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "dispart/cluster/builder.hpp"

using namespace dispart;

TEST_CASE("survivors: who is present computes; of two that are cut off from each other, the faster") {
    using namespace dispart::literals;
    const auto whole = cluster_builder("c")
                           .device({.name = "a", .speed = 10_GFLOPS})
                           .device({.name = "b", .speed = 30_GFLOPS, .slowdown = 4.0})
                           .device({.name = "d", .speed = 20_GFLOPS})
                           .forwarder("s")
                           .mesh({"a", "b", "d", "s"}, {.latency = 1_ms, .bandwidth = 1_Gbps})
                           .build()
                           .value();
    const auto computing = [](const cluster& c) {
        std::string names;
        for (device_id d = 0; d < num_vertices(c); ++d) names += c[d].computes ? c[d].name : "-";
        return names;
    };
    const std::vector<std::string> all{"a", "b", "d"}, two{"a", "b"};
    using pairs = std::vector<std::pair<std::string, std::string>>;
    CHECK(computing(survivors(whole, all)) == "abd-");
    CHECK(computing(survivors(whole, two)) == "ab--");
    CHECK(computing(survivors(whole, std::vector<std::string>{})) == "----");
    CHECK(computing(survivors(whole, all, pairs{{"a", "b"}})) == "a-d-");
    CHECK(computing(survivors(whole, all, pairs{{"a", "b"}, {"b", "d"}})) == "a-d-");
    CHECK(computing(survivors(whole, all, pairs{{"d", "a"}, {"s", "a"}, {"a", "a"}})) == "-bd-");
    CHECK(num_edges(survivors(whole, two)) == num_edges(whole));
}
