#include "dispart/model/order.hpp"

#include <doctest/doctest.h>

#include "model/random_model.hpp"

using namespace dispart;

TEST_SUITE("model/order") {
    TEST_CASE("always the lowest layer that is ready, by brute force") {
        random_source random(7);
        for (int round = 0; round < 100; ++round) {
            auto g = test::random_model(random, 2 + random.index(20)).value();
            // Shuffle the vertices, so that ids are not in topological order already.
            const auto n = num_vertices(g);
            std::vector<layer_id> places(n);
            for (layer_id v = 0; v < n; ++v) places[v] = v;
            random.shuffle(places);
            model shuffled(n);
            info(shuffled) = info(g);
            for (layer_id v = 0; v < n; ++v) shuffled[places[v]] = g[v];
            connect(shuffled);
            const auto order = topological_order(shuffled);
            REQUIRE(order);
            REQUIRE(order->size() == n);
            std::vector<bool> done(n, false);
            const auto by = producers(shuffled);
            for (const auto next : *order) {
                layer_id expected = 0;
                const auto ready = [&](layer_id v) {
                    for (const auto t : shuffled[v].inputs)
                        if (by[t] != no_id && !done[by[t]]) return false;
                    return !done[v];
                };
                while (!ready(expected)) ++expected;
                CHECK(next == expected);
                done[next] = true;
            }
        }
    }

    TEST_CASE("a cycle far from the beginning is named by a layer on it") {
        model g(5);
        info(g).tensors.resize(5);
        for (layer_id v = 0; v < 5; ++v) {
            g[v].name = std::string(1, static_cast<char>('a' + v));
            g[v].outputs = {v};
        }
        g[1].inputs = {0, 3};
        g[2].inputs = {1};
        g[3].inputs = {2};
        g[4].inputs = {3};
        connect(g);
        const auto order = topological_order(g);
        REQUIRE(!order);
        CHECK((order.error().offender == "b" || order.error().offender == "c" ||
               order.error().offender == "d"));
    }

    TEST_CASE("an empty graph has an empty order") { CHECK(topological_order(model()).value().empty()); }
}
