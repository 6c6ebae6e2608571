#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dispart/core/units.hpp"
#include "dispart/partition/tiles/aofl.hpp"
#include "dispart/partition/tiles/coedge.hpp"
#include "dispart/partition/tiles/deepthings.hpp"
#include "dispart/partition/tiles/dissec.hpp"
#include "dispart/partition/tiles/modnn.hpp"

using namespace dispart;

namespace {

/// Convolutions 3x3 with a pooling every third; the input is small beside the maps.
tile_block tower(std::int64_t side, std::size_t layers) {
    tile_block b;
    b.maps.push_back({.height = side, .width = side, .bytes_per_position = 12.0});
    for (std::size_t l = 0; l < layers; ++l) {
        const bool pool = l % 3 == 2;
        auto map = b.maps.back();
        map.bytes_per_position = 64.0;
        if (pool) map.height /= 2, map.width /= 2;
        tile_layer layer{.reads = {l}, .writes = l + 1};
        layer.rows = layer.columns = pool ? axis_window{2, 2, 1, 0} : axis_window{3, 1, 1, 1};
        layer.macs = pool ? 0.0 : 2304.0 * static_cast<double>(map.whole().area());
        layer.flops = 2.0 * layer.macs;
        b.layers.push_back(layer);
        b.maps.push_back(map);
    }
    b.inputs = {0};
    b.outputs = {layers};
    b.weight_bytes = 1000.0;
    return b;
}

/// Every tile once, from tiles before it; no device does more than it can; the last cell is home at the end.
void check_outcome(const tile_block& b, const tile_machines& on, const tile_plan& plan, const tile_outcome& o) {
    const auto valid = validate(b, plan);
    REQUIRE_MESSAGE(valid.has_value(), valid.error());
    const auto tiles = regions_of(b, plan);
    double macs = 0.0, out_bytes = 0.0, in_bytes = 0.0;
    for (const auto& turn : plan.turns) {
        const auto work = work_of_tile(b, tiles[turn.tile]);
        macs += work.macs;
        if (turn.device != on.home) in_bytes += work.input_bytes, out_bytes += work.output_bytes;
        CHECK(o.finish[turn.tile] <= o.latency * (1.0 + 1e-12));
        CHECK(o.finish[turn.tile] >= work.macs / on.macs_per_second[turn.device] * (1.0 - 1e-12));
    }
    CHECK(o.macs == doctest::Approx(macs));
    CHECK(o.bytes >= (in_bytes + out_bytes) * (1.0 - 1e-12));
    CHECK(o.latency >= o.bytes / on.bytes_per_second * (1.0 - 1e-9));
    for (device_id d = 0; d < on.size(); ++d) CHECK(o.busy[d] <= o.latency * (1.0 + 1e-12));
}

}  // namespace

