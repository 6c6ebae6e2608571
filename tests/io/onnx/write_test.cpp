#include "dispart/io/onnx/write.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "dispart/io/onnx/read.hpp"
#include "dispart/model/builder.hpp"
#include "dispart/model/zoo.hpp"
#include "same_model.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

const io::onnx_options exact{.simplify = false};

model conv_model(const layer_options& last = {}) {
    model_builder b("small", 13);
    const auto x = b.input("x", {1, 2, 4, 4});
    const auto w = b.constant("w", tensor::of<float>({3, 2, 1, 1}, std::vector<float>(6, 0.5F)));
    const auto y =
        b.add("Conv", {x, w}, {.name = "conv", .attrs = {{"strides", std::vector<std::int64_t>{2, 2}}}});
    b.output(b.add("Relu", {y}, last), "y");
    auto built = std::move(b).build();
    REQUIRE_MESSAGE(built.has_value(), built.error());
    return std::move(*built);
}

model round_trip(const model& m, const io::onnx_options& options = exact,
                 const io::onnx_write_options& how = {}) {
    const auto bytes = io::write_onnx(m, how);
    REQUIRE_MESSAGE(bytes.has_value(), bytes.error());
    auto back = io::read_onnx(*bytes, options);
    REQUIRE_MESSAGE(back.has_value(), back.error());
    return std::move(*back);
}

}  // namespace

TEST_CASE("a model that is written and read back is the same") {
    const auto m = conv_model();
    CHECK(test::difference(m, round_trip(m)) == "");
    CHECK(test::difference(m, round_trip(m, {.simplify = false, .infer = false})) == "");
}

TEST_CASE("attributes of every type come back") {
    const auto m =
        conv_model({.attrs = {{"i", std::int64_t{-3}},
                              {"f", 0.1F},
                              {"s", std::string("bytes\0\xff", 7)},
                              {"is", std::vector<std::int64_t>{1, -1}},
                              {"fs", std::vector<float>{1.0F, 0.5F}},
                              {"ss", std::vector<std::string>{"a", ""}},
                              {"none", std::vector<std::int64_t>{}},
                              {"t", tensor::of<std::int64_t>({2}, std::vector<std::int64_t>{7, 8})}}});
    CHECK(test::difference(m, round_trip(m)) == "");
}

TEST_CASE("absent operands and results, several outputs, and an input that is an output come back") {
    model_builder b("ports", 17);
    const auto x = b.input("x", {2, 4});
    const auto low = b.constant("low", tensor::of<float>({}, std::vector{0.0F}));
    const auto clipped = b.add("Clip", {x, low, no_id}, {.name = "clip"});
    const auto top = b.constant("k", tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{2}));
    const auto both = b.add_many("TopK", {clipped, top}, {.name = "top", .outputs = 2});
    b.output(both[1]);
    b.output(x);
    b.output(both[1]);
    auto built = std::move(b).build();
    REQUIRE_MESSAGE(built.has_value(), built.error());
    (*built)[1].outputs[0] = no_id;
    connect(*built);
    info(*built).tensors.erase(info(*built).tensors.begin() + static_cast<std::ptrdiff_t>(both[0]));
    for (auto& t : (*built)[1].outputs)
        if (t != no_id && t > both[0]) --t;
    for (auto& t : info(*built).outputs)
        if (t > both[0]) --t;
    connect(*built);
    const auto back = round_trip(*built);
    CHECK(test::difference(*built, back) == "");
    CHECK(back[0].inputs[2] == no_id);
    CHECK(back[1].outputs[0] == no_id);
}

TEST_CASE("shapes of intermediate tensors come back without inference, scalars too") {
    model_builder b("scalar", 13);
    const auto all =
        b.add("ReduceSum", {b.input("x", {2, 3})}, {.name = "sum", .attrs = {{"keepdims", std::int64_t{0}}}});
    b.output(b.add("Exp", {all}, {.name = "exp"}));
    const auto m = *std::move(b).build();
    REQUIRE(info(m).tensors[all].dims == shape{});
    CHECK(test::difference(m, round_trip(m, {.simplify = false, .infer = false})) == "");
}

TEST_CASE("layers are written in topological order") {
    model_builder b("order", 13);
    b.output(b.add("Relu", {b.add("Neg", {b.input("x", {2})}, {.name = "first"})}, {.name = "second"}));
    auto m = *std::move(b).build();
    std::swap(m[0], m[1]);
    connect(m);
    const auto back = round_trip(m);
    CHECK(test::difference(m, back) == "");
    CHECK(back[0].name == "first");
}

TEST_CASE("what cannot be written is named") {
    auto m = conv_model();
    info(m).tensors[1].value = {};
    const auto refused = io::write_onnx(m);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::invalid_model);
    CHECK(refused.error().offender == "w");
    CHECK(test::difference(m, round_trip(m, exact, {.weightless = true})) == "");

    auto cyclic = conv_model();
    cyclic[0].inputs[0] = cyclic[1].outputs[0];
    connect(cyclic);
    CHECK(io::write_onnx(cyclic).error().code == errc::invalid_model);

    const test::temporary_folder folder;
    CHECK(io::save_onnx(conv_model(), folder / "none" / "m.onnx").error().code == errc::not_found);
}

TEST_CASE("more than 2 GiB is refused without being allocated") {
    auto m = conv_model();
    // Two descriptions of one block of memory: 3 GiB in the file, and half of that here, never touched.
    const shape huge{1 << 14, 1 << 14, 3, 2};
    tensor block(dtype::u8, huge);
    for (const auto* name : {"a", "b"}) {
        tensor_info t{.name = name, .type = dtype::u8, .dims = huge, .constant = true, .value = block};
        info(m).tensors.push_back(t);
    }
    const auto refused = io::write_onnx(m);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::limit_exceeded);
}

TEST_CASE("a file that lacks elements is refused, unless it says that they are absent") {
    auto m = conv_model();
    info(m).tensors[1].value = {};
    auto bytes = *io::write_onnx(m, {.weightless = true});
    const auto* mark = "dispart.weights";
    const auto at = std::search(bytes.begin(), bytes.end(), reinterpret_cast<const std::byte*>(mark),
                                reinterpret_cast<const std::byte*>(mark) + 15);
    REQUIRE(at != bytes.end());
    *at = std::byte{'D'};
    CHECK(io::read_onnx(bytes).error().code == errc::parse_error);
}

TEST_CASE("save and load, streamed, give what write and read give") {
    const test::temporary_folder folder;
    const auto m = conv_model();
    REQUIRE(io::save_onnx(m, folder / "m.onnx").has_value());
    CHECK(io::read_file(folder / "m.onnx") == io::write_onnx(m));
    const auto back = io::load_onnx(folder / "m.onnx", exact);
    REQUIRE_MESSAGE(back.has_value(), back.error());
    CHECK(test::difference(m, *back) == "");
}

TEST_CASE("every zoo model comes back the same") {
    for (const auto name : zoo::names()) {
        CAPTURE(name);
        const bool small = name.find("squeezenet") != name.npos || name == "mobilenet_v2";
        const auto m = zoo::make(name, {.weights = small});
        REQUIRE_MESSAGE(m.has_value(), m.error());
        CHECK(test::difference(*m, round_trip(*m, exact, {.weightless = !small})) == "");
    }
}
