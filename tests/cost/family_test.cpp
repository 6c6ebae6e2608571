#include "dispart/cost/family.hpp"

#include <doctest/doctest.h>

#include <string>

#include "dispart/model/builder.hpp"
#include "dispart/model/operators.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

op_family conv_of(shape input, shape filter, std::int64_t group = 1) {
    model_builder b("m");
    const auto x = b.input("x", std::move(input));
    const auto w = b.weight("w", std::move(filter));
    b.output(b.add("Conv", {x, w}, {.attrs = {{"group", group}}}));
    const auto net = std::move(b).build();
    REQUIRE(net);
    return family_of(viewed_layer(*net, 0).view());
}

op_family named(const std::string& op) {
    layer l;
    l.op = op;
    const tensor_info t;
    const tensor_info* const operands[] = {&t};
    return family_of(layer_view<>{l, operands, operands, {}});
}

}  // namespace

TEST_CASE("convolutions are told apart by their filters") {
    CHECK(conv_of({1, 3, 8, 8}, {16, 3, 3, 3}) == op_family::conv_few);
    CHECK(conv_of({1, 16, 8, 8}, {16, 16, 1, 1}) == op_family::conv_1x1);
    CHECK(conv_of({1, 16, 8, 8}, {16, 16, 3, 3}) == op_family::conv_kxk);
    CHECK(conv_of({1, 16, 8, 8}, {16, 1, 3, 3}, 16) == op_family::conv_depthwise);
    CHECK(conv_of({1, 16, 8, 8}, {16, 4, 3, 3}, 4) == op_family::conv_grouped);
    CHECK(conv_of({1, 16, 8}, {16, 16, 1}) == op_family::conv_1x1);
}

TEST_CASE("matrix products are told apart by whether a factor is constant") {
    model_builder b("m");
    const auto x = b.input("x", {2, 3});
    const auto y = b.input("y", {3, 3});
    const auto w = b.weight("w", {3, 4});
    b.output(b.add("MatMul", {b.add("MatMul", {x, y}), w}));
    const auto net = std::move(b).build();
    REQUIRE(net);
    CHECK(family_of(viewed_layer(*net, 0).view()) == op_family::matmul);
    CHECK(family_of(viewed_layer(*net, 1).view()) == op_family::gemm);
}

TEST_CASE("names") {
    CHECK(named("Relu") == op_family::elementwise);
    CHECK(named("Sigmoid") == op_family::transcendental);
    CHECK(named("Reshape") == op_family::view);
    CHECK(named("Log") == op_family::transcendental);  // not part of LogSoftmax
    CHECK(named("Soft") == op_family::other);
    CHECK(named("") == op_family::other);
    CHECK(named("Elu Selu") == op_family::other);
    for (std::size_t f = 0; f < op_family_count; ++f)
        CHECK(family_from_string(to_string(static_cast<op_family>(f))) == static_cast<op_family>(f));
    CHECK_FALSE(family_from_string("none"));
}

TEST_CASE("every operator that can be planned with has a family") {
    for (const auto& spec : operators()) {
        const std::string op(spec.name);
        if (op == "Conv" || op == "ConvInteger" || op == "QLinearConv" || op == "Det" || op == "Range" ||
            op == "EyeLike" || op == "NonZero" || op == "NonMaxSuppression" || op == "Unique")
            continue;  // by its filter; or so rare that no law is worth it
        CAPTURE(op);
        CHECK(named(op) != op_family::other);
    }
}
