#include "dispart/schedule/duplication.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/heft.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

TEST_CASE("schedule_with_duplication: valid on all shapes; shorter than HEFT where transfers are long") {
    random_source random(61);
    double gained = 0.0;
    for (int round = 0; round < 60; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random));
        const auto made = schedule_with_duplication(problem);
        REQUIRE(made);
        const auto valid = validate_duplicated(problem, *made);
        CHECK_MESSAGE(valid, (valid ? "" : to_string(valid.error())));
        const auto far = test::random_problem(random, {.tasks = 30, .communication = 5.0});
        gained += schedule_with_duplication(far)->makespan() / heft{}(far)->makespan() - 1.0;
    }
    CHECK(gained / 60 < -0.05);
}

TEST_CASE("schedule_with_duplication: a source that everybody reads runs everywhere") {
    schedule_tables tables{.tasks = 4, .devices = 3, .seconds = std::vector<double>(12, 2.0)};
    tables.dependencies = {{0, 1, 9}, {0, 2, 9}, {0, 3, 9}};
    tables.latency.assign(9, 0.0);
    tables.seconds_per_byte.assign(9, 1.0);
    const auto problem = schedule_problem::make(tables).value();
    const auto made = schedule_with_duplication(problem).value();
    CHECK(made.copies[0].size() == 3);
    CHECK(made.makespan() == 4.0);
    CHECK(heft{}(problem)->makespan() == 8.0);
    auto bad = made;
    bad.copies[0].pop_back();
    CHECK_FALSE(validate_duplicated(problem, bad));
    bad = made;
    bad.copies[2].clear();
    CHECK_FALSE(validate_duplicated(problem, bad));
    bad = made;
    bad.copies[1][0].start -= 1.0;
    CHECK_FALSE(validate_duplicated(problem, bad));
    bad = made;
    bad.copies[1].push_back(bad.copies[2][0]);  // at the same time on one device
    CHECK_FALSE(validate_duplicated(problem, bad));
}