TEST_SUITE("partition/tiles") {
    TEST_CASE("one tile away from home: input, computing, output, one after the other") {
        const auto b = tower(16, 2);
        const tile_machines on{.macs_per_second = {1e6, 2e6}, .bytes_per_second = 1e5, .latency_s = 0.01};
        const auto o = play_tiles(b, on, dealt_out(b, even_grid(b, 1, 1), {1}));
        const double in = 16 * 16 * 12.0, out = 16 * 16 * 64.0;
        CHECK(o.latency == doctest::Approx(0.02 + (in + out) / 1e5 + total_macs(b) / 2e6));
        CHECK(o.bytes == in + out);
        CHECK(o.memory[1] == 1000.0 + 16 * 16 * 128.0);
        const auto home = play_tiles(b, on, dealt_out(b, even_grid(b, 1, 1), {0}));
        CHECK(home.latency == doctest::Approx(total_macs(b) / 1e6));
        CHECK(home.bytes == 0.0);
        CHECK(energy_of({.watts = {2.0, 3.0}, .joules_per_byte = 0.5}, o) ==
              doctest::Approx(3.0 * o.busy[1] + 0.5 * o.bytes));
    }

    TEST_CASE("work stealing: the checkerboard computes less, and every run is a valid plan") {
        const auto b = tower(48, 7);
        for (const std::size_t devices : {1U, 2U, 5U})
            for (const bool wait : {true, false})
                for (const bool via_home : {true, false}) {
                    tile_machines on{.macs_per_second = std::vector<double>(devices, 1e8),
                                     .bytes_per_second = 2e5};
                    on.macs_per_second.back() = 3e8;
                    const auto run = deepthings(b, on, ceiling_grid(b, 4, 4), {true, wait, via_home});
                    check_outcome(b, on, run.plan, run.outcome);
                    const auto alone = deepthings(b, on, ceiling_grid(b, 4, 4), {.reuse = false});
                    check_outcome(b, on, alone.plan, alone.outcome);
                    CHECK(run.outcome.macs < alone.outcome.macs);
                    if (devices == 1) CHECK(run.outcome.bytes == 0.0);
                }
    }

    TEST_CASE("centrality is the dominant eigenvector, also where the graph is bipartite") {
        const xt::xtensor<double, 2> path{{0.0, 1.0, 0.0}, {1.0, 0.0, 1.0}, {0.0, 1.0, 0.0}};
        const auto x = eigenvector_centrality(path);
        CHECK(x[1] / x[0] == doctest::Approx(std::sqrt(2.0)));
        CHECK(x[0] == doctest::Approx(x[2]));
        CHECK(eigenvector_centrality(xt::zeros<double>({2, 2})) == std::vector<double>{0.5, 0.5});
        const auto b = tower(48, 7);
        const auto a = overlap_matrix(b, even_grid(b, 3, 3));
        const auto grid = eigenvector_centrality(a);
        CHECK(std::max_element(grid.begin(), grid.end()) - grid.begin() == 4);  // the middle one
        CHECK(a(0, 1) == a(1, 0));
        CHECK(a(0, 1) > a(0, 4));
        CHECK(a(0, 8) < a(0, 4));
    }

    TEST_CASE("the search's schedules are valid, better than stealing, and near the best of small problems") {
        const auto b = tower(48, 7);
        const auto value = [](const tile_machines& on, const tile_outcome& o) {
            return o.latency + 0.2 * o.bytes / on.bytes_per_second;
        };
        for (const std::size_t devices : {2U, 3U}) {
            tile_machines on{.macs_per_second = std::vector<double>(devices, 1e8), .bytes_per_second = 4e5};
            on.macs_per_second[1] = 2e8;
            const auto found = dissec(b, on, even_grid(b, 3, 3), {.iterations = 800, .traffic_weight = 0.2});
            check_outcome(b, on, found.plan, found.outcome);
            const auto stolen = deepthings(b, on, even_grid(b, 3, 3));
            CHECK(value(on, found.outcome) < value(on, stolen.outcome));
            CHECK(dissec(b, on, even_grid(b, 3, 3), {.iterations = 800, .traffic_weight = 0.2}).plan ==
                  found.plan);
        }
        // 2 x 2 tiles on 2 devices: every order, device and set of earlier neighbours.
        const tile_machines on{.macs_per_second = {1e8, 1.5e8}, .bytes_per_second = 1e6};
        std::vector<std::size_t> order{0, 1, 2, 3};
        double least = 1e300;
        do {
            for (unsigned devices = 0; devices < 16; ++devices)
                for (unsigned halos = 0; halos < 256; ++halos) {
                    tile_plan plan{even_grid(b, 2, 2), {}};
                    unsigned bits = halos;
                    for (std::size_t k = 0; k < 4; ++k) {
                        plan.turns.push_back({order[k], (devices >> k) & 1U, {}});
                        for (std::size_t j = 0; j < k; ++j)
                            if (order[j] + order[k] != 3) {
                                if ((bits & 1U) != 0) plan.turns[k].takes_from.push_back(order[j]);
                                bits >>= 1U;
                            }
                    }
                    if (bits == 0) least = std::min(least, value(on, play_tiles(b, on, plan)));
                }
        } while (std::next_permutation(order.begin(), order.end()));
        const auto found = dissec(b, on, even_grid(b, 2, 2), {.traffic_weight = 0.2});
        CHECK(value(on, found.outcome) >= least * (1.0 - 1e-9));
        CHECK(value(on, found.outcome) <= least * 1.02);
    }
}

namespace {

tile_machines unequal_machines() {
    return {.macs_per_second = {1e8, 3e8, 2e8},
            .bytes_per_second = 1e7,
            .watts = {2.0, 9.0, 3.0},
            .joules_per_byte = 1e-7};
}

/// AOFL's measure of given runs on home and the fastest others, written down anew.
double latency_of_runs(const tile_block& b, const tile_machines& on, const std::vector<std::size_t>& ends,
                       const std::vector<std::size_t>& sizes) {
    const std::vector<device_id> fastest{0, 1, 2};  // home, then by speed
    std::vector<std::pair<device_id, region>> have{{on.home, b.maps[0].whole()}};
    double sum = 0.0;
    std::size_t first = 0;
    for (std::size_t r = 0; r < ends.size(); ++r) {
        const auto part = sub_block(b, first, ends[r]);
        std::vector<device_id> group;
        std::vector<double> speed;
        for (std::size_t i = 0; i < sizes[r]; ++i) {
            group.push_back(fastest[i]);
            speed.push_back(on.macs_per_second[fastest[i]]);
        }
        const auto plan = strips(part, group, speed);
        std::vector<std::pair<device_id, region>> next;
        double slowest = 0.0;
        for (const auto& turn : plan.turns) {
            const auto tile = regions_of_tile(part, grid_cell(part, plan.grid, turn.tile, 0));
            slowest = std::max(slowest, work_of_tile(part, tile).macs / on.macs_per_second[turn.device]);
            auto missing = tile.held[first].area();
            for (const auto& [device, what] : have)
                if (device == turn.device) missing -= intersection(what, tile.held[first]).area();
            if (missing > 0) sum += on.carry(b.maps[first].bytes_per_position * static_cast<double>(missing));
            next.emplace_back(turn.device, tile.delivered[0]);
        }
        sum += slowest;
        have = std::move(next);
        first = ends[r];
    }
    for (const auto& [device, what] : have)
        if (device != on.home) sum += on.carry(b.maps[first].bytes_of(what));
    return sum;
}

}  // namespace

