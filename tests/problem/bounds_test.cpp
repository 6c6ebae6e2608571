#include "dispart/problem/bounds.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/task/evaluate.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

/// Calls `visit` with every partition of up to four layers: every grouping, every order of the groups, every placement.
void every_partition(const instance& p, const std::function<void(const partition&)>& visit) {
    std::vector<std::size_t> group(p.layer_count(), 0);
    const auto place = [&](partition division) {
        std::sort(division.parts.begin(), division.parts.end(),
                  [](auto& a, auto& b) { return a.layers < b.layers; });
        do {
            partition placed = division;
            const auto choices =
                static_cast<std::size_t>(std::pow(p.device_count(), placed.parts.size()) + 0.5);
            for (std::size_t code = 0; code < choices; ++code) {
                std::size_t rest = code;
                for (auto& part : placed.parts)
                    part.device = rest % p.device_count(), rest /= p.device_count();
                visit(placed);
            }
        } while (std::next_permutation(division.parts.begin(), division.parts.end(),
                                       [](auto& a, auto& b) { return a.layers < b.layers; }));
    };
    const std::function<void(layer_id, std::size_t)> grow = [&](layer_id l, std::size_t groups) {
        if (l == p.layer_count()) {
            partition division;
            division.parts.resize(groups);
            for (layer_id k = 0; k < l; ++k) division.parts[group[k]].layers.push_back(k);
            return place(division);
        }
        for (group[l] = 0; group[l] <= groups; ++group[l]) grow(l + 1, std::max(groups, group[l] + 1));
    };
    grow(0, 0);
}

struct optimum {
    double latency = std::numeric_limits<double>::infinity();
    double period = std::numeric_limits<double>::infinity();
    bool feasible = false;
};

optimum best_of_all(const instance& p) {
    optimum best;
    every_partition(p, [&](const partition& division) {
        const auto found = evaluate(p, division);
        if (!found) return;
        best.feasible = true;
        best.latency = std::min(best.latency, found->latency);
        best.period = std::min(best.period, found->period);
    });
    return best;
}

/// One layer class, `times[d]` on device d, `layers` times in a row, no transfers to speak of.
instance equal_layers(std::size_t layers, const std::vector<double>& times) {
    instance p;
    const std::size_t m = times.size();
    p.fixed_seconds = p.workspace_bytes = xt::zeros<double>({std::size_t{1}, m});
    p.marginal_seconds = xt::zeros<double>({std::size_t{1}, m});
    p.allowed = xt::ones<std::uint8_t>({std::size_t{1}, m});
    p.latency = p.seconds_per_byte = xt::zeros<double>({m, m});
    std::vector<std::vector<std::size_t>> consumers{{0}};
    p.tensor_bytes = {1.0};
    p.producer = {no_id};
    p.model_inputs = {0};
    for (device_id d = 0; d < m; ++d) {
        p.device_class.push_back(d);
        p.marginal_seconds(0, d) = times[d];
        p.memory_capacity.push_back(std::numeric_limits<double>::infinity());
    }
    for (layer_id l = 0; l < layers; ++l) {
        p.layer_class.push_back(0);
        p.weight_bytes.push_back(10.0);
        p.reads.push_back(std::vector<std::size_t>{l});
        p.writes.push_back(std::vector<std::size_t>{l + 1});
        p.tensor_bytes.push_back(1.0);
        p.producer.push_back(l);
        consumers.push_back(l + 1 < layers ? std::vector<std::size_t>{l + 1} : std::vector<std::size_t>{});
    }
    p.consumers = csr(consumers);
    p.model_outputs = {layers};
    return p;
}

}  // namespace

TEST_CASE("no bound exceeds the optimum over all partitions, and some are reached") {
    random_source random(21);
    int tight_latency = 0, tight_period = 0, feasible = 0, proven = 0;
    for (int trial = 0; trial < 250; ++trial) {
        const auto p = test::random_instance(random, {.layers = 1 + random.index(4),
                                                      .devices = 1 + random.index(3),
                                                      .extra_reads = random.index(4),
                                                      .unreachable = 0.15,
                                                      .places = true});
        const optimum best = best_of_all(p);
        feasible += best.feasible;
        for (const auto& bound : lower_bounds(p, objective::latency)) {
            CAPTURE(bound.name);
            REQUIRE(bound.seconds <= best.latency * (1 + 1e-12));
            tight_latency += bound.seconds >= best.latency * (1 - 1e-9) && best.feasible;
        }
        for (const auto& bound : lower_bounds(p, objective::throughput)) {
            CAPTURE(bound.name);
            REQUIRE(bound.seconds <= best.period * (1 + 1e-12));
            tight_period += bound.seconds >= best.period * (1 - 1e-9) && best.feasible;
        }
        if (!check_memory(p)) {
            ++proven;
            REQUIRE_FALSE(best.feasible);
        }
    }
    MESSAGE("of " << feasible << " feasible: " << tight_latency << " latency and " << tight_period
                  << " period bounds reached; " << proven << " of " << 250 - feasible
                  << " infeasible ones proven by memory");
    CHECK(tight_latency > 20);
    CHECK(tight_period > 20);
    CHECK(proven > 0);
}

