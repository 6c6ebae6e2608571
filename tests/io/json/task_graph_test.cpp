#include "dispart/io/json/task_graph.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "dispart/schedule/portfolio.hpp"
#include "support/corpus.hpp"

using namespace dispart;

namespace {

constexpr const char* small_graph = R"({"format": "task-graph/1", "name": "small_graph",
  "tasks": [{"id": 7, "cost": 6}, {"id": 3, "cost": 4}], "edges": [{"src": 7, "dst": 3, "size": 10}],
  "nodes": [{"id": 0, "speed": 2}, {"id": 1, "speed": 4}], "link_speed": [[0, 5], [2, 0]],
  "link_latency": [[0, 1], [2, 0]]})";

result<schedule_problem> parsed(std::string text, const std::string& what = "", const std::string& by = "") {
    if (!what.empty()) text.replace(text.find(what), what.size(), by);
    return io::parse_json(text).and_then([](const auto& json) { return io::task_graph_from_json(json); });
}

}  // namespace

TEST_CASE("task-graph/1: costs over speeds, sizes over link speeds, ids as given") {
    const auto problem = parsed(small_graph).value();
    CHECK(problem.task_count() == 2);
    CHECK(problem.seconds(0, 0) == 3);
    CHECK(problem.seconds(1, 1) == 1);
    CHECK(problem.transfer(0, 1, 10) == 3);
    CHECK(problem.transfer(1, 0, 10) == 7);
    CHECK(problem.transfer(1, 1, 10) == 0);
    CHECK(problem.task_label(0) == "7");
    const auto rows = io::schedule_to_json(problem, {{{0, 0, 3}, {0, 3, 5}}});
    CHECK(rows.dump() ==
          R"([{"task":7,"node":0,"start":0.0,"end":3.0},{"task":3,"node":0,"start":3.0,"end":5.0}])");
}

TEST_CASE("task-graph/1: memory of tasks and nodes; somebody's schedule is read as it stands and judged") {
    constexpr const char* graph =
        R"({"format": "task-graph/1", "tasks": [{"id": 0, "cost": 2, "resident": 3}, {"id": 1, "cost": 2,
      "output": 2}, {"id": 2, "cost": 1}], "edges": [{"src": 0, "dst": 2, "size": 4}],
      "nodes": [{"id": 0, "speed": 1}, {"id": 9, "speed": 2, "memory": 4}], "link_speed": [[0, 2], [2, 0]]})";
    const auto problem = io::task_graph_from_json(io::parse_json(graph).value()).value();
    CHECK(problem.tables().memory.resident == std::vector<double>{3, 0, 0});
    CHECK(problem.tables().memory.output == std::vector<double>{0, 2, 0});
    CHECK(problem.tables().memory.capacity == std::vector<double>{std::numeric_limits<double>::infinity(), 4});
    const auto judged = [&](const std::string& rows) -> std::string {
        const auto made = io::schedule_from_json(problem, io::parse_json(rows).value());
        if (!made) return made.error().offender;
        const auto valid = validate(problem, *made);
        return valid ? "fine" : valid.error().offender + ": " + valid.error().message;
    };
    const std::string first = R"([{"task": 0, "node": 9, "start": 0, "end": 1},)";
    const std::string second = R"({"task": 1, "node": 0, "start": 0, "end": 2},)";
    CHECK(judged(first + second + R"({"task": 2, "node": 0, "start": 3, "end": 4}])") == "fine");
    CHECK(judged("{\"schedule\": " + first + second + R"({"task": 2, "node": 0, "start": 3, "end": 4}]})") ==
          "fine");
    CHECK(judged(first + second + R"({"task": 2, "node": 0, "start": 2, "end": 3}])").find("arrives") !=
          std::string::npos);
    CHECK(judged(first + second + R"({"task": 2, "node": 9, "start": 0.5, "end": 1}])").find("arrives") !=
          std::string::npos);
    CHECK(judged(first + second + R"({"task": 2, "node": 0, "start": 3, "end": 3.5}])").find("duration") !=
          std::string::npos);
    const std::string crowded = R"({"task": 1, "node": 9, "start": 1, "end": 2},)";
    CHECK(judged(first + crowded + R"({"task": 2, "node": 0, "start": 3, "end": 4}])").find("bytes") !=
          std::string::npos);
    const std::string together = R"({"task": 1, "node": 9, "start": 0.5, "end": 1.5},)";
    CHECK(judged(first + together + R"({"task": 2, "node": 0, "start": 3, "end": 4}])").find("overlaps") !=
          std::string::npos);
    CHECK(judged(first + second + R"({"task": 2, "node": 5, "start": 3, "end": 4}])") == "schedule[2].node");
    CHECK(judged(first + second + R"({"task": 1, "node": 0, "start": 3, "end": 5}])") == "schedule[2].task");
    CHECK(judged(first + R"({"task": 1, "node": 0, "start": 3, "end": 5}])") == "schedule");
}

