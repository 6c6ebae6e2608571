#pragma once
/// \file
/// Spatial tiles of a fused block as a model: each tile's layers with pads of its own, slices of what it reads, halos from
/// its neighbours where the plan says so, and the join of what all deliver.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/tiles/tile_plan.hpp"
#include "dispart/plan/spread/rewriter.hpp"
#include "dispart/plan/spread/spread_model.hpp"
#include "dispart/problem/build_tiles.hpp"

namespace dispart {

/// Where what belongs to no tile happens.
struct tile_spread_options {
    device_id home = 0;  ///< joins the cells, and runs what follows
    bool scatter =
        true;  ///< home slices the model's inputs; false: every device is given all of them and slices itself
};

namespace detail {

/// A rectangle of a map, as a tensor of the rewritten model.
struct map_piece {
    tensor_id tensor = no_id;
    region what{};
};

/// One cell of a map that tiles made, and the group that has it.
struct map_cell {
    map_piece piece{};
    std::size_t group = no_id;
};

/// The cells of a tensor that was tiled, by row and column of their grid.
using cell_table = std::map<tensor_id, std::vector<std::vector<map_cell>>>;

/// Writes the tiles of one block.
class tile_writer {
  public:
    tile_writer(spread_rewriter& to, cell_table& cells, const tile_block& block, const tile_plan& plan,
                const tile_spread_options& how)
        : to_(to)
        , cells_(cells)
        , block_(block)
        , plan_(plan)
        , how_(how)
        , have_(plan.grid.size(), std::vector<map_piece>(block.maps.size()))
        , group_(plan.grid.size(), no_id) {}

    /// \param replaced of the block's layers \param home joins its cells
    result<void> write(const std::vector<bool>& replaced, device_id home) {
        give_groups();
        const auto tiles = regions_of(block_, plan_);
        for (const tile_turn& turn : plan_.turns) DISPART_CHECK(write_tile(turn.tile, tiles[turn.tile]));
        const auto gather = to_.new_group(home);
        for (std::size_t out = 0; out < block_.outputs.size(); ++out) DISPART_CHECK(join(out, tiles, gather));
        to_.move_followers(replaced, gather);
        return {};
    }

  private:
    /// Tiles that nobody waits for and that wait for nobody share their device's group.
    void give_groups() {
        std::vector<bool> alone(plan_.grid.size(), true);
        for (const tile_turn& turn : plan_.turns)
            for (const std::size_t from : turn.takes_from) alone[from] = alone[turn.tile] = false;
        std::map<device_id, std::size_t> shared;
        for (const tile_turn& turn : plan_.turns) {
            const auto found = shared.find(turn.device);
            const bool joins = alone[turn.tile] && found != shared.end();
            group_[turn.tile] = joins ? found->second : to_.new_group(turn.device);
            if (alone[turn.tile]) shared.try_emplace(turn.device, group_[turn.tile]);
        }
    }

    [[nodiscard]] std::string name_of(std::size_t map, std::size_t tile) const {
        return to_.about(block_.maps[map].tensor).name + "@" + std::to_string(tile);
    }

    /// A rectangle of what is there; the same tensor where it is all of it.
    result<tensor_id> cut(const std::string& name, const map_piece& from, const region& what,
                          std::size_t group) {
        if (from.what == what) return from.tensor;
        if (!from.what.contains(what))
            return fail(errc::invalid_argument, name, "a tile lacks what it needs");
        return to_.slice(
            name + ".slice", from.tensor, {2, 3},
            {what.rows.begin - from.what.rows.begin, what.columns.begin - from.what.columns.begin},
            {what.rows.end - from.what.rows.begin, what.columns.end - from.what.columns.begin}, group);
    }

    result<void> write_tile(std::size_t tile, const tile_regions& regions) {
        for (const std::size_t map : block_.inputs) {
            if (regions.held[map].empty()) continue;
            DISPART_TRY(const auto piece, input(map, tile, regions.held[map]));
            have_[tile][map] = {piece, regions.held[map]};
        }
        for (const tile_layer& each : block_.layers) {
            const region& out = regions.computed[each.writes];
            map_piece made;
            if (!out.empty()) {
                DISPART_TRY(const auto computed, write_layer(each, tile, out));
                made = {computed, out};
            }
            DISPART_TRY(have_[tile][each.writes], attach_halos(each.writes, tile, regions, made));
        }
        return {};
    }

