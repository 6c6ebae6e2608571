#include <doctest/doctest.h>

#include <vector>

#include "dispart/simulate/energy.hpp"

using namespace dispart;

TEST_CASE("make_bill: idle power while alive, busy power while it computes, bytes, hours") {
    const std::vector<double> busy{4.0, 0.0}, alive{10.0, 7.0}, carried{1000.0};
    const cost_rates rates{.busy_watts = {9.0, 5.0},
                           .idle_watts = {2.0, 1.0},
                           .price_per_hour = {3.6, 0.0},
                           .joules_per_byte = {0.01},
                           .price_per_byte = {0.002},
                           .processors = {2, 1}};
    const auto made = make_bill(rates, {10.0, busy, alive, carried});
    REQUIRE(made);
    CHECK(made->device_joules[0] == doctest::Approx(2.0 * 10.0 + 7.0 * 4.0 / 2.0));
    CHECK(made->device_joules[1] == doctest::Approx(7.0));
    CHECK(made->joules == doctest::Approx(34.0 + 7.0 + 10.0));
    CHECK(made->price == doctest::Approx(0.01 + 2.0));
    CHECK(make_bill({}, {10.0, busy, alive, carried})->joules == 0.0);
    CHECK(make_bill({.busy_watts = {1.0}}, {10.0, busy, alive, carried}).error().offender == "devices");
    CHECK(make_bill({.price_per_byte = {1.0, 1.0}}, {10.0, busy, alive, carried}).error().offender ==
          "links");
}
