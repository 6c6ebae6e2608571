#include "dispart/schedule/improve.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/met.hpp"
#include "dispart/schedule/olb.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

TEST_CASE("machine_graph: incremental makespan, prices and undo equal a fresh computation") {
    random_source random(5);
    for (int round = 0; round < 60; ++round) {
        auto shape = test::random_shape(random, 40);
        const auto problem = test::random_problem(random, shape);
        detail::machine_graph graph(problem, olb{.orders = 1}(problem).value());
        for (int move = 0; move < 40; ++move) {
            const task_id t = random.index(problem.task_count());
            const double before = graph.makespan();
            const auto was = graph.detach(t);
            const double others = problem.task_count() > 1 ? graph.makespan() : 0.0;
            std::vector<detail::insertion> places;
            graph.visit_places([] { return std::numeric_limits<double>::infinity(); },
                               [&](const detail::insertion& place) { places.push_back(place); });
            std::erase_if(places, [&](const auto& place) { return !graph.feasible(place); });
            if (places.empty() || random.chance(0.3)) {
                graph.restore(was);
                CHECK(graph.makespan() == before);
                continue;
            }
            const auto place = places[random.index(places.size())];
            graph.attach(place);
            const auto moved = graph.to_schedule();
            REQUIRE(validate(problem, moved));
            CHECK(graph.makespan() == doctest::Approx(std::max(others, place.through)));
            CHECK(moved.makespan() == graph.makespan());
            const detail::machine_graph fresh(problem, moved);
            CHECK(fresh.makespan() == graph.makespan());
            for (task_id x = 0; x < problem.task_count() && !shape.whole_numbers;
                 ++x)  // no tasks without duration
                CHECK(fresh.through(x) == doctest::Approx(graph.through(x)));
        }
    }
}

TEST_CASE("improve: valid, never longer, repeatable by iterations, much shorter than a poor start") {
    random_source random(6);
    double gained = 0.0;
    for (int round = 0; round < 20; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random, 80));
        const auto start = met{}(problem);
        REQUIRE(start);
        const improve_options options{.budget = {.iterations = 3000}, .seed = 7};
        const auto better = improve(problem, *start, options);
        REQUIRE(better);
        CHECK(validate(problem, better->best));
        CHECK(better->best.makespan() <= start->makespan());
        CHECK(better->best.makespan() >= schedule_bounds(problem).best() * (1 - 1e-9));
        const auto again = improve(problem, *start, options);
        CHECK(better->best == again.value().best);
        gained += 1.0 - better->best.makespan() / std::max(start->makespan(), 1e-9);
    }
    CHECK(gained / 20 > 0.15);
}

TEST_CASE("improve: several trajectories are repeatable, whoever is faster, and never worse than the first") {
    random_source random(9);
    std::size_t better = 0;
    for (int round = 0; round < 12; ++round) {
        const auto problem = test::random_problem(random, test::random_shape(random, 80));
        const auto start = heft{}(problem).value();
        improve_options options{.budget = {.iterations = 1500}, .bound = schedule_bounds(problem).best()};
        const auto alone = improve(problem, start, options).value();
        options.trajectories = 3;
        const auto together = improve(problem, start, options).value();
        CHECK(validate(problem, together.best));
        CHECK(together.best.makespan() <= alone.best.makespan());
        CHECK(together.best == improve(problem, start, options).value().best);
        better += together.best.makespan() < alone.best.makespan() ? 1 : 0;
    }
    CHECK(better > 0);
}

TEST_CASE("improve: stops at the bound, in time, and refuses what is no schedule") {
    random_source random(8);
    const auto problem = test::random_problem(random, {.tasks = 40});
    const auto start = heft{}(problem).value();
    const auto at_bound = improve(problem, start, {.bound = start.makespan()}).value();
    CHECK(at_bound.iterations == 0);
    const auto without_time = improve(problem, start, {.budget = {.seconds = 0.0}}).value();
    CHECK(without_time.best == start);
    const auto short_of_time = improve(problem, start, {.budget = {.seconds = 0.05}}).value();
    CHECK(short_of_time.iterations > 100);
    auto broken = start;
    broken.tasks[3].start -= 1.0;
    CHECK(improve(problem, broken).error().code == errc::invalid_argument);
    CHECK(improve(problem, start, {.cold = 0.0}).error().code == errc::invalid_argument);
    CHECK(improve(problem, start, {.trajectories = 0}).error().code == errc::invalid_argument);
}
