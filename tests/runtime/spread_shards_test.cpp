#include "dispart/plan/spread/shards.hpp"

#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/model/zoo/transformer.hpp"
#include "dispart/plan/spread/replicas.hpp"
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
}
