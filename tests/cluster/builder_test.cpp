#include "dispart/cluster/builder.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {

cluster_builder two() {
    cluster_builder b("home");
    b.device({.name = "pi", .speed = 10_GFLOPS}).device({.name = "laptop", .speed = 80_GFLOPS});
    return b;
}

const dispart::link wifi{.latency = 2_ms, .bandwidth = 100_Mbps};

}  // namespace

TEST_CASE("a builder makes devices and links in the order of its calls") {
    const auto built = two().link("pi", "laptop", wifi).source("pi").sink("laptop").build();
    REQUIRE(built);
    const cluster& g = *built;
    CHECK(num_vertices(g) == 2);
    CHECK(num_edges(g) == 2);
    CHECK(info(g).name == "home");
    CHECK(info(g).source == 0);
    CHECK(info(g).sink == 1);
    const auto forth = edge(0, 1, g);
    const auto back = edge(1, 0, g);
    REQUIRE(forth.second);
    REQUIRE(back.second);
    CHECK(g[forth.first].name == "pi -> laptop");
    CHECK(g[back.first].bandwidth == 100_Mbps);
}

TEST_CASE("mesh, chain, star and switch link what they say") {
    const auto counted = [](auto&& arrange) {
        cluster_builder b;
        for (const char* name : {"a", "b", "c", "d"}) b.device({.name = name, .speed = 1_GFLOPS});
        arrange(b);
        const auto built = b.build();
        REQUIRE(built);
        return std::pair(num_vertices(*built), num_edges(*built));
    };
    CHECK(counted([](auto& b) {
              b.mesh({"a", "b", "c", "d"}, wifi);
          }) == std::pair<std::size_t, std::size_t>(4, 12));
    CHECK(counted([](auto& b) {
              b.chain({"a", "b", "c", "d"}, wifi);
          }) == std::pair<std::size_t, std::size_t>(4, 6));
    CHECK(counted([](auto& b) {
              b.star("a", {"b", "c", "d"}, wifi);
          }) == std::pair<std::size_t, std::size_t>(4, 6));
    CHECK(counted([](auto& b) {
              b.switched("sw", {"a", "b", "c", "d"}, wifi);
          }) == std::pair<std::size_t, std::size_t>(5, 8));
}

TEST_CASE("the first mistake is reported by name") {
    const auto offender = [](const cluster_builder& b) {
        const auto built = b.build();
        REQUIRE_FALSE(built);
        CHECK(built.error().code == errc::invalid_cluster);
        return built.error().offender;
    };
    CHECK(offender(two().link("pi", "lap", wifi).source("nowhere")) == "device lap");
    CHECK(offender(two().device({.name = "pi", .speed = 1_GFLOPS})) == "device pi");
    CHECK(offender(two().link("pi", "laptop", wifi).sink("moon")) == "device moon");
    CHECK(offender(two()) == "device laptop");  // nothing connects it
}

TEST_CASE("devices and links of one's own") {
    struct rack_device : device {
        int rack = 0;
    };
    basic_cluster_builder<rack_device, dispart::link> b;
    rack_device d;
    d.name = "x";
    d.speed = 1_GFLOPS;
    d.rack = 7;
    const auto built = b.device(d).build();
    REQUIRE(built);
    CHECK((*built)[0].rack == 7);
}
