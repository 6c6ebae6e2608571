#include "dispart/schedule/periodic.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/validate.hpp"
#include "schedule/random_problem.hpp"

using namespace dispart;

namespace {

/// Request after request as one schedule of a problem with `count` copies of the graph.
result<void> unrolled_is_valid(const schedule_problem& problem, const periodic_schedule& made,
                               std::size_t count) {
    schedule_tables all = problem.tables();
    schedule whole = made.first;
    const std::size_t n = all.tasks;
    const auto dependencies = all.dependencies;
    const auto seconds = all.seconds;
    for (std::size_t k = 1; k < count; ++k) {
        all.seconds.insert(all.seconds.end(), seconds.begin(), seconds.end());
        for (const dependency& d : dependencies)
            all.dependencies.push_back({d.from + k * n, d.to + k * n, d.bytes});
        for (const auto& s : made.first.tasks) {
            const double later = static_cast<double>(k) * made.period;
            whole.tasks.push_back({s.device, s.start + later, s.finish + later});
        }
    }
    all.tasks = n * count;
    return validate(schedule_problem::make(all).value(), whole);
}

}  // namespace

TEST_CASE(
    "make_periodic: the period is the greatest load, and many requests in a row make a valid schedule") {
    random_source random(51);
    for (int round = 0; round < 60; ++round) {
        auto shape = test::random_shape(random, 30);
        const auto problem = test::random_problem(random, shape);
        const auto devices = steady_devices(problem).value();
        const auto made = make_periodic(problem, devices).value();
        INFO("round " << round);
        const auto valid = validate_periodic(problem, made);
        CHECK_MESSAGE(valid, (valid ? "" : to_string(valid.error())));
        const auto load = detail::steady_loads(problem, devices);
        CHECK(made.period == *std::max_element(load.begin(), load.end()));
        CHECK(made.period >= period_bound(problem) * (1 - 1e-9));
        CHECK(unrolled_is_valid(problem, made, made.in_flight() + 2));
        if (problem.device_count() == 1) CHECK(made.period >= period_bound(problem) * (1 - 1e-9));
        const auto slow = make_periodic(problem, devices, 2.0 * made.period).value();
        CHECK(validate_periodic(problem, slow));
    }
}

TEST_CASE(
    "steady_devices: within twice the shortest period of all assignments on devices of different speed") {
    random_source random(52);
    for (int round = 0; round < 40; ++round) {
        const auto problem = test::random_problem(random, {.tasks = 6, .devices = 3, .layers = 2});
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t code = 0; code < 729; ++code) {
            std::vector<device_id> on;
            for (std::size_t rest = code, t = 0; t < 6; ++t, rest /= 3) on.push_back(rest % 3);
            const auto load = detail::steady_loads(problem, on);
            least = std::min(least, *std::max_element(load.begin(), load.end()));
        }
        const double period = make_periodic(problem, steady_devices(problem).value())->period;
        CHECK(period >= least * (1 - 1e-12));
        CHECK(period <= 2.0 * least);
        CHECK(period_bound(problem) <= least * (1 + 1e-12));
    }
}

TEST_CASE("validate_periodic: an early task, a wrong device or a period too short is noticed") {
    random_source random(53);
    const auto problem = test::random_problem(random, {.tasks = 20, .devices = 3});
    const auto good = make_periodic(problem, steady_devices(problem).value()).value();
    REQUIRE(validate_periodic(problem, good));
    auto bad = good;
    bad.period *= 0.99;
    CHECK_FALSE(validate_periodic(problem, bad));
    bad = good;
    bad.first.tasks[19].device = no_id;
    CHECK_FALSE(validate_periodic(problem, bad));
    bad = good;
    bad.first.tasks[19].start = 0.0;
    bad.first.tasks[19].finish = problem.seconds(19, bad.first.tasks[19].device);
    CHECK_FALSE(validate_periodic(problem, bad));
    CHECK(make_periodic(problem, {}).error().code == errc::invalid_argument);
    CHECK(make_periodic(problem, std::vector<device_id>(20, 7)).error().code == errc::invalid_argument);
}
