#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "dispart/simulate/load.hpp"
#include "simulate/queueing.hpp"

using namespace dispart;

TEST_CASE("make_arrivals: constant, at once, bursts, trace") {
    CHECK(make_arrivals({}, 3).value() == std::vector<double>{0.0, 0.0, 0.0});
    CHECK(make_arrivals({.pattern = arrival_pattern::constant, .rate = 4.0}, 3).value() ==
          std::vector<double>{0.0, 0.25, 0.5});
    const auto bursts =
        make_arrivals({.pattern = arrival_pattern::bursts, .rate = 10.0, .burst = 5}, 20'000).value();
    CHECK(std::is_sorted(bursts.begin(), bursts.end()));
    CHECK(bursts[0] == bursts[4]);
    CHECK(bursts[5] > bursts[4]);
    CHECK(bursts.back() == doctest::Approx(2000.0).epsilon(0.05));
    CHECK(make_arrivals({.pattern = arrival_pattern::trace, .times = {0.0, 2.0, 2.0, 9.0}}, 3).value() ==
          std::vector<double>{0.0, 2.0, 2.0});
}

TEST_CASE("make_arrivals: a Poisson process has the rate, and gaps whose deviation is their mean") {
    const auto times =
        make_arrivals({.pattern = arrival_pattern::poisson, .rate = 2.0, .seed = 9}, 200'000).value();
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = 1; i < times.size(); ++i) {
        const double gap = times[i] - times[i - 1];
        sum += gap;
        squares += gap * gap;
    }
    const double n = static_cast<double>(times.size() - 1);
    CHECK(sum / n == doctest::Approx(0.5).epsilon(0.01));
    CHECK(std::sqrt(squares / n - sum / n * sum / n) == doctest::Approx(0.5).epsilon(0.02));
    CHECK(make_arrivals({.pattern = arrival_pattern::poisson, .rate = 2.0, .seed = 9}, 10).value() ==
          std::vector<double>(times.begin(), times.begin() + 10));
}

TEST_CASE("make_arrivals: what cannot be is refused by name") {
    const auto offender = [](const request_load& load) { return make_arrivals(load, 3).error().offender; };
    CHECK(offender({.pattern = arrival_pattern::poisson, .rate = 0.0}) == "rate");
    CHECK(offender({.pattern = arrival_pattern::constant, .rate = std::nan("")}) == "rate");
    CHECK(offender({.pattern = arrival_pattern::bursts, .burst = 0}) == "burst");
    CHECK(offender({.pattern = arrival_pattern::trace, .times = {0.0}}) == "times");
    CHECK(offender({.pattern = arrival_pattern::trace, .times = {0.0, 2.0, 1.0}}) == "times[2]");
}

TEST_CASE("simulate: waiting times of M/D/1 and M/M/1 are the formulas', within what chance allows") {
    for (const bool exponential : {false, true})
        for (const double load : {0.3, 0.6}) {
            CAPTURE(exponential);
            CAPTURE(load);
            const auto seen = test::play_queue(load, exponential, 300'000, 5);
            CHECK(seen.wait == doctest::Approx(test::expected_wait(load, exponential)).epsilon(0.02));
            CHECK(seen.load == doctest::Approx(load).epsilon(0.01));
            CHECK(seen.length == doctest::Approx(load * test::expected_wait(load, exponential)).epsilon(0.02));
        }
}
