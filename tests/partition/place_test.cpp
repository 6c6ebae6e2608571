#include "dispart/partition/place.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/random_nets.hpp"

using namespace dispart;

namespace {

// The best of all assignments of atoms to devices, by trying each.
double brute_force(const instance& p, objective goal) {
    const auto atoms = detail::atoms_of(p);
    std::vector<device_id> device(atoms.size(), 0);
    double best = std::numeric_limits<double>::infinity();
    for (;;) {
        if (const auto value = evaluate_assignment(p, detail::spread(atoms, device), goal))
            best = std::min(best, value->value);
        std::size_t a = 0;
        while (a < device.size() && ++device[a] == p.device_count()) device[a++] = 0;
        if (a == device.size()) return best;
    }
}

test::nets_shape small_shape(std::uint64_t seed) {
    return {.layers = 3 + seed % 5,
            .accelerators = 1 + seed % 3,
            .cpus = seed % 2,
            .training = seed % 4 == 0,
            .tight = seed % 5 == 0};
}

}  // namespace

TEST_CASE("searches reach brute force on small graphs, and no bound exceeds it") {
    for (const objective goal : {objective::throughput, objective::latency}) {
        std::size_t missed = 0, solved = 0;
        for (std::uint64_t seed = 1; seed <= 40; ++seed) {
            auto shape = small_shape(seed);
            if (goal == objective::latency) shape.training = false;
            const instance p = test::random_nets(seed, shape);
            CAPTURE(seed);
            const double expected = brute_force(p, goal);
            const auto bound = placement_bound(p, goal);
            REQUIRE(bound);
            CHECK(*bound <= expected * (1.0 + 1e-9));
            const auto found = place(p, goal, {.budget = {.seconds = 1e6, .steps = 4000}});
            if (!std::isfinite(expected)) {
                CHECK(!found);
                continue;
            }
            if (!found) {
                ++missed;
                continue;
            }
            ++solved;
            CHECK(found->value >= expected * (1.0 - 1e-9));
            CHECK(found->bound <= expected * (1.0 + 1e-9));
            CHECK(evaluate_assignment(p, found->devices, goal)->value == found->value);
            if (found->value > expected * (1.0 + 1e-9)) ++missed;
        }
        CHECK(missed <= 2);
        CHECK(solved >= 25);
    }
}

TEST_CASE("small graphs are solved exactly, or shown to have no placement") {
    for (const objective goal : {objective::throughput, objective::latency}) {
        std::size_t infeasible = 0, limited = 0;
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            auto shape = small_shape(seed);
            shape.accelerators = 1 + seed % 4;
            if (goal == objective::latency) shape.training = false;
            instance p = test::random_nets(seed, shape);
            if (seed % 3 == 0) p.max_devices = 1 + seed % 2, ++limited;
            if (detail::atoms_of(p).size() > 7) continue;
            CAPTURE(seed);
            const double expected = brute_force(p, goal);
            const auto found = place(p, goal, {.budget = {.seconds = 1e6, .steps = 1'000'000}});
            if (!std::isfinite(expected)) {
                ++infeasible;
                REQUIRE(!found);
                CHECK(found.error().code == errc::infeasible);
                CHECK(found.error().hint.find("cannot hold together") != std::string::npos);
                continue;
            }
            REQUIRE(found);
            CHECK(found->value == doctest::Approx(expected).epsilon(1e-9));
            CHECK(found->is_optimal());
            CHECK(!found->reason.empty());
            const auto tree = place_by_tree(p, goal);
            REQUIRE(tree);
            CHECK(tree->value == doctest::Approx(expected).epsilon(1e-9));
            CHECK(tree->bound == tree->value);
        }
        CHECK(infeasible > 0);
        CHECK(limited > 0);
    }
}

TEST_CASE("each limit in a conflict is needed") {
    std::size_t conflicts = 0;
    for (std::uint64_t seed = 1; seed <= 200 && conflicts < 10; ++seed) {
        instance p = test::random_nets(seed, {.layers = 6, .accelerators = 2, .tight = true});
        if (seed % 2 == 0) p.max_devices = 1;
        if (std::isfinite(brute_force(p, objective::throughput))) continue;
        ++conflicts;
        const auto names = detail::conflicting_limits(
            p, [](const instance& q) { return std::isfinite(brute_force(q, objective::throughput)); });
        CAPTURE(seed);
        REQUIRE(!names.empty());
        for (const auto& limit : detail::limits_of(p)) {
            if (std::find(names.begin(), names.end(), limit.name) == names.end()) continue;
            instance without = p;  // the others of the conflict only
            for (const auto& other : detail::limits_of(p))
                if (other.name == limit.name ||
                    std::find(names.begin(), names.end(), other.name) == names.end())
                    other.lift(without);
            CHECK(std::isfinite(brute_force(without, objective::throughput)));
        }
        const auto found = place(p, objective::throughput, {.budget = {.seconds = 1e6, .steps = 1'000'000}});
        REQUIRE(!found);
        for (const auto& name : names) CHECK(found.error().hint.find(name) != std::string::npos);
    }
    CHECK(conflicts == 10);
}

TEST_CASE("loads follow moves as the evaluator has them") {
    const instance p = test::random_nets(11, {.layers = 30, .accelerators = 3, .cpus = 1, .training = true});
    const auto atoms = detail::atoms_of(p);
    detail::device_loads loads(atoms, std::vector<device_id>(atoms.size(), 3));
    detail::fast_random random(5);
    for (int i = 0; i < 2000; ++i) {
        const std::size_t a = random.index(atoms.size());
        const device_id d = random.index(4);
        if (loads.of(a) != d && loads.fits(a, d)) loads.move(a, d);
        if (i % 100 != 0) continue;
        const auto value =
            evaluate_assignment(p, detail::spread(atoms, loads.devices()), objective::throughput);
        REQUIRE(value);
        for (device_id e = 0; e < 4; ++e)
            CHECK(loads.load(e) == doctest::Approx(value->device_load[e]).epsilon(1e-9));
    }
}

TEST_CASE("a budget of steps is repeatable, and more is never worse than the contiguous optimum") {
    const instance p = test::random_nets(21, {.layers = 16, .accelerators = 4, .cpus = 1, .training = true});
    const place_options options{.budget = {.seconds = 1e6, .steps = 60000}};
    const auto once = place(p, objective::throughput, options),
               again = place(p, objective::throughput, options);
    REQUIRE(once);
    REQUIRE(again);
    CHECK(once->devices == again->devices);
    CHECK(once->value <= place_contiguous(p)->value);
    const instance q = test::random_nets(22, {.layers = 40, .accelerators = 3, .cpus = 1});
    CHECK(place(q, objective::latency, options)->devices == place(q, objective::latency, options)->devices);
}

TEST_CASE("a budget of seconds alone is searched") {
    const instance p = test::random_nets(23, {.layers = 60, .accelerators = 4, .cpus = 1});
    for (const auto goal : {objective::throughput, objective::latency}) {
        const auto found = place(p, goal, {.budget = {.seconds = 0.1}});
        REQUIRE(found);
        CHECK((found->is_optimal() || found->steps > 1000));
    }
}

TEST_CASE("names that are not known are refused") {
    const instance p = test::random_nets(3, {.layers = 5});
    CHECK(place(p, objective::throughput, {.algorithm = "magic"}).error().code == errc::invalid_argument);
    CHECK(place(p, objective::latency, {.algorithm = "ideals"}).error().code == errc::invalid_argument);
}
