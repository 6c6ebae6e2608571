#pragma once
// One server and its queue, as a task graph on one device: what queueing theory has formulas for.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dispart/simulate/load.hpp"
#include "dispart/simulate/simulate.hpp"

namespace dispart::test {

inline instance one_device() {
    instance problem;
    problem.device_class = {0};
    problem.latency = xt::zeros<double>({1, 1});
    problem.seconds_per_byte = xt::zeros<double>({1, 1});
    problem.routes = csr(std::vector<std::vector<std::size_t>>(1));
    problem.device_names = {"server"};
    return problem;
}

inline task_graph one_task(double service) {
    return {{{0, 0, service}}, {{no_id, 0, {}, 0.0, no_id, 0}, {0, no_id, {}, 0.0, 0, no_id}}};
}

struct queue_figures {
    double wait = 0.0;    // mean seconds in the queue
    double load = 0.0;    // share of the time in which the server works
    double length = 0.0;  // mean number of requests that wait
};

/// Requests that arrive by a Poisson process at a server whose mean service takes 1 s. Also checks, from the times
/// alone, that the server never idles while a request waits (Lindley's recursion) and Little's law.
inline queue_figures play_queue(double load, bool exponential_service, std::size_t requests,
                                std::uint64_t seed) {
    const auto problem = one_device();
    const auto graph = one_task(1.0);
    simulation_options options{.requests = requests, .trace = false};
    options.arrivals =
        make_arrivals({.pattern = arrival_pattern::poisson, .rate = load, .seed = seed}, requests).value();
    if (exponential_service) options.variation = {.kind = jitter_kind::exponential, .seed = seed};
    const auto out = simulate(problem, graph, options);
    REQUIRE(out);
    REQUIRE(out->completed == requests);
    double waited = 0.0, sojourn = 0.0, free_at = 0.0, furthest = 0.0;
    for (request_id r = 0; r < requests; ++r) {
        const double service = options.variation.factor(r, 0);
        const double begin = std::max(free_at, options.arrivals[r]);
        free_at = begin + service;
        furthest = std::max(furthest, std::abs(out->finished[r] - free_at) / free_at);
        waited += begin - options.arrivals[r];
        sojourn += out->finished[r] - out->admitted[r];
    }
    CHECK(furthest < 1e-9);
    CHECK(out->in_flight_area == doctest::Approx(sojourn).epsilon(1e-9));
    CHECK(out->queue_area[0] == doctest::Approx(waited).epsilon(1e-6));
    const double span = out->makespan().value;
    return {waited / static_cast<double>(requests), out->device_busy[0] / span, out->queue_area[0] / span};
}

/// Mean wait in the queue for a mean service of 1 s. Source: Kleinrock, Queueing Systems, vol. 1, 1975, (5.63).
inline double expected_wait(double load, bool exponential_service) {
    return load / (1.0 - load) * (exponential_service ? 1.0 : 0.5);
}

}  // namespace dispart::test
