#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "dispart/io/svg_charts.hpp"

using namespace dispart;

namespace {

std::size_t occurrences(const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("utilisation_svg: a panel per device, names escaped, an idle device flat") {
    timeline trace{{"a<b", "idle"}, {}};
    trace.events.push_back({activity::compute, 0, 0, 0, no_id, seconds(0.0), seconds(3.0), bytes(0.0)});
    trace.events.push_back({activity::compute, 1, 0, 0, no_id, seconds(3.5), seconds(4.0), bytes(0.0)});
    const auto svg = io::utilisation_svg(trace, {.title = "busy & idle"}, 4);
    CHECK(occurrences(svg, "<path") == 2);
    CHECK(svg.find("a&lt;b") != std::string::npos);
    CHECK(svg.find("busy &amp; idle") != std::string::npos);
    CHECK(occurrences(svg, " V") == 2 * (4 + 1));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(io::utilisation_svg({}).ends_with("</svg>\n"));
}

TEST_CASE("latency_svg: bars that hold every request, percentiles marked") {
    std::vector<double> latencies;
    for (int i = 1; i <= 100; ++i) latencies.push_back(i * 1e-3);
    latencies.push_back(std::numeric_limits<double>::infinity());  // a lost one is not drawn
    const auto svg = io::latency_svg(latencies, {}, 10);
    CHECK(svg.find("median 50 ms") != std::string::npos);
    CHECK(svg.find("99 % 99 ms") != std::string::npos);
    CHECK(occurrences(svg, "<rect") == 1 + 10);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(io::latency_svg({}).ends_with("</svg>\n"));
    CHECK(io::latency_svg({}).find("nan") == std::string::npos);
}
