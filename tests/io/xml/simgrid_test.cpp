#include "dispart/io/xml/simgrid.hpp"

#include <doctest/doctest.h>

#include <string>

#include "dispart/cluster/routes.hpp"

using namespace dispart;

namespace {

const std::string head =
    "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n";

// Two hosts over two links in a row, and a third that shares the first of them.
const std::string small_platform = head + R"(<platform version="4.1">
  <zone id="AS0" routing="Full">
    <host id="Tremblay" speed="98.095Mf" core="2"><prop id="zone" value="eu"/></host>
    <host id="Jupiter" speed="76.296Mf,50Mf"/>
    <host id="Fafard" speed="1Gf"/>
    <link id="9" bandwidth="10MBps" latency="1ms" sharing_policy="SHARED"/>
    <link id="4" bandwidth="800Mbps" latency="500us"/>
    <link id="fat" bandwidth="2MiBps" latency="1ms" sharing_policy="FATPIPE"/>
    <route src="Tremblay" dst="Jupiter"><link_ctn id="9"/><link_ctn id="4"/></route>
    <route src="Tremblay" dst="Fafard" symmetrical="NO"><link_ctn id="9"/></route>
    <route src="Fafard" dst="Jupiter"><link_ctn id="fat"/></route>
  </zone>
</platform>)";

cluster read(const std::string& text) {
    auto got = io::parse_simgrid(text);
    if (!got) FAIL(to_string(got.error()));
    return std::move(*got);
}
error wrong_platform(const std::string& text) {
    const auto got = io::parse_simgrid(text);
    REQUIRE_FALSE(got);
    return got.error();
}
device_id named(const cluster& g, const std::string& name) {
    for (device_id d = 0; d < num_vertices(g); ++d)
        if (g[d].name == name) return d;
    FAIL(name);
    return 0;
}
std::string changed(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

/// Latency and seconds per byte from one host to another.
std::pair<double, double> path(const cluster& g, const std::string& from, const std::string& to) {
    const auto routes = make_routes(g);
    const auto pair = named(g, from) * num_vertices(g) + named(g, to);
    return {routes.latency[pair], routes.seconds_per_byte[pair]};
}

}  // namespace

TEST_CASE("hosts, their cores and properties") {
    const auto g = read(small_platform);
    CHECK(g[named(g, "Tremblay")].speed.value == doctest::Approx(2 * 98.095e6));
    CHECK(g[named(g, "Tremblay")].labels.at("zone") == "eu");
    CHECK(g[named(g, "Jupiter")].speed.value == doctest::Approx(76.296e6));
    std::size_t computing = 0;
    for (device_id d = 0; d < num_vertices(g); ++d) computing += g[d].computes ? 1 : 0;
    CHECK(computing == 3);
}

TEST_CASE("a route adds up its links' latencies and is as wide as its narrowest") {
    const auto g = read(small_platform);
    const auto there = path(g, "Tremblay", "Jupiter");
    CHECK(there.first == doctest::Approx(1.5e-3));
    CHECK(there.second == doctest::Approx(1.0 / 10e6).epsilon(1e-3));
    CHECK(path(g, "Jupiter", "Tremblay").first == doctest::Approx(1.5e-3));
    CHECK(path(g, "Fafard", "Jupiter").second == doctest::Approx(1.0 / (2 * 1048576.0)).epsilon(1e-3));
}

TEST_CASE("routes that name one shared link share its edge") {
    const auto g = read(small_platform);
    std::size_t of_nine = 0;
    for (auto [e, end] = edges(g); e != end; ++e)
        if (g[*e].name == "9") ++of_nine;
    CHECK(of_nine == 1);
}

TEST_CASE("a cluster: private links, a backbone, a router that routes between zones lead to") {
    const auto g = read(head + R"(<platform version="4.1"><zone id="all" routing="Floyd">
      <cluster id="left" prefix="l-" suffix=".org" radical="0-2,7" speed="2Gf" core="4" bw="125MBps" lat="50us"
               bb_bw="2.25GBps" bb_lat="500us"/>
      <zone id="right" routing="Floyd"><router id="r"/><host id="h" speed="1Gf"/><link id="x" bandwidth="1GBps" latency="1us"/>
        <route src="h" dst="r"><link_ctn id="x"/></route></zone>
      <link id="between" bandwidth="1MBps" latency="10ms" sharing_policy="SPLITDUPLEX"/>
      <zoneRoute src="left" dst="right" gw_src="l-left_router.org" gw_dst="r"><link_ctn id="between" direction="UP"/></zoneRoute>
    </zone></platform>)");
    CHECK(g[named(g, "l-7.org")].speed.value == doctest::Approx(8e9));
    const auto inside = path(g, "l-0.org", "l-2.org");
    CHECK(inside.first == doctest::Approx(600e-6));
    CHECK(inside.second == doctest::Approx(1.0 / 125e6).epsilon(1e-3));
    const auto across = path(g, "l-1.org", "h");
    CHECK(across.first == doctest::Approx(550e-6 + 10e-3 + 1e-6));
    CHECK(path(g, "h", "l-1.org").second == doctest::Approx(1e-6).epsilon(1e-3));
}

TEST_CASE("what is no platform, or not handled, is named") {
    CHECK(wrong_platform("hello").code == errc::parse_error);
    CHECK(wrong_platform("<topology/>").offender == "platform");
    CHECK(wrong_platform(changed(small_platform, "98.095Mf", "fast")).offender.find("Tremblay") !=
          std::string::npos);
    CHECK(wrong_platform(changed(small_platform, "98.095Mf", "-1f")).code == errc::parse_error);
    CHECK(wrong_platform(changed(small_platform, "routing=\"Full\"", "routing=\"Vivaldi\"")).code ==
          errc::unsupported);
    CHECK(wrong_platform(changed(small_platform, "<link_ctn id=\"9\"/>", "<link_ctn id=\"no\"/>")).code ==
          errc::invalid_cluster);
    CHECK(wrong_platform(changed(small_platform, "dst=\"Fafard\"", "dst=\"nobody\"")).code ==
          errc::invalid_cluster);
    CHECK(wrong_platform(changed(small_platform, "id=\"4\"", "id=\"9\"")).code == errc::invalid_cluster);
    const auto cluster_of = [](const std::string& radical) {
        return "<platform><cluster id='c' radical='" + radical + "' speed='1f' bw='1Bps'/></platform>";
    };
    CHECK(wrong_platform(cluster_of("0-99999999999")).code == errc::limit_exceeded);
    CHECK(wrong_platform(cluster_of("3-1")).code == errc::parse_error);
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += "<zone>";
    CHECK(wrong_platform(deep).code == errc::limit_exceeded);
    // what looks like an end of an element and is none
    for (const char* each : {"<a x=\"/>\">", "<a \"=''>", "<a=\">", "<a><!-- </a> -->", "<a><![CDATA[</a>]]>",
                             "<a><?x </a>?>", "<a><!x </a>", "<a><!DOCTYPE x [</a>]>", "<a y = '</a>' >"}) {
        CAPTURE(each);
        std::string hidden;
        for (int i = 0; i < 20000; ++i) hidden += each;
        const errc code = wrong_platform(hidden).code;
        CHECK(code == errc::limit_exceeded);
    }
    std::string flat = "<platform version=\"4.1\"><zone id=\"z\" routing=\"Full\">";
    for (int i = 0; i < 1000; ++i) flat += "<!-- > --><host id=\"h" + std::to_string(i) + "\" speed='1Gf'/>";
    CHECK(wrong_platform(flat + "</zone></platform>").code == errc::invalid_cluster);  // hosts without links
}
