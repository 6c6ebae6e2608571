// Drift, decisions and corrections by hand; then a simulated world that changes, and what adapting makes of it.
#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "dispart/adapt/correct.hpp"
#include "dispart/adapt/decide.hpp"
#include "dispart/adapt/drift.hpp"
#include "dispart/core/random.hpp"
#include "dispart/plan/search.hpp"
#include "dispart/simulate/simulate.hpp"
#include "dispart/task/expand.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

drift_factors device_factor(double factor) { return {.device = {{0, factor}}, .between = {}}; }

/// Twelve layers on three unequal devices in a mesh; requests come from and go to the first.
instance pipeline_world() {
    std::vector<test::tiny_layer> layers;
    for (std::size_t l = 0; l < 12; ++l) {
        const double work = 0.010 + 0.002 * static_cast<double>(l % 4);
        layers.push_back({{work, work * 1.3, work * 1.7}, {l}, {l % 3 == 2 ? 1e5 : 4e5}, 1e6});
    }
    instance world = test::tiny_instance(3, {2e5}, layers);
    world.source = world.sink = 0;
    for (device_id a = 0; a < 3; ++a)
        for (device_id b = 0; b < 3; ++b) {
            world.latency(a, b) = a == b ? 0.0 : 0.001;
            world.seconds_per_byte(a, b) = a == b ? 0.0 : 1e-7;
        }
    for (double& each : world.link_seconds_per_byte) each = 1e-7;
    return world;
}

struct running_plan {
    partition division{};
    task_graph tasks{};
};

running_plan plan_of(const instance& world) {
    const auto found = search_chains(world, objective::throughput);
    REQUIRE(found);
    auto tasks = expand(world, found->division);
    REQUIRE(tasks);
    return {found->division, std::move(*tasks)};
}

/// The plan in a world: computing times are the world's, whatever the planner believed.
simulation play(const instance& world, const running_plan& what, std::size_t requests, std::uint64_t seed,
                double noise) {
    const auto tasks = expand(world, what.division);
    REQUIRE(tasks);
    auto played = simulate(world, *tasks,
                           {.requests = requests,
                            .window = 10,
                            .variation = {.kind = noise > 0 ? jitter_kind::uniform : jitter_kind::none,
                                          .spread = noise,
                                          .seed = seed}});
    REQUIRE(played);
    return std::move(*played);
}

double period_of(const instance& world, const running_plan& what) {
    return play(world, what, 100, 1, 0.0).period().value;
}

telemetry seen_in(const simulation& played, random_source& draw, double noise) {
    telemetry made;
    for (event each : played.trace.events) {
        each.end = each.begin + (each.end - each.begin) * draw.uniform(1.0 - noise, 1.0 + noise);
        made.observe(each);
    }
    return made;
}

/// What happened to a service that watches itself every `probe_s` simulated seconds.
struct adaptation_run {
    std::size_t changes = 0;
    double first_change_s = never;
    running_plan plan{};
    instance believed{};
};

/// The world is `before` until `changes_at_s`, then `after`; both are watched for `lasts_s` in all.
adaptation_run adapt(const instance& before, const instance& after, double changes_at_s, double lasts_s,
                     double noise) {
    constexpr double probe_s = 5.0;
    adaptation_run run{.plan = plan_of(before), .believed = before};
    random_source draw(11);
    drift_detector detector;
    double last_change_s = -never;
    for (double t = 0.0; t < lasts_s; t += probe_s) {
        const instance& world =
            t + probe_s / 2 < changes_at_s ? before : after;  // a probe sees what was most of it
        const auto requests =
            static_cast<std::size_t>(std::max(8.0, std::min(60.0, probe_s / period_of(world, run.plan))));
        const auto measured = seen_in(
            play(world, run.plan, requests, static_cast<std::uint64_t>(t) + 1, noise / 2), draw, noise);
        telemetry believed;
        believed.observe(play(run.believed, run.plan, requests, 1, 0.0).trace);
        const auto drifted = detector.probe(compare(believed, measured));
        if (!drifted) continue;
        const instance now = corrected(run.believed, *drifted);
        const running_plan candidate = plan_of(now);
        const auto verdict =
            decide({.period_now_s = period_of(now, run.plan),
                    .period_new_s = period_of(now, candidate),
                    .migration_s = 1.0 + moved_bytes(now, run.plan.division, candidate.division) * 1e-8,
                    .since_change_s = t - last_change_s});
        if (!verdict.change) continue;
        run.plan = candidate;
        run.believed = now;
        detector.forget();
        last_change_s = t;
        if (run.changes++ == 0) run.first_change_s = t + probe_s;
    }
    return run;
}

}  // namespace

TEST_CASE("drift: compared part by part, by who was seen often enough") {
    const auto seen = [](std::vector<std::pair<part_id, double>> computed, double per_byte) {
        telemetry made;
        for (int i = 0; i < 5; ++i) {
            for (const auto& [part, took] : computed)
                made.observe(
                    event{activity::compute, 0, part, part / 2, no_id, seconds(0.0), seconds(took), {}});
            made.observe(
                event{activity::transfer, 0, 0, 0, 1, seconds(0.0), seconds(per_byte * 1e6), bytes(1e6)});
        }
        made.observe(event{activity::compute, 0, 9, 7, no_id, seconds(0.0), seconds(5.0), {}});
        return made;
    };
    const auto factors =
        compare(seen({{0, 1.0}, {1, 3.0}, {2, 2.0}}, 1e-6), seen({{0, 2.0}, {1, 3.0}, {2, 1.0}}, 1e-5));
    CHECK(factors.device.size() == 2);  // device 7 was seen once
    CHECK(factors.device.at(0) == doctest::Approx(5.0 / 4.0));
    CHECK(factors.device.at(1) == doctest::Approx(0.5));
    CHECK(factors.between.at({0, 1}) == doctest::Approx(10.0));
}

