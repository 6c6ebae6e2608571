#include "dispart/schedule/portfolio.hpp"

#include <doctest/doctest.h>

#include "schedule/random_problem.hpp"

using namespace dispart;

TEST_CASE("schedule_portfolio: no list scheduler is better, and the proof holds") {
    random_source random(21);
    for (int round = 0; round < 25; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random));
        const auto best = schedule_portfolio(problem, {.budget = {.iterations = 500}});
        REQUIRE(best);
        CHECK(validate(problem, best->best));
        CHECK(best->makespan == best->best.makespan());
        CHECK(best->gap >= 0.0);
        for (const auto& each : list_schedulers()) CHECK(best->makespan <= each.run(problem)->makespan());
        const auto again = schedule_portfolio(problem, {.budget = {.iterations = 500}});
        CHECK(best->best == again.value().best);
    }
}

TEST_CASE("schedule_portfolio: memory limits are kept or the problem is called infeasible") {
    schedule_tables tables;
    tables.tasks = 4;
    tables.devices = 2;
    tables.seconds = {1, 2, 1, 2, 1, 2, 1, 2};
    tables.latency = tables.seconds_per_byte = {0, 0, 0, 0};
    tables.memory.resident = {1, 1, 1, 1};
    tables.memory.capacity = {3, 4};
    const auto made =
        schedule_portfolio(schedule_problem::make(tables).value(), {.budget = {.iterations = 100}});
    REQUIRE(made);
    CHECK(made->makespan == 3);
    tables.memory.capacity = {0, 0};
    CHECK(schedule_portfolio(schedule_problem::make(tables).value()).error().code == errc::limit_exceeded);
}

TEST_CASE("schedule_portfolio: improvement keeps limits of resident memory") {
    random_source random(22);
    std::size_t improved = 0;
    for (int round = 0; round < 10; ++round) {
        auto tables = test::random_problem(random, {.tasks = 40, .devices = 3}).tables();
        double all = 0.0;
        for (task_id t = 0; t < tables.tasks; ++t)
            all += tables.memory.resident.emplace_back(random.uniform(0.5, 1.5));
        tables.memory.capacity = {0.45 * all, 0.4 * all, 0.35 * all};
        const auto problem = schedule_problem::make(tables).value();
        const auto alone = schedule_portfolio(problem, {.budget = {.iterations = 0}}).value();
        const auto best = schedule_portfolio(problem, {.budget = {.iterations = 4000}}).value();
        CHECK(validate(problem, best.best));
        CHECK(best.makespan <= alone.makespan);
        improved += best.makespan < alone.makespan ? 1 : 0;
    }
    CHECK(improved > 7);
}

TEST_CASE("run_scheduler: by name, with a bound") {
    const auto problem = test::topcuoglu_example();
    const auto made = run_scheduler(problem, "heft");
    REQUIRE(made);
    CHECK(made->makespan == doctest::Approx(80));
    CHECK(made->bound <= 73);  // the best known schedule of this graph
    CHECK(made->gap == doctest::Approx((80 - made->bound) / 80));
    const auto exact = run_scheduler(problem, "branch-and-bound");
    REQUIRE(exact);
    CHECK(exact->gap == 0.0);
    CHECK(exact->makespan == doctest::Approx(73));
    CHECK(run_scheduler(problem, "x").error().code == errc::not_found);
    const auto improved = schedule_portfolio(problem, {.budget = {.iterations = 20000}});
    REQUIRE(improved);
    CHECK(improved->makespan == doctest::Approx(73));
}