    /// What a tile is given: cut where it is made, from the cells of the block before where that was tiled too.
    result<tensor_id> input(std::size_t map, std::size_t tile, const region& what) {
        const auto t = block_.maps[map].tensor;
        if (const auto found = cells_.find(t); found != cells_.end())
            return assemble(map, tile, what, found->second);
        const map_piece whole{t, block_.maps[map].whole()};
        if (whole.what == what) return t;
        const bool given = to_.maker_of(t) == no_id;
        const auto group = given && !how_.scatter ? group_[tile] : to_.group_of(t, how_.home);
        return cut(name_of(map, tile), whole, what, group);
    }

    result<tensor_id> assemble(std::size_t map, std::size_t tile, const region& what,
                               const std::vector<std::vector<map_cell>>& cells) {
        const auto name = name_of(map, tile);
        std::vector<tensor_id> rows;
        for (const auto& line : cells) {
            std::vector<tensor_id> row;
            for (const map_cell& each : line) {
                const region part = intersection(each.piece.what, what);
                if (part.empty()) continue;
                DISPART_TRY(const auto piece, cut(name + ".part", each.piece, part, each.group));
                row.push_back(piece);
            }
            DISPART_CHECK(join_into(rows, name + ".beside", std::move(row), 3, group_[tile]));
        }
        std::vector<tensor_id> whole;
        DISPART_CHECK(join_into(whole, name + ".below", std::move(rows), 2, group_[tile]));
        return whole.front();
    }

    /// Appends the pieces, joined to one where there are several.
    result<void> join_into(std::vector<tensor_id>& to, const std::string& name, std::vector<tensor_id> pieces,
                           std::int64_t axis, std::size_t group) {
        if (pieces.size() > 1) {
            DISPART_TRY(const auto joined, to_.concat(name, std::move(pieces), axis, group));
            pieces = {joined};
        }
        to.insert(to.end(), pieces.begin(), pieces.end());
        return {};
    }

    /// The layer on a region of its result: the same operator, with pads for what lies outside the map.
    result<tensor_id> write_layer(const tile_layer& each, std::size_t tile, const region& out) {
        layer copy = to_.graph()[each.layer];
        region read{};
        for (auto& t : copy.inputs) {
            if (t == no_id || to_.about(t).constant) continue;
            const auto map = map_of(each, t);
            const region needed = read_region(block_, each, map, out);
            if (needed.empty())
                return fail(errc::unsupported, copy.name, "a tile of its result depends on padding alone",
                            "take fewer tiles");
            if (read.empty()) read = needed;
            DISPART_TRY(t, cut(name_of(map, tile), have_[tile][map], needed, group_[tile]));
        }
        if (copy.attrs.contains("kernel_shape") || copy.op == "Conv") set_pads(copy, each, out, read);
        copy.name += "@" + std::to_string(tile);
        return to_.add(std::move(copy), group_[tile]);
    }

    [[nodiscard]] std::size_t map_of(const tile_layer& each, tensor_id t) const {
        return *std::find_if(each.reads.begin(), each.reads.end(),
                             [&](std::size_t map) { return block_.maps[map].tensor == t; });
    }

    static void set_pads(layer& copy, const tile_layer& each, const region& out, const region& read) {
        const auto rows = reach(each.rows, out.rows), columns = reach(each.columns, out.columns);
        copy.attrs.erase("auto_pad");
        copy.attrs.erase("ceil_mode");
        copy.attrs["pads"] =
            std::vector<std::int64_t>{read.rows.begin - rows.begin, read.columns.begin - columns.begin,
                                      rows.end - read.rows.end, columns.end - read.columns.end};
    }

