#include "dispart/io/tiling_svg.hpp"

#include <doctest/doctest.h>

using namespace dispart;

TEST_CASE("a tiling's picture has every tile, every device that works and every halo") {
    tile_block b;
    b.maps = {{.height = 8, .width = 8, .bytes_per_position = 4.0},
              {.height = 8, .width = 8, .bytes_per_position = 4.0},
              {.height = 8, .width = 8, .bytes_per_position = 4.0}};
    for (std::size_t l = 0; l < 2; ++l)
        b.layers.push_back({.reads = {l}, .writes = l + 1, .rows = {3, 1, 1, 1}, .columns = {3, 1, 1, 1}});
    b.inputs = {0};
    b.outputs = {2};
    auto plan = dealt_out(b, even_grid(b, 2, 2), {0, 1});
    const auto count = [](const std::string& text, const std::string& what) {
        std::size_t found = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
        return found;
    };
    const auto plain = io::tiling_svg({{"<block>", &b, &plan}}, {"north", "south", "idle"});
    CHECK(count(plain, "fill-opacity") == 12);  // four tiles on three maps
    CHECK(count(plain, "stroke-dasharray") == 0);
    CHECK(count(plain, ">south<") == 1);
    CHECK(count(plain, ">idle<") == 0);
    CHECK(count(plain, "&lt;block&gt;") == 1);
    plan.turns[1].takes_from = {0};
    CHECK(count(io::tiling_svg({{"x", &b, &plan}}, {}), "stroke-dasharray") == 1);
}
