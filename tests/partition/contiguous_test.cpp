#include "dispart/partition/contiguous.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <vector>

#include "support/random_nets.hpp"

using namespace dispart;

namespace {

// Every contiguous division: all sequences of growing downward-closed sets of atoms, by plain recursion.
double brute_force(const instance& p) {
    const auto atoms = detail::atoms_of(p);
    const std::size_t n = atoms.size();
    std::vector<unsigned> before(n, 0);
    for (const auto& [from, to] : detail::forward_arcs(p, atoms)) before[to] |= 1U << from;
    const auto closed = [&](unsigned set) {
        for (std::size_t b = 0; b < n; ++b)
            if ((set >> b & 1U) && (before[b] & ~set)) return false;
        return true;
    };
    std::vector<device_id> device(n, 0);
    double best = std::numeric_limits<double>::infinity();
    std::function<void(unsigned, unsigned)> next_device = [&](unsigned done, unsigned used) {
        if (done + 1 == 1U << n) {
            const auto value = evaluate_assignment(p, detail::spread(atoms, device), objective::throughput);
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
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const instance p = test::random_nets(seed, {.layers = 3 + seed % 6,
                                                    .accelerators = 1 + seed % 3,
                                                    .cpus = seed % 2,
                                                    .training = seed % 4 == 0,
                                                    .tight = seed % 5 == 0});
        CAPTURE(seed);
        if (detail::atoms_of(p).size() > 10) continue;
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

namespace {

// A chain of 40 layers with times that are no round numbers.
instance long_chain(std::uint64_t seed) {
    instance p = test::random_nets(seed, {.layers = 40, .accelerators = 3, .cpus = 1});
    const std::size_t n = p.layer_count();
    random_source random(seed);
    std::vector<std::vector<std::size_t>> reads(n), writes(n), readers;
    p.tensor_bytes.clear(), p.producer.clear();
    for (layer_id l = 0; l + 1 < n; ++l) {
        writes[l] = reads[l + 1] = {l};
        readers.push_back({l + 1});
        p.producer.push_back(l), p.tensor_bytes.push_back(random.uniform(0.0, 1e-4));
    }
    p.reads = csr(reads), p.writes = csr(writes), p.consumers = csr(readers);
    p.together.clear();
    for (double& t : p.marginal_seconds) t *= 1.0 / 3000.0;
    return p;
}

// The least period of a chain on three accelerators and a CPU, by layers done and devices used (4 for the CPU).
double chain_recurrence(const instance& p, std::size_t most_copies) {
    const std::size_t n = p.layer_count();
    std::vector<std::array<double, 8>> best(n + 1);
    for (auto& row : best) row.fill(std::numeric_limits<double>::infinity());
    best[0][0] = 0.0;
    const auto lower = [](double& known, double value) { known = std::min(known, value); };
    for (std::size_t end = 1; end <= n; ++end)
        for (std::size_t first = end; first-- > 0;) {
            double accelerator = first > 0 ? p.tensor_bytes[first - 1] : 0.0, cpu = 0.0;
            if (end < n) accelerator += p.tensor_bytes[end - 1];
            for (layer_id l = first; l < end; ++l) {
                accelerator += p.is_allowed(l, 0) ? p.compute(l, 0) : 1e300;
                cpu += p.compute(l, 3);
            }
            for (std::size_t used = 0; used < 8; ++used) {
                for (std::size_t r = 1; r <= most_copies && used % 4 + r <= 3; ++r)
                    lower(best[end][used + r],
                          std::max(best[first][used], accelerator / static_cast<double>(r)));
                if (used < 4) lower(best[end][used + 4], std::max(best[first][used], cpu));
            }
        }
    return *std::min_element(best[n].begin(), best[n].end());
}

}  // namespace

TEST_CASE("chains that need every device equal the plain recurrence, whatever the rounding of sums") {
    std::size_t replicated = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        const instance p = long_chain(seed);
        const auto found = place_contiguous(p), copied = place_contiguous(p, {.replicate = true});
        REQUIRE(found);
        CHECK(found->value == doctest::Approx(chain_recurrence(p, 1)).epsilon(1e-9));
        CHECK(found->bound == found->value);
        REQUIRE(copied);
        CHECK(copied->value == doctest::Approx(chain_recurrence(p, 3)).epsilon(1e-9));
        CHECK(copied->bound == copied->value);
        if (copied->taking_turns.empty()) continue;
        ++replicated;
        CHECK(copied->value < found->value);
        CHECK(evaluate_replicated(p, copied->devices, copied->taking_turns)->value == copied->value);
        auto wrong = copied->taking_turns;
        wrong.front().push_back(wrong.front().front());  // a device that is busy
        CHECK(!evaluate_replicated(p, copied->devices, wrong));
    }
    CHECK(replicated > 5);
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
