#include "dispart/schedule/contention.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/heft.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

/// A way up and a way down for each device, or a link of its own for each pair.
link_table links_of(std::size_t devices, bool shared) {
    link_table made{.links = shared ? 2 * devices : devices * devices};
    for (device_id a = 0; a < devices; ++a)
        for (device_id b = 0; b < devices; ++b) {
            std::vector<std::size_t> way;
            if (a != b && shared) way = {2 * a, 2 * b + 1};
            else if (a != b) way = {a * devices + b};
            made.routes.push_back(way);
        }
    return made;
}

}  // namespace

TEST_CASE("schedule_with_contention: tasks and messages are valid, with own and with shared links") {
    random_source random(71);
    for (int round = 0; round < 60; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random));
        for (const bool shared : {false, true}) {
            const auto network = links_of(problem.device_count(), shared);
            const auto made = schedule_with_contention(problem, network);
            REQUIRE(made);
            const auto valid = validate_contention(problem, network, *made);
            CHECK_MESSAGE(valid, (valid ? "" : to_string(valid.error())));
        }
    }
}

TEST_CASE(
    "schedule_with_contention: without links it is HEFT; one bus makes two messages wait for each other") {
    random_source random(72);
    for (int round = 0; round < 20; ++round) {
        const auto problem = test::random_problem(random, {.tasks = 30});
        link_table none;
        for (int pair = 0; pair < 16; ++pair) none.routes.push_back({});
        const double free = schedule_with_contention(problem, none)->makespan();
        CHECK(free <= heft{}(problem)->makespan() * 1.05);
        link_table bus{.links = 1};
        for (std::size_t pair = 0; pair < 16; ++pair)
            bus.routes.push_back(pair % 5 == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{0});
        const auto tight = schedule_with_contention(problem, bus).value();
        CHECK(validate_contention(problem, bus, tight));
        CHECK(validate(problem, tight.tasks));  // what is possible with contention is possible without
    }
    // two sources on devices 0 and 1, two readers that may only run on 2: 3 s of messages each
    const double no = std::numeric_limits<double>::infinity();
    schedule_tables tables{.tasks = 4, .devices = 3, .seconds = {1, no, no, no, 1, no, no, no, 1, no, no, 1}};
    tables.dependencies = {{0, 2, 3}, {1, 3, 3}};
    tables.latency.assign(9, 0.0);
    tables.seconds_per_byte.assign(9, 1.0);
    const auto problem = schedule_problem::make(tables).value();
    link_table bus{.links = 1};
    for (std::size_t pair = 0; pair < 9; ++pair)
        bus.routes.push_back(pair % 4 == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{0});
    auto made = schedule_with_contention(problem, bus).value();
    CHECK(made.makespan() == 8.0);  // 1 + 3 + 3 + 1
    CHECK(schedule_with_contention(problem, links_of(3, false))->makespan() == 6.0);
    made.messages[1] = made.messages[0];
    CHECK_FALSE(validate_contention(problem, bus, made));
    CHECK(schedule_with_contention(problem, {}).error().code == errc::invalid_argument);
}
