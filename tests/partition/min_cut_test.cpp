#include "dispart/partition/min_cut.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"

using namespace dispart;

namespace {

/// Every set of layers on device 0 that needs nothing from the rest, which is on device 1.
double best_by_force(const instance& problem, objective goal, bool prefixes) {
    double best = std::numeric_limits<double>::infinity();
    const std::size_t n = problem.layer_count();
    for (std::size_t set = 0; set < std::size_t{1} << n; ++set) {
        if (prefixes && (set & (set + 1)) != 0) continue;
        partition division{{{{}, 0}, {{}, 1}}};
        for (layer_id l = 0; l < n; ++l) division.parts[(set >> l & 1) != 0 ? 0 : 1].layers.push_back(l);
        std::erase_if(division.parts, [](const part& p) { return p.layers.empty(); });
        if (const auto achieved = evaluate(problem, division)) best = std::min(best, achieved->value(goal));
    }
    return best;
}

template <class Partitioner>
void check(const Partitioner& by, const instance& problem, objective goal, bool prefixes, int& feasible) {
    const double best = best_by_force(problem, goal, prefixes);
    const auto found = by(problem, goal);
    REQUIRE(found.has_value() == std::isfinite(best));
    if (!found) return;
    ++feasible;
    const double value = evaluate(problem, *found)->value(goal);
    CHECK(value == doctest::Approx(best).epsilon(1e-12));
    for (const device_id d : {0, 1})
        if (const auto alone =
                evaluate(problem, detail::contiguous_partition({0, problem.layer_count()}, {d})))
            CHECK(value <= alone->value(goal));
}

}  // namespace

TEST_CASE("1,000 random nets on two tiers: minimum cuts and the scan equal brute force") {
    random_source random(77);
    int cuts = 0, scans = 0;
    for (int round = 0; round < 1000; ++round) {
        auto problem = test::random_instance(random, {.layers = 1 + random.index(8),
                                                      .devices = 2,
                                                      .extra_reads = random.index(8),
                                                      .forbidden = random.chance(0.7) ? 0.0 : 0.1,
                                                      .inputs = 1 + random.index(2)});
        problem.source = random.chance(0.8) ? 0 : no_id;
        problem.sink = random.chance(0.8) ? 0 : random.chance(0.5) ? 1 : no_id;
        const auto goal = random.chance(0.7) ? objective::latency : objective::throughput;
        check(min_cut_partitioner{{0, 1}}, problem, goal, false, cuts);
        check(neurosurgeon_partitioner{{0, 1}}, problem, goal, true, scans);
    }
    CHECK(cuts > 700);
    CHECK(scans > 700);
}

TEST_CASE("a sweep of bandwidths moves the cut from the device to the cloud") {
    random_source random(78);
    auto problem = test::random_instance(
        random, {.layers = 10, .devices = 2, .extra_reads = 6, .forbidden = 0, .unlimited_memory = 1});
    for (layer_id l = 0; l < 10; ++l) {
        problem.marginal_seconds(l, 0) = 2.0 + static_cast<double>(l % 3);
        problem.fixed_seconds(l, 0) = problem.fixed_seconds(l, 1) = 0.0;
        problem.marginal_seconds(l, 1) = 0.01;
    }
    for (double& size : problem.tensor_bytes) size += 1.0;
    problem.source = problem.sink = 0;
    problem.latency(0, 1) = problem.latency(1, 0) = 0.1;
    int feasible = 0;
    std::vector<std::size_t> on_device;
    for (double rate = 100.0; rate > 1e-3; rate /= 1.5) {
        problem.seconds_per_byte(0, 1) = problem.seconds_per_byte(1, 0) = rate;
        check(min_cut_partitioner{}, problem, objective::latency, false, feasible);
        check(neurosurgeon_partitioner{}, problem, objective::latency, true, feasible);
        const auto found = min_cut_partitioner{}(problem, objective::latency);
        on_device.push_back(found->parts.front().device == 0 ? found->parts.front().layers.size() : 0);
    }
    CHECK(on_device.front() == 10);
    CHECK(on_device.back() == 0);
}

TEST_CASE("two tiers must be two devices") {
    random_source random(79);
    const auto problem = test::random_instance(random, {.devices = 1});
    CHECK(min_cut_partitioner{}(problem, objective::latency).error().code == errc::invalid_argument);
    CHECK(neurosurgeon_partitioner{{0, 0}}(problem, objective::latency).error().code == errc::invalid_argument);
}
