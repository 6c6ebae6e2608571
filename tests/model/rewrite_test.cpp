#include "dispart/model/rewrite.hpp"

#include <doctest/doctest.h>

#include "dispart/model/validate.hpp"
#include "dispart/model/zoo.hpp"
#include "model/execute.hpp"
#include "model/random_model.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

std::vector<std::string> names_of(const model& g, const std::vector<tensor_id>& ids) {
    std::vector<std::string> names;
    for (const auto t : ids) names.push_back(info(g).tensors[t].name);
    return names;
}

std::size_t count_of(const model& g, std::string_view op) {
    std::size_t count = 0;
    for (layer_id v = 0; v < num_vertices(g); ++v) count += g[v].op == op ? 1U : 0U;
    return count;
}

/// Applies a rewrite to random models: valid, same inputs, outputs and function.
template <class Rewrite>
void keeps_meaning(std::uint64_t seed, Rewrite rewrite) {
    random_source random(seed);
    std::size_t removed = 0;
    for (int round = 0; round < 150; ++round) {
        const auto before = random_model(random, 1 + random.index(25)).value();
        auto after = before;
        rewrite(after);
        const auto valid = validate(after);
        REQUIRE_MESSAGE(valid.has_value(), valid.error());
        CHECK(names_of(after, info(after).inputs) == names_of(before, info(before).inputs));
        CHECK(names_of(after, info(after).outputs) == names_of(before, info(before).outputs));
        std::vector<tensor> inputs;
        for (std::size_t i = 0; i < info(before).inputs.size(); ++i)
            inputs.push_back(random_tensor(random, {2, 4}));
        const auto expected = execute(before, inputs).value();
        const auto found = execute(after, inputs);
        REQUIRE_MESSAGE(found.has_value(), found.error());
        for (std::size_t i = 0; i < expected.size(); ++i)
            CHECK(max_abs_difference(expected[i], (*found)[i]) == 0.0);
        removed += num_vertices(before) - num_vertices(after);
    }
    CHECK(removed > 100);
}

}  // namespace

TEST_SUITE("model/rewrite") {
    TEST_CASE("remove_dead keeps the meaning") {
        keeps_meaning(1, [](model& g) { remove_dead(g); });
    }
    TEST_CASE("remove_identities keeps the meaning") {
        keeps_meaning(2, [](model& g) { REQUIRE(remove_identities(g).has_value()); });
    }
    TEST_CASE("fold_constants keeps the meaning") {
        keeps_meaning(3, [](model& g) { REQUIRE(fold_constants(g, test::evaluate).has_value()); });
    }
    TEST_CASE("simplify keeps the meaning, and a second time changes nothing") {
        keeps_meaning(4, [](model& g) {
            REQUIRE(simplify(g, test::evaluate).has_value());
            const auto layers = num_vertices(g);
            REQUIRE(simplify(g, test::evaluate).has_value());
            CHECK(num_vertices(g) == layers);
        });
    }

    TEST_CASE("simplify folds every batch normalisation of a real network") {
        const zoo::options small{.image = 32};
        for (const auto name : {"resnet18", "mobilenet_v2"}) {
            CAPTURE(name);
            const auto before = zoo::make(name, small).value();
            auto after = before;
            REQUIRE(simplify(after, test::evaluate).has_value());
            CHECK(count_of(before, "BatchNormalization") > 0);
            CHECK(count_of(after, "BatchNormalization") == 0);
            CHECK(validate(after).has_value());
            random_source random(9);
            const std::vector<tensor> inputs{random_tensor(random, {1, 3, 32, 32})};
            const auto expected = execute(before, inputs).value();
            const auto found = execute(after, inputs).value();
            double largest = 0.0;
            for (const float x : expected[0].data<float>())
                largest = std::max(largest, std::abs(static_cast<double>(x)));
            CHECK(largest > 0.1);
            CHECK(max_abs_difference(expected[0], found[0]) < 1e-5 * largest + 1e-5);
        }
    }
}
