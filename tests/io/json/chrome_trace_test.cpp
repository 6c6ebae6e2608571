#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <vector>

#include "dispart/io/json/chrome_trace.hpp"

using namespace dispart;

TEST_CASE("chrome_trace: one complete event per span, in microseconds, on named rows") {
    const timeline trace{{"a", "b"},
                         {{activity::compute, 3, 7, 0, no_id, seconds(0.5), seconds(1), {}},
                          {activity::transfer, 3, 7, 0, 1, seconds(1), seconds(1.25), bytes(64)}}};
    const std::vector<io::trace_process> processes{{"predicted", &trace}};
    const auto document = nlohmann::json::parse(io::chrome_trace(processes));
    std::vector<nlohmann::json> spans;
    std::vector<std::string> rows;
    for (const auto& e : document.at("traceEvents")) {
        if (e.at("ph") == "X") spans.push_back(e);
        if (e.at("name") == "thread_name") rows.push_back(e.at("args").at("name"));
    }
    REQUIRE(spans.size() == 2);
    CHECK(rows == std::vector<std::string>{"a", "a -> b"});
    CHECK(spans[0].at("ts") == doctest::Approx(0.5e6));
    CHECK(spans[0].at("dur") == doctest::Approx(0.5e6));
    CHECK(spans[0].at("args").at("part") == 7);
    CHECK(spans[1].at("args").at("bytes") == doctest::Approx(64));
    CHECK(spans[0].at("tid") != spans[1].at("tid"));
}
