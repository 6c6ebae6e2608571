#include "dispart/io/onnx/read.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "file_builder.hpp"

using namespace dispart;
using namespace dispart::test::onnx;

namespace {

const tensor two = tensor::of<float>({}, std::vector{2.0F});

/// x -> Relu -> y, with what the test is about put in by its caller.
graph relu_graph(const std::vector<dim>& dims = {2, 3}) {
    return {
        .nodes = {node("Relu", {"x"}, {"y"}, "r")}, .inputs = {value("x", dims)}, .outputs = {value("y", {})}};
}

result<model> read(const message& m, const io::onnx_options& options = {}) {
    return io::read_onnx(bytes_of(m), options);
}

model read_good(const message& m, const io::onnx_options& options = {}) {
    auto got = read(m, options);
    REQUIRE_MESSAGE(got.has_value(), got.error());
    return std::move(*got);
}

error error_of(const message& m, const io::onnx_options& options = {}) {
    const auto got = read(m, options);
    REQUIRE(!got.has_value());
    return got.error();
}

bool mentions(const error& e, const std::string& text) {
    return to_string(e).find(text) != std::string::npos;
}

std::vector<std::string> ops_of(const model& m) {
    std::vector<std::string> ops;
    for (layer_id v = 0; v < num_vertices(m); ++v) ops.push_back(m[v].op);
    return ops;
}

const tensor_info& tensor_named(const model& m, const std::string& name) {
    const auto& all = info(m).tensors;
    const auto at = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.name == name; });
    REQUIRE(at != all.end());
    return *at;
}

/// Computes Equal of two int64 tensors of one shape, Not and Identity; enough for the conditions below.
result<std::vector<tensor>> compare(const layer& self, std::span<const tensor> operands, std::int64_t) {
    tensor out(dtype::boolean, operands[0].dims());
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (self.op == "Equal")
            out.data<bool>()[i] = operands[0].data<std::int64_t>()[i] == operands[1].data<std::int64_t>()[i];
        else if (self.op == "Not") out.data<bool>()[i] = !operands[0].data<bool>()[i];
        else if (self.op == "Identity" && operands[0].type() == dtype::boolean)
            out.data<bool>()[i] = operands[0].data<bool>()[i];
        else return fail(errc::unsupported, self.name, self.op);
    }
    return std::vector{out};
}

tensor flag(bool value) {
    tensor t(dtype::boolean, {});
    t.data<bool>()[0] = value;
    return t;
}

const io::onnx_options raw{.simplify = false};

}  // namespace

TEST_CASE("a small model is read with its names, types and shapes") {
    const auto m = read_good(model_message(relu_graph()));
    CHECK(info(m).name == "g");
    CHECK(info(m).opset == 13);
    REQUIRE(num_vertices(m) == 1);
    CHECK(m[0].name == "r");
    REQUIRE(info(m).outputs.size() == 1);
    CHECK(info(m).tensors[info(m).outputs[0]].name == "y");
    CHECK(info(m).tensors[info(m).outputs[0]].dims == shape{2, 3});
}

TEST_CASE("symbolic dimensions are bound by name, and to `unbound` otherwise") {
    const auto m = model_message(relu_graph({"N", 3, "", -1}));
    CHECK(tensor_named(read_good(m), "y").dims == shape{1, 3, 1, 1});
    CHECK(tensor_named(read_good(m, {.bind = {{"N", 4}}, .unbound = 2}), "y").dims == shape{4, 3, 2, 2});
    CHECK(tensor_named(read_good(m, {.input_shapes = {{"x", {7, 8}}}}), "y").dims == shape{7, 8});
    const auto wrong = error_of(m, {.bind = {{"M", 4}}});
    CHECK(wrong.code == errc::invalid_argument);
    CHECK(wrong.offender == "M");
    CHECK(mentions(wrong, "'N'"));
    CHECK(error_of(m, {.bind = {{"N", -4}}}).code == errc::invalid_argument);
    CHECK(error_of(m, {.input_shapes = {{"z", {7}}}}).offender == "z");
    CHECK(error_of(m, {.input_shapes = {{"x", {-7}}}}).code == errc::shape_mismatch);
    CHECK(error_of(m, {.bind = {{"N", std::int64_t{1} << 60}}}).code == errc::shape_mismatch);
}

