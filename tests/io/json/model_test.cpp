#include "dispart/io/json/model.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "io/onnx/same_model.hpp"
#include "model/random_model.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

result<model> parsed_model(const std::string& text, const io::model_json_options& options = {}) {
    return io::model_from_json(io::parse_json(text).value(), options);
}

const std::string small_model = R"({"format": "model/1", "name": "small", "opset": 13, "seed": 3,
 "inputs": [{"name": "x", "shape": [1, 2, 4, 4]}],
 "constants": [{"name": "w", "shape": [3, 2, 3, 3]}, {"name": "s", "type": "i64", "shape": [2], "values": [1, -1]}],
 "layers": [
  {"op": "Reshape", "name": "flat", "inputs": ["r", "s"], "outputs": ["y"]},
  {"op": "Conv", "inputs": ["x", "w", ""], "outputs": ["c"], "attributes": {"pads": [1, 1, 1, 1]}},
  {"op": "LeakyRelu", "inputs": ["c"], "outputs": ["r"], "attributes": {"alpha": 1}}],
 "outputs": ["y"]})";

/// The code and offender of what is refused after one replacement in the small model.
std::pair<errc, std::string> refused_model(const std::string& old, const std::string& replacement) {
    std::string text = small_model;
    REQUIRE(text.find(old) != text.npos);
    text.replace(text.find(old), old.size(), replacement);
    const auto read = parsed_model(text);
    CAPTURE(replacement);
    REQUIRE_FALSE(read.has_value());
    CHECK_FALSE(read.error().message.empty());
    return {read.error().code, read.error().offender};
}

}  // namespace

TEST_CASE("a model by hand: layers in any order, shapes inferred, weights drawn from the seed") {
    const auto read = parsed_model(small_model);
    REQUIRE_MESSAGE(read.has_value(), read.error());
    const auto& all = info(*read);
    REQUIRE(num_vertices(*read) == 3);
    CHECK(all.opset == 13);
    CHECK(all.tensors[all.outputs.at(0)].dims == shape{1, 48});
    CHECK((*read)[1].inputs == std::vector<tensor_id>{0, 1, no_id});
    CHECK(get_or<float>((*read)[2].attrs, "alpha", 0.0F) == 1.0F);
    const auto& weights = all.tensors[1];
    REQUIRE(weights.value.has_value());
    auto drawn = *read;
    REQUIRE(randomize_weights(drawn, 3).has_value());
    CHECK(test::same_tensor(weights.value, info(drawn).tensors[1].value));
}

TEST_CASE("writing and reading a model gives it back") {
    random_source random(5);
    for (std::size_t trial = 0; trial < 30; ++trial) {
        const auto made = test::random_model(random, 12);
        REQUIRE(made.has_value());
        const auto written = io::model_to_json(*made);
        const auto again = io::model_from_json(io::parse_json(io::json_text(written)).value());
        REQUIRE_MESSAGE(again.has_value(), again.error());
        CHECK(test::difference(*made, *again) == "");
        CHECK(io::model_to_json(*again) == written);
    }
}

TEST_CASE("attributes of every kind, elements of every type and operators that nobody knows") {
    model_builder b("kinds");
    const auto x = b.input("x", {2});
    const float infinity = std::numeric_limits<float>::infinity();
    const auto halves = tensor::of({2}, std::vector<f16_bits>{to_f16(0.5F), to_f16(-2.0F)});
    const attributes attrs{{"i", std::int64_t{-7}},
                           {"alpha", 2.0F},
                           {"f", 0.1F},
                           {"odd", -infinity},
                           {"scales", std::vector<float>{1.0F, 2.5F}},
                           {"none", std::vector<std::int64_t>{}},
                           {"no_floats", std::vector<float>{}},
                           {"no_texts", std::vector<std::string>{}},
                           {"beta", std::int64_t{3}},
                           {"texts", std::vector<std::string>{"a", "\"b\""}},
                           {"text", std::string("c")},
                           {"list", std::vector<std::int64_t>{1, 2}},
                           {"t", halves}};
    b.output(b.add("Relu", {x}, {.name = "r", .attrs = attrs}));
    for (std::size_t k = 0; k < dtype_count; ++k) {
        tensor value(static_cast<dtype>(k), {3});
        std::fill(value.bytes().begin(), value.bytes().end(), std::byte{1});
        b.constant("c" + std::to_string(k), value);
    }
    b.constant("wide", tensor::of({3}, std::vector<double>{1e300, 0.1, -0.0}));
    auto made = std::move(b).build();
    REQUIRE_MESSAGE(made.has_value(), made.error());
    (*made)[0].op = "Telepathy";
    const auto again = io::model_from_json(io::parse_json(io::json_text(io::model_to_json(*made))).value());
    REQUIRE_MESSAGE(again.has_value(), again.error());
    CHECK(test::difference(*made, *again) == "");
}

