#include "dispart/task/expand.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

/// Layer 0 reads the input (4 B) and makes tensors 1 (10 B) and 2 (20 B); layer 1 reads 1 and makes 3 (5 B); layer 2
/// reads 1, 2 and 3 and makes 4 (2 B), the output.
instance forked() {
    return test::tiny_instance(
        3, {4}, {{{1, 2, 3}, {0}, {10, 20}}, {{4, 5, 6}, {1}, {5}}, {{7, 8, 9}, {1, 2, 3}, {2}}});
}

error error_of(const instance& problem, const partition& division) {
    const auto graph = expand(problem, division);
    REQUIRE(!graph);
    return graph.error();
}

}  // namespace

TEST_CASE("one task a part, one message a pair, tensors straight from their producer") {
    auto problem = forked();
    problem.source = 0;
    problem.sink = 2;
    const auto graph = expand(problem, {{{{0}, 0}, {{1}, 1}, {{2}, 2}}});
    REQUIRE(graph);
    REQUIRE(graph->tasks.size() == 3);
    CHECK(graph->tasks[1].seconds == 5);
    CHECK(graph->tasks[2].device == 2);
    REQUIRE(graph->messages.size() == 5);
    const auto& [source, first, skip, second, result] = std::tie(
        graph->messages[0], graph->messages[1], graph->messages[2], graph->messages[3], graph->messages[4]);
    CHECK(source.from == no_id);
    CHECK(source.from_device == 0);
    CHECK(source.bytes == 4);
    CHECK(first.tensors == std::vector<tensor_id>{1});
    CHECK(skip.from == 0);
    CHECK(skip.to == 2);
    CHECK(skip.tensors == std::vector<tensor_id>{1, 2});
    CHECK(skip.bytes == 30);
    CHECK(second.from == 1);
    CHECK(second.bytes == 5);
    CHECK(result.from == 2);
    CHECK(result.to == no_id);
    CHECK(result.to_device == 2);
}

TEST_CASE("a tensor that two layers of a part read travels once; without source and sink the ends are free") {
    const auto graph = expand(forked(), {{{{0}, 0}, {{1, 2}, 1}}});
    REQUIRE(graph);
    REQUIRE(graph->messages.size() == 3);
    CHECK(graph->messages[0].from_device == no_id);
    CHECK(graph->messages[1].bytes == 30);
    CHECK(graph->messages[2].to_device == no_id);
    CHECK(graph->tasks[1].seconds == 13);
}

TEST_CASE("a model input that is also a model output goes from source to sink") {
    auto problem = forked();
    problem.model_outputs = {0, 4, 4};
    problem.source = 1;
    problem.sink = 2;
    const auto graph = expand(problem, {{{{0, 1, 2}, 0}}});
    REQUIRE(graph);
    REQUIRE(graph->messages.size() == 3);
    CHECK(graph->messages[1].from == no_id);
    CHECK(graph->messages[1].to == no_id);
    CHECK(graph->messages[1].from_device == 1);
    CHECK(graph->messages[2].tensors == std::vector<tensor_id>{4});
}

TEST_CASE("what is no partition is refused by name") {
    const auto problem = forked();
    CHECK(error_of(problem, {{{{0, 1}, 0}}}).offender == "layer2");
    CHECK(error_of(problem, {{{{0, 1}, 0}, {{1, 2}, 1}}}).offender == "layer1");
    CHECK(error_of(problem, {{{{0, 1, 2, 2}, 0}}}).offender == "layer2");
    CHECK(error_of(problem, {{{{0, 1, 2, 3}, 0}}}).message == "there is no such layer");
    CHECK(error_of(problem, {{{{0, 1, 2}, 3}}}).message == "there is no such device");
    CHECK(error_of(problem, {{{{0, 1, 2}, 0}, {{}, 1}}}).offender == "part 1");
    CHECK(error_of(problem, {{{{1, 0, 2}, 0}}}).message == "the part's layers are not in ascending order");
    CHECK(error_of(problem, {}).code == errc::invalid_argument);
}

TEST_CASE("parts out of order and in a circle are told apart") {
    const auto problem = forked();
    const auto disorder = error_of(problem, {{{{1, 2}, 0}, {{0}, 1}}});
    CHECK(disorder.message.find("comes before part 1") != std::string::npos);
    const auto circle = error_of(problem, {{{{0, 2}, 0}, {{1}, 1}}});
    CHECK(circle.message.find("circle") != std::string::npos);
}

TEST_CASE("forbidden layers and missing routes are infeasible") {
    auto problem = forked();
    problem.allowed(1, 2) = 0;
    const auto forbidden = error_of(problem, {{{{0, 1, 2}, 2}}});
    CHECK(forbidden.code == errc::infeasible);
    CHECK(forbidden.offender == "layer1");
    problem.latency(0, 1) = std::numeric_limits<double>::infinity();
    const auto no_route = error_of(problem, {{{{0}, 0}, {{1, 2}, 1}}});
    CHECK(no_route.code == errc::infeasible);
    CHECK(no_route.offender == "device0 -> device1");
    CHECK(expand(problem, {{{{0}, 1}, {{1, 2}, 0}}}));
}
