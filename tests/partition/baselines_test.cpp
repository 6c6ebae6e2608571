#include "dispart/partition/baselines.hpp"

#include <doctest/doctest.h>

#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

instance chain_of(std::size_t layers, const std::vector<double>& seconds) {
    std::vector<test::tiny_layer> all;
    for (std::size_t l = 0; l < layers; ++l) all.push_back({seconds, {l}, {1}, 10});
    return test::tiny_instance(seconds.size(), {1}, all);
}

std::vector<std::size_t> sizes(const partition& division) {
    std::vector<std::size_t> out;
    for (const auto& p : division.parts) out.push_back(p.layers.size());
    return out;
}

}  // namespace

TEST_CASE("the best single device is the fastest one that fits") {
    auto problem = chain_of(4, {3, 1, 2});
    CHECK(best_single_device{}(problem, objective::latency)->parts.front().device == 1);
    problem.memory_capacity[1] = 10;
    CHECK(best_single_device{}(problem, objective::latency)->parts.front().device == 2);
    problem.memory_capacity.assign(3, 10);
    const auto none = best_single_device{}(problem, objective::latency);
    REQUIRE(!none);
    CHECK(none.error().offender == "device1");
}

TEST_CASE("the best single device counts the way from the source and to the sink") {
    auto problem = chain_of(4, {3, 1});
    problem.source = problem.sink = 0;
    problem.seconds_per_byte(0, 1) = 9;
    CHECK(best_single_device{}(problem, objective::latency)->parts.front().device == 0);
    CHECK(best_single_device{}(problem, objective::throughput)->parts.front().device == 1);
}

TEST_CASE("even shares differ by one layer at most") {
    CHECK(sizes(*even_partitioner{}(chain_of(8, {1, 5, 9}), objective::latency)) ==
          std::vector<std::size_t>{3, 3, 2});
    CHECK(sizes(*even_partitioner{}(chain_of(2, {1, 5, 9}), objective::latency)) ==
          std::vector<std::size_t>{1, 1});
}

TEST_CASE("proportional shares follow the speed") {
    CHECK(sizes(*proportional_partitioner{}(chain_of(12, {1, 2, 4}), objective::latency)) ==
          std::vector<std::size_t>{7, 3, 2});
    CHECK(sizes(*proportional_partitioner{}(chain_of(6, {0, 0}), objective::latency)) ==
          std::vector<std::size_t>{6});
}

TEST_CASE("a baseline that does not fit says so") {
    auto problem = chain_of(8, {1, 1});
    problem.memory_capacity = {1000, 20};
    CHECK(!even_partitioner{}(problem, objective::latency));
    CHECK(!proportional_partitioner{}(problem, objective::latency));
    CHECK(!even_partitioner{}(instance{}, objective::latency));
    CHECK(!proportional_partitioner{}(instance{}, objective::latency));
    CHECK(!best_single_device{}(instance{}, objective::latency));
}

TEST_CASE("whatever a baseline returns is feasible") {
    random_source random(31);
    for (int round = 0; round < 300; ++round) {
        const auto problem = test::random_instance(random, {.places = true});
        for (const auto goal : {objective::latency, objective::throughput}) {
            for (const auto& division :
                 {best_single_device{}(problem, goal), even_partitioner{}(problem, goal),
                  proportional_partitioner{}(problem, goal)})
                if (division) CHECK(evaluate(problem, *division));
        }
    }
}
