#include "dispart/model/uses.hpp"

#include <doctest/doctest.h>

#include "model/random_model.hpp"

using namespace dispart;

TEST_SUITE("model/uses") {
    TEST_CASE("producers and consumers are each other's inverse, and edges are between them") {
        random_source random(3);
        for (int round = 0; round < 50; ++round) {
            auto g = test::random_model(random, 20).value();
            const auto by = producers(g);
            const auto readers = consumers(g);
            std::size_t edges = 0;
            for (layer_id v = 0; v < num_vertices(g); ++v) {
                for (const auto t : g[v].outputs) CHECK(by[t] == v);
                for (const auto t : g[v].inputs) {
                    CHECK(std::count(readers[t].begin(), readers[t].end(), v) == 1);
                    edges += by[t] != no_id ? 1U : 0U;
                }
            }
            CHECK(num_edges(g) == edges);
            connect(g);
            CHECK(num_edges(g) == edges);
            for (tensor_id t = 0; t < readers.size(); ++t)
                for (const auto v : readers[t])
                    CHECK(std::count(g[v].inputs.begin(), g[v].inputs.end(), t) > 0);
        }
    }
}