TEST_CASE("the shape given for one input binds its symbols in the others") {
    const graph g{.nodes = {node("Add", {"a", "b"}, {"y"})},
                  .inputs = {value("a", {"N", 3}), value("b", {"N", 3})},
                  .outputs = {value("y", {})}};
    CHECK(tensor_named(read_good(model_message(g), {.input_shapes = {{"a", {5, 3}}}}), "b").dims ==
          shape{5, 3});
}

TEST_CASE("an initialiser that is listed as an input is a constant, and an input may be given a value") {
    graph g{.nodes = {node("Add", {"x", "w"}, {"y"})},
            .inputs = {value("x", {2}), value("w", {})},
            .outputs = {value("y", {2})},
            .initializers = {tensor_message(two, "w")}};
    const auto m = read_good(model_message(g));
    CHECK(info(m).inputs.size() == 1);
    CHECK(tensor_named(m, "w").constant);
    CHECK(tensor_named(m, "w").value.data<float>()[0] == 2.0F);

    g.initializers.clear();
    CHECK(info(read_good(model_message(g))).inputs.size() == 2);
    const auto fixed = read_good(model_message(g), {.input_values = {{"w", two}}});
    CHECK(info(fixed).inputs.size() == 1);
    CHECK(tensor_named(fixed, "w").constant);
    const auto integer_two = tensor::of<std::int64_t>({}, std::vector<std::int64_t>{2});
    CHECK(error_of(model_message(g), {.input_values = {{"w", integer_two}}}).code == errc::invalid_argument);
    CHECK(error_of(model_message(g), {.input_values = {{"v", two}}}).offender == "v");
}

TEST_CASE("Constant nodes of every numeric kind become constants") {
    const message floats =
        field(1, std::string("value_floats")) + field(20, 6) + real(7, 1.0F) + real(7, 2.0F);
    graph g = relu_graph({2});
    g.nodes = {node("Constant", {}, {"a"}, "", {tensor_attribute("value", two)}),
               node("Constant", {}, {"b"}, "", {floats}), node("Add", {"x", "a"}, {"s"}),
               node("Add", {"s", "b"}, {"y"})};
    const auto m = read_good(model_message(g), raw);
    CHECK(ops_of(m) == std::vector<std::string>{"Add", "Add"});
    CHECK(tensor_named(m, "b").value.dims() == shape{2});
    CHECK(tensor_named(m, "b").value.data<float>()[1] == 2.0F);
    g.nodes[0] = node("Constant", {}, {"a"}, "c",
                      {field(1, std::string("value_string")) + field(4, std::string("s")) + field(20, 3)});
    CHECK(error_of(model_message(g)).code == errc::unsupported);
    CHECK(error_of(model_message(g)).offender == "c");
}

TEST_CASE("attributes of every type keep their value, with and without a stated type") {
    graph g = relu_graph();
    message list;
    protozero::pbf_writer writer(list);
    writer.add_string(1, "list");
    const std::vector<std::int64_t> values{-1, 5};
    writer.add_packed_int64(8, values.begin(), values.end());
    g.nodes = {node("Relu", {"x"}, {"y"}, "r",
                    {integer("i", -7), field(1, std::string("untyped")) + field(3, 9), list,
                     field(1, std::string("s")) + field(4, std::string("text")) + field(20, 3),
                     field(1, std::string("empty")) + field(20, 7), tensor_attribute("t", two)})};
    const auto m = read_good(model_message(g), raw);
    CHECK(std::get<std::int64_t>(m[0].attrs.at("i")) == -7);
    CHECK(std::get<std::int64_t>(m[0].attrs.at("untyped")) == 9);
    CHECK(std::get<std::vector<std::int64_t>>(m[0].attrs.at("list")) == values);
    CHECK(std::get<std::string>(m[0].attrs.at("s")) == "text");
    CHECK(std::get<std::vector<std::int64_t>>(m[0].attrs.at("empty")).empty());
    CHECK(std::get<tensor>(m[0].attrs.at("t")).data<float>()[0] == 2.0F);
}

