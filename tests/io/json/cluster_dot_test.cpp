#include "dispart/io/json/cluster_dot.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {

error wrong_dot(const std::string& text) {
    const auto read = io::parse_cluster_dot(text);
    CAPTURE(text);
    REQUIRE_FALSE(read);
    CHECK_FALSE(read.error().message.empty());
    return read.error();
}

}  // namespace

TEST_CASE("a DOT graph is a cluster: defaults, subgraphs, chains, comments") {
    const auto read = io::parse_cluster_dot(R"(# made by hand
strict digraph desk {
  source=laptop; sink = "pi 1"
  graph [rankdir=LR]; node [shape=box, memory_bytes="4 GiB"]  // for those that follow
  edge [bandwidth_bytes_per_s="1 Gbit/s", latency_s=0.001];
  laptop [label="my laptop", speed_flops="60 " + "GFLOPS", label_zone=eu, operators="Conv Relu", slowdown=2];
  node [speed_flops=1e10]
  hub [computes=false, speed_flops=0, memory_bytes=0]
  laptop:n -> hub -> { "pi 1"; pi2 [busy_power_w=5] } [dir=both, color=red] /* four
     links and */
  subgraph cluster_far { far }
  hub -> far [bandwidth_bytes_per_s=1e6, name=uplink]
  hub -> far [dir=back, bandwidth_bytes_per_s=2e6, measured_at=1.7e9]
})");
    if (!read) FAIL(to_string(read.error()));
    const cluster& g = *read;
    REQUIRE(num_vertices(g) == 5);
    CHECK(info(g).name == "desk");
    CHECK(info(g).source == 0);
    CHECK(g[info(g).sink].name == "pi 1");
    CHECK(g[0].speed == 60_GFLOPS);
    CHECK(g[0].labels.at("zone") == "eu");
    CHECK(g[0].operators == std::vector<std::string>{"Conv", "Relu"});
    CHECK(g[0].slowdown == 2.0);
    CHECK_FALSE(g[1].computes);
    CHECK(g[3].name == "pi2");
    CHECK(g[3].memory == 4_GiB);
    CHECK(g[3].speed.value == 1e10);
    CHECK(g[3].busy_power == 5_W);
    REQUIRE(num_edges(g) == 8);
    CHECK(g[edge(0, 1, g).first].bandwidth.value == 1.25e8);
    CHECK(g[edge(2, 1, g).first].latency.value == 0.001);
    CHECK(g[edge(1, 4, g).first].name == "uplink");
    CHECK(g[edge(4, 1, g).first].bandwidth.value == 2e6);
    CHECK(g[edge(4, 1, g).first].measured_at == 1.7e9);
    const auto pair =
        io::parse_cluster_dot(R"(graph { node [speed_flops=1]; a -- b [bandwidth_bytes_per_s=5] })");
    REQUIRE(pair);
    CHECK(num_edges(*pair) == 2);
}

TEST_CASE("what is written is read back") {
    const auto made = io::parse_cluster(R"({"name": "a \"b\" \\", "source": "x\ny", "devices": [
        {"name": "x\ny", "speed_flops": 1e10, "operators": ["Conv", "Relu"], "labels": {"k8s.io/zone": "a=b, c"},
         "price_per_hour": 0.1, "slowdown": 1.5, "address": "h:1"},
        {"name": "digraph", "speed_flops": 3e9, "memory_bytes": 1e9}, {"name": "hub", "computes": false}],
      "links": [{"from": "x\ny", "to": "hub", "bandwidth_bytes_per_s": 123456789.125, "latency_s": 1e-4},
        {"from": "hub", "to": "digraph", "one_way": true, "bandwidth_bytes_per_s": 1e7, "name": "up", "price_per_byte": 1e-9},
        {"from": "digraph", "to": "hub", "one_way": true, "bandwidth_bytes_per_s": 1e6, "energy_j_per_byte": 5e-9}]})");
    if (!made) FAIL(to_string(made.error()));
    const auto again = io::parse_cluster_dot(io::cluster_dot(*made));
    if (!again) FAIL(to_string(again.error()));
    CHECK(io::cluster_to_json(*again) == io::cluster_to_json(*made));
}

TEST_CASE("what is no DOT, or no cluster, is named") {
    CHECK(wrong_dot("").code == errc::parse_error);
    CHECK(wrong_dot("graph {\n a --\n}").offender == "line 3");
    CHECK(wrong_dot("graph { a -> b }").offender == "line 1");
    CHECK(wrong_dot("digraph { a [x=<b>] }").offender == "line 1");
    CHECK(wrong_dot("digraph { a [x=\"b] }").code == errc::parse_error);
    CHECK(wrong_dot("digraph { /* a }").code == errc::parse_error);
    CHECK(wrong_dot("digraph { a [x] }").code == errc::parse_error);
    CHECK(wrong_dot("digraph { a } b").code == errc::parse_error);
    CHECK(wrong_dot("digraph { a [speed_flop=1] }").offender == "speed_flop");
    CHECK(wrong_dot("digraph { a [computes=maybe] }").offender == "computes");
    CHECK(wrong_dot("digraph { a [slowdown=slow] }").offender == "slowdown");
    CHECK(wrong_dot("digraph { node [speed_flop=1]; a }").offender == "speed_flop");
    CHECK(wrong_dot("digraph { a [speed_flops=fast] }").offender == "devices[0].speed_flops");
    CHECK(wrong_dot("digraph { source=z; a [speed_flops=1] }").code == errc::invalid_cluster);
    std::string deep = "digraph ", wide = "digraph { node [speed_flops=1]; {";
    for (int i = 0; i < 100000; ++i) deep += "{";
    CHECK(wrong_dot(deep).code == errc::limit_exceeded);
    for (int i = 0; i < 3000; ++i) wide += "a" + std::to_string(i) + ";";
    CHECK(wrong_dot(wide + "} -> {" + wide.substr(33) + "}}").code == errc::limit_exceeded);
}
