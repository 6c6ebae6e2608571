#include <doctest/doctest.h>

#include <string>

#include "dispart/io/json/plan.hpp"

using namespace dispart;

namespace {

plan sample() {
    plan p{.model = "net", .cluster = "two", .goal = objective::latency, .algorithm = "chain", .exact = true};
    p.division.parts = {{{0, 1}, 1}, {{2}, 0}};
    p.stages = {{1, {"a", "b"}, 0.25, 1e9, 1000.0}, {0, {"c"}, 0.5, 2e9, 2000.0}};
    p.devices = {{"x", true, 0.5, 2000.0, 1e9, ""}, {"y", true, 0.25, 1000.0, 1.0 / 0.0, ""}};
    p.tasks.tasks = {{0, 1, 0.25}, {1, 0, 0.5}};
    p.tasks.messages = {
        {no_id, 0, {0}, 64.0, no_id, 1}, {0, 1, {1, 2}, 128.0, 1, 0}, {1, no_id, {3}, 4.0, 0, no_id}};
    p.network = {
        {{0.0, 1.0 / 0.0}, {0.01, 0.0}}, {{0.0, 0.0}, {1e-6, 0.0}}, {{}, {}, {0}, {}}, {1e-6}, {"y -> x"}};
    p.prediction = {0.76, 0.5};
    p.binding = "device x";
    p.bound_name = "critical path";
    p.bound_s = 0.7;
    p.gap = 0.08;
    p.baselines = {{"even", false, "does not fit", {}, {}},
                   {"best-single-device", true, "", {1.0, 1.0}, {"x"}}};
    return p;
}

}  // namespace

TEST_CASE("plan files: what is written is what is read") {
    const auto text = io::json_text(io::plan_to_json(sample()));
    const auto read = io::plan_from_json(*io::parse_json(text));
    REQUIRE_MESSAGE(read, to_string(read.error()));
    CHECK(io::json_text(io::plan_to_json(*read)) == text);
    CHECK(read->division == sample().division);
    CHECK(read->network == sample().network);
    CHECK(read->devices == sample().devices);
    CHECK(read->baselines == sample().baselines);
    CHECK(read->tasks.messages[0].from == no_id);
}

TEST_CASE("plan files: replicas keep their turns") {
    plan p = sample();
    p.division.turns = p.tasks.turns = 2;
    p.division.parts[1].turn = p.tasks.tasks[1].turn = 1;
    CHECK(io::plan_from_json(io::plan_to_json(p)).error().offender == "message 1");  // from one turn to another
    p.tasks.messages.erase(p.tasks.messages.begin() + 1);
    const auto read = io::plan_from_json(io::plan_to_json(p));
    REQUIRE_MESSAGE(read, to_string(read.error()));
    CHECK(read->division == p.division);
    CHECK(read->tasks.turns == 2);
    CHECK(read->tasks.tasks[1].turn == 1);
    p.division.parts[1].turn = 2;
    CHECK(io::plan_from_json(io::plan_to_json(p)).error().offender == "stage 1");
}

TEST_CASE("plan files: damage has a name, and every prefix of the text is refused") {
    const auto text = io::json_text(io::plan_to_json(sample()));
    for (std::size_t n = 0; n + 2 < text.size(); n += 7) {
        const auto document = io::parse_json(text.substr(0, n));
        CHECK_FALSE((document && io::plan_from_json(*document)));
    }
    const auto damaged = [&](const std::string& from, const std::string& to) {
        auto changed = text;
        changed.replace(changed.find(from), from.size(), to);
        const auto document = io::parse_json(changed);
        REQUIRE(document);
        const auto read = io::plan_from_json(*document);
        REQUIRE_FALSE(read);
        return read.error();
    };
    CHECK(damaged("dispart-plan/1", "dispart-plan/9").offender == "format");
    CHECK(damaged("\"objective\": \"latency\"", "\"objective\": \"beauty\"").offender == "objective");
    CHECK(damaged("\"gap\"", "\"gabs\"").code == errc::parse_error);
    CHECK(damaged("\"device\": 1", "\"device\": 7").code == errc::invalid_argument);
    CHECK(damaged("\"bytes\": 128.0", "\"bytes\": -128.0").offender == "message 1");
}
