#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/simulate.hpp"

using namespace dispart;

namespace {

/// Devices fully meshed by own links of one latency and bandwidth.
instance mesh(std::size_t devices, double latency, double seconds_per_byte) {
    instance problem;
    problem.device_class.assign(devices, 0);
    problem.latency = xt::zeros<double>({devices, devices});
    problem.seconds_per_byte = xt::zeros<double>({devices, devices});
    std::vector<std::vector<std::size_t>> routes;
    for (device_id a = 0; a < devices; ++a) problem.device_names.push_back("d" + std::to_string(a));
    for (device_id a = 0; a < devices; ++a)
        for (device_id b = 0; b < devices; ++b) {
            routes.emplace_back();
            if (a == b) continue;
            problem.latency(a, b) = latency;
            problem.seconds_per_byte(a, b) = seconds_per_byte;
            routes.back().push_back(problem.link_seconds_per_byte.size());
            problem.link_seconds_per_byte.push_back(seconds_per_byte);
        }
    problem.routes = csr(routes);
    return problem;
}

task_graph chain(const std::vector<double>& seconds, const std::vector<double>& sizes) {
    task_graph graph;
    for (std::size_t t = 0; t < seconds.size(); ++t) graph.tasks.push_back({t, t, seconds[t]});
    for (std::size_t t = 0; t + 1 < seconds.size(); ++t)
        graph.messages.push_back({t, t + 1, {t}, sizes[t], t, t + 1});
    graph.messages.push_back({no_id, 0, {}, 0.0, no_id, 0});
    graph.messages.push_back({seconds.size() - 1, no_id, {}, 0.0, seconds.size() - 1, no_id});
    return graph;
}

}  // namespace

TEST_CASE("simulate: one request on a chain takes the sum of its computes and transfers") {
    const auto problem = mesh(3, 0.5, 0.01);
    const auto outcome = simulate(problem, chain({1.0, 2.0, 3.0}, {100.0, 50.0}));
    REQUIRE(outcome);
    CHECK(outcome->first_latency().value == doctest::Approx(1 + (0.5 + 1.0) + 2 + (0.5 + 0.5) + 3));
    CHECK(outcome->trace.events.size() == 5);
}

TEST_CASE("simulate: a pipeline's period is its slowest device or link, latency left out") {
    const auto slow_device =
        simulate(mesh(3, 5.0, 0.01), chain({1.0, 2.0, 1.5}, {100.0, 150.0}), {.requests = 64});
    REQUIRE(slow_device);
    // Two messages may be under way at once, which hides a latency of 5 only behind 2 * 2 s: bounded queues show.
    CHECK(slow_device->period().value > 2.0);
    const auto deep = simulate(mesh(3, 5.0, 0.01), chain({1.0, 2.0, 1.5}, {100.0, 150.0}),
                               {.requests = 64, .input_queue = 8});
    CHECK(deep->period().value == doctest::Approx(2.0));
    const auto slow_link =
        simulate(mesh(3, 0.1, 0.01), chain({1.0, 2.0, 1.5}, {100.0, 250.0}), {.requests = 64});
    CHECK(slow_link->period().value == doctest::Approx(2.5));
}

TEST_CASE("simulate: a window of one makes every request as slow as the first") {
    const auto outcome =
        simulate(mesh(2, 0.0, 0.01), chain({1.0, 2.0}, {100.0}), {.requests = 8, .window = 1});
    REQUIRE(outcome);
    CHECK(outcome->period().value == doctest::Approx(4.0));
    CHECK(outcome->makespan().value == doctest::Approx(32.0));
}

TEST_CASE("simulate: two messages over one link each get half of it") {
    auto problem = mesh(3, 0.0, 0.01);
    // d0 -> d1 and d0 -> d2 both leave by one uplink.
    problem.link_seconds_per_byte = {0.01};
    std::vector<std::vector<std::size_t>> routes(9);
    routes[1] = routes[2] = {0};
    problem.routes = csr(routes);
    task_graph graph;
    graph.tasks = {{0, 0, 1.0}, {1, 1, 1.0}, {2, 2, 1.0}};
    graph.messages = {{0, 1, {0}, 100.0, 0, 1},
                      {0, 2, {1}, 100.0, 0, 2},
                      {1, no_id, {}, 0.0, 1, no_id},
                      {2, no_id, {}, 0.0, 2, no_id},
                      {no_id, 0, {}, 0.0, no_id, 0}};
    const auto shared = simulate(problem, graph);
    REQUIRE(shared);
    CHECK(shared->makespan().value == doctest::Approx(1 + 2 + 1));
    CHECK(shared->link_busy[0] == doctest::Approx(2.0));
    const auto own = simulate(mesh(3, 0.0, 0.01), graph);
    CHECK(own->makespan().value == doctest::Approx(1 + 1 + 1));
}

