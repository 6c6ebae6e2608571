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

TEST_CASE("an order of one's own, with devices left out of it") {
    random_source random(51);
    for (int round = 0; round < 100; ++round) {
        const auto problem = small_instance(random);
        auto order = detail::all_devices(problem);
        random.shuffle(order);
        order.resize(1 + random.index(order.size()));
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto expected = exhaustive_partitioner{.order = order}(problem, goal);
            const auto got = chain_partitioner{.order = order}(problem, goal);
            REQUIRE(expected.has_value() == got.has_value());
            if (!got) continue;
            CHECK(evaluate(problem, *got)->value(goal) ==
                  doctest::Approx(evaluate(problem, *expected)->value(goal)).epsilon(1e-8));
        }
    }
}

TEST_CASE("where routes share links the bound holds and the value is what evaluate says") {
    random_source random(52);
    int exact = 0;
    for (int round = 0; round < 300; ++round) {
        const auto problem = test::random_instance(random, {.layers = 1 + random.index(8),
                                                            .devices = 1 + random.index(4),
                                                            .extra_reads = random.index(6),
                                                            .places = true,
                                                            .shared_links = true});
        const auto expected = exhaustive_partitioner{}(problem, objective::throughput);
        const auto got = chain_partitioner{}.solve(problem, objective::throughput);
        REQUIRE(expected.has_value() == got.has_value());
        if (!got) continue;
        const double best = evaluate(problem, *expected)->period;
        CHECK(got->bound <= best * (1 + 1e-9));
        CHECK(got->value >= best * (1 - 1e-9));
        CHECK(got->value == evaluate(problem, got->division)->period);
        if (got->exact) CHECK(got->value == doctest::Approx(best).epsilon(1e-8));
        exact += got->exact;
    }
    CHECK(exact > 100);
}

TEST_CASE("improve finds something better, or nothing where there is nothing") {
    random_source random(53);
    for (int round = 0; round < 100; ++round) {
        auto problem = test::random_instance(random, {.layers = 6, .extra_reads = 0});
        auto solver = chain_solver::make(problem);
        REQUIRE(solver);
        const auto order = detail::all_devices(problem);
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto best = solver->solve(order, goal);
            if (!best || best->value == 0.0) continue;
            CHECK(!solver->improve(order, goal, best->value));
            const auto better = solver->improve(order, goal, best->value * 1.5);
            REQUIRE(better);
            CHECK(better->value == doctest::Approx(best->value).epsilon(1e-6));
        }
    }
}

TEST_CASE("a limit on states makes the answer inexact, never wrong") {
    random_source random(54);
    int inexact = 0;
    for (int round = 0; round < 100; ++round) {
        const auto problem = test::random_instance(
            random, {.layers = 10, .devices = 4, .extra_reads = 12, .forbidden = 0, .unlimited_memory = 1});
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto full = chain_partitioner{}.solve(problem, goal);
            const auto limited = chain_partitioner{.options = {.max_states = 12}}.solve(problem, goal);
            REQUIRE(full);
            REQUIRE(limited);
            CHECK(limited->value >= full->value * (1 - 1e-9));
            CHECK(limited->bound <= full->value * (1 + 1e-9));
            CHECK(evaluate(problem, limited->division)->value(goal) == limited->value);
            inexact += !limited->exact;
        }
    }
    CHECK(inexact > 20);
}

TEST_CASE("what is wrong is named") {
    auto problem = test::tiny_instance(2, {0}, {{{4, 8}, {0}, {1}, 10}, {{4, 8}, {1}, {1}, 20}});
    const auto refusal = [&](chain_partitioner with = {}) {
        const auto got = with.solve(problem, objective::throughput);
        REQUIRE(!got);
        return got.error();
    };
    CHECK(refusal({.order = {0, 0}}).offender == "device0");
    CHECK(refusal({.order = {7}}).code == errc::invalid_argument);
    problem.memory_capacity = {15, 15};
    CHECK(refusal().offender == "layer1");
    problem.memory_capacity = {22, 12};  // enough in sum, and for each layer, but not in this order
    CHECK(refusal().offender == "memory");
    CHECK(chain_partitioner{.order = {1, 0}}.solve(problem, objective::latency).has_value() == false);
    problem.memory_capacity.assign(2, std::numeric_limits<double>::infinity());
    problem.allowed(0, 0) = problem.allowed(1, 1) = 0;
    CHECK(refusal().offender == "placement");  // layer 0 on device 1, layer 1 on device 0: not in this order
    CHECK(chain_partitioner{.order = {1, 0}}.solve(problem, objective::latency));
    problem.latency(1, 0) = std::numeric_limits<double>::infinity();
    CHECK(refusal({.order = {1, 0}}).offender == "routes");
    CHECK(!chain_partitioner{}.solve(instance{}, objective::latency));
}
