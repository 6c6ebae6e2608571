#include <doctest/doctest.h>

#include <vector>

#include "dispart/simulate/statistics.hpp"

using namespace dispart;

TEST_CASE("summarise: percentiles by nearest rank") {
    std::vector<double> sample;
    for (int i = 100; i > 0; --i) sample.push_back(i);
    const auto all = summarise(sample);
    CHECK(all.count == 100);
    CHECK(all.mean == 50.5);
    CHECK(all.least == 1.0);
    CHECK(all.p50 == 50.0);
    CHECK(all.p90 == 90.0);
    CHECK(all.p99 == 99.0);
    CHECK(all.p999 == 100.0);
    CHECK(all.most == 100.0);
    CHECK(summarise({3.0}).p50 == 3.0);
    CHECK(summarise({}).count == 0);
}

TEST_CASE("utilisation_over_time: shares of equal spans") {
    timeline trace{{"a", "b"}, {}};
    trace.events.push_back({activity::compute, 0, 0, 0, no_id, seconds(0.0), seconds(3.0), bytes(0.0)});
    trace.events.push_back({activity::compute, 0, 1, 1, no_id, seconds(3.0), seconds(8.0), bytes(0.0)});
    trace.events.push_back({activity::transfer, 0, 0, 0, 1, seconds(0.0), seconds(3.0), bytes(1.0)});
    const auto share = utilisation_over_time(trace, 4);
    CHECK(share[0] == std::vector<double>{1.0, 0.5, 0.0, 0.0});
    CHECK(share[1] == std::vector<double>{0.0, 0.5, 1.0, 1.0});
    CHECK(utilisation_over_time({}, 4).empty());
}
