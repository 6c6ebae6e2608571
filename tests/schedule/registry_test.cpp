#include "dispart/schedule/registry.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/validate.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

TEST_CASE("list schedulers: names are distinct and found; unknown ones name the known") {
    std::set<std::string_view> names;
    for (const auto& each : list_schedulers()) {
        CHECK(names.insert(each.name).second);
        CHECK(find_scheduler(each.name).value().name == each.name);
    }
    CHECK(names.size() >= 21);
    CHECK(find_scheduler("no such").error().code == errc::not_found);
    CHECK(find_scheduler("no such").error().hint.find("heft") != std::string::npos);
}

TEST_CASE("list schedulers: every schedule is valid, above the bound, and the same each time") {
    random_source random(11);
    for (int round = 0; round < 100; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random));
        const double bound = schedule_bounds(problem).best();
        for (const auto& each : list_schedulers()) {
            INFO(each.name << " in round " << round);
            const auto made = each.run(problem);
            REQUIRE(made);
            const auto valid = validate(problem, *made);
            CHECK_MESSAGE(valid, (valid ? "" : to_string(valid.error())));
            CHECK(made->makespan() >= bound * (1 - 1e-12));
            CHECK(*made == *each.run(problem));
        }
    }
}

TEST_CASE("list schedulers: devices without a route are an error with the task, not a crash") {
    schedule_tables apart;
    apart.tasks = 2;
    apart.devices = 2;
    const double no = std::numeric_limits<double>::infinity();
    apart.seconds = {1, no, no, 1};
    apart.dependencies = {{0, 1, 1}};
    apart.latency = {0, no, 0, 0};
    apart.seconds_per_byte = {0, 0, 0, 0};
    apart.task_names = {"first", "second"};
    const auto problem = schedule_problem::make(apart).value();
    for (const auto& each : list_schedulers()) {
        INFO(each.name);
        const auto made = each.run(problem);
        REQUIRE_FALSE(made);
        CHECK(made.error().code == errc::infeasible);
        const bool ahead = each.name == "peft" || each.name == "bil";  // they look at what follows
        CHECK(made.error().offender == (ahead ? "first" : "second"));
    }
}

TEST_CASE("HEFT and CPOP: the example of their paper") {
    const auto problem = test::topcuoglu_example();
    CHECK(heft{}(problem)->makespan() == doctest::Approx(80));
    CHECK(cpop{.as_published = true}(problem)->makespan() == doctest::Approx(86));
}

TEST_CASE("HEFT: a gap is used with insertion and not without") {
    // two long tasks wait for a slow transfer; a short one fits before them
    schedule_tables tables;
    tables.tasks = 3;
    tables.devices = 1;
    tables.seconds = {4, 8, 1};
    tables.release = {0, 10, 0};
    tables.dependencies = {{0, 1, 0}};
    tables.latency = tables.seconds_per_byte = {0};
    const auto problem = schedule_problem::make(tables).value();
    CHECK(heft{}(problem)->makespan() == 18);
    CHECK(heft{.insertion = false}(problem)->makespan() == 19);
}

TEST_CASE("MET, OLB, Min-Min, Max-Min, Sufferage: independent tasks as Braun et al. place them") {
    schedule_tables tables;
    tables.tasks = 4;
    tables.devices = 2;
    tables.seconds = {2, 6, 3, 7, 4, 9, 10, 11};
    tables.latency = tables.seconds_per_byte = {0, 0, 0, 0};
    const auto problem = schedule_problem::make(tables).value();
    CHECK(met{}(problem)->makespan() == 19);  // all on the first device
    CHECK(olb{.orders = 1}(problem)->makespan() == 16);
    CHECK(min_min{}(problem)->makespan() == 11);
    CHECK(max_min{}(problem)->makespan() == 15);
    CHECK(duplex{}(problem)->makespan() == 11);
    CHECK(sufferage{}(problem)->makespan() == 11);
}

TEST_CASE(
    "HBMCT: independent tasks are balanced until no task of the last device can be moved for the better") {
    random_source random(31);
    for (int round = 0; round < 30; ++round) {
        const auto problem =
            test::random_problem(random, {.tasks = 12, .devices = 3, .layers = 1, .related = false});
        const auto made = hbmct{}(problem).value();
        std::vector<double> end(3, 0.0);
        for (const auto& s : made.tasks) end[s.device] = std::max(end[s.device], s.finish);
        for (task_id t = 0; t < 12; ++t) {
            const device_id from = made.tasks[t].device;
            if (end[from] < made.makespan()) continue;
            for (device_id d = 0; d < 3; ++d) {
                if (d == from) continue;
                auto moved = end;
                moved[from] -= problem.seconds(t, from);
                moved[d] += problem.seconds(t, d);
                CHECK(*std::max_element(moved.begin(), moved.end()) >= made.makespan() * (1 - 1e-12));
            }
        }
    }
}

TEST_CASE("m-SCT: a device waits for its favourite child; memory limits are kept or named") {
    // task 0 has a favourite reader, task 1, that waits for task 3 too; task 2 could start earlier on 0's device
    schedule_tables tables;
    tables.tasks = 5;
    tables.devices = 2;
    tables.seconds = {2, 2, 6, 6, 3, 3, 3, 3, 1, 1};
    tables.dependencies = {{0, 1, 4}, {3, 1, 0.5}, {4, 2, 3}};
    tables.latency = {0, 0, 0, 0};
    tables.seconds_per_byte = {0, 1, 1, 0};
    auto made = m_sct{}(schedule_problem::make(tables).value()).value();
    CHECK(made.tasks[1].device == made.tasks[0].device);
    tables.memory.resident = {1, 1, 1, 1, 1};
    tables.memory.capacity = {1, 4};
    const auto problem = schedule_problem::make(tables).value();
    made = m_sct{}(problem).value();
    CHECK(validate(problem, made));
    tables.memory.capacity = {1, 3};
    CHECK(m_sct{}(schedule_problem::make(tables).value()).error().code == errc::limit_exceeded);
}
