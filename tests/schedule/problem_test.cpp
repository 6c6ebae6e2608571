#include "dispart/schedule/problem.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace dispart;

namespace {
schedule_tables three_tasks() {
    schedule_tables tables;
    tables.tasks = 3;
    tables.devices = 2;
    tables.seconds = {1, 2, 3, 4, 5, 6};
    tables.dependencies = {{1, 2, 7}, {0, 2, 8}, {0, 1, 9}};
    tables.latency = {9, 1, 2, 9};
    tables.seconds_per_byte = {9, 0.5, 0.25, 9};
    return tables;
}
}  // namespace

TEST_CASE("schedule_problem: both directions, an order, transfers") {
    const auto problem = schedule_problem::make(three_tasks()).value();
    CHECK(problem.topological_order() == std::vector<task_id>{0, 1, 2});
    REQUIRE(problem.inputs(2).size() == 2);
    CHECK(problem.inputs(2)[0].task == 0);
    CHECK(problem.inputs(2)[0].bytes == 8);
    REQUIRE(problem.outputs(0).size() == 2);
    CHECK(problem.outputs(0)[1].task == 2);
    CHECK(problem.transfer(0, 0, 8) == 0);
    CHECK(problem.transfer(0, 1, 8) == 5);
    CHECK(problem.transfer(1, 0, 8) == 4);
    CHECK(problem.seconds(1, 0) == 3);
}

TEST_CASE("schedule_problem: what does not fit is refused by name") {
    const auto refused = [](auto change) {
        auto tables = three_tasks();
        change(tables);
        const auto made = schedule_problem::make(tables);
        return made ? errc::cancelled : made.error().code;
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double no = std::numeric_limits<double>::infinity();
    CHECK(refused([](auto&) {}) == errc::cancelled);
    CHECK(refused([](auto& t) { t.tasks = 0; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.devices = 0; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.tasks = std::size_t{1} << 62U; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.seconds.pop_back(); }) == errc::invalid_argument);
    CHECK(refused([&](auto& t) { t.seconds[0] = nan; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.seconds[0] = -1; }) == errc::invalid_argument);
    CHECK(refused([&](auto& t) { t.seconds[0] = t.seconds[1] = no; }) == errc::infeasible);
    CHECK(refused([](auto& t) { t.dependencies[0].to = 9; }) == errc::invalid_argument);
    CHECK(refused([&](auto& t) { t.dependencies[0].bytes = no; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.dependencies.push_back({2, 0, 0}); }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.dependencies.push_back({1, 1, 0}); }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.release = {1}; }) == errc::invalid_argument);
    CHECK(refused([](auto& t) { t.memory.capacity = {1, -1}; }) == errc::invalid_argument);
}