TEST_CASE("simulate: a device shared by two tasks works on one at a time, oldest request first") {
    auto graph = chain({1.0, 1.0}, {0.0});
    graph.tasks[1].device = 0;
    graph.messages[0].to_device = 0;
    graph.messages[2].from_device = 0;
    const auto outcome = simulate(mesh(1, 0.0, 0.0), graph, {.requests = 16});
    REQUIRE(outcome);
    CHECK(outcome->makespan().value == doctest::Approx(32.0));
    CHECK(outcome->finished[0] == doctest::Approx(2.0));
    CHECK(outcome->device_busy[0] == doctest::Approx(32.0));
}

TEST_CASE("simulate: requests that arrive later start later") {
    const auto outcome =
        simulate(mesh(1, 0.0, 0.0), chain({1.0}, {}), {.requests = 3, .arrivals = {0.0, 0.5, 5.0}});
    REQUIRE(outcome);
    CHECK(outcome->finished == std::vector<double>{1.0, 2.0, 6.0});
    CHECK(outcome->admitted == std::vector<double>{0.0, 0.5, 5.0});
}

TEST_CASE("simulate: spans on a device never overlap, and its busy time is their sum, on random pipelines") {
    random_source random(11);
    for (int round = 0; round < 50; ++round) {
        const std::size_t stages = 1 + random.index(5);
        std::vector<double> seconds;
        std::vector<double> sizes;
        for (std::size_t s = 0; s < stages; ++s) {
            seconds.push_back(random.uniform(0.1, 2.0));
            sizes.push_back(random.uniform(0.0, 200.0));
        }
        auto graph = chain(seconds, sizes);
        if (stages > 2)
            graph.messages.push_back({0, stages - 1, {}, random.uniform(0.0, 200.0), 0, stages - 1});
        const auto problem = mesh(stages, random.uniform(0.0, 0.2), 0.01);
        const auto outcome = simulate(problem, graph, {.requests = 20});
        REQUIRE(outcome);
        CHECK(std::is_sorted(outcome->finished.begin(), outcome->finished.end()));
        std::vector<double> until(stages, 0.0);
        std::vector<double> busy(stages, 0.0);
        for (const auto& e : outcome->trace.events) {
            if (e.what != activity::compute) continue;
            CHECK(e.begin.value >= until[e.device] - 1e-9);
            until[e.device] = e.end.value;
            busy[e.device] += (e.end - e.begin).value;
        }
        for (device_id d = 0; d < stages; ++d) CHECK(busy[d] == doctest::Approx(outcome->device_busy[d]));
        // Never faster than the slowest resource.
        double bottleneck = *std::max_element(seconds.begin(), seconds.end());
        for (std::size_t s = 0; s + 1 < stages; ++s) bottleneck = std::max(bottleneck, sizes[s] * 0.01);
        CHECK(outcome->period().value >= bottleneck - 1e-9);
        double sojourn = 0.0;  // Little's law, in the units of its integral
        for (request_id r = 0; r < 20; ++r) sojourn += outcome->finished[r] - outcome->admitted[r];
        CHECK(outcome->in_flight_area == doctest::Approx(sojourn));
        CHECK(outcome->completed == 20);
        const auto again = simulate(problem, graph, {.requests = 20});
        CHECK(again->trace.events == outcome->trace.events);
    }
}

TEST_CASE(
    "simulate: a device never idles while a message waits for it and there is room, on random pipelines") {
    random_source random(12);
    for (int round = 0; round < 40; ++round) {
        const std::size_t stages = 1 + random.index(5);
        std::vector<double> seconds, sizes;
        for (std::size_t s = 0; s < stages; ++s) {
            seconds.push_back(random.uniform(0.1, 2.0));
            sizes.push_back(random.uniform(0.0, 200.0));
        }
        simulation_options options{.requests = 30, .input_queue = 40, .output_queue = 40};
        options.variation = {.kind = jitter_kind::log_normal, .spread = 0.5, .seed = random.index(1000)};
        double at = 0.0;
        for (int r = 0; r < 30; ++r) options.arrivals.push_back(at += random.uniform(0.0, 2.0));
        const auto outcome = simulate(mesh(stages, 0.1, 0.01), chain(seconds, sizes), options);
        REQUIRE(outcome);
        // Of each stage, the times at which requests were there, began and ended.
        std::vector<std::vector<double>> there(stages), begin(stages), end(stages);
        there[0] = options.arrivals;
        for (const auto& e : outcome->trace.events) {
            if (e.what == activity::transfer) there[e.peer].push_back(e.end.value);
            else begin[e.device].push_back(e.begin.value), end[e.device].push_back(e.end.value);
        }
        for (std::size_t s = 0; s < stages; ++s) {
            double waited = 0.0;
            for (request_id r = 0; r < 30; ++r) {
                const double could = std::max(there[s][r], r == 0 ? 0.0 : end[s][r - 1]);
                CHECK(begin[s][r] == doctest::Approx(could).epsilon(1e-12));
                waited += begin[s][r] - there[s][r];
            }
            CHECK(outcome->queue_area[s] == doctest::Approx(waited));
        }
    }
}