TEST_CASE("every operator that is not handled is named with a node") {
    graph g = relu_graph();
    g.nodes = {node("Fancy", {"x"}, {"a"}, "first"), node("Fancy", {"a"}, {"b"}),
               node("Relu", {"b"}, {"y"}, "r", {}, "com.example")};
    const auto e = error_of(model_message(g));
    CHECK(e.code == errc::unsupported);
    CHECK(e.offender == "first");
    CHECK(mentions(e, "Fancy (node 'first' and 1 more)"));
    CHECK(mentions(e, "Relu of domain com.example (node 'r')"));
}

TEST_CASE("inputs that are no tensors, or tensors of strings, are refused by name") {
    graph g = relu_graph();
    g.inputs = {field(1, std::string("x")) + field(2, field(4, field(1, std::string())))};
    CHECK(error_of(model_message(g)).code == errc::unsupported);
    CHECK(mentions(error_of(model_message(g)), "sequence"));
    g.inputs = {value("x", {2}, 8)};
    CHECK(error_of(model_message(g)).offender == "x");
    g.inputs = {field(1, std::string("x")) + field(2, field(1, field(1, 1)))};  // no shape
    CHECK(error_of(model_message(g)).code == errc::invalid_model);
    CHECK(tensor_named(read_good(model_message(g), {.input_shapes = {{"x", {4}}}}), "y").dims == shape{4});
}

TEST_CASE("graphs that break a rule are refused by name") {
    graph g = relu_graph();
    g.nodes = {node("Relu", {"y"}, {"x2"}, "a"), node("Relu", {"x2"}, {"y"}, "b")};
    CHECK(error_of(model_message(g)).code == errc::invalid_model);
    CHECK(mentions(error_of(model_message(g)), "cycle"));
    g.nodes = {node("Relu", {"nowhere"}, {"y"}, "a")};
    CHECK(error_of(model_message(g)).offender == "a");
    CHECK(mentions(error_of(model_message(g)), "nowhere"));
    g.nodes = {node("Relu", {"x"}, {"y"}, "a"), node("Relu", {"x"}, {"y"}, "b")};
    CHECK(error_of(model_message(g)).offender == "y");
    g.nodes = {node("Relu", {"x"}, {"x"}, "a")};
    CHECK(error_of(model_message(g)).offender == "x");
    g = relu_graph();
    g.outputs = {value("z", {})};
    CHECK(mentions(error_of(model_message(g)), "'z'"));
    g = relu_graph();
    g.inputs.push_back(value("x", {2}));
    CHECK(error_of(model_message(g)).offender == "x");
    g = relu_graph();
    g.initializers = {tensor_message(two, "w"), tensor_message(two, "w")};
    CHECK(error_of(model_message(g)).offender == "w");
    g = relu_graph();
    g.nodes = {node("", {"x"}, {"y"}, "nameless")};
    CHECK(error_of(model_message(g)).offender == "nameless");
}

TEST_CASE("nodes in any order are accepted, as long as there is no cycle") {
    graph g = relu_graph();
    g.nodes = {node("Relu", {"m"}, {"y"}), node("Neg", {"x"}, {"m"})};
    CHECK(read(model_message(g)).has_value());
}

TEST_CASE("nodes of one name, or of none, get names of their own") {
    graph g = relu_graph();
    g.nodes = {node("Relu", {"x"}, {"a"}, "same"), node("Neg", {"a"}, {"b"}, "same"),
               node("Exp", {"b"}, {"y"})};
    const auto m = read_good(model_message(g));
    CHECK(m[0].name == "same");
    CHECK(m[1].name == "same#2");
    CHECK(m[2].name == "y");
}

