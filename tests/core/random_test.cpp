#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "dispart/core/random.hpp"

using namespace dispart;

TEST_CASE("mix64: SplitMix64's published first outputs from seed 0") {
    CHECK(mix64(0) == 0xe220a8397b1dcdafULL);
    CHECK(mix64(0x9e3779b97f4a7c15ULL) == 0x6e789e6aa1b965f4ULL);
}

TEST_CASE("random_source: the same seed gives the same draws, within their bounds") {
    random_source a(5);
    random_source b(5);
    double sum = 0.0;
    for (int i = 0; i < 10000; ++i) {
        const double x = a.uniform(2.0, 4.0);
        CHECK(x == b.uniform(2.0, 4.0));
        CHECK((x >= 2.0 && x < 4.0));
        sum += x;
    }
    CHECK(sum / 10000 == doctest::Approx(3.0).epsilon(0.02));
    for (int i = 0; i < 1000; ++i) {
        const auto n = a.integer(-2, 2);
        CHECK((n >= -2 && n <= 2));
    }
    std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
    a.shuffle(items);
    CHECK_FALSE(std::is_sorted(items.begin(), items.end()));
    std::sort(items.begin(), items.end());
    CHECK(items == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}
