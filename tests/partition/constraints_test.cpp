// Every constraint in every algorithm: random problems with memory, rules of placement (labels, pins, forbidden
// devices), layers that share a device, and a number of devices.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "dispart/partition/chain_orders.hpp"
#include "dispart/partition/exhaustive.hpp"
#include "dispart/partition/tiers.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

instance constrained(random_source& random) {
    auto problem = test::random_instance(random, {.layers = 2 + random.index(6),
                                                  .devices = 2 + random.index(3),
                                                  .extra_reads = random.chance(0.5) ? 0 : random.index(5),
                                                  .forbidden = random.chance(0.5) ? 0.3 : 0.05,
                                                  .unreachable = random.chance(0.8) ? 0.0 : 0.2,
                                                  .unlimited_memory = 0.2});
    if (random.chance(0.4)) problem = test::as_chain(std::move(problem));
    if (random.chance(0.3)) {  // a pin
        const layer_id l = random.index(problem.layer_count());
        const device_id at = random.index(problem.device_count());
        for (device_id d = 0; d < problem.device_count(); ++d) problem.allowed(l, d) = d == at ? 1 : 0;
    }
    if (random.chance(0.4)) {
        problem.together.assign(problem.layer_count(), no_id);
        for (int k = 0; k < 3; ++k) problem.together[random.index(problem.layer_count())] = random.index(2);
    }
    if (random.chance(0.3)) problem.max_devices = 1 + random.index(problem.device_count());
    return problem;
}

/// Independent of expand and evaluate.
bool violates(const instance& p, const partition& division) {
    std::vector<device_id> at(p.layer_count(), no_id), used;
    for (const part& each : division.parts) {
        if (part_memory(p, each).total() > p.memory_capacity[each.device]) return true;
        used.push_back(each.device);
        for (const layer_id l : each.layers) at[l] = each.device;
    }
    std::sort(used.begin(), used.end());
    if (std::adjacent_find(used.begin(), used.end()) != used.end()) return true;
    if (p.max_devices > 0 && used.size() > p.max_devices) return true;
    for (layer_id l = 0; l < at.size(); ++l) {
        if (at[l] == no_id || !p.is_allowed(l, at[l])) return true;
        for (layer_id other = 0; other < l && !p.together.empty(); ++other)
            if (p.together[l] != no_id && p.together[l] == p.together[other] && at[l] != at[other])
                return true;
    }
    return false;
}

double best_of_permitted_orders(const instance& problem, objective goal) {
    auto order = detail::all_devices(problem);
    double best = std::numeric_limits<double>::infinity();
    do {
        const auto found = exhaustive_partitioner{.order = order}(problem, goal);
        if (found) best = std::min(best, evaluate(problem, *found)->value(goal));
    } while (std::next_permutation(order.begin(), order.end()));
    return best;
}

}  // namespace

TEST_CASE("10,000 random problems: no plan violates a constraint, and what is infeasible has a name") {
    random_source random(2026);
    int found = 0, refused = 0, best = 0, compared = 0;
    for (int round = 0; round < 10000; ++round) {
        const auto problem = constrained(random);
        const auto goal = random.chance(0.5) ? objective::latency : objective::throughput;
        const auto check = [&](const auto& by) {
            const auto division = by(problem, goal);
            if (division) {
                ++found;
                CHECK(!violates(problem, *division));
            } else {
                ++refused;
                CHECK(!division.error().offender.empty());
                CHECK(!division.error().message.empty());
            }
            return division;
        };
        const auto chains = check(chain_orders_partitioner{});
        if (round % 10 == 0) {
            check(chain_partitioner{});
            check(proportional_partitioner{});
            check(min_cut_partitioner{{0, 1}, 50});
        }
        if (round % 4 != 0 || problem.layer_count() > 5) continue;
        const double expected = best_of_permitted_orders(problem, goal);
        if (chains) {
            const double value = evaluate(problem, *chains)->value(goal);
            CHECK(value >= expected * (1.0 - 1e-9));
            best += value <= expected * (1.0 + 1e-8) ? 1 : 0;
            ++compared;
        } else {
            CHECK(expected == std::numeric_limits<double>::infinity());
        }
    }
    CHECK(found > 4000);
    CHECK(refused > 500);
    CHECK(best == compared);
    CHECK(compared > 500);
}
