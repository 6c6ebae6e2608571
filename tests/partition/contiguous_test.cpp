#include "dispart/partition/contiguous.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "support/random_nets.hpp"

using namespace dispart;

namespace {

// Every contiguous division: all sequences of growing downward-closed sets of blocks, by plain recursion.
double brute_force(const instance& p) {
    const auto blocks = detail::blocks_of(p, detail::atoms_of(p));
    const std::size_t n = blocks.problem.size();
    REQUIRE(n <= 12);
    std::vector<unsigned> before(n, 0);
    for (std::size_t b = 0; b < n; ++b)
        for (const std::size_t next : blocks.after[b]) before[next] |= 1U << b;
    const auto closed = [&](unsigned set) {
        for (std::size_t b = 0; b < n; ++b)
            if ((set >> b & 1U) && (before[b] & ~set)) return false;
        return true;
    };
    std::vector<device_id> device(n, 0);
    double best = std::numeric_limits<double>::infinity();
    std::function<void(unsigned, unsigned)> next_device = [&](unsigned done, unsigned used) {
        if (done + 1 == 1U << n) {
            const auto value =
                evaluate_assignment(p, detail::spread(blocks.problem, device), objective::throughput);
            if (value) best = std::min(best, value->value);
            return;
        }
        for (unsigned larger = done + 1; larger < 1U << n; ++larger) {
            if ((larger & done) != done || !closed(larger)) continue;
            for (device_id d = 0; d < p.device_count(); ++d) {
                if (used >> d & 1U) continue;
                for (std::size_t b = 0; b < n; ++b)
                    if ((larger & ~done) >> b & 1U) device[b] = d;
                next_device(larger, used | 1U << d);
            }
        }
    };
    next_device(0, 0);
    return best;
}

}  // namespace

TEST_CASE("contiguous divisions equal brute force") {
    std::size_t infeasible = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const instance p = test::random_nets(seed, {.layers = 3 + seed % 6,
                                                    .accelerators = 1 + seed % 3,
                                                    .cpus = seed % 2,
                                                    .training = seed % 4 == 0,
                                                    .tight = seed % 5 == 0});
        CAPTURE(seed);
        const double expected = brute_force(p);
        const auto found = place_contiguous(p);
        if (expected == std::numeric_limits<double>::infinity()) {
            ++infeasible;
            REQUIRE(!found);
            CHECK(found.error().code == errc::infeasible);
            continue;
        }
        REQUIRE(found);
        CHECK(found->value == doctest::Approx(expected).epsilon(1e-9));
        CHECK(found->bound == found->value);
        const auto intervals = place_contiguous(p, {.exact = false});
        if (intervals) CHECK(intervals->value >= found->value * (1.0 - 1e-9));
    }
    CHECK(infeasible < 75);
}

TEST_CASE("a search that is cut short claims no bound") {
    std::size_t cut_short = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const instance p = test::random_nets(seed, {.layers = 40, .accelerators = 4, .cpus = 1});
        const auto found = place_contiguous(p, {.budget = {.steps = 20}, .orders = 1});
        const auto best = place_contiguous(p);
        REQUIRE(found);
        REQUIRE(best);
        CHECK(found->steps <= 20);
        CHECK(best->value <= found->value);
        CHECK(found->bound <= best->value);
        if (found->bound == 0.0) ++cut_short;
    }
    CHECK(cut_short > 0);
}

TEST_CASE("what cannot be divided is named") {
    instance p = test::random_nets(3, {.layers = 5});
    p.load = load_model::serial;
    CHECK(place_contiguous(p).error().code == errc::invalid_argument);
    p = test::random_nets(3, {.layers = 5, .accelerators = 2});
    p.memory_capacity = {0.0, 0.0};
    CHECK(place_contiguous(p).error().code == errc::infeasible);
}
