#include "dispart/io/json/cluster.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temporary.hpp"

using namespace dispart;

namespace {

constexpr const char* desk = R"({
  "name": "desk",
  "devices": [
    {"name": "laptop", "speed_flops": "60 GFLOPS", "memory_bandwidth_bytes_per_s": "20 GB/s", "memory_bytes": "8 GiB",
     "reserve_bytes": "1 GiB", "layer_overhead_s": "5 us", "busy_power_w": 30, "idle_power_w": "8 W", "storage_bytes": "1 TB",
     "price_per_hour": 0.02, "labels": {"zone": "eu"}, "operators": ["Conv", "Relu"], "address": "127.0.0.1:7000", "slowdown": 2},
    {"name": "pi", "speed_flops": 1e10},
    {"name": "switch", "computes": false}
  ],
  "links": [
    {"from": "laptop", "to": "switch", "latency_s": "0.5 ms", "bandwidth_bytes_per_s": "1 Gbit/s", "name": "lan",
     "energy_j_per_byte": "5 nJ", "price_per_byte": 1e-9, "measured_at": 1700000000},
    {"from": "switch", "to": "pi", "one_way": true, "bandwidth_bytes_per_s": 1e7},
    {"from": "pi", "to": "switch", "one_way": true, "bandwidth_bytes_per_s": 2e7},
    {"between": ["laptop", "pi"], "bandwidth_bytes_per_s": "10 Mbit/s"}
  ],
  "source": "laptop", "sink": "pi"
})";

error wrong(const std::string& text) {
    const auto read = io::parse_cluster(text);
    REQUIRE_FALSE(read);
    return read.error();
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a cluster file is read, field by field") {
    const auto read = io::parse_cluster(desk);
    if (!read) FAIL(to_string(read.error()));
    const cluster& g = *read;
    CHECK(info(g).name == "desk");
    CHECK(info(g).source == 0);
    CHECK(info(g).sink == 1);
    const device& d = g[0];
    CHECK(d.speed == 60_GFLOPS);
    CHECK(d.memory_bandwidth == 20_GBps);
    CHECK(d.memory == 8_GiB);
    CHECK(d.reserve == 1_GiB);
    CHECK(d.layer_overhead.value == doctest::Approx(5e-6));
    CHECK(d.busy_power == 30_W);
    CHECK(d.idle_power == 8_W);
    CHECK(d.storage.value == 1e12);
    CHECK(d.price_per_hour.value == 0.02);
    CHECK(d.labels.at("zone") == "eu");
    CHECK(d.operators == std::vector<std::string>{"Conv", "Relu"});
    CHECK(d.address == "127.0.0.1:7000");
    CHECK(d.slowdown == 2.0);
    CHECK_FALSE(g[2].computes);
    REQUIRE(num_edges(g) == 6);
    const auto lan = edge(2, 0, g);  // the way back of the first entry
    REQUIRE(lan.second);
    CHECK(g[lan.first].name == "lan");
    CHECK(g[lan.first].latency.value == doctest::Approx(0.5e-3));
    CHECK(g[lan.first].bandwidth == 1_Gbps);
    CHECK(g[lan.first].energy_per_byte.value == doctest::Approx(5e-9));
    CHECK(g[lan.first].price_per_byte.value == 1e-9);
    CHECK(g[lan.first].measured_at == 1.7e9);
    CHECK(g[edge(1, 2, g).first].bandwidth == 20_MBps);
    CHECK(edge(0, 1, g).second);
    CHECK(edge(1, 0, g).second);
}

TEST_CASE("writing and reading give the same cluster, ids and all") {
    const test::temporary_folder folder;
    const auto first = io::parse_cluster(desk);
    REQUIRE(first);
    REQUIRE(io::write_cluster(folder / "c.json", *first));
    const auto second = io::read_cluster(folder / "c.json");
    if (!second) FAIL(to_string(second.error()));
    CHECK(io::cluster_to_json(*first) == io::cluster_to_json(*second));
    std::vector<std::pair<device_id, device_id>> a, b;
    for (auto [e, end] = edges(*first); e != end; ++e) a.emplace_back(source(*e, *first), target(*e, *first));
    for (auto [e, end] = edges(*second); e != end; ++e)
        b.emplace_back(source(*e, *second), target(*e, *second));
    CHECK(a == b);
    CHECK(io::cluster_to_json(*first)["links"].size() ==
          4);  // a way there and back share an entry where they are alike
}

TEST_CASE("what is wrong is named") {
    const std::string good = desk;
    CHECK(wrong(with(good, "\"8 GiB\"", "\"8 Gigs\"")).offender == "devices[0].memory_bytes");
    CHECK(wrong(with(good, "\"slowdown\"", "\"slow_down\"")).hint == "did you mean 'slowdown'?");
    CHECK(wrong(with(good, "\"from\": \"laptop\", ", "")).offender == "links[0].from");
    CHECK(wrong(with(good, "\"bandwidth_bytes_per_s\": 1e7", "\"latency_s\": 0")).offender ==
          "links[1].bandwidth_bytes_per_s");
    CHECK(wrong(with(good, "\"between\": [\"laptop\", \"pi\"]", "\"between\": [\"pi\"]")).offender ==
          "links[3].between");
    CHECK(wrong(with(good, "1e10", "-1")).code == errc::invalid_cluster);
    CHECK(wrong(with(good, "1e10", "0")).offender == "device pi");
    CHECK(wrong(with(good, "\"source\": \"laptop\"", "\"source\": \"lap\"")).offender == "device lap");
    CHECK(wrong(with(good, "\"name\": \"pi\"", "\"name\": \"laptop\"")).code == errc::invalid_cluster);
    CHECK(wrong("{}").offender == "devices");
    CHECK(wrong(R"({"devices": []})").code == errc::invalid_cluster);
    CHECK(wrong(R"({"devices": [7]})").offender == "devices[0]");
    CHECK(io::read_cluster("/nonexistent/c.json").error().code == errc::not_found);
}

TEST_CASE("a few characters cannot ask for millions of links") {
    std::string ends = "\"a\"";
    for (int i = 0; i < 5000; ++i) ends += ",\"a\"";
    const auto e = wrong(R"({"devices": [{"name": "a", "speed_flops": 1}], "links": [{"between": [)" + ends +
                         R"(], "bandwidth_bytes_per_s": 1}]})");
    CHECK(e.code == errc::limit_exceeded);
    CHECK(e.offender == "links[0]");
}
