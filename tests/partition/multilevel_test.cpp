#include "dispart/partition/multilevel.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "dispart/partition/placement_bound.hpp"
#include "support/random_nets.hpp"

using namespace dispart;

TEST_CASE("a filled assignment keeps to its limit and to memory") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const instance p = test::random_nets(
            seed,
            {.layers = 200, .accelerators = 8, .cpus = 1, .training = seed % 2 == 0, .tight = seed % 3 == 0});
        const auto atoms = detail::atoms_of(p);
        const double limit = 3.0 * placement_bound(p, objective::throughput).value();
        const auto device = detail::threshold_fill(atoms).fill(limit);
        if (device.empty()) continue;
        const auto value = evaluate_assignment(p, detail::spread(atoms, device), objective::throughput);
        REQUIRE(value);
        CHECK(value->value <= limit * (1.0 + 1e-9));
    }
}

TEST_CASE("many layers on many devices come near the bound") {
    const instance p = test::random_nets(5, {.layers = 3000, .accelerators = 60});
    const double bound = placement_bound(p, objective::throughput).value();
    const multilevel_options options{.budget = {.seconds = 1e6, .steps = 300000}, .enough = bound};
    const auto found = place_multilevel(p, options);
    REQUIRE(found);
    CHECK(found->value >= bound);
    CHECK(found->value <= 1.4 * bound);
    CHECK(place_multilevel(p, options)->devices == found->devices);
    const auto start = detail::threshold_fill(detail::atoms_of(p)).best(bound);
    CHECK(found->value <=
          evaluate_assignment(p, detail::spread(detail::atoms_of(p), start), objective::throughput)->value);
}