TEST_CASE("old and missing opsets") {
    const auto g = relu_graph().encoded();
    CHECK(info(read_good(field(1, 1) + field(7, g))).opset == 1);
    CHECK(info(read_good(field(1, 3) + field(8, opset(7, "ai.onnx")) + field(7, g))).opset == 7);
    CHECK(info(read_good(field(1, 3) + field(8, opset(7)) + field(8, opset(9)) + field(7, g))).opset == 9);
    CHECK(error_of(field(1, 8) + field(7, g)).offender == "opset_import");
    CHECK(error_of(field(1, 8) + field(8, opset(2, "ai.onnx.ml")) + field(7, g)).code == errc::unsupported);
}

TEST_CASE("what is no ONNX model is a parse error") {
    CHECK(error_of("").code == errc::parse_error);
    CHECK(error_of("{\"model\": 1}").code == errc::parse_error);
    CHECK(error_of(field(1, 8) + field(8, opset(13))).code == errc::parse_error);
    auto latin = relu_graph();
    latin.nodes = {node("Relu", {"x"}, {"y"}, "\xe9t\xe9")};
    CHECK(error_of(model_message(latin)).code == errc::parse_error);
    CHECK(mentions(error_of(model_message(latin)), "at byte"));
}

TEST_CASE("a function of the file is inlined, with its arguments and defaults") {
    const auto softmax = node("Softmax", {"a"}, {"b"}, "s", {reference("axis", "along", 2)});
    const auto scale = node("Mul", {"b", "b"}, {"c"}, "m");
    const message body = field(1, std::string("Twice")) + field(10, std::string("mine")) +
                         field(4, std::string("a")) + field(5, std::string("c")) + field(7, softmax) +
                         field(7, scale) + field(9, opset(13)) + field(11, integer("along", 0));
    graph g = relu_graph();
    g.nodes = {node("Twice", {"x"}, {"t"}, "f1", {}, "mine"),
               node("Twice", {"t"}, {"y"}, "f2", {integer("along", 1)}, "mine")};
    const auto m = read_good(model_message(g, field(25, body)));
    CHECK(ops_of(m) == std::vector<std::string>{"Softmax", "Mul", "Softmax", "Mul"});
    CHECK(m[0].name == "f1/s");
    CHECK(std::get<std::int64_t>(m[0].attrs.at("axis")) == 0);
    CHECK(std::get<std::int64_t>(m[2].attrs.at("axis")) == 1);
    CHECK(tensor_named(m, "y").dims == shape{2, 3});
    CHECK(tensor_named(m, "f2/b").dims == shape{2, 3});
}

TEST_CASE("functions that call each other without end, or swell, are refused") {
    const auto function = [](const std::string& name, const std::vector<message>& nodes) {
        message out = field(1, name) + field(10, std::string("f")) + field(4, std::string("a")) +
                      field(5, std::string("b"));
        for (const auto& each : nodes) out += field(7, each);
        return field(25, out);
    };
    graph g = relu_graph();
    g.nodes = {node("f0", {"x"}, {"y"}, "call", {}, "f")};
    const auto endless = function("f0", {node("f0", {"a"}, {"b"}, "c", {}, "f")});
    CHECK(error_of(model_message(g, endless)).code == errc::limit_exceeded);
    message swelling;
    for (int i = 0; i < 30; ++i) {
        const auto next = "f" + std::to_string(i + 1);
        swelling += function("f" + std::to_string(i),
                             {node(next, {"a"}, {"m"}, "l", {}, "f"), node(next, {"m"}, {"b"}, "r", {}, "f")});
    }
    swelling += function("f30", {node("Neg", {"a"}, {"b"})});
    CHECK(error_of(model_message(g, swelling)).code == errc::limit_exceeded);
}

