#include "dispart/model/rewrite/remove_dead.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/validate.hpp"

using namespace dispart;

TEST_SUITE("model/rewrite/remove_dead") {
    TEST_CASE("dead layers and their constants go, inputs stay") {
        model_builder b("dead");
        const auto x = b.input("x", {2});
        const auto unused = b.input("unused", {2});
        b.add("Add", {unused, b.weight("dead_weight", {2})}, {.name = "dead"});
        const auto y = b.add("Relu", {x}, {.name = "alive"});
        b.add("Relu", {y}, {.name = "dead_end"});
        b.output(y);
        auto g = b.build().value();
        remove_dead(g);
        CHECK(validate(g).has_value());
        CHECK(num_vertices(g) == 1);
        CHECK(g[0].name == "alive");
        CHECK(info(g).inputs.size() == 2);
        CHECK(info(g).tensors.size() == 3);
        remove_dead(g);
        CHECK(num_vertices(g) == 1);
    }
}
