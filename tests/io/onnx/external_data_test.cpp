#include <doctest/doctest.h>

#include "dispart/io/onnx/read.hpp"
#include "file_builder.hpp"
#include "support/temporary.hpp"

using namespace dispart;
using namespace dispart::test::onnx;

namespace {

/// Seven floats 0 .. 6 in weights.bin, and a model whose initialiser `w` of six elements lies somewhere in a file.
struct fixture {
    test::temporary_folder folder{};

    fixture() {
        const std::vector<float> weights{0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
        REQUIRE(io::write_file(folder / "weights.bin", std::as_bytes(std::span(weights))).has_value());
    }

    static message initializer(const std::string& name, const std::string& location,
                               const std::string& offset, const std::string& length) {
        message w = field(1, 6) + field(2, 1) + field(8, name) + field(14, 1);
        w += field(13, field(1, std::string("location")) + field(2, location));
        w += field(13, field(1, std::string("offset")) + field(2, offset));
        w += field(13, field(1, std::string("length")) + field(2, length));
        return w;
    }

    result<model> load(const std::vector<message>& initializers) {
        const graph g{.nodes = {node("Add", {"x", "w"}, {"y"})},
                      .inputs = {value("x", {6})},
                      .outputs = {value("y", {6})},
                      .initializers = initializers};
        REQUIRE(io::write_file(folder / "m.onnx", bytes_of(model_message(g))).has_value());
        return io::load_onnx(folder / "m.onnx", {.simplify = false});
    }

    errc code(const std::string& location, const std::string& offset, const std::string& length) {
        const auto read = load({initializer("w", location, offset, length)});
        REQUIRE(!read.has_value());
        return read.error().code;
    }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "external data are loaded from the model's folder") {
    const auto m = load({initializer("w", "weights.bin", "4", "24")});
    REQUIRE_MESSAGE(m.has_value(), m.error());
    const auto values = info(*m).tensors[0].value.data<float>();
    CHECK(values[0] == 1.0F);
    CHECK(values[5] == 6.0F);
    CHECK(load({initializer("w", "./weights.bin", "4", "")}).has_value());
}

TEST_CASE_FIXTURE(fixture, "external data of another size or place are refused") {
    CHECK(code("weights.bin", "0", "28") == errc::invalid_model);  // not the tensor's size
    CHECK(code("weights.bin", "8", "24") == errc::invalid_model);  // beyond the end
    CHECK(code("weights.bin", "-4", "24") == errc::invalid_model);
    CHECK(code("weights.bin", "99999999999999999999", "24") == errc::invalid_model);
    CHECK(code("absent.bin", "4", "24") == errc::not_found);
    CHECK(code(".", "4", "24") == errc::io_error);
}

TEST_CASE_FIXTURE(fixture, "external data outside the folder are refused") {
    CHECK(code("../weights.bin", "4", "24") == errc::invalid_model);
    CHECK(code("a/../weights.bin", "4", "24") == errc::invalid_model);
    CHECK(code((folder / "weights.bin").string(), "4", "24") == errc::invalid_model);
    CHECK(code("", "4", "24") == errc::invalid_model);
    CHECK(code(std::string("weights.bin\0x", 13), "4", "24") == errc::invalid_model);
}

TEST_CASE_FIXTURE(fixture, "many tensors may not multiply one file") {
    const auto twice =
        load({initializer("w", "weights.bin", "4", "24"), initializer("v", "weights.bin", "4", "24")});
    REQUIRE(!twice.has_value());
    CHECK(twice.error().code == errc::limit_exceeded);
}

TEST_CASE_FIXTURE(fixture, "without a folder external data are an error that says what to do") {
    REQUIRE(load({initializer("w", "weights.bin", "4", "24")}).has_value());
    const auto read = io::read_onnx(*io::read_file(folder / "m.onnx"));
    REQUIRE(!read.has_value());
    CHECK(read.error().code == errc::invalid_argument);
    CHECK(read.error().offender == "w");
    CHECK(io::read_onnx(*io::read_file(folder / "m.onnx"), {.folder = folder.path()}).has_value());
}