TEST_CASE("an If whose condition is constant becomes its branch") {
    const graph then_branch{.nodes = {node("Exp", {"x"}, {"inner"}, "e")}, .outputs = {value("inner", {})}};
    const graph else_branch{.nodes = {node("Add", {"x", "w"}, {"inner"}, "a")},
                            .outputs = {value("inner", {})},
                            .initializers = {tensor_message(two, "w")}};
    graph g = relu_graph();
    const auto with_condition = [&](bool value) {
        g.initializers = {tensor_message(flag(value), "c")};
        g.nodes = {node("If", {"c"}, {"y"}, "if",
                        {graph_attribute("then_branch", then_branch.encoded()),
                         graph_attribute("else_branch", else_branch.encoded())})};
        return read_good(model_message(g));
    };
    CHECK(ops_of(with_condition(true)) == std::vector<std::string>{"Exp"});
    const auto m = with_condition(false);
    CHECK(ops_of(m) == std::vector<std::string>{"Add"});
    CHECK(m[0].name == "if/a");
    CHECK(tensor_named(m, "if/w").constant);
    CHECK(info(m).tensors[info(m).outputs[0]].name == "y");
}

TEST_CASE("an If is decided by shapes, through other Ifs") {
    const graph yes{.nodes = {node("Not", {"c"}, {"d"}), node("Identity", {"x"}, {"unused"})},
                    .outputs = {value("d", {})}};
    const graph no{.nodes = {node("Not", {"c"}, {"d"}), node("Not", {"d"}, {"e"})},
                   .outputs = {value("e", {})}};
    const graph pass{.nodes = {}, .outputs = {value("x", {})}};
    const graph exponential{.nodes = {node("Exp", {"x"}, {"z"})}, .outputs = {value("z", {})}};
    graph g = relu_graph();
    const auto decide = [&](const std::vector<dim>& dims) {
        g.inputs = {value("x", dims)};
        g.nodes = {node("Size", {"x"}, {"s"}), node("Equal", {"s", "six"}, {"c"}),
                   node("If", {"c"}, {"c2"}, "outer",
                        {graph_attribute("then_branch", yes.encoded()),
                         graph_attribute("else_branch", no.encoded())}),
                   node("If", {"c2"}, {"y"}, "inner",
                        {graph_attribute("then_branch", exponential.encoded()),
                         graph_attribute("else_branch", pass.encoded())})};
        g.initializers = {tensor_message(tensor::of<std::int64_t>({}, std::vector<std::int64_t>{6}), "six")};
        return read_good(model_message(g), {.evaluator = compare, .simplify = false});
    };
    // 6 elements: c is true, the outer If gives Not(c) = false, the inner one passes x through.
    CHECK(ops_of(decide({2, 3})) == std::vector<std::string>{"Size", "Equal", "Not", "Identity", "Identity"});
    // 5 elements: c is false, the outer If gives Not(Not(c)) = false as well.
    CHECK(ops_of(decide({5})) == std::vector<std::string>{"Size", "Equal", "Not", "Not", "Identity"});
}

TEST_CASE(
    "of an If that only a request decides both branches are computed, where their results are of one shape") {
    const graph pass{.nodes = {}, .outputs = {value("x", {})}};
    const graph exponential{.nodes = {node("Exp", {"x"}, {"z"})}, .outputs = {value("z", {})}};
    const graph total{.nodes = {node("ReduceSum", {"x"}, {"z"})}, .outputs = {value("z", {})}};
    graph g = relu_graph();
    g.inputs = {value("x", {2}), value("c", {}, 9)};
    const auto choose = [&](const graph& otherwise) {
        g.nodes = {node("If", {"c"}, {"y"}, "open",
                        {graph_attribute("then_branch", pass.encoded()),
                         graph_attribute("else_branch", otherwise.encoded())})};
        return model_message(g);
    };
    const auto m = read_good(choose(exponential), raw);
    CHECK(ops_of(m) == std::vector<std::string>{"Identity", "Exp", "Where"});
    CHECK(m[2].inputs == std::vector<tensor_id>{1, m[0].outputs[0], m[1].outputs[0]});
    CHECK(info(m).tensors[info(m).outputs[0]].name == "y");
    const auto refused = error_of(choose(total));
    CHECK(refused.code == errc::unsupported);
    CHECK(mentions(refused, "branches' shapes differ"));
    CHECK(mentions(refused, "(node 'open')"));
    // The input that decides may be given a value, of any numeric type where there is an evaluator.
    CHECK(ops_of(read_good(choose(total), {.input_values = {{"c", flag(true)}}, .simplify = false})) ==
          std::vector<std::string>{"Identity"});
}

