#include "dispart/run/processor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "dispart/run/probe.hpp"
#include "dispart/run/report.hpp"
#include "dispart/run/virtual_world.hpp"

using namespace dispart;

namespace {

/// A thread that may compute for `quota` out of each `period` nanoseconds, and asks what time it is every microsecond that it
/// computes.
struct limited_thread {
    std::int64_t quota, period;
    std::int64_t elapsed = 0, used = 0, used_in_period = 0;

    detail::processor_moment operator()() {
        const std::int64_t step = 1000;
        elapsed += step, used += step, used_in_period += step;
        if (used_in_period >= quota) {
            elapsed = (elapsed / period + 1) * period;
            used_in_period = 0;
        }
        return {elapsed, used};
    }
};

processor_share share_of(std::int64_t quota, std::int64_t period, std::int64_t at = 0) {
    limited_thread thread{quota, period, at};
    return detail::share_seen(seconds(0.5), [&] { return thread(); });
}

}  // namespace

TEST_CASE("processor share: a limit of containers is seen, and its period") {
    for (const std::int64_t period : {10'000'000, 100'000'000})
        for (const double share : {0.1, 0.25, 0.5, 0.8}) {
            const auto quota = static_cast<std::int64_t>(share * static_cast<double>(period));
            const auto seen = share_of(quota, period);
            CAPTURE(period);
            CAPTURE(share);
            CHECK(seen.of_core == doctest::Approx(share).epsilon(0.01));
            CHECK(seen.period.value == doctest::Approx(static_cast<double>(period) * 1e-9).epsilon(0.01));
        }
}

TEST_CASE("processor share: a thread that is not held back, or hardly, has the whole core") {
    CHECK(share_of(std::int64_t{1} << 60, std::int64_t{1} << 61).of_core == 1.0);
    CHECK(share_of(9'500'000, 10'000'000).of_core == 1.0);
    CHECK(share_of(9'500'000, 10'000'000).period.value == 0.0);
    const auto here = measure_processor_share(seconds(0.02));
    CHECK((here.of_core > 0.0 && here.of_core <= 1.0));
}

TEST_CASE("processor share: one measurement for all who ask, until it has stood for a while") {
    virtual_world world(3);
    int measured = 0, now = 0, most = 0;
    CHECK(world.run([&] {
        held_value<processor_share> meter(seconds(5.0), [&] {
            most = std::max(most, ++now);
            sleep_until(deadline_in(seconds(0.5)));
            --now;
            return processor_share{0.5 / ++measured, {}};
        });
        std::vector<thread> asking;
        for (int i = 0; i < 8; ++i)
            asking.emplace_back([&] {
                for (int k = 0; k < 20; ++k) CHECK(meter.read().of_core == 0.5);
            });
        for (thread& each : asking) each.join();
        CHECK(measured == 1);
        sleep_until(deadline_in(seconds(5.1)));
        CHECK(meter.read().of_core == 0.25);
    }));
    CHECK(most == 1);
}

TEST_CASE("processor share: how long work lasts") {
    const processor_share fifth{0.2, seconds(0.010)};
    CHECK(lasts(0.0, fifth) == 0.0);
    CHECK(lasts(0.001, {}) == 0.001);
    CHECK(lasts(0.001, {0.5, seconds(0.0)}) == 0.002);
    CHECK(lasts(0.0019, fifth) == doctest::Approx(0.0019).epsilon(0.01));  // a period's quota at once
    CHECK(lasts(2.0, fifth) == doctest::Approx(10.0).epsilon(0.01));       // at the share in the long run
    CHECK(lasts(1.0, {1e-6, seconds(1e-9)}) == doctest::Approx(1e6).epsilon(0.01));  // whatever a peer says
    // 3 ms: 2 ms of the first period, then the rest of it is waited for, unless it ends within them; then 1 ms
    CHECK(lasts(0.003, fifth) == doctest::Approx(0.2 * 0.003 + 0.8 * (0.006 + 0.001)).epsilon(0.05));
}

TEST_CASE("processor time: computing takes it, sleeping does not") {
    const auto process_before = process_processor_now();  // first: the process's clock counts the readings too
    const auto thread_before = thread_processor_now();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto slept = thread_processor_now() - thread_before;
    CHECK((slept >= 0 && slept < 10'000'000));
    while (thread_processor_now() - thread_before < 5'000'000) {
    }
    CHECK(process_processor_now() - process_before >= 5'000'000);
}

TEST_CASE("report: processor time of a stage, its thread's and its process's") {
    detail::placed_spans place{.stage = 0};
    for (std::uint64_t r = 0; r < 3; ++r) {
        const auto at = static_cast<std::int64_t>(r) * 10'000'000;
        place.spans.push_back({span_kind::compute, r, 0, 0, at, at + 4'000'000, 2'000'000, 5'000'000 + at / 2});
        place.spans.push_back({span_kind::output, r, 0, 0, at, at});
    }
    const auto seen = detail::summarise(place, 0, {.first = 0, .count = 3});
    CHECK(seen.used_by_thread.value == doctest::Approx(0.002));
    CHECK(seen.used_by_process.value == doctest::Approx(0.005));
    CHECK(seen.compute.value == doctest::Approx(0.004));
    CHECK(detail::summarise(place, 0, {.first = 2, .count = 1}).used_by_process.value == 0.0);
}