    /// What is computed with the strips from other tiles around it, the innermost first.
    result<map_piece> attach_halos(std::size_t map, std::size_t tile, const tile_regions& regions,
                                   map_piece made) {
        for (std::size_t i = regions.halos.size(); i-- > 0;) {
            const halo& each = regions.halos[i];
            if (each.map != map) continue;
            const auto name = name_of(map, tile) + ".from" + std::to_string(each.from);
            DISPART_TRY(const auto strip, cut(name, have_[each.from][map], each.what, group_[each.from]));
            if (made.tensor == no_id) {
                made = {strip, each.what};
                continue;
            }
            const bool beside = each.what.rows == made.what.rows;
            const bool first = beside ? each.what.columns.begin < made.what.columns.begin
                                      : each.what.rows.begin < made.what.rows.begin;
            std::vector<tensor_id> both{first ? strip : made.tensor, first ? made.tensor : strip};
            DISPART_TRY(made.tensor,
                        to_.concat(name + ".with", std::move(both), beside ? 3 : 2, group_[tile]));
            made.what = hull(made.what, each.what);
        }
        return made;
    }

    /// The tiles' cells of one output, joined to the tensor that others read.
    result<void> join(std::size_t out, const std::vector<tile_regions>& tiles, std::size_t gather) {
        const auto map = block_.outputs[out];
        const auto t = block_.maps[map].tensor;
        const auto name = to_.about(t).name;
        auto& cells = cells_[t];
        std::vector<tensor_id> rows;
        for (std::size_t r = 0; r < plan_.grid.row_count(); ++r) {
            cells.emplace_back();
            std::vector<tensor_id> row;
            for (std::size_t c = 0; c < plan_.grid.column_count(); ++c) {
                const auto tile = r * plan_.grid.column_count() + c;
                if (tiles[tile].delivered.empty() || tiles[tile].delivered[out].empty()) continue;
                const region& what = tiles[tile].delivered[out];
                DISPART_TRY(const auto cell,
                            cut(name_of(map, tile) + ".cell", have_[tile][map], what, group_[tile]));
                cells.back().push_back({{cell, what}, group_[tile]});
                row.push_back(cell);
            }
            DISPART_CHECK(join_into(rows, name + ".row" + std::to_string(r), std::move(row), 3, gather));
        }
        DISPART_CHECK(to_.concat(name + ".join", std::move(rows), 2, gather, t));
        return {};
    }

    spread_rewriter& to_;
    cell_table& cells_;
    const tile_block& block_;
    const tile_plan& plan_;
    const tile_spread_options& how_;
    std::vector<std::vector<map_piece>> have_;  // [tile][map]
    std::vector<std::size_t> group_;            // [tile]
};

}  // namespace detail

/// A set of layers and the plan of its tiles.
struct tiled_layers {
    std::vector<layer_id> layers{};  ///< convex; see `build_tile_block`
    tile_plan plan{};
    device_id home =
        no_id;  ///< joins this block's cells where somebody needs them joined; no_id: the options' home
};

/// Replaces blocks, one after the other in the model, by their tiles. A block's inputs are sliced where they are made
/// (model inputs: see the options), tiles run on the devices of their turns, and home joins what they deliver and runs what
/// followed the block in its groups. Where a block follows another, tiles take their parts straight from its tiles.
/// Tiles that exchange no halos are one group per device.
/// Errors: those of `build_tile_block` and `validate(block, plan)`; unsupported, naming a layer, where a tile would depend
/// on padding alone. Exact: computes what the blocks computed. O(model + layers · tiles).
[[nodiscard]] inline result<spread_model> spread_tiles(const spread_model& whole,
                                                       const std::vector<tiled_layers>& blocks,
                                                       const tile_spread_options& how = {}) {
    detail::spread_rewriter to(whole);
    detail::cell_table cells;
    std::vector<bool> replaced(num_vertices(whole.graph), false);
    for (const tiled_layers& each : blocks) {
        DISPART_TRY(const auto block, build_tile_block(whole.graph, each.layers));
        DISPART_CHECK(validate(block, each.plan));
        std::vector<bool> own(replaced.size(), false);
        for (const layer_id v : each.layers) own[v] = replaced[v] = true;
        DISPART_CHECK(detail::tile_writer(to, cells, block, each.plan, how)
                          .write(own, each.home == no_id ? how.home : each.home));
    }
    return to.finish(replaced);
}

/// The same for one block.
[[nodiscard]] inline result<spread_model> spread_tiles(const spread_model& whole,
                                                       const std::vector<layer_id>& layers,
                                                       const tile_plan& plan, device_id home) {
    return spread_tiles(whole, {{layers, plan}}, {.home = home});
}

}  // namespace dispart
