#include "dispart/simulate/play_schedule.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/heft.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

/// A link of its own for each pair, as the problem's tables say, or one bus of 1 byte per second for all.
platform network_for(const schedule_problem& problem, bool bus) {
    platform made;
    const std::size_t devices = problem.device_count();
    made.processors.assign(devices, 1);
    made.memory.assign(devices, std::numeric_limits<double>::infinity());
    for (std::size_t pair = 0; pair < (bus ? 1 : devices * devices); ++pair)
        made.link_capacity.push_back(
            bus || pair % (devices + 1) == 0 ? 1.0 : 1.0 / problem.tables().seconds_per_byte[pair]);
    made.route = [&problem, bus, devices](device_id from, device_id to, simulated_route& out) {
        out = {.links = {bus ? 0 : from * devices + to}, .latency = problem.latency(from)[to]};
    };
    return made;
}

}  // namespace

TEST_CASE("play_schedule: where a link carries one message the times are those of the schedule") {
    random_source random(91);
    // a chain across devices: no two messages at a time
    for (int round = 0; round < 20; ++round) {
        auto tables =
            test::random_problem(random, {.tasks = 10, .devices = 3, .layers = 10, .latency = 5.0}).tables();
        tables.dependencies.clear();
        for (task_id t = 1; t < 10; ++t) tables.dependencies.push_back({t - 1, t, random.uniform(1.0, 20.0)});
        for (task_id t = 0; t < 10; ++t)
            for (device_id d = 0; d < 3; ++d)
                if (d != t % 3) tables.seconds[t * 3 + d] = std::numeric_limits<double>::infinity();
        const auto problem = schedule_problem::make(tables).value();
        const auto planned = heft{}(problem).value();
        const auto played = play_schedule(problem, network_for(problem, false), planned).value();
        for (task_id t = 0; t < 10; ++t)
            CHECK(played.tasks[t].finish == doctest::Approx(planned.tasks[t].finish));
    }
}

TEST_CASE(
    "play_schedule: sharing only delays; the scheduler chosen for shared links is the best of all played") {
    random_source random(92);
    for (int round = 0; round < 15; ++round) {
        auto shape = test::problem_shape{.tasks = 25, .devices = 3, .communication = 1.0};
        auto tables = test::random_problem(random, shape).tables();
        for (double& s : tables.seconds_per_byte) s = s > 0.0 ? 1.0 : 0.0;
        const auto problem = schedule_problem::make(tables).value();
        const auto bus = network_for(problem, true);
        const auto best = schedule_on_shared_links(problem, bus).value();
        CHECK(validate_timing(problem, best));  // later than without contention, hence valid there
        for (const auto& each : list_schedulers()) {
            const auto planned = each.run(problem).value();
            const auto played = play_schedule(problem, bus, planned).value();
            CHECK(played.makespan() >= best.makespan());
            CHECK(validate_timing(problem, played));
        }
    }
    const auto problem = test::topcuoglu_example();
    CHECK_FALSE(play_schedule(problem, star_platform(2, 1.0, 0.0), heft{}(problem).value()));
    auto broken = heft{}(problem).value();
    broken.tasks[3].start -= 5.0;
    CHECK_FALSE(play_schedule(problem, star_platform(3, 1.0, 0.0), broken));
}
