#include "dispart/io/json/reference.hpp"

#include <doctest/doctest.h>

#include <random>

#include "support/corpus.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

std::string document(const std::string& inputs, const std::string& outputs,
                     const std::string& rule = "std::minstd_rand0") {
    return R"({"model": "m.onnx", "input_rule": ")" + rule + R"(", "inputs": )" + inputs +
           R"(, "outputs": )" + outputs + R"(, "and": "more"})";
}

struct fixture {
    test::temporary_folder folder{};

    result<io::reference_case> load(const std::string& text) {
        REQUIRE(io::write_text(folder / "m.ref.json", text).has_value());
        return io::load_reference(folder / "m.ref.json");
    }
    errc code(const std::string& text) {
        const auto read = load(text);
        REQUIRE(!read.has_value());
        return read.error().code;
    }
};

}  // namespace

TEST_CASE("inputs are what std::minstd_rand0 gives") {
    const auto input = io::reference_input({2, 500});
    REQUIRE(input.has_value());
    std::minstd_rand0 engine(1);
    for (const float value : input->data<float>())
        REQUIRE(value == static_cast<float>(2.0 * static_cast<double>(engine()) / 2147483647.0 - 1.0));
    CHECK(io::reference_input({3}, dtype::i64)->data<std::int64_t>()[0] == 16807 % 2);
    CHECK(io::reference_input({3}, dtype::boolean).error().code == errc::unsupported);
    CHECK(io::reference_input({1 << 20, 1 << 20}).error().code == errc::limit_exceeded);
    CHECK(io::reference_input({-1}).error().code == errc::shape_mismatch);
}

TEST_CASE_FIXTURE(fixture, "a reference is read with its outputs") {
    const std::vector<float> values{1.0F, -2.5F};
    REQUIRE(io::write_file(folder / "m.out0.f32", std::as_bytes(std::span(values))).has_value());
    const auto read = load(document(R"([{"name": "x", "shape": [1, 3]}])",
                                    R"([{"name": "y", "shape": [2], "file": "m.out0.f32"}])"));
    REQUIRE_MESSAGE(read.has_value(), read.error());
    CHECK(read->model == "m.onnx");
    REQUIRE(read->inputs.size() == 1);
    CHECK(read->inputs[0].name == "x");
    CHECK(read->inputs[0].value.dims() == shape{1, 3});
    REQUIRE(read->outputs.size() == 1);
    CHECK(read->outputs[0].name == "y");
    CHECK(read->outputs[0].value.data<float>()[1] == -2.5F);
}

TEST_CASE_FIXTURE(fixture, "what is wrong with a reference is named") {
    REQUIRE(io::write_text(folder / "short.f32", "abc").has_value());
    const auto output = [](const std::string& file) {
        return R"([{"name": "y", "shape": [2], "file": ")" + file + R"("}])";
    };
    CHECK(code("") == errc::parse_error);
    CHECK(code("[]") == errc::parse_error);
    CHECK(code("{}") == errc::parse_error);
    CHECK(load("{\"model\": \"m\", \"input_rule\": \"minstd_rand0\", \"outputs\": []}").error().offender ==
          "inputs");
    CHECK(code(document("3", "[]")) == errc::parse_error);
    CHECK(code(document("[3]", "[]")) == errc::parse_error);
    CHECK(load(document(R"([{"name": "x"}])", "[]")).error().offender == "inputs[0].shape");
    CHECK(code(document(R"([{"name": "x", "shape": ["a"]}])", "[]")) == errc::parse_error);
    CHECK(code(document(R"([{"name": "x", "shape": [1099511627776]}])", "[]")) == errc::limit_exceeded);
    CHECK(code(document("[]", "[]", "all ones")) == errc::unsupported);
    CHECK(code(document("[]", output("absent.f32"))) == errc::not_found);
    CHECK(code(document("[]", output("short.f32"))) == errc::parse_error);
    CHECK(code(document("[]", output("../short.f32"))) == errc::parse_error);
    CHECK(io::load_reference(folder / "none.ref.json").error().code == errc::not_found);
}

TEST_CASE("every reference of the corpus is read") {
    const auto corpus = test::corpus();
    if (!corpus) {
        MESSAGE("skipped: no corpus");
        return;
    }
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(*corpus / "models")) {
        if (!entry.path().string().ends_with(".ref.json")) continue;
        const auto read = io::load_reference(entry.path());
        REQUIRE_MESSAGE(read.has_value(), read.error());
        CHECK(!read->inputs.empty());
        CHECK(!read->outputs.empty());
        ++count;
    }
    CHECK(count >= 9);
}
