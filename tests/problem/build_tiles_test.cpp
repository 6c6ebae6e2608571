#include "dispart/problem/build_tiles.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "dispart/model/builder.hpp"
#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/model/zoo/vgg.hpp"
#include "dispart/model/zoo/yolo.hpp"
#include "dispart/problem/tile_regions.hpp"
#include "support/first_windows.hpp"

using namespace dispart;

TEST_SUITE("problem/build_tiles") {
    TEST_CASE(
        "YOLOv2's first 16 layers at 608 x 608: work, redundant work and memory are the published ones") {
        const auto g = zoo::yolov2({.weights = false, .image = 608}).value();
        const auto block = build_tile_block(g, test::first_windows(g, 16)).value();
        CHECK(total_macs(block) == doctest::Approx(13.000e9).epsilon(0.0001));
        const double alone = work_of_tile(block, regions_of_grid(block, even_grid(block, 1, 1))[0]).map_bytes;
        struct row {
            std::size_t n;
            double redundant, memory;
        };
        for (const row& known : {row{2, 24.7, -65.0}, row{3, 52.9, -72.0}, row{4, 84.5, -79.0}}) {
            double macs = 0.0, memory = 0.0;
            for (const auto& tile : regions_of_grid(block, ceiling_grid(block, known.n, known.n))) {
                const auto work = work_of_tile(block, tile);
                macs += work.macs;
                memory = std::max(memory, work.map_bytes);
            }
            CHECK(std::abs((macs / total_macs(block) - 1.0) * 100.0 - known.redundant) < 0.05);
            CHECK(std::abs((memory / alone - 1.0) * 100.0 - known.memory) < 0.5);
        }
    }

    TEST_CASE("bodies of networks end where images do") {
        const auto last = [](const model& g) {
            const auto body = tileable_body(g).value();
            CHECK(build_tile_block(g, body).value().layers.size() == body.size());
            return g[body.back()].name;
        };
        CHECK(last(zoo::vgg16({.weights = false}).value()) == "pool5");
        const auto resnet = zoo::resnet50({.weights = false}).value();
        const auto body = tileable_body(resnet).value();
        for (const auto v : body) CHECK(resnet[v].op != "GlobalAveragePool");
        CHECK(body.size() + 3 == num_vertices(resnet));  // pooling, flattening, the classifier
        const auto mobile = zoo::mobilenet_v2({.weights = false}).value();
        CHECK(tileable_body(mobile).value().size() > 100);
    }

    TEST_CASE("what cannot be tiled is named") {
        model_builder b("no");
        const auto x = b.input("x", {1, 2, 6, 6});
        const auto each = b.weight("each", {1, 1, 6, 6});
        const auto added = b.add("Add", {x, each}, {.name = "add"});
        const auto flat = b.add("Flatten", {x}, {.name = "flat"});
        b.output(added);
        b.output(flat);
        const auto g = std::move(b).build().value();
        CHECK(build_tile_block(g, {0}).error().offender == "add");
        CHECK(build_tile_block(g, {1}).error().offender == "flat");
        CHECK(build_tile_block(g, {}).error().code == errc::invalid_argument);
        CHECK(build_tile_block(g, {7}).error().code == errc::invalid_argument);
        CHECK(tileable_body(g).value().empty());
    }
}