TEST_SUITE("partition/tiles") {
    TEST_CASE("MoDNN's rows are in proportion to speed") {
        const auto b = tower(48, 2);
        CHECK(modnn(b, unequal_machines()).grid.rows == std::vector<std::int64_t>{0, 8, 32, 48});
        const auto columns = strips(b, {2, 0}, {1.0, 2.0}, strip_axis::columns);
        CHECK(columns.grid.columns == std::vector<std::int64_t>{0, 16, 48});
        CHECK(columns.turns[0].device == 2);
    }

    TEST_CASE("CoEdge's rows are of least energy under the deadline, by brute force") {
        random_source random(4);
        for (int round = 0; round < 200; ++round) {
            row_costs costs;
            for (int d = 0; d < 3; ++d) {
                costs.seconds.push_back(random.uniform(0.1, 1.0));
                costs.joules.push_back(random.uniform(0.1, 1.0));
            }
            const double rows = 12.0, least = least_deadline(costs, rows);
            const double deadline = least * random.uniform(1.0, 3.0);
            CHECK(least_energy_rows(costs, rows, least * 0.99).error().code == errc::infeasible);
            const auto share = least_energy_rows(costs, rows, deadline).value();
            const auto energy = [&](double a, double b, double c) {
                return a * costs.joules[0] + b * costs.joules[1] + c * costs.joules[2];
            };
            CHECK(share[0] + share[1] + share[2] == doctest::Approx(rows));
            for (std::size_t d = 0; d < 3; ++d) CHECK(share[d] * costs.seconds[d] <= deadline * (1.0 + 1e-9));
            const double found = energy(share[0], share[1], share[2]);
            for (double a = 0.0; a <= rows; a += 0.25)
                for (double b = 0.0; a + b <= rows; b += 0.25) {
                    const double c = rows - a - b;
                    if (std::max({a * costs.seconds[0], b * costs.seconds[1], c * costs.seconds[2]}) <=
                        deadline)
                        CHECK(energy(a, b, c) >= found * (1.0 - 1e-9));
                }
        }
        const auto b = tower(48, 2);
        const auto on = unequal_machines();
        const auto fast = coedge(b, on).value();
        const auto slow = coedge(b, on, 10.0).value();
        CHECK(validate(b, fast));
        CHECK(energy_of(on, play_tiles(b, on, slow)) < energy_of(on, play_tiles(b, on, fast)));
        CHECK(coedge(b, on, 1e-9).error().code == errc::infeasible);
    }

    TEST_CASE("AOFL's fusion is the best of all fusions, and its blocks are the block") {
        const auto b = tower(24, 6);
        CHECK(cut_positions(b).size() == 7);
        for (const double rate : {1e5, 1e6, 1e7, 1e9}) {
            auto on = unequal_machines();
            on.bytes_per_second = rate;
            on.latency_s = 1e-4;
            const auto found = aofl(b, on);
            double macs = 0.0;
            std::size_t next = 0;
            for (const auto& run : found.runs) {
                CHECK(run.first == next);
                next = run.last;
                const auto part = sub_block(b, run.first, run.last);
                CHECK(validate(part, run.plan));
                macs += total_macs(part);
            }
            CHECK(next == 6);
            CHECK(macs == doctest::Approx(total_macs(b)));
            CHECK(found.latency <= total_macs(b) / 1e8 * (1.0 + 1e-9));  // home alone
            double least = 1e300;  // over all cuts and all groups of 1, 2 and 3
            for (unsigned cuts = 0; cuts < 32; ++cuts) {
                std::vector<std::size_t> ends;
                for (std::size_t l = 1; l <= 6; ++l)
                    if (l == 6 || ((cuts >> (l - 1)) & 1U) != 0) ends.push_back(l);
                std::vector<std::size_t> sizes(ends.size(), 1);
                for (bool more = true; more;) {
                    least = std::min(least, latency_of_runs(b, on, ends, sizes));
                    std::size_t i = 0;
                    while (i < sizes.size() && sizes[i] == 3) sizes[i++] = 1;
                    more = i < sizes.size();
                    if (more) ++sizes[i];
                }
            }
            CHECK(found.latency == doctest::Approx(least));
        }
        // Nothing costs to carry: no layer is fused, so that nothing is computed twice. Much: home does it alone.
        auto on = unequal_machines();
        on.bytes_per_second = 1e15;
        double all = 0.0;
        for (const auto& run : aofl(b, on).runs)
            all += play_tiles(sub_block(b, run.first, run.last), on, run.plan).macs;
        CHECK(all == doctest::Approx(total_macs(b)));
        on.bytes_per_second = 1.0;
        CHECK(aofl(b, on).runs.size() == 1);
        CHECK(aofl(b, on).runs[0].plan.turns.size() == 1);
    }
}
