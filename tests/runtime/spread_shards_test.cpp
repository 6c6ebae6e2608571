#include "dispart/plan/spread/shards.hpp"

#include "dispart/model/builder.hpp"
#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/model/zoo/transformer.hpp"
#include "dispart/plan/spread/replicas.hpp"
#include "dispart/plan/spread/turns.hpp"
#include "runtime/spread.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// Two blocks of attention with four heads and a feed-forward part.
model small_transformer() {
    zoo::net n("transformer", zoo::options{});
    zoo::transformer made(n, {.width = 64, .heads = 4, .hidden = 128, .layers = 2});
    auto x = n.builder().input("x", {2, 9, 64});
    for (const std::string block : {"a", "b"}) x = made.pre_norm_block(block, x, no_id);
    return n.finish(x, "y").value();
}

/// A convolution, a layer with its attributes, and a convolution, in an older operator set.
model between_convolutions(std::int64_t opset, const std::string& op, attributes attrs, bool with_constant) {
    model_builder b("old", opset);
    random_source random(4);
    const auto weight = [&](const std::string& name, shape dims) {
        tensor value(dtype::f32, std::move(dims));
        for (auto& x : value.data<float>()) x = static_cast<float>(random.uniform(-0.5, 0.5));
        return b.constant(name, std::move(value));
    };
    const auto x = b.add("Conv", {b.input("x", {1, 3, 8, 8}), weight("w1", {8, 3, 1, 1})});
    std::vector<tensor_id> operands{x};
    if (with_constant) operands.push_back(weight("k", {8}));
    const auto y = b.add(op, operands, {.attrs = std::move(attrs)});
    b.output(b.add("Conv", {y, weight("w2", {4, 8, 1, 1})}));
    return std::move(b).build().value();
}

std::size_t count_named(const model& g, const std::string& end) {
    std::size_t count = 0;
    for (layer_id v = 0; v < num_vertices(g); ++v) count += g[v].name.ends_with(end) ? 1 : 0;
    return count;
}

}  // namespace

