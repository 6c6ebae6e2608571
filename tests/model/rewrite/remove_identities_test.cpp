#include "dispart/model/rewrite/remove_identities.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/validate.hpp"

using namespace dispart;

namespace {

/// Layers left of: input [2, 3] -> Relu -> the layer in question -> Relu.
std::size_t left_of(const std::string& op, attributes attrs = {}, std::vector<tensor> constants = {},
                    std::int64_t opset = 13) {
    model_builder b("one", opset);
    std::vector<tensor_id> operands{b.add("Relu", {b.input("x", {2, 3})})};
    for (std::size_t i = 0; i < constants.size(); ++i)
        operands.push_back(constants[i].has_value() ? b.constant("c" + std::to_string(i), constants[i])
                                                    : no_id);
    b.output(b.add("Relu", {b.add(op, operands, {.attrs = std::move(attrs)})}));
    auto g = b.build();
    REQUIRE_MESSAGE(g.has_value(), g.error());
    REQUIRE(remove_identities(*g).has_value());
    CHECK(validate(*g).has_value());
    return num_vertices(*g);
}

tensor integers(std::vector<std::int64_t> values) {
    return tensor::of({static_cast<std::int64_t>(values.size())}, values);
}

tensor flag(bool value) { return tensor::of({}, std::span<const bool>(&value, 1)); }

}  // namespace

TEST_SUITE("model/rewrite/remove_identities") {
    TEST_CASE("what goes and what stays") {
        CHECK(left_of("Identity") == 2);
        CHECK(left_of("Dropout") == 2);
        CHECK(left_of("Dropout", {}, {tensor::of({}, std::vector{0.3F}), flag(false)}) == 2);
        CHECK(left_of("Dropout", {}, {tensor::of({}, std::vector{0.3F}), flag(true)}) == 3);
        CHECK(left_of("Reshape", {}, {integers({2, 3})}) == 2);
        CHECK(left_of("Reshape", {}, {integers({3, 2})}) == 3);
        CHECK(left_of("Flatten") == 2);
        CHECK(left_of("Transpose", {{"perm", std::vector<std::int64_t>{0, 1}}}) == 2);
        CHECK(left_of("Transpose") == 3);
        CHECK(left_of("Cast", {{"to", std::int64_t{1}}}) == 2);
        CHECK(left_of("Cast", {{"to", std::int64_t{11}}}) == 3);
        CHECK(left_of("Concat", {{"axis", std::int64_t{0}}}) == 2);
        CHECK(left_of("Sum") == 2);
        CHECK(left_of("Expand", {}, {integers({1, 3})}) == 2);
        CHECK(left_of("Expand", {}, {integers({4, 2, 3})}) == 3);
        CHECK(left_of("Tile", {}, {integers({1, 1})}) == 2);
        CHECK(left_of("Softmax") == 3);
    }

    TEST_CASE("outputs keep their names, whichever layer makes them") {
        model_builder b("outputs");
        const auto x = b.input("x", {2});
        const auto y = b.add("Relu", {x}, {.name = "relu"});
        b.output(b.add("Identity", {b.add("Identity", {y})}), "first");
        b.output(b.add("Identity", {y}), "second");
        b.output(b.add("Identity", {x}), "third");
        auto g = b.build().value();
        REQUIRE(remove_identities(g).has_value());
        CHECK(validate(g).has_value());
        CHECK(num_vertices(g) == 3);  // relu makes "first"; "second" copies it; "third" copies the input
        REQUIRE(info(g).outputs.size() == 3);
        CHECK(info(g).tensors[info(g).outputs[0]].name == "first");
        CHECK(info(g).tensors[info(g).outputs[1]].name == "second");
        CHECK(info(g).tensors[info(g).outputs[2]].name == "third");
        CHECK(g[0].name == "relu");
        CHECK(g[0].outputs[0] == info(g).outputs[0]);
    }

    TEST_CASE("a mask that somebody reads keeps its Dropout") {
        model_builder b("mask", 13);
        const auto both = b.add_many("Dropout", {b.add("Relu", {b.input("x", {2})})}, {.outputs = 2});
        b.output(both[0]);
        b.output(both[1]);
        auto g = b.build().value();
        REQUIRE(remove_identities(g).has_value());
        CHECK(num_vertices(g) == 2);
    }
}
