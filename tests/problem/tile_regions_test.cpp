#include "dispart/problem/tile_regions.hpp"

#include <doctest/doctest.h>

#include <set>
#include <tuple>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

axis_window random_window(random_source& random) {
    axis_window w{.kernel = 1 + static_cast<std::int64_t>(random.index(4)),
                  .stride = 1 + static_cast<std::int64_t>(random.index(3)),
                  .dilation = 1 + static_cast<std::int64_t>(random.index(2))};
    w.pad = static_cast<std::int64_t>(random.index(static_cast<std::size_t>(w.kernel)));
    return w;
}

std::int64_t positions_of(const axis_window& w, std::int64_t extent) {
    return (extent + 2 * w.pad - (w.kernel - 1) * w.dilation - 1) / w.stride + 1;
}

/// Windows, residual sums and joins over maps that shrink; every map that nobody reads is an output.
tile_block random_block(random_source& random) {
    tile_block b;
    b.maps.push_back({.height = 9 + static_cast<std::int64_t>(random.index(8)),
                      .width = 9 + static_cast<std::int64_t>(random.index(8)),
                      .bytes_per_position = 4.0});
    b.inputs = {0};
    const auto layers = 2 + random.index(6);
    for (std::size_t l = 0; l < layers; ++l) {
        tile_layer layer{.writes = b.maps.size(), .flops = 100.0, .macs = 50.0};
        const std::size_t from = random.chance(0.7) ? b.maps.size() - 1 : random.index(b.maps.size());
        layer.reads = {from};
        auto in = b.maps[from];
        if (random.chance(0.3)) {  // element by element, of every map of that size
            layer.in_place = true;
            for (std::size_t m = 0; m < b.maps.size(); ++m)
                if (m != from && b.maps[m].whole() == in.whole() && random.chance(0.5))
                    layer.reads.push_back(m);
        } else {
            layer.rows = random_window(random);
            layer.columns = random_window(random);
            const auto height = positions_of(layer.rows, in.height);
            const auto width = positions_of(layer.columns, in.width);
            if (height < 3 || width < 3) layer.rows = layer.columns = {};
            else in.height = height, in.width = width;
        }
        b.maps.push_back(in);
        b.layers.push_back(layer);
    }
    std::vector<bool> read(b.maps.size(), false);
    for (const auto& layer : b.layers)
        for (const auto m : layer.reads) read[m] = true;
    for (std::size_t m = b.maps.size(); m-- > 1;)
        if (!read[m]) b.outputs.push_back(m);
    return b;
}

using position = std::tuple<std::size_t, std::int64_t, std::int64_t>;  // map, row, column

std::vector<std::int64_t> random_cuts(random_source& random, std::int64_t extent, std::size_t n) {
    std::vector<std::int64_t> cuts{0, extent};
    while (cuts.size() < n + 1)
        cuts.push_back(static_cast<std::int64_t>(random.index(static_cast<std::size_t>(extent) + 1)));
    std::sort(cuts.begin(), cuts.end());
    return cuts;
}

/// Everything that those positions depend on, position by position; what `given` contains is taken as it is.
void mark(const tile_block& b, std::set<position>& needed, const std::set<position>& given) {
    for (std::size_t l = b.layers.size(); l-- > 0;) {
        const auto& layer = b.layers[l];
        const auto wanted = needed;
        for (const auto& [map, row, column] : wanted) {
            if (map != layer.writes || given.contains({map, row, column})) continue;
            for (const auto from : layer.reads)
                for (std::int64_t i = 0; i < layer.rows.kernel; ++i)
                    for (std::int64_t j = 0; j < layer.columns.kernel; ++j) {
                        const auto r = row * layer.rows.stride - layer.rows.pad + i * layer.rows.dilation;
                        const auto c =
                            column * layer.columns.stride - layer.columns.pad + j * layer.columns.dilation;
                        if (r >= 0 && r < b.maps[from].height && c >= 0 && c < b.maps[from].width)
                            needed.insert({from, r, c});
                    }
        }
    }
}

region bounds_of(const std::set<position>& all, std::size_t map) {
    region r;
    for (const auto& [m, row, column] : all)
        if (m == map) r = hull(r, region{{row, row + 1}, {column, column + 1}});
    return r;
}

void insert(std::set<position>& into, std::size_t map, const region& r) {
    for (auto row = r.rows.begin; row < r.rows.end; ++row)
        for (auto column = r.columns.begin; column < r.columns.end; ++column) into.insert({map, row, column});
}

}  // namespace