TEST_SUITE("plan/spread/shards") {
    TEST_CASE("attention is divided by heads and columns, with two sums a block") {
        const auto g = small_transformer();
        const auto inputs = sample_inputs(g).value();
        const auto expected = outputs_of(g, inputs);
        for (const std::vector<double>& weights :
             {std::vector<double>{1.0, 1.0}, {1.0, 2.0, 1.0}, {0.0, 1.0, 3.0}}) {
            std::vector<device_id> devices{0, 1, 2};
            devices.resize(weights.size());
            const auto spread = spread_shards(on_one_device(g, 0), {devices, weights, 0});
            CHECK(deviation(spread, inputs, expected) < 1e-5);
            CHECK(count_named(spread->graph, ".sum") == 4);
            CHECK(count_named(spread->graph, ".join") == 0);
            for (layer_id v = 0; v < num_vertices(spread->graph); ++v) {
                if (spread->graph[v].op != "Softmax") continue;  // whole heads only
                const auto& scores = *info(spread->graph).tensors[spread->graph[v].outputs[0]].dims;
                CHECK(scores[1] >= 1);
                CHECK(scores[1] < 4);
            }
        }
    }

    TEST_CASE("sums by tree and by ring: the same, and home receives less than by star") {
        const auto g = small_transformer();
        const auto inputs = sample_inputs(g).value();
        const auto expected = outputs_of(g, inputs);
        const std::vector<device_id> devices{0, 1, 2, 3};
        double by_star = 0.0;
        for (const auto sum : {shard_sum::star, shard_sum::tree, shard_sum::ring})
            for (const std::size_t count : {2U, 3U, 4U}) {
                const std::vector<device_id> used(devices.begin(),
                                                  devices.begin() + static_cast<std::ptrdiff_t>(count));
                const auto spread = spread_shards(on_one_device(g, 0),
                                                  {used, std::vector<double>(count, 1.0), 0, 0.002, sum});
                CHECK(deviation(spread, inputs, expected) < 1e-5);
                double received = 0.0;  // by home, of what becomes part of a sum
                for (layer_id v = 0; v < num_vertices(spread->graph); ++v) {
                    const auto& self = spread->graph[v];
                    const bool sums = self.name.ends_with(".sum") || self.name.ends_with(".sums") ||
                                      self.name.ends_with(".pair") || self.name.ends_with(".step");
                    if (!sums || spread->device[spread->group[v]] != 0) continue;
                    const auto [first, last] = in_edges(v, spread->graph);
                    for (auto e = first; e != last; ++e)
                        if (spread->device[spread->group[source(*e, spread->graph)]] != 0)
                            received += info(spread->graph).tensors[spread->graph[*e].tensor].size_bytes();
                }
                if (count < 4) continue;
                if (sum == shard_sum::star) by_star = received;
                else CHECK(received < 0.7 * by_star);
            }
    }

    TEST_CASE("channels of convolutions, depthwise ones, residual sums and the classifier") {
        for (auto made : {zoo::resnet18({.image = 64}), zoo::mobilenet_v2({.image = 64})}) {
            const auto g = simplified(std::move(made));
            const auto inputs = sample_inputs(g).value();
            const auto spread = spread_shards(on_one_device(g, 1), {{0, 1, 2}, {1.0, 2.0, 1.5}, 1});
            CHECK(deviation(spread, inputs, outputs_of(g, inputs)) < 1e-4);
            CHECK(count_named(spread->graph, ".sum") > 8);
            double kept = 0.0;  // no device has a second copy of what is divided
            for (const auto& t : info(spread->graph).tensors) kept += t.constant ? t.size_bytes() : 0.0;
            CHECK(kept < 1.05 * total_weight_bytes(g).value);
        }
    }

    TEST_CASE(
        "older operator sets: Softmax over several axes and operands placed by an axis are not divided") {
        const auto same = [](const model& g) {
            const auto inputs = sample_inputs(g).value();
            return deviation(spread_shards(on_one_device(g, 0), {{0, 1}, {1.0, 1.0}, 0, 0.0}), inputs,
                             outputs_of(g, inputs)) < 1e-5;
        };
        // of before opset 13 over axes 1 to 3, which is the default, or 2 and 3
        CHECK(same(between_convolutions(11, "Softmax", {}, false)));
        CHECK(same(between_convolutions(11, "Softmax", {{"axis", std::int64_t{2}}}, false)));
        CHECK(same(between_convolutions(13, "Softmax", {{"axis", std::int64_t{1}}}, false)));
        // of before opset 7: a number for each channel
        CHECK(same(between_convolutions(6, "Mul", {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}},
                                        true)));
    }

    TEST_CASE("replicas divide a batch, and say so where there is none") {
        const auto g = simplified(zoo::resnet18({.batch = 5, .image = 64}));
        const auto inputs = sample_inputs(g).value();
        const auto spread = spread_replicas(on_one_device(g, 0), {0, 1, 2}, {1.0, 3.0, 0.0}, 0);
        CHECK(deviation(spread, inputs, outputs_of(g, inputs)) < 1e-5);
        CHECK(parts_of(*spread).value().parts.size() == 4);
        const auto single = zoo::resnet18({.weights = false, .image = 64}).value();
        CHECK(spread_replicas(on_one_device(single, 0), {0, 1}, {1.0, 1.0}, 0).error().code ==
              errc::unsupported);
    }

    TEST_CASE("replicas that take turns: each copy computes its own request, and no weight is there twice") {
        const auto g = simplified(zoo::resnet18({.image = 64}));
        const auto spread = spread_turns(g, {1, 0, 1});
        REQUIRE(validate(spread.graph));
        std::vector<tensor> inputs, wanted;
        for (std::uint64_t r = 0; r < 3; ++r) {
            const auto own = sample_inputs(g, r).value();
            const auto outputs = outputs_of(g, own);
            inputs.insert(inputs.end(), own.begin(), own.end());
            wanted.insert(wanted.end(), outputs.begin(), outputs.end());
        }
        CHECK(deviation(outputs_of(spread.graph, inputs), wanted) == 0.0);
        const auto parts = parts_of(spread).value();
        CHECK(parts.turns == 3);
        REQUIRE(parts.parts.size() == 3);
        for (std::size_t t = 0; t < 3; ++t) CHECK(parts.parts[t].turn == t);
        CHECK(parts.parts[1].device == 0);
        CHECK(total_weight_bytes(spread.graph).value == total_weight_bytes(g).value);
    }

    TEST_CASE("turns by speed: as many as even out the devices, the quickest first") {
        CHECK(turns_by_speed({1.0, 1.0}, 8) == std::vector<std::size_t>{0, 1});
        CHECK(turns_by_speed({1.0, 2.0}, 8) == std::vector<std::size_t>{0, 0, 1});
        CHECK(turns_by_speed({1.0, 9.0}, 8) == std::vector<std::size_t>{0});
        CHECK(turns_by_speed({3.0, 2.0}, 8) == std::vector<std::size_t>{1, 0, 1, 0, 1});
    }
}
