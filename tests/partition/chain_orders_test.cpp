#include "dispart/partition/chain_orders.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "dispart/partition/exhaustive.hpp"
#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

/// The best over all orders of the devices.
result<double> best_of_all_orders(const instance& problem, objective goal) {
    std::vector<device_id> order = detail::all_devices(problem);
    result<double> best = fail(errc::infeasible, "", "");
    do {
        const auto division = exhaustive_partitioner{.order = order}(problem, goal);
        if (!division) continue;
        const double value = evaluate(problem, *division)->value(goal);
        if (!best || value < *best) best = value;
    } while (std::next_permutation(order.begin(), order.end()));
    return best;
}

}  // namespace

TEST_CASE("with few devices the search finds the best of all orders, on random instances") {
    random_source random(41);
    int feasible = 0;
    for (int round = 0; round < 150; ++round) {
        const auto problem = test::random_instance(random, {.layers = 2 + random.index(5),
                                                            .devices = 1 + random.index(4),
                                                            .extra_reads = random.index(5),
                                                            .unreachable = 0.1,
                                                            .places = true});
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto expected = best_of_all_orders(problem, goal);
            const auto got = chain_orders_partitioner{}.solve(problem, goal);
            if (!got) CHECK(got.error().code == errc::infeasible);
            if (!expected) CHECK(!got);
            if (!expected || !got) continue;
            ++feasible;
            CHECK(got->chain.value == doctest::Approx(*expected).epsilon(1e-6));
            CHECK(evaluate(problem, got->chain.division)->value(goal) == got->chain.value);
        }
    }
    CHECK(feasible > 150);
}

TEST_CASE("at most so many devices are used") {
    std::vector<test::tiny_layer> layers;
    for (std::size_t l = 0; l < 6; ++l) layers.push_back({{4, 3, 2, 5}, {l}, {0}});
    auto problem = test::tiny_instance(4, {0}, layers);
    const auto all = chain_orders_partitioner{}.solve(problem, objective::throughput);
    REQUIRE(all);
    CHECK(all->chain.division.parts.size() >= 3);
    for (std::size_t most = 1; most <= 3; ++most) {
        problem.max_devices = most;
        const auto few = chain_orders_partitioner{}.solve(problem, objective::throughput);
        REQUIRE(few);
        CHECK(few->chain.division.parts.size() <= most);
        CHECK(few->chain.value >= all->chain.value);
    }
    problem.max_devices = 2;
    const auto two = chain_orders_partitioner{}.solve(problem, objective::throughput);
    CHECK(two->chain.value == 8);  // 4 layers on the fastest, 2 on the next: max(8, 6)
}

TEST_CASE("the same input gives the same output, and identical devices are not permuted") {
    std::vector<test::tiny_layer> layers;
    for (std::size_t l = 0; l < 12; ++l) layers.push_back({std::vector<double>(6, 1.0), {l}, {1}});
    auto problem = test::tiny_instance(6, {0}, layers);
    problem.device_class.assign(6, 0);
    const auto once = chain_orders_partitioner{}.solve(problem, objective::throughput);
    const auto again = chain_orders_partitioner{}.solve(problem, objective::throughput);
    REQUIRE(once);
    CHECK(once->order == again->order);
    CHECK(once->tried == 2);  // one order, and all at once
    CHECK(once->chain.value == 2);
}

TEST_CASE("the search ends where the result is good enough") {
    random_source random(43);
    const auto problem =
        test::random_instance(random, {.layers = 12, .devices = 6, .forbidden = 0, .unlimited_memory = 1});
    const auto searched = chain_orders_partitioner{}.solve(problem, objective::throughput);
    const auto content = chain_orders_partitioner{{.good_enough = 1e9}}.solve(problem, objective::throughput);
    REQUIRE(searched);
    CHECK(content->tried < searched->tried);
}

TEST_CASE("a bound that the best known division reaches ends the search before all cuts are tried") {
    random_source random(44);
    const auto problem = test::random_instance(
        random, {.layers = 12, .devices = 6, .extra_reads = 6, .forbidden = 0, .unlimited_memory = 1});
    for (const auto goal : {objective::latency, objective::throughput}) {
        double asked = 0.0;
        const auto reached = [&](double value) { return asked = value; };
        const auto below = [&](double value) { return 0.5 * value; };
        const auto content = chain_orders_partitioner{{.lower_bound = reached}}.solve(problem, goal);
        const auto searched = chain_orders_partitioner{{.lower_bound = below}}.solve(problem, goal);
        REQUIRE(content);
        REQUIRE(searched);
        CHECK(asked == content->chain.value);
        CHECK(content->exact);
        CHECK_FALSE(searched->exact);
        CHECK(content->tried < searched->tried);
        CHECK(searched->chain.value <= content->chain.value);
    }
}

TEST_CASE("a search that is cut short says so, and finds no better value than the whole one") {
    random_source random(77);
    for (int k = 0; k < 40; ++k) {
        const auto problem =
            test::random_instance(random, {.layers = 9, .devices = 4, .unlimited_memory = 1.0});
        const auto order = detail::all_devices(problem);
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto whole = chain_partitioner{}.solve(problem, goal);
            const auto cut = chain_partitioner{.options = {.max_steps = 30}}.solve(problem, goal);
            if (!whole || !cut) continue;
            CHECK(cut->value >= whole->value);
            CHECK(cut->bound <= whole->value);
            if (cut->exact) CHECK(cut->value == doctest::Approx(whole->value));
        }
    }
}
