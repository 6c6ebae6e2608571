#include "dispart/plan/spread/tiles.hpp"

#include <thread>

#include "dispart/model/builder.hpp"
#include "dispart/model/zoo/mobilenet.hpp"
#include "dispart/model/zoo/resnet.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/in_process_transport.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/spread_tiles.hpp"
#include "runtime/toy.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// Every window that a tile may meet: strides, dilations, pads of all kinds, pooling, groups, a sum and a join.
model odd_windows() {
    using ints = std::vector<std::int64_t>;
    model_builder b("odd");
    random_source random(8);
    const auto weight = [&](const std::string& name, shape dims) {
        tensor value(dtype::f32, dims);
        for (auto& x : value.data<float>()) x = static_cast<float>(random.uniform(-0.3, 0.3));
        return b.constant(name, std::move(value));
    };
    const auto x = b.input("x", {2, 3, 41, 37});
    const auto a =
        b.add("Conv", {x, weight("w1", {8, 3, 5, 3})},
              {.attrs = {{"strides", ints{2, 1}}, {"pads", ints{1, 0, 3, 2}}, {"dilations", ints{1, 2}}}});
    const auto p = b.add("MaxPool", {a},
                         {.attrs = {{"kernel_shape", ints{3, 2}},
                                    {"strides", ints{1, 2}},
                                    {"pads", ints{1, 0, 1, 1}},
                                    {"ceil_mode", std::int64_t{1}}}});
    const auto c = b.add("Conv", {p, weight("w2", {8, 4, 3, 3}), weight("b2", {8})},
                         {.attrs = {{"group", std::int64_t{2}}, {"auto_pad", std::string("SAME_UPPER")}}});
    const auto r = b.add("Add", {b.add("LeakyRelu", {c}), p});
    const auto m =
        b.add("AveragePool", {r}, {.attrs = {{"kernel_shape", ints{3, 3}}, {"pads", ints{1, 1, 1, 1}}}});
    const auto j = b.add("Concat", {m, r, b.add("Sigmoid", {m})}, {.attrs = {{"axis", std::int64_t{1}}}});
    const auto s = b.add("AveragePool", {j},
                         {.attrs = {{"kernel_shape", ints{2, 2}},
                                    {"strides", ints{2, 2}},
                                    {"count_include_pad", std::int64_t{1}}}});
    const auto v = b.add("Conv", {s, weight("w3", {4, 24, 3, 3})},
                         {.attrs = {{"pads", ints{2, 2, 2, 2}}, {"dilations", ints{2, 2}}}});
    b.output(v, "deep");
    b.output(m, "shallow");
    return std::move(b).build().value();
}

}  // namespace

