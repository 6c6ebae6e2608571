// Whole networks, and the real ONNX files of the corpus, in tiles, shards and replicas; and over TCP.
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/model/extract.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/spread/replicas.hpp"
#include "dispart/plan/spread/shards.hpp"
#include "dispart/plan/spread/turns.hpp"
#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/spread_tiles.hpp"
#include "runtime/toy.hpp"
#include "support/corpus.hpp"
#include "support/first_windows.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

using grid_list = std::vector<std::array<std::size_t, 2>>;

grid_list grids_up_to(std::size_t most) {
    grid_list all;
    for (std::size_t rows = 1; rows <= most; ++rows)
        for (std::size_t columns = 1; columns <= most; ++columns) all.push_back({rows, columns});
    return all;
}

/// The convolutional body alone, so that what is compared is not smoothed by what follows it.
model body_of(const model& g) { return extract(g, tileable_body(g).value()).value().graph; }

/// The layers up to the n-th convolution or pooling as a model.
model head_of(const model& g, int n) { return extract(g, first_windows(g, n)).value().graph; }

double worst_in_tiles(const model& g, const grid_list& grids) {
    return worst_of_tilings(g, tileable_body(g).value(), grids);
}

double worst_in_shards(const model& g) {
    const auto inputs = sample_inputs(g).value();
    return deviation(spread_shards(on_one_device(g, 0), {{0, 1, 2}, {1.0, 2.0, 1.5}, 0}), inputs,
                     outputs_of(g, inputs));
}

/// Runs a spread model on three workers over TCP; the largest deviation of five requests.
double worst_over_tcp(const model& g, const spread_model& spread) {
    tcp_transport carrier;
    std::vector<worker_host> hosts;
    std::vector<std::jthread> threads;
    const auto encode = [](const model& stage) { return io::write_onnx(stage); };
    const auto decode = [](std::span<const std::byte> in) {
        return io::read_onnx(in, {.evaluator = kernels::evaluate_layer});
    };
    for (int i = 0; i < 3; ++i) {
        auto listener = carrier.listen("127.0.0.1:0").value();
        hosts.push_back({"w" + std::to_string(i), listener.address()});
        threads.emplace_back([carrier, decode, listener = std::move(listener)](std::stop_token stop) mutable {
            worker<tcp_transport, eigen_backend> serving(carrier, eigen_backend{}, {.decode = decode});
            serving.serve(std::move(listener), stop);
        });
    }
    auto stages = make_deployment(spread.graph, parts_of(spread).value(), hosts, encode);
    REQUIRE_MESSAGE(stages.has_value(), stages.error());
    auto running = coordinator<tcp_transport>::deploy(carrier, *stages, {});
    REQUIRE_MESSAGE(running.has_value(), running.error());
    double worst = 0.0;
    const auto inputs = [&](request_id r) { return sample_inputs(g, r + 1).value(); };
    const auto report = running->run(5, inputs, [&](request_id r, const std::vector<tensor>& outputs) {
        worst = std::max(worst, deviation(outputs, outputs_of(g, inputs(r))));
    });
    REQUIRE_MESSAGE(report.has_value(), report.error());
    CHECK(running->shut_down());
    return worst;
}

}  // namespace

TEST_SUITE("spread networks") {
    TEST_CASE("ResNet50, MobileNetV2: 1 x 1 to 6 x 6 tiles, even and uneven, halos computed and exchanged") {
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("resnet50", {.image = 96}))), grids_up_to(6)) < 1e-5);
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("mobilenet_v2", {.image = 96}))), grids_up_to(6)) <
              1e-5);
    }

    TEST_CASE("at their own size: ResNet50, MobileNetV2 at 224, 1 x 1 to 6 x 6 tiles, both kinds of halos") {
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("mobilenet_v2", {.image = 224}))), grids_up_to(6)) <
              1e-5);
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("resnet50", {.image = 224}))), grids_up_to(6)) <
              1e-5);
    }

    TEST_CASE("VGG16, YOLOv2's first 16 layers: 1 x 1 to 6 x 6 tiles, even and uneven, both kinds of halos") {
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("vgg16", {.image = 96}))), grids_up_to(6)) < 1e-5);
        CHECK(worst_in_tiles(head_of(simplified(zoo::make("yolov2", {.image = 128})), 16), grids_up_to(6)) <
              1e-5);
    }

    TEST_CASE("at their own sizes: VGG16 at 224, YOLOv2's first 16 layers at 608") {
        CHECK(worst_in_tiles(body_of(simplified(zoo::make("vgg16", {.image = 224}))), {{2, 2}, {6, 6}}) < 1e-5);
        CHECK(worst_in_tiles(head_of(simplified(zoo::make("yolov2", {.image = 608})), 16), {{3, 3}, {6, 6}}) <
              1e-5);
    }

    TEST_CASE("the real ONNX files: tiles, and shards") {
        const auto files = corpus();
        if (!files) {
            MESSAGE("skipped: no corpus");
            return;
        }
        std::size_t tiled = 0;
        for (const auto& entry : std::filesystem::directory_iterator(*files / "models")) {
            if (entry.path().extension() != ".onnx") continue;
            CAPTURE(entry.path().string());
            const auto g = simplified(io::load_onnx(entry.path(), {.evaluator = kernels::evaluate_layer}));
            const auto body = tileable_body(g).value();
            if (!body.empty()) {
                ++tiled;
                CHECK(worst_in_tiles(g, {{2, 2}, {3, 1}, {1, 4}}) < 1e-5);
            }
            CHECK(worst_in_shards(g) < 1e-4);
        }
        CHECK(tiled >= 8);
    }

    TEST_CASE(
        "over TCP: tiles with both kinds of halos, shards, replicas of a batch and of requests in turn") {
        const auto g = simplified(zoo::make("mobilenet_v2", {.image = 96}));
        const auto body = tileable_body(g).value();
        const auto block = build_tile_block(g, body).value();
        auto plan = dealt_out(block, even_grid(block, 3, 2), {0, 1, 2});
        CHECK(worst_over_tcp(g, spread_tiles(on_one_device(g, 0), body, plan, 0).value()) < 1e-5);
        exchange_halos(plan);
        CHECK(worst_over_tcp(g, spread_tiles(on_one_device(g, 0), body, plan, 0).value()) < 1e-5);
        CHECK(worst_over_tcp(g, spread_shards(on_one_device(g, 0), {{0, 1, 2}, {1.0, 2.0, 1.5}, 0}).value()) <
              1e-4);
        const auto batch = simplified(zoo::make("resnet18", {.batch = 5, .image = 64}));
        CHECK(worst_over_tcp(
                  batch, spread_replicas(on_one_device(batch, 0), {0, 1, 2}, {1.0, 2.0, 1.0}, 0).value()) <
              1e-5);
        CHECK(worst_over_tcp(g, spread_turns(g, {0, 1, 2, 0})) == 0.0);
    }
}
