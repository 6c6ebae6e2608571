#include "dispart/io/json/iperf.hpp"

#include <doctest/doctest.h>

#include <string>

#include "dispart/cluster/builder.hpp"

using namespace dispart;

namespace {

// As iperf 3.12 prints it, the intervals left out.
const std::string run =
    R"({"start": {"connected": [{"socket": 5, "local_host": "10.0.0.2", "local_port": 45358,
    "remote_host": "10.0.0.3", "remote_port": 5201}], "version": "iperf 3.12",
    "timestamp": {"time": "Tue", "timesecs": 1795482153}, "connecting_to": {"host": "10.0.0.3", "port": 5201},
    "test_start": {"protocol": "TCP", "num_streams": 1, "reverse": 0}},
  "end": {"streams": [{"sender": {"bits_per_second": 940e6, "mean_rtt": 163}}],
    "sum_sent": {"bits_per_second": 940e6}, "sum_received": {"bits_per_second": 936e6}}})";

std::string edited(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

cluster two_hosts() {
    device a{.name = "a", .speed = 1_GFLOPS}, b{.name = "b", .speed = 1_GFLOPS};
    a.address = "10.0.0.2:7000";
    b.address = "10.0.0.3:7000";
    dispart::link l;
    l.latency = 2_ms;
    l.bandwidth = bytes_per_second(1.0);
    return cluster_builder("c").device(a).device(b).one_way("a", "b", l).build().value();
}

}  // namespace

TEST_CASE("a run says how much arrived, and how long a way takes") {
    const auto m = io::parse_iperf(run);
    if (!m) FAIL(to_string(m.error()));
    CHECK(m->from == "10.0.0.2");
    CHECK(m->to == "10.0.0.3");
    CHECK(m->properties.bandwidth.value == doctest::Approx(117e6));
    CHECK(m->properties.latency.value == doctest::Approx(81.5e-6));
    CHECK(m->properties.measured_at == 1795482153.0);
    const auto back = io::parse_iperf(edited(run, "\"reverse\": 0", "\"reverse\": 1"));
    REQUIRE(back);
    CHECK(back->from == "10.0.0.3");
}

TEST_CASE("a UDP run counts what was not lost") {
    const auto m = io::parse_iperf(edited(run, "\"sum_received\": {\"bits_per_second\": 936e6}",
                                          "\"sum\": {\"bits_per_second\": 100e6, \"lost_percent\": 20}"));
    REQUIRE(m);
    CHECK(m->properties.bandwidth.value == doctest::Approx(10e6));
}

TEST_CASE("a run that failed, or is none") {
    CHECK(io::parse_iperf(R"({"start": {}, "error": "unable to connect"})").error().message ==
          "unable to connect");
    CHECK(io::parse_iperf("{}").error().code == errc::parse_error);
    CHECK(io::parse_iperf("[1]").error().code == errc::parse_error);
    CHECK(io::parse_iperf(edited(run, "936e6", "0")).error().offender == "end.sum_received");
    CHECK(io::parse_iperf(edited(run, "936e6", "\"x\"")).error().offender == "end.sum_received");
}

TEST_CASE("a measurement goes onto the link between its hosts, or makes one") {
    auto g = two_hosts();
    auto m = io::parse_iperf(run).value();
    REQUIRE(io::apply_measurement(g, m));
    const auto there = edge(0, 1, g).first;
    CHECK(g[there].bandwidth.value == doctest::Approx(117e6));
    CHECK(g[there].latency.value == doctest::Approx(81.5e-6));
    std::swap(m.from, m.to);
    m.properties.latency = {};
    REQUIRE(io::apply_measurement(g, m));
    CHECK(num_edges(g) == 2);
    m.from = "10.0.0.9";
    CHECK(io::apply_measurement(g, m).error().code == errc::not_found);
}
