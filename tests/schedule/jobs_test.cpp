#include "dispart/schedule/jobs.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/validate.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

/// Graphs over the same devices.
std::vector<schedule_problem> family(random_source& random, std::size_t count) {
    std::vector<schedule_problem> made{test::random_problem(random, {.tasks = 12, .devices = 3, .layers = 4})};
    while (made.size() < count) {
        auto tables = test::random_problem(random, {.tasks = 8, .devices = 3, .layers = 3}).tables();
        tables.latency = made[0].tables().latency;
        tables.seconds_per_byte = made[0].tables().seconds_per_byte;
        made.push_back(schedule_problem::make(tables).value());
    }
    return made;
}

schedule_problem one_task(double seconds) {
    return schedule_problem::make(
               {.tasks = 1, .devices = 1, .seconds = {seconds}, .latency = {0}, .seconds_per_byte = {0}})
        .value();
}

}  // namespace

TEST_CASE("schedule_jobs: valid, after releases, and lower priorities delay nobody") {
    random_source random(41);
    for (int round = 0; round < 40; ++round) {
        const auto graphs = family(random, 3);
        std::vector<job> jobs(3);
        for (job& j : jobs) {
            j.release = random.uniform(0.0, 20.0);
            j.deadline = random.uniform(30.0, 150.0);
            j.weight = random.uniform(0.5, 2.0);
        }
        jobs[0].priority = 1;
        const auto set = join_jobs(graphs, jobs).value();
        const auto all = schedule_jobs(set).value();
        CHECK(validate(set.problem, all.made));
        const auto alone = schedule_jobs(join_jobs(std::span(graphs).first(1), {jobs[0]}).value()).value();
        CHECK(all.finish[0] == alone.finish[0]);
        for (task_id t = 0; t < set.job_of.size(); ++t)
            CHECK(all.made.tasks[t].start >= jobs[set.job_of[t]].release);
        const auto again = judge_jobs(set, all.made);
        CHECK(again.weighted_tardiness == all.weighted_tardiness);
    }
}

TEST_CASE("schedule_jobs: on one device deadlines are met where the earliest-deadline order meets them") {
    random_source random(42);
    for (int round = 0; round < 100; ++round) {
        std::vector<schedule_problem> graphs;
        std::vector<job> jobs;
        double at = 0.0;
        for (int j = 0; j < 6; ++j) {
            const double seconds = random.uniform(1.0, 5.0);
            at += seconds;
            graphs.push_back(one_task(seconds));
            jobs.push_back({.deadline = at + random.uniform(0.0, 0.5)});
        }
        for (std::size_t i = 6; i > 1; --i) {  // numbers say nothing about deadlines
            const std::size_t k = random.index(i);
            std::swap(graphs[i - 1], graphs[k]);
            std::swap(jobs[i - 1], jobs[k]);
        }
        CHECK(schedule_jobs(join_jobs(graphs, jobs).value())->late == 0);
        for (job& j : jobs) j.deadline = std::numeric_limits<double>::infinity();
        // without deadlines Smith's rule is optimal for the weighted sum of ends
        for (job& j : jobs) j.weight = random.uniform(0.5, 3.0);
        std::vector<std::size_t> line{0, 1, 2, 3, 4, 5};
        double least = std::numeric_limits<double>::infinity();
        do {
            double end = 0.0, sum = 0.0;
            for (const std::size_t j : line) sum += jobs[j].weight * (end += graphs[j].seconds(0, 0));
            least = std::min(least, sum);
        } while (round < 3 && std::next_permutation(line.begin(), line.end()));
        const auto made = schedule_jobs(join_jobs(graphs, jobs).value()).value();
        if (round < 3) CHECK(made.weighted_finish == doctest::Approx(least));
        else CHECK(made.weighted_finish <= least * (1 + 1e-9));
    }
}

TEST_CASE("join_jobs: graphs over different devices, or jobs that are missing, are refused") {
    random_source random(43);
    auto graphs = family(random, 2);
    CHECK(join_jobs(graphs, {{}}).error().code == errc::invalid_argument);
    CHECK(join_jobs(graphs, {{}, {.weight = -1.0}}).error().offender == "job 1");
    graphs[1] = test::random_problem(random, {.tasks = 3, .devices = 2});
    CHECK(join_jobs(graphs, {{}, {}}).error().offender == "job 1");
}