TEST_SUITE("plan/spread/tiles") {
    TEST_CASE("windows of all kinds: every grid computes the same") {
        const auto g = odd_windows();
        std::vector<std::array<std::size_t, 2>> grids;
        for (std::size_t r = 1; r <= 6; ++r)
            for (std::size_t c = 1; c <= 6; ++c) grids.push_back({r, c});
        CHECK(worst_of_tilings(g, tileable_body(g).value(), grids) < 1e-5);
    }

    TEST_CASE("a network's body, and a block in the middle of it") {
        const auto g = simplified(zoo::mobilenet_v2({.image = 96}));
        const auto body = tileable_body(g).value();
        CHECK(worst_of_tilings(g, body, {{1, 3}, {2, 2}, {3, 2}}) < 1e-5);
        const auto order = topological_order(g).value();
        CHECK(worst_of_tilings(g, {order.begin() + 10, order.begin() + 30}, {{2, 2}}) < 1e-5);
        const auto r = simplified(zoo::resnet18({.image = 64}));
        CHECK(worst_of_tilings(r, tileable_body(r).value(), {{2, 1}, {2, 2}}) < 1e-5);
    }

    TEST_CASE("blocks one after the other: tiles take their parts from the tiles before") {
        const auto g = simplified(zoo::resnet18({.image = 96}));
        const auto body = tileable_body(g).value();
        const auto inputs = sample_inputs(g).value();
        const auto expected = outputs_of(g, inputs);
        for (const bool scatter : {true, false})
            for (const std::size_t columns : {1U, 2U}) {
                std::vector<tiled_layers> blocks;
                for (const std::size_t end : {std::size_t{3}, std::size_t{17}, body.size()}) {
                    const std::size_t begin = blocks.empty() ? 0 : blocks.size() == 1 ? 3 : 17;
                    blocks.push_back({{body.begin() + static_cast<std::ptrdiff_t>(begin),
                                       body.begin() + static_cast<std::ptrdiff_t>(end)},
                                      {}});
                    const auto block = build_tile_block(g, blocks.back().layers).value();
                    blocks.back().plan =
                        dealt_out(block, even_grid(block, 3 - blocks.size() % 2, columns), {0, 1});
                }
                const auto spread = spread_tiles(on_one_device(g, 0), blocks, {.home = 1, .scatter = scatter});
                CHECK(deviation(spread, inputs, expected) < 1e-5);
                for (layer_id v = 0; v < num_vertices(spread->graph); ++v)  // nothing is joined between blocks
                    if (spread->graph[v].name.ends_with(".join"))
                        CHECK(spread->device[spread->group[v]] == 1);
            }
    }

    TEST_CASE("tiles of tiles, and a plan that is none") {
        const auto g = odd_windows();
        const auto body = tileable_body(g).value();
        const auto block = build_tile_block(g, body).value();
        auto plan = dealt_out(block, even_grid(block, 2, 2), {0, 1});
        plan.turns[0].takes_from = {1};
        CHECK(spread_tiles(on_one_device(g, 0), body, plan, 0).error().code == errc::invalid_argument);
        plan.turns[0].takes_from = {};
        plan.turns.pop_back();
        CHECK(spread_tiles(on_one_device(g, 0), body, plan, 0).error().offender == "tile 3");
        plan.grid.rows.back() += 1;
        CHECK(spread_tiles(on_one_device(g, 0), body, plan, 0).error().offender == "grid");
    }

    TEST_CASE("workers run tiles and exchange halos between them") {
        const auto g = odd_windows();
        const auto body = tileable_body(g).value();
        const auto block = build_tile_block(g, body).value();
        shelf models;
        in_process_transport carrier;
        std::vector<worker_host> hosts;
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i) {
            auto listener = carrier.listen("").value();
            hosts.push_back({"w" + std::to_string(i), listener.address()});
            threads.emplace_back([&, listener = std::move(listener)](std::stop_token stop) mutable {
                worker<in_process_transport, eigen_backend> serving(carrier, eigen_backend{},
                                                                    {.decode = models.decoder()});
                serving.serve(std::move(listener), stop);
            });
        }
        for (const bool exchange : {false, true}) {
            auto plan = dealt_out(block, even_grid(block, 3, 2), {0, 1, 2});
            if (exchange) exchange_halos(plan);
            const auto spread = spread_tiles(on_one_device(g, 0), body, plan, 0).value();
            const auto parts = parts_of(spread).value();
            CHECK(parts.parts.size() == (exchange ? 8 : 5));
            auto stages = make_deployment(spread.graph, parts, hosts, models.encoder());
            REQUIRE_MESSAGE(stages.has_value(), stages.error());
            auto running = coordinator<in_process_transport>::deploy(carrier, *stages, impatient());
            REQUIRE_MESSAGE(running.has_value(), running.error());
            const auto inputs = [&](request_id r) { return sample_inputs(g, r + 1).value(); };
            const auto report = running->run(5, inputs, [&](request_id r, const std::vector<tensor>& outputs) {
                CHECK(deviation(outputs, outputs_of(g, inputs(r))) < 1e-5);
            });
            REQUIRE_MESSAGE(report.has_value(), report.error());
            CHECK(running->shut_down());
        }
    }
}
