#include <doctest/doctest.h>

#include <cmath>

#include "dispart/simulate/jitter.hpp"

using namespace dispart;

TEST_CASE("jitter: factors have mean 1 and the spread that was asked for") {
    for (const auto kind : {jitter_kind::uniform, jitter_kind::log_normal, jitter_kind::exponential}) {
        const jitter j{.kind = kind, .spread = 0.3, .seed = 4};
        double sum = 0.0, squares = 0.0;
        const std::size_t n = 200'000;
        for (request_id r = 0; r < n; ++r) {
            const double f = j.factor(r, 2);
            CHECK_MESSAGE(f >= 0.0, "request " << r);
            sum += f;
            squares += f * f;
        }
        const double mean = sum / static_cast<double>(n);
        CHECK(mean == doctest::Approx(1.0).epsilon(0.01));
        CHECK(std::sqrt(squares / static_cast<double>(n) - mean * mean) ==
              doctest::Approx(kind == jitter_kind::exponential ? 1.0 : 0.3).epsilon(0.02));
        CHECK(j.factor(7, 2) == j.factor(7, 2));
        CHECK(j.factor(7, 2) != j.factor(7, 3));
    }
    CHECK(jitter{}.factor(3, 4) == 1.0);
}

TEST_CASE("jitter: a task may have a spread of its own; layers that vary on their own partly even out") {
    const jitter j{.kind = jitter_kind::uniform, .spread = 0.3, .task_spread = {0.0}, .seed = 1};
    CHECK(j.factor(5, 0) == 1.0);
    CHECK(j.factor(5, 1) != 1.0);
    CHECK(combined_spread({1.0, 1.0, 1.0, 1.0}, 0.2) == doctest::Approx(0.1));
    CHECK(combined_spread({}, 0.2) == 0.0);
    CHECK(validate(jitter{.kind = jitter_kind::uniform, .spread = 0.7}).error().offender == "spread");
    CHECK(validate(jitter{.kind = jitter_kind::log_normal, .spread = -0.1}).error().offender == "spread");
    CHECK(validate(jitter{.kind = jitter_kind::log_normal, .spread = 2.0}));
}
