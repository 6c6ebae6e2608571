#include "dispart/partition/chain.hpp"

#include <doctest/doctest.h>

#include <array>

#include "dispart/partition/exhaustive.hpp"
#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

/// From two layers on one device to eight on four, plain chains and nets with skipping tensors, every kind of trouble.
instance small_instance(random_source& random) {
    auto problem = test::random_instance(random, {.layers = 1 + random.index(8),
                                                  .devices = 1 + random.index(4),
                                                  .extra_reads = random.chance(0.3) ? 0 : random.index(8),
                                                  .forbidden = random.chance(0.5) ? 0.0 : 0.15,
                                                  .unreachable = random.chance(0.7) ? 0.0 : 0.3,
                                                  .places = random.chance(0.7),
                                                  .inputs = 1 + random.index(3)});
    if (random.chance(0.3)) problem.load = load_model::serial;
    return problem;
}

void compare_with_oracle(const instance& problem, objective goal, std::array<int, 2>& outcomes) {
    const auto expected = exhaustive_partitioner{}(problem, goal);
    const auto got = chain_partitioner{}.solve(problem, goal);
    REQUIRE(expected.has_value() == got.has_value());
    ++outcomes[expected.has_value()];
    if (!expected) {
        CHECK(got.error().code == errc::infeasible);
        return;
    }
    const double best = evaluate(problem, *expected)->value(goal);
    const auto achieved = evaluate(problem, got->division);  // accepts: every layer exactly once
    REQUIRE(achieved);
    CHECK(achieved->value(goal) == doctest::Approx(best).epsilon(1e-8));
    CHECK(got->value == achieved->value(goal));
    CHECK(got->bound <= best * (1 + 1e-9));
    CHECK(got->exact);
}

}  // namespace

TEST_CASE("the chain algorithm equals exhaustive search on 2,000 random instances") {
    random_source random(2024);
    std::array<int, 2> outcomes{};
    for (int round = 0; round < 2000; ++round) {
        const auto problem = small_instance(random);
        CAPTURE(round);
        compare_with_oracle(problem, objective::latency, outcomes);
        compare_with_oracle(problem, objective::throughput, outcomes);
    }
    CHECK(outcomes[0] > 200);
    CHECK(outcomes[1] > 2000);
}
