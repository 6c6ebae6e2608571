#include "dispart/partition/exhaustive.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

instance three_layers() {
    // The second device is fast for the last layer; links cost 1 + bytes.
    return test::tiny_instance(2, {0}, {{{4, 8}, {0}, {1}}, {{4, 8}, {1}, {1}}, {{9, 3}, {2}, {1}}});
}

}  // namespace

TEST_CASE("the best cut by hand, for both objectives") {
    const auto fastest = exhaustive_partitioner{}(three_layers(), objective::latency);
    REQUIRE(fastest);
    CHECK(*fastest == partition{{{{0, 1}, 0}, {{2}, 1}}});  // 8 + 2 + 3 against 17 and 19
    const auto steady = exhaustive_partitioner{}(three_layers(), objective::throughput);
    REQUIRE(steady);
    CHECK(*steady == partition{{{{0, 1}, 0}, {{2}, 1}}});
}

TEST_CASE("the order of devices is kept") {
    const auto reversed = exhaustive_partitioner{.order = {1, 0}}(three_layers(), objective::latency);
    REQUIRE(reversed);
    CHECK(*reversed == partition{{{{0, 1, 2}, 0}}});
}

TEST_CASE("a size limit is kept, and an instance that nothing fits is infeasible") {
    auto problem = three_layers();
    const auto refused = exhaustive_partitioner{.max_candidates = 3}(problem, objective::latency);
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::limit_exceeded);
    CHECK(exhaustive_partitioner{.max_candidates = 4}(problem,
                                                      objective::latency));  // 2 whole, 2 cuts of one pair
    CHECK(!exhaustive_assignment_partitioner{.max_candidates = 7}(problem, objective::latency));
    CHECK(exhaustive_assignment_partitioner{.max_candidates = 8}(problem, objective::latency));
    problem.memory_capacity = {0, 0};
    const auto nothing = exhaustive_partitioner{}(problem, objective::latency);
    REQUIRE(!nothing);
    CHECK(nothing.error().code == errc::infeasible);
    CHECK(!nothing.error().offender.empty());
}

TEST_CASE("free assignment finds what contiguous cuts cannot") {
    // Two independent layers and one that joins them: 0 and 2 belong together, 1 elsewhere.
    const auto problem = test::tiny_instance(
        2, {0}, {{{1, 9}, {0}, {5}}, {{9, 1}, {0}, {0}}, {{1, 9}, {1}, {5}}, {{9, 1}, {2, 3}, {0}}});
    const auto best = exhaustive_assignment_partitioner{}(problem, objective::throughput);
    REQUIRE(best);
    CHECK(*best == partition{{{{0, 2}, 0}, {{1, 3}, 1}}});
    CHECK(evaluate(problem, *best)->period == 5);
    CHECK(evaluate(problem, *exhaustive_partitioner{.order = {}}(problem, objective::throughput))->period > 5);
}

TEST_CASE("free assignment is never worse than contiguous cuts in either device order") {
    random_source random(21);
    for (int round = 0; round < 200; ++round) {
        const auto problem = test::random_instance(
            random, {.layers = 1 + random.index(6), .devices = 1 + random.index(3), .places = true});
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto contiguous = exhaustive_partitioner{}(problem, goal);
            const auto free = exhaustive_assignment_partitioner{}(problem, goal);
            if (!contiguous) continue;
            REQUIRE(free);
            CHECK(evaluate(problem, *free)->value(goal) <= evaluate(problem, *contiguous)->value(goal));
        }
    }
}
