#pragma once
/// \file
/// Pictures of tilings: which part of a block's input, of its widest map and of its output each tile needs, computes and
/// takes from others, and which device does it.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "dispart/io/svg.hpp"
#include "dispart/partition/tiles/tile_plan.hpp"

namespace dispart::io {

/// A tiled block and what it is called in the picture.
struct tiling_panel {
    std::string title{};
    const tile_block* block = nullptr;
    const tile_plan* plan = nullptr;
};

namespace detail {

/// Draws blocks below each other, three maps side by side.
class tiling_painter {
  public:
    explicit tiling_painter(const std::vector<std::string>& devices) : devices_(devices) {}

    std::string paint(const std::vector<tiling_panel>& panels) {
        for (const tiling_panel& each : panels) paint(each);
        return svg_document(3.0 * (side_ + gap_) + gap_, y_ + gap_, body_);
    }

  private:
    void text(double x, double y, const std::string& what, const char* more = "") {
        body_ += "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\"" + more + ">" + xml_escape(what) +
                 "</text>\n";
    }
    void rectangle(double x, double y, double width, double height, const std::string& style) {
        body_ += "<rect x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" width=\"" + pixels(width) +
                 "\" height=\"" + pixels(height) + "\" " + style + "/>\n";
    }
    [[nodiscard]] std::string name_of(device_id d) const {
        return d < devices_.size() ? devices_[d] : "device " + std::to_string(d);
    }

    void paint(const tiling_panel& panel) {
        const tile_block& block = *panel.block;
        const auto tiles = regions_of(block, *panel.plan);
        y_ += gap_;
        text(gap_, y_, panel.title, " font-weight=\"bold\"");
        legend(*panel.plan);
        y_ += gap_ * 1.4;
        const std::size_t input = block.inputs.front(), output = block.outputs.front();
        std::size_t wide = block.layers.front().writes;
        double most = -1.0;
        for (const tile_layer& each : block.layers) {  // where the halos are largest
            double held = 0.0;
            for (const tile_turn& turn : panel.plan->turns)
                held += static_cast<double>(tiles[turn.tile].held[each.writes].area());
            held /= static_cast<double>(block.maps[each.writes].whole().area());
            if (each.writes != output && held > most) most = held, wide = each.writes;
        }
        const double top = y_;
        map("input", block.maps[input], top, 0, *panel.plan, tiles, input);
        map("between", block.maps[wide], top, 1, *panel.plan, tiles, wide);
        map("output", block.maps[output], top, 2, *panel.plan, tiles, output);
        y_ = top + side_ + 6.0;
    }

    void legend(const tile_plan& plan) {
        std::vector<device_id> seen;
        double x = gap_ + side_ + gap_;
        for (const tile_turn& turn : plan.turns) {
            if (std::find(seen.begin(), seen.end(), turn.device) != seen.end()) continue;
            seen.push_back(turn.device);
            rectangle(x, y_ - 10.0, 12.0, 12.0, std::string("fill=\"") + request_colour(turn.device) + "\"");
            text(x + 16.0, y_, name_of(turn.device));
            x += 28.0 + 7.5 * static_cast<double>(name_of(turn.device).size());
        }
    }

    /// One map: what is computed in the device's colour, what is held besides (received) hatched by its outline.
    void map(const std::string& title, const tile_map& shown, double top, int column, const tile_plan& plan,
             const std::vector<tile_regions>& tiles, std::size_t which) {
        const double scale = side_ / static_cast<double>(std::max(shown.height, shown.width));
        const double left = gap_ + column * (side_ + gap_);
        text(left, top - 6.0,
             title + ": " + std::to_string(shown.height) + " x " + std::to_string(shown.width));
        rectangle(left, top, scale * static_cast<double>(shown.width),
                  scale * static_cast<double>(shown.height), "fill=\"#eeeeee\"");
        const auto draw = [&](const region& r, const std::string& style) {
            if (r.empty()) return;
            rectangle(left + scale * static_cast<double>(r.columns.begin),
                      top + scale * static_cast<double>(r.rows.begin),
                      scale * static_cast<double>(r.columns.size()),
                      scale * static_cast<double>(r.rows.size()), style);
        };
        for (const tile_turn& turn : plan.turns) {
            const std::string colour = request_colour(turn.device);
            const tile_regions& tile = tiles[turn.tile];
            const region& mine = tile.computed[which];
            draw(mine, "fill=\"" + colour + "\" fill-opacity=\"0.45\" stroke=\"" + colour +
                           "\" stroke-width=\"1.5\"");
            for (const halo& each : tile.halos)
                if (each.map == which)
                    draw(each.what, "fill=\"none\" stroke=\"" + colour +
                                        "\" stroke-width=\"2\" stroke-dasharray=\"4 3\"");
            const region& label = mine.empty() ? tile.held[which] : mine;
            if (label.empty()) continue;
            const auto middle = [](const interval& i) { return 0.5 * static_cast<double>(i.begin + i.end); };
            text(left + scale * middle(label.columns), top + scale * middle(label.rows) + 4.0,
                 std::to_string(turn.tile), " text-anchor=\"middle\"");
        }
    }

    static constexpr double side_ = 260.0;
    static constexpr double gap_ = 24.0;
    const std::vector<std::string>& devices_;
    std::string body_{};
    double y_ = 0.0;
};

}  // namespace detail

/// An SVG of tiled blocks, one below the other: of each the input, the map whose halos are relatively largest, and the
/// output. Filled: what a tile computes (of the input: is given), where tiles overlap darker; dashed: what it receives.
/// \param devices their names, by id. Precondition: valid plans.
[[nodiscard]] inline std::string tiling_svg(const std::vector<tiling_panel>& panels,
                                            const std::vector<std::string>& devices) {
    return detail::tiling_painter(devices).paint(panels);
}

}  // namespace dispart::io
