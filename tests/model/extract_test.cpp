#include "dispart/model/extract.hpp"

#include <doctest/doctest.h>

#include "dispart/model/order.hpp"
#include "dispart/model/validate.hpp"
#include "model/execute.hpp"
#include "model/random_model.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// Runs the parts one after the other, each fed with what the parts before returned.
std::vector<tensor> run_in_parts(const model& g, const std::vector<std::vector<layer_id>>& parts,
                                 const std::vector<tensor>& inputs) {
    std::vector<tensor> values(info(g).tensors.size());
    for (tensor_id t = 0; t < values.size(); ++t) values[t] = info(g).tensors[t].value;
    for (std::size_t i = 0; i < inputs.size(); ++i) values[info(g).inputs[i]] = inputs[i];
    for (const auto& layers : parts) {
        const auto part = extract(g, layers).value();
        REQUIRE(validate(part.graph).has_value());
        std::vector<tensor> fed;
        for (const auto t : info(part.graph).inputs) fed.push_back(values[part.tensors[t]]);
        for (const auto& t : fed) REQUIRE(t.has_value());
        const auto made = execute(part.graph, fed);
        REQUIRE_MESSAGE(made.has_value(), made.error());
        for (std::size_t i = 0; i < made->size(); ++i)
            values[part.tensors[info(part.graph).outputs[i]]] = (*made)[i];
    }
    std::vector<tensor> outputs;
    for (const auto t : info(g).outputs) outputs.push_back(values[t]);
    return outputs;
}

}  // namespace

TEST_SUITE("model/extract") {
    TEST_CASE("a model cut anywhere along its order computes the same") {
        random_source random(5);
        for (int round = 0; round < 100; ++round) {
            const auto g = random_model(random, 3 + random.index(25)).value();
            const auto order = topological_order(g).value();
            std::vector<std::vector<layer_id>> parts(1);
            for (const auto v : order) {
                if (!parts.back().empty() && random.chance(0.3)) parts.emplace_back();
                parts.back().push_back(v);
            }
            std::vector<tensor> inputs;
            for (std::size_t i = 0; i < info(g).inputs.size(); ++i)
                inputs.push_back(random_tensor(random, {2, 4}));
            const auto whole = execute(g, inputs).value();
            const auto cut = run_in_parts(g, parts, inputs);
            REQUIRE(whole.size() == cut.size());
            for (std::size_t i = 0; i < whole.size(); ++i) CHECK(max_abs_difference(whole[i], cut[i]) == 0.0);
        }
    }

    TEST_CASE("boundaries are what their definition says, by brute force") {
        random_source random(6);
        for (int round = 0; round < 200; ++round) {
            const auto g = random_model(random, 3 + random.index(25)).value();
            std::vector<layer_id> layers;
            for (layer_id v = 0; v < num_vertices(g); ++v)
                if (random.chance(0.4)) layers.push_back(v);
            if (layers.empty()) layers.push_back(0);
            const auto inside = [&](layer_id v) {
                return std::find(layers.begin(), layers.end(), v) != layers.end();
            };
            const auto by = producers(g);
            const auto readers = consumers(g);
            std::vector<tensor_id> in, out;
            for (tensor_id t = 0; t < by.size(); ++t) {
                const bool made = by[t] != no_id && inside(by[t]);
                bool read_inside = false, read_outside = false;
                for (const auto v : readers[t]) (inside(v) ? read_inside : read_outside) = true;
                for (const auto o : info(g).outputs) read_outside = read_outside || o == t;
                if (!made && read_inside && !info(g).tensors[t].constant) in.push_back(t);
                if (made && read_outside) out.push_back(t);
            }
            auto shuffled = layers;
            random.shuffle(shuffled);
            const auto part = extract(g, shuffled).value();
            CHECK(part.layers == layers);
            const auto original = [&](std::vector<tensor_id> ids) {
                for (auto& t : ids) t = part.tensors[t];
                return ids;
            };
            CHECK(original(info(part.graph).inputs) == in);
            CHECK(original(info(part.graph).outputs) == out);
            for (layer_id v = 0; v < layers.size(); ++v) {
                CHECK(part.graph[v].name == g[layers[v]].name);
                CHECK(original(part.graph[v].inputs) == g[layers[v]].inputs);
            }
            for (tensor_id t = 0; t < part.tensors.size(); ++t) {
                const auto& copy = info(part.graph).tensors[t];
                const auto& old = info(g).tensors[part.tensors[t]];
                CHECK(copy.name == old.name);
                if (old.constant) CHECK(copy.value.bytes().data() == old.value.bytes().data());  // shared
            }
        }
    }

    TEST_CASE("wrong requests") {
        random_source random(1);
        const auto g = random_model(random, 5).value();
        CHECK(extract(g, {}).error().code == errc::invalid_argument);
        CHECK(extract(g, {0, 0}).error().offender == g[0].name);
        CHECK(extract(g, {999}).error().code == errc::not_found);
    }
}
