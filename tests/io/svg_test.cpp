#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dispart/io/svg.hpp"

using namespace dispart;

namespace {
std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
}
}  // namespace

TEST_CASE("gantt_svg: a bar per span of the shown requests, a label per device and edge, names escaped") {
    const timeline trace{{"a<b", "pi"},
                         {{activity::compute, 0, 0, 0, no_id, seconds(0), seconds(1), {}},
                          {activity::transfer, 0, 0, 0, 1, seconds(1), seconds(1.5), bytes(8)},
                          {activity::compute, 0, 1, 1, no_id, seconds(1.5), seconds(2), {}},
                          {activity::compute, 1, 0, 0, no_id, seconds(1), seconds(2), {}},
                          {activity::compute, 2, 0, 0, no_id, seconds(2), seconds(3), {}}}};
    const std::vector<io::gantt_panel> panels{{"predicted", &trace}, {"measured", &trace}};
    const auto svg = io::gantt_svg(panels, {.requests = 2});
    CHECK(count(svg, "<title>") == 8);
    CHECK(count(svg, ">a&lt;b</text>") == 2);
    CHECK(count(svg, "a&lt;b → pi</text>") == 2);
    CHECK(count(svg, "predicted") == 1);
    CHECK(svg.find("a<b") == std::string::npos);
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("gantt_svg: a bar's length is its share of the axis") {
    const timeline trace{{"d"},
                         {{activity::compute, 0, 0, 0, no_id, seconds(0), seconds(4), {}},
                          {activity::compute, 1, 0, 0, no_id, seconds(4), seconds(5), {}}}};
    const std::vector<io::gantt_panel> panels{{"p", &trace}};
    const auto svg = io::gantt_svg(panels, {.width = 616.0, .label_width = 100.0});  // 500 pixels for 5 s
    CHECK(svg.find("x=\"100.00\"") != std::string::npos);
    CHECK(svg.find("width=\"400.00\"") != std::string::npos);
    CHECK(svg.find("width=\"100.00\"") != std::string::npos);
}

TEST_CASE("gantt_svg: what goes to the outside has a row of its own") {
    const timeline trace{{"d"},
                         {{activity::compute, 0, 0, 0, no_id, seconds(0), seconds(1), {}},
                          {activity::transfer, 0, 0, 0, no_id, seconds(1), seconds(2), bytes(8)},
                          {activity::transfer, 0, no_id, no_id, 0, seconds(0), seconds(1), bytes(8)}}};
    const std::vector<io::gantt_panel> panels{{"p", &trace}};
    const auto svg = io::gantt_svg(panels);
    CHECK(count(svg, "d → outside</text>") == 1);
    CHECK(count(svg, "outside → d</text>") == 1);
    CHECK(count(svg, ">d</text>") == 1);
}

TEST_CASE("gantt_svg: nothing to draw is still a document") {
    const timeline nothing;
    const std::vector<io::gantt_panel> panels{{"empty", &nothing}};
    CHECK(io::gantt_svg(panels).find("</svg>") != std::string::npos);
}
