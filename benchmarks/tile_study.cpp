// Writes docs/tiles.md: scheduled tiles against stolen ones, on devices around one shared half-duplex medium.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "dispart/model/zoo/vgg.hpp"
#include "dispart/model/zoo/yolo.hpp"
#include "dispart/partition/tiles/deepthings.hpp"
#include "dispart/partition/tiles/dissec.hpp"
#include "dispart/problem/build_tiles.hpp"

namespace {

using namespace dispart;

/// YOLOv2's first 16 convolutions and poolings at 608 x 608.
tile_block yolo_block() {
    const auto g = zoo::yolov2({.weights = false, .image = 608}).value();
    const auto order = topological_order(g).value();
    std::vector<layer_id> layers;
    int windows = 0;
    for (const auto v : order) {
        if (g[v].op == "Conv" || g[v].op == "MaxPool") ++windows;
        if (windows > 16) break;
        layers.push_back(v);
    }
    return build_tile_block(g, layers).value();
}

tile_block vgg_block() {
    const auto g = zoo::vgg16({.weights = false}).value();
    return build_tile_block(g, tileable_body(g).value()).value();
}

/// DeepThings at its best for this problem: whether an idle device waits for overlaps or computes them.
tile_outcome stolen(const tile_block& b, const tile_machines& on, const tile_grid& grid, bool via_home) {
    auto waiting = deepthings(b, on, grid, {.via_home = via_home}).outcome;
    auto eager = deepthings(b, on, grid, {.wait = false, .via_home = via_home}).outcome;
    return eager.latency < waiting.latency ? eager : waiting;
}

/// Means over problems: how much fewer bytes, how much less latency.
struct saving {
    double bytes = 0.0, latency = 0.0, count = 0.0;

    void add(const tile_outcome& ours, const tile_outcome& theirs) {
        bytes += theirs.bytes > 0.0 ? 1.0 - ours.bytes / theirs.bytes : 0.0;
        latency += 1.0 - ours.latency / theirs.latency;
        count += 1.0;
    }
    void print() const {
        std::printf(" %.1f %% | %.1f %% |", 100.0 * bytes / count, 100.0 * latency / count);
    }
};

void study(const char* name, const tile_block& b, bool equal) {
    saving published, direct;
    for (std::size_t n = 3; n <= 6; ++n) {
        saving row_published, row_direct;
        for (std::size_t devices = 2; devices <= 6; ++devices)
            for (const double megabits : {20.0, 50.0, 100.0}) {
                tile_machines on{.macs_per_second = std::vector<double>(devices, 1e9),
                                 .bytes_per_second = megabits * 1e6 / 8.0};
                constexpr std::array<double, 6> speeds{0.5, 2.0, 1.0, 1.5, 0.5, 2.0};
                for (std::size_t d = 0; d < devices && !equal; ++d) on.macs_per_second[d] = 1e9 * speeds[d];
                const auto grid = ceiling_grid(b, n, n);
                const auto ours = dissec(b, on, grid).outcome;
                const auto theirs = stolen(b, on, grid, true), strengthened = stolen(b, on, grid, false);
                for (auto* sum : {&published, &row_published}) sum->add(ours, theirs);
                for (auto* sum : {&direct, &row_direct}) sum->add(ours, strengthened);
            }
        std::printf("| %s, %s | %zu x %zu |", name, equal ? "equal" : "unequal", n, n);
        row_published.print();
        row_direct.print();
        std::printf("\n");
    }
    std::printf("| **%s, %s** | mean |", name, equal ? "equal" : "unequal");
    published.print();
    direct.print();
    std::printf("\n");
    std::fflush(stdout);
}

}  // namespace

int main() {
    std::printf(R"(# Scheduled tiles against stolen tiles

Written by `tile_study > docs/tiles.md`. Blocks: YOLOv2's first 16 layers at 608 x 608 (13.000 GMAC) and VGG16's body at 224 x
224. 2 to 6 devices around one half-duplex medium of 20, 50 and 100 Mbit/s; device 0 holds the input and wants the
output; every byte that crosses the medium counts. Equal devices have 1 GMAC/s, unequal ones 0.5, 2, 1, 1.5, 0.5, 2.
The figures are how much fewer bytes and how much less latency `dissec` needs than `deepthings` on the same grid: mean over
devices and rates. "As published" collects overlaps at device 0; "direct" lets neighbours send them to one another, which
is kinder to DeepThings. Of both, the better of waiting for overlaps and computing them is taken for each problem.

| block, devices | grid | bytes, as published | latency | bytes, direct | latency |
|---|---|---|---|---|---|
)");
    const auto yolo = yolo_block(), vgg = vgg_block();
    for (const bool equal : {true, false}) {
        study("YOLOv2", yolo, equal);
        study("VGG16", vgg, equal);
    }
    return 0;
}