TEST_CASE("devices that run several parts: bounds say so, or hold") {
    random_source random(22);
    int too_large = 0, uncut = 0;
    for (int trial = 0; trial < 400; ++trial) {
        auto p = test::random_instance(random, {.layers = 3 + random.index(3),
                                                .devices = 2 + random.index(2),
                                                .unreachable = 0.1,
                                                .unlimited_memory = 1.0,
                                                .places = random.chance(0.4)});
        for (double& size : p.tensor_bytes) size *= random.chance(0.4) ? 16.0 : 0.5;
        optimum any, one;  // any: a part for each run of layers on one device
        std::vector<device_id> on(p.layer_count(), 0);
        do {
            partition division;
            std::vector<int> parts(p.device_count(), 0);
            for (layer_id l = 0; l < on.size(); ++l) {
                if (l == 0 || on[l] != on[l - 1]) division.parts.push_back({{}, on[l]}), ++parts[on[l]];
                division.parts.back().layers.push_back(l);
            }
            const auto found = evaluate(p, division);
            const bool single = *std::max_element(parts.begin(), parts.end()) == 1;
            for (optimum* best : {&any, &one})
                if (found && (single || best == &any)) {
                    best->latency = std::min(best->latency, found->latency);
                    best->period = std::min(best->period, found->period);
                }
            for (device_id& d : on)  // count up
                if (++d < p.device_count()) break;
                else d = 0;
        } while (std::any_of(on.begin(), on.end(), [](device_id d) { return d != 0; }));
        for (const auto& bound : lower_bounds(p, objective::latency))
            CHECK(bound.seconds <= any.latency * (1 + 1e-12));
        for (const auto& bound : lower_bounds(p, objective::throughput)) {
            CHECK(bound.seconds <= one.period * (1 + 1e-12));
            too_large += bound.seconds > any.period * (1 + 1e-12);
        }
        const auto for_all = lower_bounds(p, objective::throughput, {.several_parts = true});
        for (const auto& bound : for_all) CHECK(bound.seconds <= any.period * (1 + 1e-12));
        uncut += for_all.back().seconds > for_all.front().seconds;
    }
    CHECK(too_large > 0);
    CHECK(uncut > 50);
}

TEST_CASE("closed form: proportional speeds share the work in proportion") {
    const auto p = equal_layers(12, {1.0, 2.0, 4.0});
    CHECK(assignment_bound(p, std::vector<bool>(12, true), 0) == doctest::Approx(12.0 / (1.0 + 0.5 + 0.25)));
    CHECK(best_lower_bound(p, objective::latency).seconds == doctest::Approx(12.0));
    CHECK(best_lower_bound(p, objective::latency).name == "critical path");
}

TEST_CASE("unrelated speeds: the search comes near the linear program's value") {
    instance p = equal_layers(2, {1.0, 1.0});
    p.layer_class = {0, 1};
    p.fixed_seconds = p.workspace_bytes = xt::zeros<double>({2, 2});
    p.allowed = xt::ones<std::uint8_t>({2, 2});
    p.marginal_seconds = xt::xtensor<double, 2>{{1.0, 9.0}, {9.0, 1.0}};
    CHECK(assignment_bound(p, {true, true}) == doctest::Approx(1.0).epsilon(0.01));
    p.marginal_seconds =
        xt::xtensor<double, 2>{{3.0, 9.0}, {9.0, 1.0}};  // 1/6 of the first goes to the second
    CHECK(assignment_bound(p, {true, true}) == doctest::Approx(2.5).epsilon(0.02));
    CHECK(assignment_bound(p, {true, true}) <= 2.5 + 1e-12);
}

TEST_CASE("memory: proofs that nothing fits") {
    auto p = equal_layers(4, {1.0, 1.0});
    p.memory_capacity = {25.0, 25.0};
    CHECK(check_memory(p));
    p.memory_capacity = {15.0, 20.0};
    CHECK(check_memory(p).error().offender == "memory");
    p.memory_capacity = {11.0, 11.0};
    CHECK(check_memory(p).error().message.find("alone") != std::string::npos);
    p.memory_capacity = {1000.0, 35.0};
    p.allowed(0, 0) = 0;  // all of them must go to the second device
    CHECK(check_memory(p).error().offender == "memory");
}
