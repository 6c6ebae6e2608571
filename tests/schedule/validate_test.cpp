#include "dispart/schedule/validate.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "dispart/schedule/heft.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

schedule_tables two_tasks() {
    schedule_tables tables;
    tables.tasks = 2;
    tables.devices = 2;
    tables.seconds = {2, 4, 3, std::numeric_limits<double>::infinity()};
    tables.dependencies = {{0, 1, 5}};
    tables.latency = {0, 1, 1, 0};
    tables.seconds_per_byte = {0, 0.5, 0.5, 0};
    return tables;
}

errc verdict(const schedule_tables& tables, const schedule& given) {
    const auto problem = schedule_problem::make(tables).value();
    const auto valid = validate(problem, given);
    return valid ? errc::cancelled : valid.error().code;
}

constexpr errc fine = errc::cancelled;

}  // namespace

TEST_CASE("validate: accepts what can be executed and names what cannot") {
    const auto tables = two_tasks();
    CHECK(verdict(tables, {{{0, 0, 2}, {0, 2, 5}}}) == fine);
    CHECK(verdict(tables, {{{1, 0, 4}, {0, 7.5, 10.5}}}) == fine);
    CHECK(verdict(tables, {{{1, 0, 4}, {0, 7.4, 10.4}}}) == errc::invalid_argument);  // before its input
    CHECK(verdict(tables, {{{0, 0, 2}, {0, 1, 4}}}) == errc::invalid_argument);       // overlap
    CHECK(verdict(tables, {{{0, 0, 2}, {1, 9, 12}}}) == errc::invalid_argument);      // not allowed there
    CHECK(verdict(tables, {{{0, 0, 3}, {0, 3, 6}}}) == errc::invalid_argument);       // too long
    CHECK(verdict(tables, {{{0, -1, 1}, {0, 3, 6}}}) == errc::invalid_argument);      // before time
    CHECK(verdict(tables, {{{2, 0, 2}, {0, 3, 6}}}) == errc::invalid_argument);       // no such device
    CHECK(verdict(tables, {{{0, 0, 2}}}) == errc::invalid_argument);                  // a task is missing
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(verdict(tables, {{{0, 0, 2}, {0, nan, nan}}}) == errc::invalid_argument);
    auto released = tables;
    released.release = {0, 4};
    CHECK(verdict(released, {{{0, 0, 2}, {0, 2, 5}}}) == errc::invalid_argument);
    CHECK(verdict(released, {{{0, 0, 2}, {0, 4, 7}}}) == fine);
}

TEST_CASE("validate: memory over time, by the byte") {
    auto tables = two_tasks();
    tables.memory = {{10, 20}, {1, 2}, {100, 200}, {}};
    // both on device 0: 30 resident, then the first one's result and workspace, then both results and a workspace
    const schedule together{{{0, 0, 2}, {0, 2, 5}}};
    auto problem = schedule_problem::make(tables).value();
    CHECK(peak_memory(problem, together)[0] == 30 + 100 + 200 + 2);
    CHECK(peak_memory(problem, together)[1] == 0);
    // apart: the result is on both devices while it travels
    const schedule apart{{{1, 0, 4}, {0, 7.5, 10.5}}};
    CHECK(peak_memory(problem, apart)[1] == 10 + 100 + 1);
    CHECK(peak_memory(problem, apart)[0] == 20 + 100 + 200 + 2);
    tables.memory.capacity = {332, 0};
    CHECK(verdict(tables, together) == fine);
    tables.memory.capacity = {331, 0};
    CHECK(verdict(tables, together) == errc::limit_exceeded);
}

TEST_CASE("validate: any one task moved forward, prolonged or put elsewhere is noticed") {
    random_source random(3);
    for (int round = 0; round < 60; ++round) {
        const auto problem = test::random_problem(random, {.tasks = 25, .devices = 3, .communication = 0.5});
        const auto good = heft{}(problem).value();
        REQUIRE(validate(problem, good));
        const task_id t = random.index(problem.task_count());
        auto bad = good;
        bad.tasks[t].finish += 0.01;
        CHECK_FALSE(validate(problem, bad));
        bad = good;
        bad.tasks[t].device = (bad.tasks[t].device + 1) % 3;
        CHECK_FALSE(validate(problem, bad));  // speeds differ, so the duration is wrong
        bad = good;
        bad.tasks[t].start -= 0.01;
        bad.tasks[t].finish -= 0.01;
        // HEFT leaves no room before a task
        CHECK_FALSE(validate(problem, bad));
    }
}