TEST_SUITE("problem/tile_regions") {
    TEST_CASE("regions of layers one after the other are the bounds of what is marked by hand") {
        random_source random(11);
        for (int round = 0; round < 150; ++round) {
            const auto b = random_block(random);
            const auto& first = b.maps[b.outputs.front()];
            const tile_grid grid{random_cuts(random, first.height, 1 + random.index(4)),
                                 random_cuts(random, first.width, 1 + random.index(4))};
            std::vector<std::int64_t> delivered(b.outputs.size(), 0);
            for (std::size_t r = 0; r < grid.row_count(); ++r)
                for (std::size_t c = 0; c < grid.column_count(); ++c) {
                    const auto cells = grid_cell(b, grid, r, c);
                    const auto tile = regions_of_tile(b, cells);
                    std::set<position> needed;
                    for (std::size_t i = 0; i < cells.size(); ++i) {
                        insert(needed, b.outputs[i], cells[i]);
                        delivered[i] += cells[i].area();
                    }
                    // A rectangle is computed as a whole: mark from rectangles, layer by layer.
                    for (std::size_t l = b.layers.size(); l-- > 0;) {
                        const auto map = b.layers[l].writes;
                        CHECK(tile.held[map] == bounds_of(needed, map));
                        insert(needed, map, tile.held[map]);
                        tile_block one = b;
                        one.layers = {b.layers[l]};
                        mark(one, needed, {});
                    }
                    CHECK(tile.held[0] == bounds_of(needed, 0));
                    CHECK(tile.computed == tile.held);
                }
            for (std::size_t i = 0; i < b.outputs.size(); ++i)
                CHECK(delivered[i] == b.maps[b.outputs[i]].whole().area());
        }
    }

    TEST_CASE("what is computed and received makes up what is held, and no source gives what it has not") {
        random_source random(12);
        std::size_t received = 0;
        for (int round = 0; round < 300; ++round) {
            const auto b = random_block(random);
            const auto grid = even_grid(b, 1 + random.index(3), 1 + random.index(3));
            std::vector<tile_regions> done;
            for (std::size_t t = 0; t < grid.size(); ++t) {
                std::vector<halo_source> sources;
                for (std::size_t u = 0; u < t; ++u)
                    if (random.chance(0.7)) sources.push_back({u, &done[u].held});
                const auto cells = grid_cell(b, grid, t / grid.column_count(), t % grid.column_count());
                done.push_back(regions_of_tile(b, cells, sources));
                const auto& tile = done.back();
                const auto alone = regions_of_tile(b, cells);
                for (std::size_t m = 0; m < b.maps.size(); ++m) {
                    auto covered = tile.computed[m].area();
                    for (const auto& each : tile.halos) {
                        if (each.map != m) continue;
                        covered += each.what.area();
                        CHECK(done[each.from].held[m].contains(each.what));
                        CHECK(tile.held[m].contains(each.what));
                    }
                    CHECK(covered == tile.held[m].area());
                    CHECK(alone.held[m].contains(tile.held[m]));
                }
                for (const auto& layer : b.layers)
                    for (const auto m : layer.reads)
                        CHECK(tile.held[m].contains(read_region(b, layer, m, tile.computed[layer.writes])));
                CHECK(work_of_tile(b, tile).flops <= work_of_tile(b, alone).flops * (1.0 + 1e-12));
                received += tile.halos.size();
            }
        }
        CHECK(received > 400);
    }

    TEST_CASE("cuts cover the extent") {
        for (const auto& cuts :
             {even_cuts(7, 5), ceiling_cuts(7, 5), weighted_cuts(7, {1.0, 0.0, 2.5, 0.1, 1.0})}) {
            CHECK(cuts.size() == 6);
            CHECK(cuts.front() == 0);
            CHECK(cuts.back() == 7);
            CHECK(std::is_sorted(cuts.begin(), cuts.end()));
        }
        CHECK(ceiling_cuts(38, 3) == std::vector<std::int64_t>{0, 13, 26, 38});
        CHECK(weighted_cuts(10, {1.0, 3.0, 1.0}) == std::vector<std::int64_t>{0, 2, 8, 10});
    }

    TEST_CASE("memory of a chain by hand: the widest layer's operand and result, and a sum in place") {
        tile_block b;
        for (const double bytes : {10.0, 20.0, 20.0, 5.0})
            b.maps.push_back({.height = 4, .width = 4, .bytes_per_position = bytes});
        b.layers = {{.reads = {0}, .writes = 1, .rows = {3, 1, 1, 1}, .columns = {3, 1, 1, 1}},
                    {.reads = {1}, .writes = 2, .in_place = true},
                    {.reads = {2}, .writes = 3}};
        b.inputs = {0};
        b.outputs = {3};
        const auto whole = regions_of_tile(b, {b.maps[3].whole()});
        CHECK(work_of_tile(b, whole).map_bytes == 16 * 30.0);
        const auto quarter = regions_of_tile(b, grid_cell(b, even_grid(b, 2, 2), 0, 0));
        CHECK(work_of_tile(b, quarter).map_bytes == 9 * 10.0 + 4 * 20.0);
        CHECK(work_of_tile(b, quarter).output_bytes == 4 * 5.0);
    }
}