TEST_CASE("drift: two probes must agree; hysteresis") {
    drift_detector detector;
    CHECK(!detector.probe(device_factor(1.2)));
    CHECK(!detector.probe(device_factor(2.0)));
    CHECK(!detector.probe(device_factor(1.1)));  // once is not enough
    CHECK(!detector.probe(device_factor(2.0)));
    CHECK(!detector.probe(device_factor(0.5)));  // and they must agree
    const auto drifted = detector.probe(device_factor(0.4));
    REQUIRE(drifted);
    CHECK(drifted->device.at(0) == 0.4);
    CHECK(detector.probe(device_factor(0.85)));   // still: 1 / 0.85 - 1 = 0.18
    CHECK(!detector.probe(device_factor(0.95)));  // over
    CHECK(!detector.probe(device_factor(0.85)));
    CHECK(!detector.probe({}));
}

TEST_CASE("decide: gain times horizon against the cost, by hand") {
    const replan_options options{.horizon_s = 100.0, .least_gain = 0.05, .dwell_s = 10.0};
    // now 10 requests/s: 1,000 within the horizon; new 20/s, but 30 s are lost: 1,400
    const auto good = decide({.period_now_s = 0.1, .period_new_s = 0.05, .migration_s = 30.0}, options);
    CHECK(good.change);
    CHECK(good.gained_requests == doctest::Approx(400.0));
    CHECK(!decide({.period_now_s = 0.1, .period_new_s = 0.05, .migration_s = 50.0}, options).change);
    CHECK(!decide({.period_now_s = 0.1, .period_new_s = 0.096}, options).change);  // 4 % is within the margin
    CHECK(decide({.period_now_s = 0.1, .period_new_s = 0.09}, options).change);
    CHECK(!decide({.period_now_s = 0.1, .period_new_s = 0.05, .since_change_s = 9.0}, options).change);
    CHECK(decide({.period_now_s = never, .period_new_s = 5.0, .migration_s = 99.0, .since_change_s = 0.0},
                 options)
              .change);
    CHECK(!decide({.period_now_s = never, .period_new_s = never}, options).change);
    CHECK(!decide({.period_now_s = 0.1, .period_new_s = 0.05, .migration_s = 1000.0}, options).change);
}

TEST_CASE("moved bytes: parts that a device has in the same form stay") {
    instance world = test::tiny_instance(
        2, {1.0}, {{{1, 1}, {0}, {1}, 5.0}, {{1, 1}, {1}, {1}, 7.0}, {{1, 1}, {2}, {1}, 11.0}});
    const partition one{{{{0}, 0}, {{1, 2}, 1}}}, two{{{{0}, 0}, {{1, 2}, 0}}}, three{{{{0, 1}, 0}, {{2}, 1}}};
    CHECK(moved_bytes(world, one, one) == 0.0);
    CHECK(moved_bytes(world, one, two) == 18.0);
    CHECK(moved_bytes(world, one, three) == 23.0);
}

TEST_CASE("corrected: a link is as good as its best route") {
    instance world = pipeline_world();
    // pairs 0-1 and 0-2 go over one link, number 0
    std::vector<std::vector<std::size_t>> routes(9);
    routes[1] = {0};
    routes[2] = {0, 1};
    routes[3] = {2};
    world.routes = csr(routes);
    world.link_seconds_per_byte = {1e-8, 2e-8, 1e-8};
    const auto now = corrected(world, {.device = {{1, 2.0}}, .between = {{{0, 1}, 3.0}, {{0, 2}, 8.0}}});
    const std::vector<double> expected{3e-8, 16e-8, 1e-8};
    for (std::size_t l = 0; l < 3; ++l) CHECK(now.link_seconds_per_byte[l] == doctest::Approx(expected[l]));
    CHECK(now.seconds_per_byte(0, 1) == doctest::Approx(3e-8));
    CHECK(now.seconds_per_byte(0, 2) == doctest::Approx(16e-8));
    CHECK(now.compute(0, 1) == doctest::Approx(2 * world.compute(0, 1)));
    CHECK(now.compute(0, 0) == world.compute(0, 0));
}

TEST_CASE("adapting in the simulator: noise of 10 % for ten minutes changes nothing") {
    const instance world = pipeline_world();
    const auto run = adapt(world, world, 0.0, 600.0, 0.1);
    CHECK(run.changes == 0);
}

TEST_CASE("adapting in the simulator: a link ten times slower, a device half as fast: a plan nearly as if it "
          "had known") {
    const instance before = pipeline_world();
    const auto division = plan_of(before).division;
    REQUIRE(division.parts.size() >= 2);
    instance after;
    SUBCASE("the bandwidth between the first two parts' devices drops ten times") {
        const device_id a = division.parts[0].device, b = division.parts[1].device;
        after = corrected(before, {.device = {}, .between = {{{a, b}, 10.0}}});
    }
    SUBCASE("the device of the last part computes half as fast") {
        after = corrected(before, {.device = {{division.parts.back().device, 2.0}}, .between = {}});
    }
    const double informed = period_of(after, plan_of(after));
    const double unchanged = period_of(after, plan_of(before));
    REQUIRE(unchanged > informed / 0.95);  // it matters
    for (const double noise : {0.0, 0.1}) {
        const auto run = adapt(before, after, 20.0, 60.0, noise);
        CHECK(run.changes >= 1);
        CHECK(run.first_change_s <= 20.0 + 2 * 5.0);
        CHECK(informed / period_of(after, run.plan) >= 0.95);
    }
}
