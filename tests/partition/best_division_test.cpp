#include "dispart/partition/best_division.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"

using namespace dispart;

TEST_CASE("a portfolio is never worse than its members, proves what it can and says why") {
    random_source random(31);
    std::size_t proven = 0, solved = 0;
    for (int round = 0; round < 120; ++round) {
        CAPTURE(round);
        const auto problem = test::random_instance(
            random,
            {.layers = 3 + random.index(5), .devices = 2 + random.index(2), .extra_reads = random.index(4)});
        const auto goal = random.chance(0.5) ? objective::latency : objective::throughput;
        const auto found = best_division(problem, goal);
        const auto chains = chain_orders_partitioner{}(problem, goal);
        CHECK(found.has_value() >= chains.has_value());
        if (!found) continue;
        ++solved;
        CHECK(evaluate(problem, found->division)->value(goal) == found->value);
        CHECK(found->bound <= found->value);
        CHECK(found->reason.starts_with(found->algorithm + ": "));
        CHECK(found->tried.size() >= 4);
        for (const auto& turn : found->tried) CHECK(turn.value >= found->value * (1.0 - 1e-12));
        const auto best = exhaustive_assignment_partitioner{}(problem, goal);
        REQUIRE(best);
        CHECK(found->value == doctest::Approx(evaluate(problem, *best)->value(goal)).epsilon(1e-9));
        if (found->bound >= found->value * (1.0 - 1e-9)) ++proven;
    }
    CHECK(solved > 60);
    CHECK(proven == solved);
}

TEST_CASE("no gap is left on chains") {
    random_source random(5);
    for (int round = 0; round < 40; ++round) {
        CAPTURE(round);
        const auto chain =
            test::as_chain(test::random_instance(random, {.layers = 10 + random.index(20), .devices = 4}));
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto found = best_division(chain, goal);
            if (found) CHECK(found->bound == found->value);
        }
    }
}
