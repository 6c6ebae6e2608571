#include "dispart/cost/fit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

layer_work random_work(random_source& random) {
    return {flops(random.uniform(1e6, 1e9)), bytes(random.uniform(1e3, 1e7)), bytes(random.uniform(1e3, 1e7)),
            bytes(random.uniform(1e3, 1e7))};
}

std::vector<const cost_sample*> pointers(const std::vector<cost_sample>& samples) {
    std::vector<const cost_sample*> all;
    for (const auto& s : samples) all.push_back(&s);
    return all;
}

}  // namespace

TEST_CASE("times that follow a law are fitted exactly") {
    random_source random(31);
    for (int trial = 0; trial < 50; ++trial) {
        cost_features law{};
        for (double& c : law) c = random.chance(0.5) ? random.uniform(1e-11, 1e-9) : 0.0;
        law[0] *= 1e5;
        std::vector<cost_sample> samples(30);
        for (auto& s : samples) {
            s.family = op_family::gemm;
            s.work = random_work(random);
            s.measured = cost_law{law}(s.work);
        }
        const cost_law found = fit_law(pointers(samples), {.floor = seconds(1e-12)});
        CHECK(found.samples == 30);
        CHECK(found.spread < 1e-6);
        const layer_work other = random_work(random);
        CHECK(found(other).value == doctest::Approx(cost_law{law}(other).value).epsilon(1e-6));
    }
}

TEST_CASE("coefficients are never negative, and no non-negative ones are better") {
    random_source random(32);
    for (int trial = 0; trial < 30; ++trial) {
        std::vector<cost_sample> samples(20);
        for (auto& s : samples) {
            s.family = op_family::gemm;
            s.work = random_work(random);
            s.measured = seconds(random.uniform(1e-3, 2e-3));
        }
        const cost_law found = fit_law(pointers(samples));
        const auto error_of = [&](const cost_features& c) {
            double sum = 0.0;
            for (const auto& s : samples) {
                const double gap = cost_law{c}(s.work) / s.measured - 1.0;
                sum += gap * gap;
            }
            return sum;
        };
        const double least = error_of(found.seconds_per);
        for (const double c : found.seconds_per) CHECK(c >= 0.0);
        const cost_features unit{1e-3, 1e-12, 1e-10, 1e-10, 1e-10, 1e-10, 1e-10};
        for (std::size_t f = 0; f < cost_feature_count; ++f)
            for (const double step : {-1e-3, 1e-3}) {
                cost_features moved = found.seconds_per;
                moved[f] += step * unit[f];
                if (moved[f] >= 0.0) CHECK(error_of(moved) >= least * (1 - 1e-9));
            }
    }
}

TEST_CASE("constants that a core's cache does not hold cost more") {
    std::vector<cost_sample> samples;
    for (double size = 0.25; size <= 8.0; size *= 2.0) {
        cost_sample made{.family = op_family::gemm};
        made.work.weights = bytes(size * near_bytes);
        made.measured = seconds(1e-11 * made.work.weights.value +
                                1e-10 * std::max(0.0, made.work.weights.value - near_bytes));
        samples.push_back(made);
    }
    const cost_law law = fit_law(pointers(samples), {.floor = seconds(1e-12)});
    CHECK(law.spread < 1e-6);
    CHECK(law({.weights = bytes(16.0 * near_bytes)}).value == doctest::Approx(166e-11 * near_bytes));
}

TEST_CASE("few samples get few features, so that the law extrapolates") {
    cost_sample one;
    one.family = op_family::gemm;
    one.work = {flops(1e9), bytes(1e6), bytes(1e6), bytes(1e6)};
    one.measured = 1_s;
    const cost_law law = fit_law(pointers({one}));
    layer_work larger = one.work;
    larger.compute = flops(2e9);
    CHECK(law(larger).value == doctest::Approx(2.0));
    CHECK(fit_law({}).samples == 0);
}

TEST_CASE("layers that cost nothing, and senseless times") {
    std::vector<cost_sample> samples(6);
    for (auto& s : samples) s.work = {flops(1e6), bytes(1e6), bytes(1e6), {}};
    CHECK(fit_law(pointers(samples))(samples[0].work).value == 0.0);
    samples[0].measured = seconds(std::numeric_limits<double>::quiet_NaN());
    samples[1].measured = seconds(-1.0);
    samples[2].measured = seconds(std::numeric_limits<double>::infinity());
    CHECK(fit_law(pointers(samples)).samples == 3);
}

TEST_CASE("a law's constant stays below the most that a call can cost") {
    std::vector<cost_sample> samples(12);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].work.compute = flops(1e6 * static_cast<double>(i + 1));
        samples[i].measured = seconds(1e-4 + 1e-6 * static_cast<double>(i + 1));
    }
    CHECK(fit_law(pointers(samples)).seconds_per[0] == doctest::Approx(1e-4));
    const cost_law bounded = fit_law(pointers(samples), {.most_overhead = seconds(2e-5)});
    CHECK(bounded.seconds_per[0] <= 2e-5 * (1 + 1e-12));
    CHECK(bounded.spread > 0.0);
}
