#include "dispart/model/liveness.hpp"

#include <doctest/doctest.h>

#include <set>

#include "dispart/model/uses.hpp"
#include "model/random_model.hpp"

using namespace dispart;

namespace {

/// Plays the order step by step with a set of tensors in memory.
std::vector<double> played(const model& g, const std::vector<layer_id>& order) {
    std::set<tensor_id> memory(info(g).inputs.begin(), info(g).inputs.end());
    std::vector<double> sizes;
    for (std::size_t step = 0; step < order.size(); ++step) {
        memory.insert(g[order[step]].outputs.begin(), g[order[step]].outputs.end());
        double size = 0.0;
        for (const auto t : memory) size += info(g).tensors[t].size_bytes();
        sizes.push_back(size);
        std::set<tensor_id> needed(info(g).outputs.begin(), info(g).outputs.end());
        for (std::size_t later = step + 1; later < order.size(); ++later)
            needed.insert(g[order[later]].inputs.begin(), g[order[later]].inputs.end());
        std::erase_if(memory, [&](tensor_id t) { return !needed.contains(t); });
    }
    return sizes;
}

}  // namespace

TEST_SUITE("model/liveness") {
    TEST_CASE("equals playing the order with a set of tensors") {
        random_source random(11);
        for (int round = 0; round < 200; ++round) {
            const auto g = test::random_model(random, 1 + random.index(25)).value();
            const auto order = topological_order(g).value();
            const auto expected = played(g, order);
            const auto found = live_bytes(g, std::span<const layer_id>(order));
            REQUIRE(found.size() == expected.size());
            double peak = 0.0;
            for (std::size_t i = 0; i < found.size(); ++i) {
                CHECK(found[i].value == expected[i]);
                peak = std::max(peak, expected[i]);
            }
            CHECK(peak_live_bytes(g).value().value == peak);
        }
    }

    TEST_CASE("a skip keeps its tensor alive") {
        model_builder b("skip");
        const auto x = b.input("x", {100});
        const auto early = b.add("Relu", {x});
        auto y = early;
        for (int i = 0; i < 3; ++i) y = b.add("Sigmoid", {y});
        b.output(b.add("Add", {early, y}));
        const auto g = b.build().value();
        const auto order = topological_order(g).value();
        const auto live = live_intervals(g, std::span<const layer_id>(order));
        CHECK(live[x] == live_interval{0, 0, true});
        CHECK(live[early] == live_interval{0, 4, true});
        CHECK(peak_live_bytes(g).value() == bytes(3 * 400));
    }
}