TEST_CASE("task-graph/1: errors name the field") {
    const auto offender = [](const std::string& what, const std::string& by) {
        const auto read = parsed(small_graph, what, by);
        return read ? "" : read.error().offender;
    };
    CHECK(offender("task-graph/1", "task-graph/2") == "format");
    CHECK(offender("\"id\": 3", "\"id\": 7") == "tasks[1].id");
    CHECK(offender("\"cost\": 6", "\"cost\": -6") == "tasks[0].cost");
    CHECK(offender("\"cost\": 6", "\"cost\": \"6\"") == "tasks[0].cost");
    CHECK(offender("\"src\": 7", "\"src\": 8") == "edges[0].src");
    CHECK(offender("\"size\": 10", "\"size\": -10") == "edges[0].size");
    std::string crowd;
    for (int i = 0; i < 5000; ++i) crowd += "{\"id\": " + std::to_string(100 + i) + ", \"speed\": 1}, ";
    CHECK(offender("\"nodes\": [", "\"nodes\": [" + crowd) == "nodes");
    CHECK(offender("\"speed\": 2", "\"speed\": 0") == "nodes[0].speed");
    CHECK(offender("[[0, 5], [2, 0]],", "[[0, 5]],") == "link_speed");
    CHECK(offender("[[0, 5], [2, 0]],", "[[0, 5], [2]],") == "link_speed[1]");
    CHECK(offender("\"dst\": 3", "\"dst\": 7") == "7");  // waits for itself
    CHECK(parsed(small_graph, "[0, 5]", "[0, 0]")->transfer(0, 1, 0) ==
          std::numeric_limits<double>::infinity());
}

TEST_CASE("published schedulers: as good as the open implementation on nine of ten instances, together never "
          "worse") {
    const auto corpus = test::corpus();
    if (!corpus || !std::filesystem::exists(*corpus / "scheduling" / "makespans.json")) {
        MESSAGE("skipped: no corpus");
        return;
    }
    const auto reference = io::read_json(*corpus / "scheduling" / "makespans.json").value();
    const std::map<std::string, std::string> names{{"Heft", "heft"},      {"Cpop", "cpop"},
                                                   {"PEFT", "peft"},      {"MinMin", "min-min"},
                                                   {"MaxMin", "max-min"}, {"MCT", "mct"},
                                                   {"MET", "met"},        {"OLB", "olb"},
                                                   {"Duplex", "duplex"},  {"Sufferage", "sufferage"}};
    std::map<std::string, std::size_t> reached;
    for (const auto& [instance, makespans] : reference.items()) {
        INFO(instance);
        const auto problem = io::read_task_graph(*corpus / "scheduling" / (instance + ".json")).value();
        for (const auto& [theirs, ours] : names) {
            const auto made = find_scheduler(ours)->run(problem).value();
            CHECK(validate(problem, made));
            if (made.makespan() <= makespans[theirs].get<double>() + 1e-6) ++reached[theirs];
        }
        const auto best = schedule_portfolio(problem, {.budget = {.iterations = 2000}}).value();
        CHECK(validate(problem, best.best));
        for (const auto& each : makespans) CHECK(best.makespan <= each.get<double>() + 1e-6);
    }
    for (const auto& [theirs, ours] : names) {
        MESSAGE(ours << ": no longer than " << theirs << "'s on " << reached[theirs] << " of "
                     << reference.size());
        CHECK(10 * reached[theirs] >= 9 * reference.size());
    }
}
