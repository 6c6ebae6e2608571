// Damaged files: every truncation and thousands of flipped bits give a named error or a valid model.
#include <doctest/doctest.h>

#include <string>

#include "dispart/core/random.hpp"
#include "dispart/io/onnx/read.hpp"
#include "file_builder.hpp"

using namespace dispart;
using namespace dispart::test::onnx;

namespace {

/// A little of everything: weights of several types, shape arithmetic, a function, a decided branch, symbolic extents.
message sample() {
    const auto longs = [](const std::string& name, const std::vector<std::int64_t>& values) {
        return tensor_message(tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values),
                              name);
    };
    tensor flag(dtype::boolean, {});
    flag.data<bool>()[0] = true;
    const message squash =
        field(25, field(1, std::string("Squash")) + field(10, std::string("mine")) +
                      field(4, std::string("a")) + field(5, std::string("b")) +
                      field(7, node("Sigmoid", {"a"}, {"b"}, "s", {reference("alpha", "alpha", 1)})));
    const graph yes{.nodes = {node("Tanh", {"pooled"}, {"t"})}, .outputs = {value("t", {})}};
    const graph no{.nodes = {node("Neg", {"pooled"}, {"t"})}, .outputs = {value("t", {})}};
    const message kernel_shape =
        field(1, std::string("kernel_shape")) + field(8, 3) + field(8, 3) + field(20, 7);
    const graph g{
        .nodes = {node("Conv", {"x", "w", "bias"}, {"c"}, "conv", {kernel_shape, integer("group", 1)}),
                  node("BatchNormalization", {"c", "one", "bias", "bias", "one"}, {"n"}, "norm"),
                  node("Squash", {"n"}, {"q"}, "call", {}, "mine"),
                  node("MaxPool", {"q"}, {"pooled"}, "pool", {kernel_shape}),
                  node("If", {"flag"}, {"branch"}, "if",
                       {graph_attribute("then_branch", yes.encoded()),
                        graph_attribute("else_branch", no.encoded())}),
                  node("Shape", {"branch"}, {"s"}),
                  node("Constant", {}, {"k"}, "",
                       {tensor_attribute("value", tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{0}))}),
                  node("Slice", {"branch", "k", "ends", "k"}, {"cut"}),
                  node("Reshape", {"cut", "flat"}, {"y"})},
        .inputs = {value("x", {"N", 2, 8, 8})},
        .outputs = {value("y", {"N", ""})},
        .initializers = {tensor_message(tensor::of<float>({2, 2, 3, 3}, std::vector<float>(36, 0.25F)), "w"),
                         tensor_message(tensor::of<float>({2}, std::vector{0.5F, -0.5F}), "bias"),
                         tensor_message(tensor::of<float>({2}, std::vector{1.0F, 1.0F}), "one"),
                         tensor_message(flag, "flag"), longs("ends", {1}), longs("flat", {1, -1})}};
    return model_message(g, squash);
}

/// True where the bytes were read; otherwise the error must say what is wrong.
bool reads(const message& bytes) {
    const auto m = io::read_onnx(bytes_of(bytes));
    if (m) {
        REQUIRE(validate(*m).has_value());
        return true;
    }
    REQUIRE(!m.error().message.empty());
    return false;
}

}  // namespace

TEST_CASE("the sample itself is read") {
    const auto m = io::read_onnx(bytes_of(sample()));
    REQUIRE_MESSAGE(m.has_value(), m.error());
    CHECK(info(*m).tensors[info(*m).outputs[0]].dims == shape{1, 32});
}

TEST_CASE("a file truncated at any byte is an error") {
    const auto whole = sample();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        REQUIRE(!reads(whole.substr(0, size)));
    }
}

TEST_CASE("flipped bits, overwritten runs and swapped pieces give errors or valid models") {
    const auto whole = sample();
    random_source random(11);
    std::size_t good = 0;
    for (int i = 0; i < 5000; ++i) {
        auto damaged = whole;
        for (auto flips = random.integer(1, 4); flips > 0; --flips) {
            char& byte = damaged[random.index(damaged.size())];
            byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.index(8)));
        }
        good += reads(damaged);
    }
    for (int i = 0; i < 2000; ++i) {
        auto damaged = whole;
        const auto at = random.index(damaged.size());
        const auto from = random.index(damaged.size());
        damaged.replace(at, random.index(12), whole.substr(from, random.index(24)));
        good += reads(damaged);
    }
    CHECK(good > 100);   // damage within weights goes unnoticed
    CHECK(good < 6000);  // damage elsewhere does not
}

TEST_CASE("claimed sizes are not believed") {
    const auto claiming = [](const shape& dims, const message& data) {
        message w = field(2, 1) + field(8, std::string("w")) + data;
        for (const auto extent : dims) w += field(1, extent);
        return model_message({.nodes = {node("Add", {"x", "w"}, {"y"})},
                              .inputs = {value("x", {1})},
                              .outputs = {value("y", {})},
                              .initializers = {w}});
    };
    CHECK(!reads(claiming({1 << 20, 1 << 20}, field(9, std::string("abcd")))));
    CHECK(!reads(claiming({1 << 20, 1 << 20}, {})));
    CHECK(!reads(claiming({std::int64_t{1} << 62, 4}, {})));
    CHECK(!reads(claiming(shape(1000, 1), field(9, std::string("abcd")))));
    CHECK(reads(claiming({1}, field(9, std::string("abcd")))));
}
