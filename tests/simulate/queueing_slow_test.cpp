#include <doctest/doctest.h>

#include "simulate/queueing.hpp"

using namespace dispart;

TEST_CASE(
    "simulate: M/D/1 and M/M/1 at loads up to 0.9, over ten million requests, within 2 % of the formulas") {
    for (const bool exponential : {false, true})
        for (const double load : {0.1, 0.5, 0.7, 0.8, 0.9}) {
            const auto seen = test::play_queue(load, exponential, load > 0.75 ? 10'000'000 : 2'000'000, 3);
            const double expected = test::expected_wait(load, exponential);
            MESSAGE((exponential ? "M/M/1" : "M/D/1")
                    << " at " << load << ": " << seen.wait << " for " << expected);
            CHECK(seen.wait == doctest::Approx(expected).epsilon(0.02));
        }
}
