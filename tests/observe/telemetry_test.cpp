#include "dispart/observe/telemetry.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "dispart/core/random.hpp"

using namespace dispart;

TEST_CASE("ewma: by hand, against a plain mean while it is young, and how sure it is") {
    ewma half(0.5);
    CHECK(half.half_width() == std::numeric_limits<double>::infinity());
    for (const double x : {4.0, 8.0, 16.0}) half.add(x);
    CHECK(half.mean() == doctest::Approx(11.0));  // (4 + 8) / 2 = 6, then half of the way to 16
    CHECK(half.deviation() == doctest::Approx(std::sqrt(27.0)));  // variance 4; (4 + 5 * 10) / 2

    random_source draw(3);
    std::size_t held = 0;
    for (int trial = 0; trial < 400; ++trial) {
        ewma slow(0.05);
        for (int i = 0; i < 200; ++i) slow.add(draw.normal(10.0, 2.0));
        held += std::abs(slow.mean() - 10.0) <= slow.half_width() ? 1 : 0;
    }
    CHECK(held > 400 * 0.88);
    CHECK(held < 400);

    ewma young(0.01);
    double sum = 0.0;
    for (int i = 1; i <= 20; ++i) {
        young.add(i * i);
        sum += i * i;
        CHECK(young.mean() == doctest::Approx(sum / i));
    }
}

TEST_CASE("telemetry: what was computed, carried and waited for, by place") {
    timeline seen{{"a", "b"},
                  {{activity::compute, 0, 0, 0, no_id, seconds(1.0), seconds(1.5), {}},
                   {activity::compute, 1, 0, 0, no_id, seconds(2.0), seconds(2.7), {}},
                   {activity::transfer, 0, 0, 0, 1, seconds(1.5), seconds(2.5), bytes(1e6)},
                   {activity::transfer, 1, 0, 0, 1, seconds(3.0), seconds(3.1), bytes(100.0)},
                   {activity::wait, 0, 1, 1, no_id, seconds(0.0), seconds(2.5), {}}}};
    telemetry all;
    all.observe(seen);
    CHECK(all.compute().at({0, 0}).value.mean() == doctest::Approx(0.6));
    CHECK(all.compute().at({0, 0}).total == doctest::Approx(1.2));
    CHECK(all.message().at({0, 1}).value.count() == 2);
    CHECK(all.seconds_per_byte().at({0, 1}).value.count() == 1);  // 100 bytes say nothing about a rate
    CHECK(all.seconds_per_byte().at({0, 1}).value.mean() == doctest::Approx(1e-6));
    CHECK(all.bytes_between(0, 1) == 1e6 + 100);
    CHECK(all.bytes_between(1, 0) == 0);
    CHECK(all.wait().at({1, 1}).total == doctest::Approx(2.5));
}

TEST_CASE("telemetry: messages that queue for a link tell its rate, not how long they queued") {
    timeline first{{"a", "b"}, {}}, second = first;
    for (std::size_t r = 0; r < 8; ++r)  // all handed over at once, a second each
        (r < 4 ? first : second)
            .events.push_back({activity::transfer, r, 0, 0, 1, seconds(0.0),
                               seconds(static_cast<double>(r) + 1.0), bytes(1e6)});
    std::swap(first.events[0], first.events[3]);
    telemetry all;
    all.observe(first);
    all.observe(second);
    CHECK(all.seconds_per_byte().at({0, 1}).value.mean() == doctest::Approx(1e-6));
    CHECK(all.seconds_per_byte().at({0, 1}).value.deviation() == doctest::Approx(0.0));
    CHECK(all.message().at({0, 1}).value.mean() == doctest::Approx(4.5));
}
