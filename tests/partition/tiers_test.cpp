#include "dispart/partition/tiers.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"

using namespace dispart;

TEST_CASE("device, edge, cloud: exact for chains, never worse than one or two tiers for nets") {
    random_source random(91);
    int chains = 0, nets = 0;
    for (int round = 0; round < 200; ++round) {
        auto problem = test::random_instance(
            random, {.layers = 7, .devices = 3, .extra_reads = random.index(6), .forbidden = 0.03});
        const bool chain = random.chance(0.5);
        if (chain) problem = test::as_chain(std::move(problem));
        problem.source = problem.sink = 0;
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto found = tiers_partitioner{{0, 1, 2}}(problem, goal);
            const auto best = exhaustive_partitioner{.order = {0, 1, 2}}(problem, goal);
            CHECK(found.has_value() >= best.has_value());
            if (!found || !best) continue;
            const double value = evaluate(problem, *found)->value(goal);
            const double contiguous = evaluate(problem, *best)->value(goal);
            if (chain) CHECK(value == doctest::Approx(contiguous).epsilon(1e-8));
            else CHECK(value <= contiguous * (1.0 + 1e-8));
            ++(chain ? chains : nets);
            for (const two_tiers pair : {two_tiers{0, 1}, {0, 2}, {1, 2}})
                if (const auto two = min_cut_partitioner{pair}(problem, goal))
                    CHECK(value <= evaluate(problem, *two)->value(goal));
        }
    }
    CHECK(chains > 50);
    CHECK(nets > 50);
}
