#include "dispart/model/rewrite/fold_batch_norm.hpp"

#include <doctest/doctest.h>

#include "dispart/model/builder.hpp"
#include "dispart/model/validate.hpp"
#include "model/execute.hpp"
#include "model/random_model.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// A model of one linear layer and a batch normalisation of its `channels`.
struct linear_case {
    std::string op{};
    shape input{};
    shape weights{};
    std::int64_t channels = 0;
    attributes attrs{};
    std::optional<shape> bias{};
    attributes bn_attrs{};
};

tensor_id normalised(model_builder& b, random_source& random, tensor_id x, std::int64_t channels,
                     attributes attrs) {
    auto variance = random_tensor(random, {channels});
    for (auto& v : variance.data<float>()) v = 1.5F + v;
    return b.add("BatchNormalization",
                 {x, b.constant("scale", random_tensor(random, {channels})),
                  b.constant("shift", random_tensor(random, {channels})),
                  b.constant("mean", random_tensor(random, {channels})), b.constant("variance", variance)},
                 {.name = "bn", .attrs = std::move(attrs)});
}

model build(const linear_case& c, random_source& random) {
    model_builder b("linear", 13);
    std::vector<tensor_id> operands{b.input("x", c.input), b.constant("w", random_tensor(random, c.weights))};
    if (c.bias) operands.push_back(b.constant("b", random_tensor(random, *c.bias)));
    const auto y = b.add(c.op, operands, {.name = "linear", .attrs = c.attrs});
    b.output(normalised(b, random, y, c.channels, c.bn_attrs), "y");
    auto g = b.build();
    REQUIRE_MESSAGE(g.has_value(), g.error());
    return std::move(*g);
}

void folds(const linear_case& c) {
    random_source random(42);
    const auto before = build(c, random);
    auto after = before;
    fold_batch_norm(after);
    REQUIRE(num_vertices(after) == 1);
    CHECK(validate(after).has_value());
    CHECK(info(after).tensors[info(after).outputs[0]].name == "y");
    const std::vector<tensor> inputs{random_tensor(random, c.input)};
    const auto expected = execute(before, inputs).value();
    const auto found = execute(after, inputs);
    REQUIRE_MESSAGE(found.has_value(), found.error());
    CHECK(max_abs_difference(expected[0], (*found)[0]) < 1e-5);
}

std::size_t left_after(model g) {
    fold_batch_norm(g);
    CHECK(validate(g).has_value());
    return num_vertices(g);
}

const attributes two_groups{{"group", std::int64_t{2}}};

}  // namespace

TEST_SUITE("model/rewrite/fold_batch_norm") {
    TEST_CASE("into every kind of linear layer") {
        folds({"Conv", {2, 4, 5, 5}, {6, 4, 3, 3}, 6});
        folds({"Conv", {2, 4, 5, 5}, {6, 4, 3, 3}, 6, {}, shape{6}});
        folds({"Conv", {2, 4, 5, 5}, {6, 2, 3, 3}, 6, two_groups, shape{6}, {{"epsilon", 0.25F}}});
        folds({"Conv", {2, 4, 9}, {6, 4, 3}, 6});
        folds({"ConvTranspose", {2, 4, 5, 5}, {4, 6, 3, 3}, 6, {}, shape{6}});
        folds({"ConvTranspose", {2, 4, 5, 5}, {4, 3, 3, 3}, 6, two_groups});
        folds({"Gemm", {3, 4}, {4, 6}, 6});
        folds({"Gemm", {3, 4}, {6, 4}, 6, {{"transB", std::int64_t{1}}}, shape{6}});
        folds({"Gemm", {3, 4}, {4, 6}, 6, {{"alpha", 0.5F}, {"beta", 0.25F}}, shape{1, 6}});
        folds({"Gemm", {3, 4}, {4, 6}, 6, {{"beta", 0.0F}}, shape{1}});
    }

    TEST_CASE("not where it would change the function") {
        random_source random(1);
        const linear_case plain{"Conv", {1, 2, 4, 4}, {3, 2, 1, 1}, 3};
        CHECK(left_after(build(plain, random)) == 1);
        auto training = plain;
        training.bn_attrs = {{"training_mode", std::int64_t{1}}};
        CHECK(left_after(build(training, random)) == 2);
        const linear_case full_addend{"Gemm", {3, 4}, {4, 6}, 6, {}, shape{3, 6}};
        CHECK(left_after(build(full_addend, random)) == 2);
        const linear_case column{"Gemm", {6, 4}, {4, 6}, 6, {}, shape{6, 1}};
        CHECK(left_after(build(column, random)) == 2);
    }

    TEST_CASE("not where somebody else reads the result, nor where values are unknown") {
        for (const int variant : {0, 1, 2}) {
            random_source random(1);
            model_builder b("shared");
            const auto x = b.input("x", {1, 2, 4, 4});
            const auto w = variant == 2 ? b.weight("w", {3, 2, 1, 1})
                                        : b.constant("w", random_tensor(random, {3, 2, 1, 1}));
            const auto y = b.add("Conv", {x, w});
            b.output(normalised(b, random, y, 3, {}));
            if (variant == 0) b.output(b.add("Relu", {y}));
            if (variant == 1) b.output(y);
            CHECK(left_after(b.build().value()) == (variant == 0 ? 3U : 2U));
        }
    }

    TEST_CASE("weights that two layers share are not changed for the other") {
        random_source random(2);
        model_builder b("shared weights");
        const auto x = b.input("x", {1, 2, 4, 4});
        const auto w = b.constant("w", random_tensor(random, {3, 2, 1, 1}));
        b.output(normalised(b, random, b.add("Conv", {x, w}), 3, {}));
        b.output(b.add("Conv", {x, w}));
        const auto before = b.build().value();
        auto after = before;
        fold_batch_norm(after);
        CHECK(num_vertices(after) == 2);
        const std::vector<tensor> inputs{random_tensor(random, {1, 2, 4, 4})};
        const auto expected = execute(before, inputs).value();
        const auto found = execute(after, inputs).value();
        CHECK(max_abs_difference(expected[0], found[0]) < 1e-5);
        CHECK(max_abs_difference(expected[1], found[1]) == 0.0);
    }
}
