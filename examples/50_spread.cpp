// One request is answered sooner where layers are spread over all workers: tiles of the convolutions, shards of the channels.
//   50_spread [MODEL [IMAGE [WORKERS [REQUESTS]]]]      50_spread vgg16 224 2 9
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "dispart/model/rewrite.hpp"
#include "dispart/model/sample.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/partition/tiles/aofl.hpp"
#include "dispart/plan/spread/shards.hpp"
#include "dispart/plan/spread/tiles.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/eigen_backend.hpp"
#include "dispart/run/in_process_transport.hpp"
#include "dispart/run/worker.hpp"

namespace {

using namespace dispart;

/// Workers are threads of this process, so a stage travels as its number; over a network it would be `io::write_onnx`.
std::deque<model> stages;
result<std::vector<std::byte>> encode(const model& m) {
    std::vector<std::byte> number(sizeof(std::size_t));
    const std::size_t index = stages.size();
    std::memcpy(number.data(), &index, number.size());
    stages.push_back(m);
    return number;
}
result<model> decode(std::span<const std::byte> bytes_in) {
    std::size_t index = 0;
    std::memcpy(&index, bytes_in.data(), sizeof index);
    return stages.at(index);
}

struct measured {
    double latency = 0.0;
    std::vector<tensor> outputs{};
};

/// One request at a time, on workers of their own; the median.
result<measured> serve(const spread_model& spread, std::size_t workers, std::size_t requests) {
    DISPART_TRY(const auto parts, parts_of(spread));
    in_process_transport carrier;
    std::vector<worker_host> hosts;
    std::vector<std::jthread> threads;
    for (std::size_t w = 0; w < workers; ++w) {
        DISPART_TRY(auto listener, carrier.listen(""));
        hosts.push_back({"worker " + std::to_string(w), listener.address()});
        threads.emplace_back([carrier, listener = std::move(listener)](std::stop_token stop) mutable {
            worker<in_process_transport, eigen_backend> serving(carrier, eigen_backend{}, {.decode = decode});
            serving.serve(std::move(listener), stop);
        });
    }
    DISPART_TRY(auto stages_of, make_deployment(spread.graph, parts, hosts, encode));
    DISPART_TRY(auto running, coordinator<in_process_transport>::deploy(carrier, std::move(stages_of)));
    DISPART_TRY(const auto inputs, sample_inputs(spread.graph));
    measured made;
    std::vector<double> seconds_each;
    for (std::size_t r = 0; r <= requests; ++r) {
        const auto report = running.run(
            1, [&](request_id) { return inputs; },
            [&](request_id, std::vector<tensor> outputs) { made.outputs = std::move(outputs); },
            {.window = 1});
        if (!report) return tl::unexpected(report.error());
        if (r > 0) seconds_each.push_back(report->latency.value);  // the first one warms up
    }
    std::sort(seconds_each.begin(), seconds_each.end());
    made.latency = seconds_each[seconds_each.size() / 2];
    DISPART_CHECK(running.shut_down());
    return made;
}

/// Prints what became of it. \return how far the outputs are apart
double compare(const char* how, const measured& alone, const measured& spread, std::size_t workers) {
    double worst = 0.0;
    for (std::size_t i = 0; i < spread.outputs.size(); ++i)
        worst = std::max(worst, max_abs_difference(spread.outputs[i], alone.outputs[i]));
    std::printf(
        "%s, one request at a time: 1 worker %.1f ms, %zu workers %.1f ms: %.2f times as fast; largest "
        "difference %.2g\n",
        how, alone.latency * 1e3, workers, spread.latency * 1e3, alone.latency / spread.latency, worst);
    return worst;
}

/// The convolutions in strips; which layers are fused follows from this machine's speed and a guess of what carrying costs.
result<double> tile(const model& net, std::size_t workers, std::size_t requests) {
    DISPART_TRY(const auto layers, tileable_body(net));
    DISPART_TRY(auto part, extract(net, layers));
    const model body = std::move(part.graph);
    DISPART_TRY(const auto all, tileable_body(body));
    DISPART_TRY(const auto block, build_tile_block(body, all));
    DISPART_TRY(const auto alone, serve(on_one_device(body, 0), 1, requests));
    const tile_machines on{.macs_per_second = std::vector<double>(workers, total_macs(block) / alone.latency),
                           .bytes_per_second = 1e9,
                           .latency_s = 1e-4};
    const auto fused = aofl(block, on, {.leave_out = false, .seconds_per_run = 1e-3});
    std::vector<tiled_layers> blocks;
    for (const fused_strips& run : fused.runs) {
        std::vector<layer_id> own;
        for (std::size_t l = run.first; l < run.last; ++l) own.push_back(block.layers[l].layer);
        std::printf("layers %zu to %zu: strips at rows", run.first, run.last - 1);
        for (const auto row : run.plan.grid.rows) std::printf(" %ld", static_cast<long>(row));
        std::printf("\n");
        blocks.push_back({std::move(own), run.plan});
    }
    DISPART_TRY(const auto spread,
                spread_tiles(on_one_device(body, 0), blocks, {.home = 0, .scatter = false}));
    DISPART_TRY(const auto tiled, serve(spread, workers, requests));
    return compare("the convolutions in tiles", alone, tiled, workers);
}

/// The whole network, channels and columns divided.
result<double> shard(const model& net, std::size_t workers, std::size_t requests) {
    DISPART_TRY(const auto alone, serve(on_one_device(net, 0), 1, requests));
    shard_options how{.home = 0};
    for (device_id w = 0; w < workers; ++w) {
        how.devices.push_back(w);
        how.weights.push_back(1.0);
    }
    DISPART_TRY(const auto spread, spread_shards(on_one_device(net, 0), how));
    DISPART_TRY(const auto sharded, serve(spread, workers, requests));
    return compare("the whole network in shards", alone, sharded, workers);
}

result<int> show(const std::string& name, std::int64_t image, std::size_t workers, std::size_t requests) {
    DISPART_TRY(auto net, zoo::make(name, {.image = image}));
    DISPART_CHECK(simplify(net, kernels::evaluate_layer));
    DISPART_TRY(const double tiled, tile(net, workers, requests));
    DISPART_TRY(const double sharded, shard(net, workers, requests));
    return std::max(tiled, sharded) < 1e-3 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    const auto number = [&](int i, long otherwise) { return count > i ? std::atol(words[i]) : otherwise; };
    const auto done = show(count > 1 ? words[1] : "resnet18", number(2, 64),
                           static_cast<std::size_t>(number(3, 2)), static_cast<std::size_t>(number(4, 2)));
    if (!done) std::fprintf(stderr, "%s\n", to_string(done.error()).c_str());
    return done ? *done : 1;
}
