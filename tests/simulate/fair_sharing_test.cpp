#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/fair_sharing.hpp"

using namespace dispart;

TEST_CASE("max_min_rates: the textbook's example") {
    // Two links of 1: flow 0 crosses both, 1 and 2 the first, 3 the second.
    const std::array<std::size_t, 2> both{0, 1};
    const std::array<std::size_t, 1> first{0};
    const std::array<std::size_t, 1> second{1};
    const std::vector<flow_path> flows{{both}, {first}, {first}, {second}};
    const auto rates = max_min_rates(flows, std::vector<double>{1.0, 1.0});
    CHECK(rates[0] == doctest::Approx(1.0 / 3));
    CHECK(rates[1] == doctest::Approx(1.0 / 3));
    CHECK(rates[2] == doctest::Approx(1.0 / 3));
    CHECK(rates[3] == doctest::Approx(2.0 / 3));
}

TEST_CASE("max_min_rates: a flow's own limit leaves the rest to others; nothing limits a free flow") {
    const std::array<std::size_t, 1> link{0};
    const std::vector<flow_path> flows{{link, 0.25}, {link}, {{}}};
    const auto rates = max_min_rates(flows, std::vector<double>{1.0});
    CHECK(rates[0] == doctest::Approx(0.25));
    CHECK(rates[1] == doctest::Approx(0.75));
    CHECK(rates[2] == std::numeric_limits<double>::infinity());
}

TEST_CASE("max_min_rates: each flow has a bottleneck, and no link carries more than it can") {
    random_source random(7);
    for (int round = 0; round < 200; ++round) {
        const std::size_t links = 1 + random.index(6);
        std::vector<double> capacity;
        for (std::size_t l = 0; l < links; ++l) capacity.push_back(random.uniform(0.5, 10.0));
        std::vector<std::vector<std::size_t>> paths(1 + random.index(12));
        for (auto& path : paths)
            while (path.empty())
                for (std::size_t l = 0; l < links; ++l)
                    if (random.chance(0.4)) path.push_back(l);
        std::vector<flow_path> flows;
        for (const auto& path : paths)
            flows.push_back({path, random.chance(0.3) ? random.uniform(0.1, 5.0) : 1e300});
        const auto rates = max_min_rates(flows, capacity);

        std::vector<double> used(links, 0.0);
        std::vector<double> fastest(links, 0.0);
        for (std::size_t f = 0; f < flows.size(); ++f)
            for (const auto l : flows[f].links) {
                used[l] += rates[f];
                fastest[l] = std::max(fastest[l], rates[f]);
            }
        for (std::size_t l = 0; l < links; ++l) CHECK(used[l] <= capacity[l] * (1 + 1e-9));
        // Max-min: each flow is at its limit, or crosses a full link on which nobody is faster (Bertsekas, Gallager).
        for (std::size_t f = 0; f < flows.size(); ++f) {
            bool held = rates[f] >= flows[f].limit * (1 - 1e-9);
            for (const auto l : flows[f].links)
                held = held || (used[l] >= capacity[l] * (1 - 1e-9) && rates[f] >= fastest[l] * (1 - 1e-9));
            CHECK(held);
        }
    }
}
