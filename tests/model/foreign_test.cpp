#include "dispart/model/foreign.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/adjacency_matrix.hpp>
#include <doctest/doctest.h>

using namespace dispart;

namespace {

struct priced : layer {
    double price = 0.0;
};
struct flow {
    tensor_info about{};
    std::size_t port = 0;
};
using lists = boost::adjacency_list<boost::listS, boost::setS, boost::directedS, priced, flow>;

priced op(std::string name, std::string kind, double price = 0.0) {
    priced made;
    made.name = std::move(name);
    made.op = std::move(kind);
    made.price = price;
    return made;
}
tensor_info floats(std::string name, shape dims) {
    return {.name = std::move(name), .dims = std::move(dims)};
}

auto adapt(lists& g) {
    return from_graph(g, get(boost::vertex_bundle, g), get(&flow::about, g), get(&flow::port, g));
}

}  // namespace

TEST_SUITE("model/foreign") {
    TEST_CASE("a graph with other containers and properties of its own") {
        lists g;
        const auto source = add_vertex(op("source", "Input"), g);
        const auto weights = add_vertex(op("weights", "Input"), g);
        const auto mine = add_vertex(op("mine", "MyOperator", 7.5), g);
        const auto sum = add_vertex(op("sum", "Sub", 1.0), g);
        const auto sink = add_vertex(op("sink", "Output"), g);
        auto w = floats("w", {1, 3});
        w.constant = true;
        // Operands arrive in another order than their edges.
        add_edge(mine, sum, flow{floats("y", {4, 1}), 1}, g);
        add_edge(weights, sum, flow{w, 0}, g);
        add_edge(source, mine, flow{floats("x", {9}), 0}, g);
        add_edge(sum, sink, flow{floats("z", {4, 3}), 0}, g);
        add_edge(mine, sink, flow{floats("y", {4, 1}), 1}, g);
        const auto made = adapt(g);
        REQUIRE_MESSAGE(made.has_value(), made.error());
        CHECK(num_vertices(*made) == 2);
        CHECK(num_edges(*made) == 1);
        const auto& about = info(*made);
        REQUIRE(about.inputs.size() == 1);
        CHECK(about.tensors[about.inputs[0]].name == "x");
        REQUIRE(about.outputs.size() == 2);
        CHECK(about.tensors[about.outputs[0]].name == "z");
        CHECK(about.tensors[about.outputs[1]].name == "y");
        for (layer_id v = 0; v < 2; ++v) {
            const auto& self = (*made)[v];
            if (self.name == "mine") CHECK(self.price == 7.5);
            if (self.name != "sum") continue;
            REQUIRE(self.inputs.size() == 2);
            CHECK(about.tensors[self.inputs[0]].name == "w");
            CHECK(about.tensors[self.inputs[1]].name == "y");
        }
    }

    TEST_CASE("a matrix graph, operands in the order of edges, outputs where nobody reads") {
        using matrix = boost::adjacency_matrix<boost::directedS, layer, tensor_info>;
        matrix g(3);
        g[0].name = "in";
        g[0].op = "Input";
        g[1].name = "relu";
        g[1].op = "Relu";
        g[2].name = "tanh";
        g[2].op = "Tanh";
        add_edge(0, 1, floats("x", {2}), g);
        add_edge(1, 2, floats("y", {2}), g);
        const auto made = from_graph(g, get(boost::vertex_bundle, g), get(boost::edge_bundle, g));
        REQUIRE_MESSAGE(made.has_value(), made.error());
        CHECK(num_vertices(*made) == 2);
        CHECK(info(*made).tensors[info(*made).outputs.at(0)].name == "tanh:result");
        CHECK(info(*made).tensors[info(*made).outputs.at(0)].dims == shape{2});
    }

    TEST_CASE("errors name the vertex") {
        lists g;
        const auto source = add_vertex(op("source", "Input"), g);
        const auto relu = add_vertex(op("relu", "Relu"), g);
        add_edge(source, relu, flow{floats("x", {2}), 3}, g);
        CHECK(adapt(g).error().offender == "relu");
        lists cyclic;
        const auto a = add_vertex(op("a", "Relu"), cyclic);
        const auto b = add_vertex(op("b", "Relu"), cyclic);
        add_edge(a, b, flow{floats("x", {2}), 0}, cyclic);
        add_edge(b, a, flow{floats("y", {2}), 0}, cyclic);
        const auto made = adapt(cyclic);
        REQUIRE(!made);
        CHECK(made.error().message.find("cycle") != std::string::npos);
        lists unknown;
        add_edge(add_vertex(op("in", "Input"), unknown), add_vertex(op("last", "MyOperator"), unknown),
                 flow{floats("x", {2}), 0}, unknown);
        CHECK(adapt(unknown).error().offender == "last");
    }
}
