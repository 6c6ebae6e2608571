#include "dispart/partition/criteria.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"

using namespace dispart;

namespace {

resource_rates random_rates(random_source& random, const instance& problem) {
    resource_rates rates;
    for (device_id d = 0; d < problem.device_count(); ++d) {
        rates.idle_watts.push_back(random.uniform(0.5, 5.0));
        rates.busy_watts.push_back(rates.idle_watts.back() + random.uniform(1.0, 50.0));
        rates.price_per_hour.push_back(random.uniform(0.0, 3.0));
    }
    for (link_id l = 0; l < problem.link_count(); ++l) {
        rates.joules_per_byte.push_back(random.uniform(0.0, 0.5));
        rates.price_per_byte.push_back(random.uniform(0.0, 1e-4));
    }
    return rates;
}

/// All contiguous divisions on all orders of devices, through the library's other enumeration.
template <class Visit>
void every_division(const instance& problem, const resource_rates& rates, Visit visit) {
    const std::size_t n = problem.layer_count(), m = problem.device_count();
    std::vector<std::size_t> assigned(n, 0);
    for (bool more = true; more;) {
        partition division;
        std::vector<bool> seen(m, false);
        bool runs = true;
        for (layer_id l = 0; l < n; ++l) {
            if (l > 0 && assigned[l] == assigned[l - 1]) {
                division.parts.back().layers.push_back(l);
                continue;
            }
            runs = runs && !seen[assigned[l]];
            seen[assigned[l]] = true;
            division.parts.push_back({{l}, assigned[l]});
        }
        if (runs)
            if (const auto figures = judge(problem, division, rates)) visit(*figures);
        more = false;
        for (std::size_t l = n; l-- > 0 && !more;) more = (assigned[l] = (assigned[l] + 1) % m) != 0;
    }
}

}  // namespace

TEST_CASE("energy, price, latency and period under limits: equal to brute force, searched or not") {
    random_source random(4);
    int tried = 0, near = 0;
    for (int k = 0; k < 60; ++k) {
        const auto problem = test::random_instance(random, {.layers = 6, .devices = 3});
        criteria_options options{.rates = random_rates(random, problem)};
        for (const auto figure : {&criteria::latency, &criteria::period, &criteria::joules, &criteria::price}) {
            double least = std::numeric_limits<double>::infinity(), most_latency = 0.0;
            every_division(problem, options.rates,
                           [&](const criteria& c) { most_latency = std::max(most_latency, c.latency); });
            options.limits.latency = random.chance(0.5) ? most_latency * random.uniform(0.1, 1.0)
                                                        : std::numeric_limits<double>::infinity();
            every_division(problem, options.rates, [&](const criteria& c) {
                if (c.latency <= options.limits.latency) least = std::min(least, c.*figure);
            });
            const auto best = best_by(problem, figure, options);
            REQUIRE(best.has_value() == (least < std::numeric_limits<double>::infinity()));
            if (!best) continue;
            CHECK(best->exact);
            CHECK(best->figures.*figure == doctest::Approx(least));
            CHECK(best->figures.latency <= options.limits.latency);
            auto fewer = options;
            fewer.evaluations = 90;  // too few for all: searched
            const auto searched = best_by(problem, figure, fewer);
            if (!searched) continue;
            CHECK(!searched->exact);
            CHECK(searched->figures.*figure >= doctest::Approx(least));
            ++tried, near += searched->figures.*figure <= least * 1.01 ? 1 : 0;
        }
    }
    CHECK(near * 10 >= tried * 8);
}

TEST_CASE("the front holds every division that none beats, and no other") {
    random_source random(5);
    for (int k = 0; k < 30; ++k) {
        const auto problem = test::random_instance(random, {.layers = 5, .devices = 3});
        const criteria_options options{.rates = random_rates(random, problem), .most_plans = 10000};
        std::vector<criteria> all;
        every_division(problem, options.rates, [&](const criteria& c) { all.push_back(c); });
        const auto front = pareto(problem, options);
        REQUIRE(front.has_value() == !all.empty());
        if (!front) continue;
        for (const auto& c : all) {
            const bool beaten =
                std::any_of(all.begin(), all.end(), [&](const criteria& o) { return dominates(o, c); });
            const bool is_there =
                std::any_of(front->begin(), front->end(), [&](const auto& f) { return f.figures == c; });
            CHECK(is_there == !beaten);
        }
    }
}

TEST_CASE("rates of another size, limits that nothing keeps, and a thinned front") {
    random_source random(6);
    const auto problem =
        test::random_instance(random, {.layers = 6, .devices = 3, .forbidden = 0.0, .unlimited_memory = 1.0});
    CHECK(best_by(problem, &criteria::joules, {.rates = {.busy_watts = {1.0}}}).error().code ==
          errc::invalid_argument);
    const auto nothing = best_by(problem, &criteria::price, {.limits = {-1.0, 1.0, 1.0, 1.0}});
    REQUIRE(!nothing);
    CHECK(nothing.error().offender == "limits");
    const auto thin = pareto(problem, {.rates = random_rates(random, problem), .most_plans = 2});
    REQUIRE(thin);
    CHECK(thin->size() <= 2);
}