TEST_CASE("a Loop whose turns are known is unrolled") {
    // acc' = acc + w, given on to the next turn and stacked; w belongs to the body.
    graph body{.nodes = {node("Add", {"acc", "w"}, {"sum"}, "a"), node("Identity", {"go"}, {"on"}, "i")},
               .inputs = {value("turn", {}, 7), value("go", {}, 9), value("acc", {2, 3})},
               .outputs = {value("on", {}, 9), value("sum", {}), value("sum", {})},
               .initializers = {tensor_message(two, "w")}};
    graph g = relu_graph();
    g.outputs = {value("y", {}), value("all", {})};
    const auto looped = [&](const names& operands, std::int64_t turns) {
        g.nodes = {node("Loop", operands, {"y", "all"}, "loop", {graph_attribute("body", body.encoded())})};
        g.initializers = {tensor_message(tensor::of<std::int64_t>({}, std::vector{turns}), "n"),
                          tensor_message(flag(true), "yes")};
        return model_message(g);
    };
    const io::onnx_options known{.evaluator = compare, .simplify = false};
    const auto m = read_good(looped({"n", "yes", "x"}, 3), known);
    std::vector<layer_id> sums;
    for (layer_id v = 0; v < num_vertices(m); ++v)
        if (m[v].op == "Add") sums.push_back(v);
    REQUIRE(sums.size() == 3);
    CHECK(m[sums[0]].inputs[0] == info(m).inputs[0]);
    CHECK(m[sums[2]].name == "loop/2/a");
    for (std::size_t i = 1; i < 3; ++i) CHECK(m[sums[i]].inputs[0] == m[sums[i - 1]].outputs[0]);
    CHECK(tensor_named(m, "loop/w").constant);
    CHECK(tensor_named(m, "y").dims == shape{2, 3});
    CHECK(tensor_named(m, "all").dims == shape{3, 2, 3});
    CHECK(m[num_vertices(m) - 1].op == "Concat");

    // Without a condition, and without an end.
    CHECK(tensor_named(read_good(looped({"n", "", "x"}, 2), known), "all").dims == shape{2, 2, 3});
    CHECK(error_of(looped({"", "yes", "x"}, 0), known).code == errc::limit_exceeded);
    CHECK(error_of(looped({"n", "yes"}, 3)).code == errc::invalid_model);
    CHECK(mentions(error_of(looped({"n", "yes", "x"}, 0)), "no turn"));
    g.inputs.push_back(value("times", {}, 7));
    CHECK(mentions(error_of(looped({"times", "yes", "x"}, 3), known), "number of turns is not constant"));

    // The body itself decides when to stop: it goes on while its turn is 0.
    body.nodes = {node("Add", {"acc", "w"}, {"sum"}, "a"), node("Equal", {"turn", "zero"}, {"on"}, "i")};
    body.initializers.push_back(
        tensor_message(tensor::of<std::int64_t>({}, std::vector<std::int64_t>{0}), "zero"));
    g.inputs.pop_back();
    const auto stopped = read_good(looped({"", "yes", "x"}, 0), known);
    CHECK(tensor_named(stopped, "all").dims == shape{2, 2, 3});
}

