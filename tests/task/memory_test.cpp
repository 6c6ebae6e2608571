#include "dispart/task/memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "dispart/problem/segment_memory.hpp"
#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

/// Runs the part layer by layer with a set of resident tensors.
double peak_by_running(const instance& problem, const part& p) {
    const auto inside = [&](layer_id l) { return std::count(p.layers.begin(), p.layers.end(), l) > 0; };
    const auto wanted_outside = [&](tensor_id t) {
        const auto readers = problem.consumers[t];
        return std::count(problem.model_outputs.begin(), problem.model_outputs.end(), t) > 0 ||
               std::any_of(readers.begin(), readers.end(), [&](layer_id l) { return !inside(l); });
    };
    std::set<tensor_id> resident;
    for (const layer_id l : p.layers)
        for (const tensor_id t : problem.reads[l])
            if (problem.producer[t] == no_id || !inside(problem.producer[t])) resident.insert(t);
    double peak = 0.0;
    for (const layer_id l : p.layers) {
        for (const tensor_id t : problem.writes[l]) resident.insert(t);
        double sum = problem.workspace(l, p.device);
        for (const tensor_id t : resident) sum += problem.tensor_bytes[t];
        peak = std::max(peak, sum);
        std::erase_if(resident, [&](tensor_id t) {
            const auto readers = problem.consumers[t];
            const bool made_here = problem.producer[t] != no_id && inside(problem.producer[t]);
            return !(made_here && wanted_outside(t)) &&
                   std::none_of(readers.begin(), readers.end(),
                                [&](layer_id r) { return r > l && inside(r); });
        });
    }
    return peak;
}

}  // namespace

TEST_CASE("part memory of a chain, by hand") {
    // input 4 -> layer 0 -> 10 -> layer 1 -> 3 -> layer 2 -> 5
    auto problem =
        test::tiny_instance(1, {4}, {{{1}, {0}, {10}, 100}, {{1}, {1}, {3}, 200}, {{1}, {2}, {5}, 300}});
    problem.workspace_bytes(1, 0) = 7;
    const auto whole = part_memory(problem, {{0, 1, 2}, 0});
    CHECK(whole.weights == 600);
    CHECK(whole.peak == 10 + 3 + 7);
    CHECK(whole.queues == 4 + 5);
    problem.queues = {2, 3};
    const auto middle = part_memory(problem, {{1}, 0});
    CHECK(middle.weights == 200);
    CHECK(middle.peak == 10 + 3 + 7);
    CHECK(middle.queues == 2 * 10 + 3 * 3);
    CHECK(middle.total() == 200 + 20 + 29);
}

TEST_CASE("a tensor that leaves the part stays until its end, one that arrives is there from the start") {
    // layer 0 makes 10, read by layers 1 and 3; layer 1 makes 1, layer 2 makes 1, layer 3 makes 1
    const auto problem = test::tiny_instance(
        2, {4}, {{{1, 1}, {0}, {10}}, {{1, 1}, {1}, {1}}, {{1, 1}, {2}, {1}}, {{1, 1}, {1, 3}, {1}}});
    CHECK(part_memory(problem, {{0, 1, 2}, 0}).peak == 14);
    CHECK(part_memory(problem, {{1, 2}, 0}).peak == 11);
    CHECK(part_memory(problem, {{2, 3}, 0}).peak == 10 + 1 + 1);
    CHECK(part_memory(problem, {{2, 3}, 0}).queues == (10 + 1) + 1);
}

TEST_CASE("part memory equals a run with a set of resident tensors, on random instances and parts") {
    random_source random(7);
    for (int round = 0; round < 500; ++round) {
        const auto problem = test::random_instance(
            random, {.layers = 1 + random.index(10), .devices = 1 + random.index(4), .places = true});
        part p{{}, random.index(problem.device_count())};
        for (layer_id l = 0; l < problem.layer_count(); ++l)
            if (random.chance(0.6)) p.layers.push_back(l);
        if (p.layers.empty()) continue;
        CHECK(part_memory(problem, p).peak == peak_by_running(problem, p));
    }
}

TEST_CASE("a contiguous part needs what segment_memory says") {
    random_source random(8);
    for (int round = 0; round < 300; ++round) {
        const auto problem = test::random_instance(random, {.layers = 1 + random.index(10), .inputs = 2});
        segment_memory memory(problem);
        part p{{}, random.index(problem.device_count())};
        const layer_id first = random.index(problem.layer_count());
        const layer_id end = first + 1 + random.index(problem.layer_count() - first);
        for (layer_id l = first; l < end; ++l) p.layers.push_back(l);
        CHECK(part_memory(problem, p).total() == memory.bytes(first, end, p.device));
    }
}

TEST_CASE("memory in words") {
    CHECK(detail::memory_text(12) == "12 B");
    CHECK(detail::memory_text(12.5 * 1024 * 1024) == "12.5 MiB");
    CHECK(detail::memory_text(1e300).ends_with("GiB"));
    CHECK(detail::memory_text(std::numeric_limits<double>::infinity()) == "unlimited");
}
