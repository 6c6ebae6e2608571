#include "dispart/io/schedule_svg.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {

std::size_t times_in(const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("schedule_svg: a box per task, a line per message between devices, names escaped") {
    schedule_tables tables{.tasks = 3, .devices = 2, .seconds = {1, 2, 1, 2, 1, 2}};
    tables.dependencies = {{0, 1, 1}, {0, 2, 1}};
    tables.latency = {0, 0, 0, 0};
    tables.seconds_per_byte = {0, 1, 1, 0};
    tables.task_names = {"a<b", "second", "third"};
    tables.device_names = {"x & y", "z"};
    const auto problem = schedule_problem::make(tables).value();
    const schedule made{{{0, 0, 1}, {0, 1, 2}, {1, 2, 4}}};
    const auto svg = io::schedule_svg(problem, made, "title");
    CHECK(times_in(svg, "<title>") == 3);
    CHECK(times_in(svg, "stroke=\"#444\"") == 1);  // only the third task's input moves
    CHECK(svg.find("a&lt;b, 1 s") != std::string::npos);
    CHECK(svg.find("x &amp; y") != std::string::npos);
    CHECK(svg.find("a<b") == std::string::npos);
    CHECK(svg.ends_with("</svg>\n"));
    const auto bare = io::schedule_svg(problem, made, "", {.transfers = 0});
    CHECK(times_in(bare, "stroke=\"#444\"") == 0);
}
