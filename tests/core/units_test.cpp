#include <doctest/doctest.h>

#include <type_traits>

#include "dispart/core/units.hpp"

using namespace dispart;

template <class A, class B>
concept addable = requires(A a, B b) {
    a + b;
};

TEST_CASE("units: amounts, rates and times combine as they should") {
    CHECK((1_GiB / (1_GiB / 2_s)).value == doctest::Approx(2.0));
    CHECK((3_GFLOP / 1.5_GFLOPS).value == doctest::Approx(2.0));
    CHECK((100_Mbps * 8_s) == 100_MB);
    CHECK((5_W * 2_s) == 10_J);
    CHECK(2_ms + 500_us == 2.5_ms);
    CHECK(1_KiB > 1_KB);
    CHECK(6_ms / 2_ms == doctest::Approx(3.0));
}

TEST_CASE("units: what has no meaning does not compile") {
    static_assert(addable<seconds, seconds>);
    static_assert(!addable<seconds, bytes>);
    static_assert(!addable<seconds, double>);
    static_assert(!std::is_convertible_v<double, seconds>);
    static_assert(!std::is_convertible_v<seconds, double>);
}