TEST_CASE("large constants go to a raw file beside the model") {
    const test::temporary_folder folder;
    model_builder b("weights");
    random_source random(9);
    const auto w = b.constant("w", test::random_tensor(random, {40, 30}));
    const auto v = b.constant("v", test::random_tensor(random, {30, 20}));
    b.output(b.add("MatMul", {b.add("MatMul", {b.input("x", {1, 40}), w}), v}));
    const auto made = std::move(b).build();
    REQUIRE(made.has_value());
    REQUIRE(io::write_model(folder / "m.json", *made).has_value());
    CHECK(std::filesystem::file_size(folder / "m.weights") == 4 * (40 * 30 + 30 * 20));
    const auto again = io::read_model(folder / "m.json");
    REQUIRE_MESSAGE(again.has_value(), again.error());
    CHECK(test::difference(*made, *again) == "");

    REQUIRE(io::write_text(folder / "m.weights", "short").has_value());
    CHECK(io::read_model(folder / "m.json").error().offender == "constants[0].file");
    const auto text = io::read_text(folder / "m.json").value();
    CHECK(parsed_model(text).error().code == errc::invalid_argument);
    const auto described =
        io::model_from_json(io::parse_json(io::json_text(io::model_to_json(*made))).value());
    REQUIRE(described.has_value());
    CHECK_FALSE(info(*described).tensors[1].value.has_value());
}

TEST_CASE("what is wrong with a model is named") {
    using found = std::pair<errc, std::string>;
    CHECK(refused_model("model/1", "model/2") == found{errc::parse_error, "format"});
    CHECK(refused_model("\"opset\": 13", "\"opset\": 0") == found{errc::parse_error, "opset"});
    CHECK(refused_model("\"opset\"", "\"opsets\"").second == "opsets");
    CHECK(refused_model("\"seed\": 3", "\"seed\": -3").second == "seed");
    CHECK(refused_model("[1, 2, 4, 4]", "[1, -2, 4, 4]").second == "inputs[0].shape");
    CHECK(refused_model("[1, 2, 4, 4]", "[1, 3, 4, 4]").first == errc::shape_mismatch);
    CHECK(refused_model("\"i64\"", "\"i65\"").second == "constants[1].type");
    CHECK(refused_model("[1, -1]", "[1, -1, 3]").second == "constants[1].values");
    CHECK(refused_model("[1, -1]", "[1, 0.5]").second == "constants[1].values[1]");
    CHECK(refused_model("\"values\": [1, -1]", "\"file\": \"../w\"").first == errc::invalid_argument);
    CHECK(refused_model("\"name\": \"w\"", "\"name\": \"x\"").second == "constants[0].name");
    CHECK(refused_model("[\"c\"], \"outputs\": [\"r\"]", "[\"c\"], \"outputs\": [\"c\"]").second ==
          "layers[2].outputs[0]");
    CHECK(refused_model("[\"r\", \"s\"]", "[\"q\", \"s\"]").second == "layers[0].inputs[0]");
    CHECK(refused_model("\"outputs\": [\"y\"]}", "\"outputs\": [\"z\"]}").second == "outputs[0]");
    CHECK(refused_model("[1, 1, 1, 1]", "[1, \"a\"]").second == "layers[1].attributes.pads");
    CHECK(refused_model("[\"x\", \"w\", \"\"]", "[\"y\", \"w\"]").first == errc::invalid_model);  // a circle
    CHECK(refused_model("[3, 2, 3, 3]", "[300000000, 2, 3, 3]").first == errc::limit_exceeded);
    CHECK(refused_model("\"LeakyRelu\"", "\"Telepathy\"").first == errc::unsupported);
}