TEST_CASE("a Scan over known extents is unrolled, in both directions") {
    graph body{.nodes = {node("Add", {"acc", "e"}, {"sum"}, "a")},
               .inputs = {value("acc", {2}), value("e", {2})},
               .outputs = {value("sum", {}), value("sum", {})}};
    const auto list = [](const std::string& name, std::int64_t number) {
        return field(1, name) + field(8, number) + field(20, 7);
    };
    graph g{.inputs = {value("start", {2}), value("x", {2, 3})},
            .outputs = {value("y", {}), value("all", {})}};
    const auto scanned = [&](std::int64_t backward) {
        g.nodes = {node("Scan", {"start", "x"}, {"y", "all"}, "scan",
                        {graph_attribute("body", body.encoded()), integer("num_scan_inputs", 1),
                         list("scan_input_axes", 1), list("scan_input_directions", backward),
                         list("scan_output_axes", 1), list("scan_output_directions", backward)})};
        return model_message(g);
    };
    for (const std::int64_t backward : {0, 1}) {
        const auto m = read_good(scanned(backward), raw);
        CHECK(tensor_named(m, "y").dims == shape{2});
        CHECK(tensor_named(m, "all").dims == shape{2, 3});
        std::vector<std::int64_t> places;
        std::vector<tensor_id> sums, stacked;
        for (layer_id v = 0; v < num_vertices(m); ++v) {
            if (m[v].op == "Gather")
                places.push_back(info(m).tensors[m[v].inputs[1]].value.data<std::int64_t>()[0]);
            if (m[v].op == "Add") sums.push_back(m[v].outputs[0]);
            if (m[v].op == "Unsqueeze") stacked.push_back(m[v].inputs[0]);
        }
        if (backward == 1) std::reverse(stacked.begin(), stacked.end());
        CHECK(places ==
              (backward == 1 ? std::vector<std::int64_t>{2, 1, 0} : std::vector<std::int64_t>{0, 1, 2}));
        CHECK(stacked == sums);
    }
    g.inputs[1] = value("x", {2});
    CHECK(error_of(scanned(0)).code == errc::invalid_model);
    body.outputs.pop_back();
    CHECK(error_of(scanned(0)).code == errc::invalid_model);
    g.inputs[1] = value("x", {2, 3});
    g.outputs.pop_back();
    g.nodes = {node("NonZero", {"x"}, {"z"}),
               node("Scan", {"start", "z"}, {"y"}, "scan",
                    {graph_attribute("body", body.encoded()), integer("num_scan_inputs", 1)})};
    CHECK(mentions(error_of(model_message(g)), "unknown length (node 'scan')"));
}

TEST_CASE("sequences are followed, so that no layer sees one") {
    const auto number = [](std::int64_t value) { return tensor::of<std::int64_t>({}, std::vector{value}); };
    graph g = relu_graph({4, 3});
    g.initializers = {tensor_message(number(2), "two"), tensor_message(number(-1), "last"),
                      tensor_message(flag(true), "yes")};
    const auto become = [&](const std::vector<message>& nodes) {
        g.nodes = nodes;
        return model_message(g);
    };
    const auto split = node("SplitToSequence", {"x", "two"}, {"parts"});
    SUBCASE("made, changed and joined") {
        const auto m = read_good(
            become({split, node("Identity", {"parts"}, {"same"}),
                    node("SequenceInsert", {"same", "x", "last"}, {"more"}),
                    node("SequenceErase", {"more", "last"}, {"less"}),
                    node("SequenceConstruct", {"x"}, {"one"}), node("SequenceAt", {"one", "last"}, {"first"}),
                    node("SequenceInsert", {"less", "first"}, {"all"}),
                    node("ConcatFromSequence", {"all"}, {"y"}, "", {integer("axis", 0)})}),
            raw);
        CHECK(tensor_named(m, "y").dims == shape{10, 3});  // rows 0 and 1, x, and x
        CHECK(ops_of(m) == std::vector<std::string>{"Gather", "Gather", "Identity", "Concat"});
        CHECK(m[3].inputs == std::vector<tensor_id>{m[0].outputs[0], info(m).inputs[0], m[2].outputs[0]});
    }
    SUBCASE("slices without the axis, stacked again") {
        const auto m =
            read_good(become({node("SplitToSequence", {"x"}, {"rows"}, "", {integer("keepdims", 0)}),
                              node("ConcatFromSequence", {"rows"}, {"y"}, "",
                                   {integer("axis", 1), integer("new_axis", 1)})}),
                      raw);
        CHECK(tensor_named(m, "y").dims == shape{3, 4});
    }
    SUBCASE("carried through a loop") {
        const graph body{
            .nodes = {node("Identity", {"go"}, {"on"}), node("SequenceInsert", {"list", "x"}, {"longer"})},
            .inputs = {value("turn", {}, 7), value("go", {}, 9), value("list", {})},
            .outputs = {value("on", {}, 9), value("longer", {})}};
        const auto m =
            read_good(become({node("SequenceEmpty", {}, {"none"}),
                              node("Loop", {"two", "", "none"}, {"list"}, "loop",
                                   {graph_attribute("body", body.encoded())}),
                              node("ConcatFromSequence", {"list"}, {"y"}, "", {integer("axis", 0)})}),
                      {.evaluator = compare, .simplify = false});
        CHECK(tensor_named(m, "y").dims == shape{8, 3});
    }
    SUBCASE("a length is a constant") {
        CHECK(tensor_named(read_good(become({split, node("SequenceLength", {"parts"}, {"y"})}), raw), "y")
                  .value.data<std::int64_t>()[0] == 2);
    }
    SUBCASE("errors") {
        CHECK(error_of(become({split, node("SequenceAt", {"parts", "two"}, {"y"})})).code ==
              errc::invalid_model);
        CHECK(error_of(become({node("SequenceAt", {"x", "two"}, {"y"})})).code == errc::invalid_model);
        CHECK(mentions(error_of(become({split, node("Relu", {"parts"}, {"y"})})), "Relu on a sequence"));
        CHECK(mentions(error_of(become({node("SequenceConstruct", {"x"}, {"y"})})), "a sequence as output"));
        g.inputs[0] = value("x", {std::int64_t{1} << 21});
        CHECK(error_of(become({split, node("SequenceLength", {"parts"}, {"y"})})).code == errc::limit_exceeded);
        g.inputs = {value("x", {4}), value("k", {}, 7)};
        CHECK(mentions(error_of(become({split, node("SequenceAt", {"parts", "k"}, {"y"})})), "not constant"));
    }
}

