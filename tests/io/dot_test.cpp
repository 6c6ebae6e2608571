#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dispart/io/dot.hpp"

using namespace dispart;

TEST_CASE(
    "placement_dot: layers stand in their part's box, crossing edges say what travels, names are quoted") {
    model g;
    info(g).name = "m";
    info(g).tensors = {{.name = "t", .dims = shape{1, 500}}, {.name = "u", .dims = shape{1, 10}}};
    add_vertex(layer{.name = "a\"b", .op = "Conv"}, g);
    add_vertex(layer{.name = "c", .op = "Relu"}, g);
    add_vertex(layer{.name = "d", .op = "Relu"}, g);
    add_edge(0, 1, connection{.tensor = 0}, g);
    add_edge(1, 2, connection{.tensor = 1}, g);
    const std::vector<part_id> part_of{0, 1, 1};
    const std::vector<std::string> labels{"laptop", "pi"};
    const auto text = io::placement_dot(g, part_of, labels);
    CHECK(text.find("n0 [label=\"Conv\\na\\\"b\"]") != std::string::npos);
    CHECK(text.find("n0 -> n1 [penwidth=3") != std::string::npos);
    CHECK(text.find("\"2 kB\"") != std::string::npos);
    CHECK(text.find("n1 -> n2;") != std::string::npos);
    CHECK(text.find("cluster_1 {\n    label=\"pi\"") < text.find("n1 [label"));
    CHECK(text.find("n0 [label") < text.find("cluster_1"));
}