TEST_CASE("simulate: two processors work on two tasks of a device at a time") {
    auto graph = chain({1.0, 1.0}, {0.0});
    graph.tasks[1].device = 0;
    graph.messages[0].to_device = 0;
    graph.messages[2].from_device = 0;
    const auto outcome = simulate(mesh(1, 0.0, 0.0), graph, {.requests = 16, .processors = {2}});
    REQUIRE(outcome);
    CHECK(outcome->makespan().value == doctest::Approx(17.0));
    CHECK(outcome->device_busy[0] == doctest::Approx(32.0));
    CHECK(simulate(mesh(1, 0.0, 0.0), graph, {.processors = {0}}).error().offender == "processors");
}

TEST_CASE("simulate: faults delay what they meet") {
    const auto problem = mesh(2, 0.0, 0.01);
    const auto graph = chain({2.0, 2.0}, {100.0});  // 2 s, 1 s, 2 s
    const auto end = [&](std::vector<fault> faults) {
        return simulate(problem, graph, {.faults = std::move(faults)})->makespan().value;
    };
    CHECK(end({}) == doctest::Approx(5.0));
    CHECK(end({{fault_kind::dies, 0, 1.0, 4.0}}) == doctest::Approx(4.0 + 5.0));
    CHECK(end({{fault_kind::dies, 1, 2.5, 3.5}}) == doctest::Approx(3.5 + 3.0));
    CHECK(end({{fault_kind::stalls, 1, 3.5, 4.5}}) == doctest::Approx(6.0));
    CHECK(end({{fault_kind::slows, 1, 3.0, 5.0, 0.5}}) == doctest::Approx(6.0));
    CHECK(end({{fault_kind::degrades, 0, 2.0, 4.0, 0.25}}) == doctest::Approx(2.0 + 2.0 + 0.5 + 2.0));
    const auto died = simulate(problem, graph, {.faults = {{fault_kind::dies, 0, 1.0, 4.0}}});
    REQUIRE(died->trace.events.size() == 4);  // what was lost, and again
    CHECK(died->trace.events[0].end.value == doctest::Approx(1.0));
    CHECK(died->trace.events[1].begin.value == doctest::Approx(4.0));
    CHECK(died->device_busy[0] == doctest::Approx(3.0));
    CHECK(died->device_alive[0] == doctest::Approx(6.0));
    const auto lost = simulate(problem, graph, {.requests = 3, .faults = {{fault_kind::dies, 1, 6.0}}});
    REQUIRE(lost);
    CHECK(lost->completed == 1);
    CHECK(lost->makespan().value == doctest::Approx(5.0));
    CHECK(lost->finished[1] == std::numeric_limits<double>::infinity());
    CHECK(simulate(problem, graph, {.faults = {{fault_kind::degrades, 9}}}).error().offender == "fault 0");
}

TEST_CASE("simulate: every request survives faults that end, in order, and no sooner than without them") {
    random_source random(13);
    for (int round = 0; round < 60; ++round) {
        const std::size_t stages = 2 + random.index(4);
        std::vector<double> seconds, sizes;
        for (std::size_t s = 0; s < stages; ++s) {
            seconds.push_back(random.uniform(0.1, 2.0));
            sizes.push_back(random.uniform(0.0, 200.0));
        }
        const auto problem = mesh(stages, random.uniform(0.0, 0.2), 0.01);
        std::vector<fault> faults;
        for (int i = 0; i < 5; ++i) {
            const auto what = static_cast<fault_kind>(random.index(4));
            const double at = random.uniform(0.0, 40.0);
            faults.push_back({what, random.index(what == fault_kind::degrades ? problem.link_count() : stages),
                              at, at + random.uniform(0.0, 15.0), random.uniform(0.0, 1.0)});
        }
        const auto graph = chain(seconds, sizes);
        const auto calm = simulate(problem, graph, {.requests = 20});
        const auto outcome = simulate(problem, graph, {.requests = 20, .faults = faults});
        REQUIRE(outcome);
        CHECK(outcome->completed == 20);
        double sojourn = 0.0;
        for (request_id r = 0; r < 20; ++r) {
            CHECK(outcome->finished[r] >= calm->finished[r] - 1e-9);
            sojourn += outcome->finished[r] - outcome->admitted[r];
        }
        CHECK(std::is_sorted(outcome->finished.begin(), outcome->finished.end()));
        CHECK(outcome->in_flight_area == doctest::Approx(sojourn));
        CHECK(simulate(problem, graph, {.requests = 20, .faults = faults})->trace.events ==
              outcome->trace.events);
    }
}

TEST_CASE("simulate: what cannot be is refused by name") {
    const auto graph = chain({1.0, 1.0}, {1.0});
    CHECK(simulate(mesh(2, 0, 0), graph, {.requests = 0}).error().code == errc::invalid_argument);
    CHECK(simulate(mesh(2, 0, 0), graph, {.input_queue = 0}).error().code == errc::invalid_argument);
    CHECK(simulate(mesh(2, 0, 0), graph, {.requests = 2, .arrivals = {1.0, 0.0}}).error().code ==
          errc::invalid_argument);
    auto cut = mesh(2, 0, 0);
    cut.latency(0, 1) = std::numeric_limits<double>::infinity();
    const auto outcome = simulate(cut, graph);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::infeasible);
    CHECK(outcome.error().offender == "d0 -> d1");
}