TEST_CASE("extents that the file leaves open are named where a shape does not fit") {
    graph g = relu_graph();
    g.inputs = {value("x", {std::string("batch"), 3, std::string(""), 4})};
    g.nodes = {node("MaxPool", {"x"}, {"y"}, "pool",
                    {field(1, std::string("kernel_shape")) + field(8, 2) + field(8, 2) + field(20, 7)})};
    const auto refused = error_of(model_message(g));
    CHECK(refused.code == errc::shape_mismatch);
    CHECK(refused.offender == "pool");
    CHECK(mentions(refused, "x [batch,3,?,4]"));
    CHECK(num_vertices(read_good(model_message(g), {.input_shapes = {{"x", {1, 3, 8, 8}}}})) == 1);
}

TEST_CASE("branches nested too deeply are refused, in bounded stack") {
    graph inner{.nodes = {node("Exp", {"x"}, {"o"})}, .outputs = {value("o", {})}};
    for (int i = 0; i < 200; ++i)
        inner = graph{.nodes = {node("If", {"c"}, {"o"}, "n",
                                     {graph_attribute("then_branch", inner.encoded()),
                                      graph_attribute("else_branch", message())})},
                      .outputs = {value("o", {})}};
    inner.inputs = {value("x", {2})};
    inner.initializers = {tensor_message(flag(true), "c")};
    CHECK(error_of(model_message(inner)).code == errc::limit_exceeded);
}

TEST_CASE("an evaluator that throws or lies gives an error") {
    graph g = relu_graph();
    g.initializers = {tensor_message(two, "w")};
    g.nodes = {node("Neg", {"w"}, {"n"}), node("Add", {"x", "n"}, {"y"})};
    const auto throwing = [](const layer&, std::span<const tensor>,
                             std::int64_t) -> result<std::vector<tensor>> {
        throw std::runtime_error("broken");
    };
    CHECK(error_of(model_message(g), {.evaluator = throwing}).code == errc::callback_failed);
    const auto lying = [](const layer&, std::span<const tensor>, std::int64_t) -> result<std::vector<tensor>> {
        return std::vector{tensor(dtype::f32, {3})};
    };
    CHECK(error_of(model_message(g), {.evaluator = lying}).code == errc::callback_failed);
}
