#pragma once
/// \file
/// DeepThings: fused tiles, overlaps reused in a checkerboard, tiles stolen by whoever is idle.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "dispart/partition/tiles/medium.hpp"

namespace dispart {

/// How DeepThings' run is played.
struct deepthings_options {
    bool reuse = true;  ///< odd tiles of the checkerboard take the overlap that their neighbours computed
    bool wait =
        true;  ///< an idle device waits for a tile whose neighbours' overlap has come; false: it takes the next
               ///< tile and computes what is not there
    bool via_home =
        true;  ///< as published: overlaps are collected by the gateway (home), which hands them on with the
               ///< tile; false: they go straight from neighbour to neighbour, when they are needed
};

/// A run: the turns as they were stolen, and what came of them.
struct deepthings_run {
    tile_plan plan{};
    tile_outcome outcome{};
};

namespace detail {

/// Plays work stealing in order of time.
class work_stealing {
  public:
    work_stealing(const tile_block& block, const tile_machines& on, tile_grid grid,
                  const deepthings_options& how)
        : block_(block)
        , on_(on)
        , how_(how)
        , run_{{std::move(grid), {}}, {}}
        , tiles_(run_.plan.grid.size())
        , alone_(regions_of_grid(block, run_.plan.grid))
        , device_of_(tiles_.size(), no_id)
        , shared_at_(tiles_.size(), never) {
        run_.outcome.finish.assign(tiles_.size(), 0.0);
        run_.outcome.busy.assign(on.size(), 0.0);
        run_.outcome.memory.assign(on.size(), 0.0);
        std::vector<std::size_t> odd;
        for (const tile_turn& turn : dealt_out(block, run_.plan.grid, {on.home}).turns)
            (is_odd(turn.tile) ? odd : open_).push_back(turn.tile);
        open_.insert(open_.end(), odd.begin(), odd.end());
    }

    deepthings_run run() {
        for (device_id d = 0; d < on_.size(); ++d) at(0.0, d);
        while (!events_.empty()) {
            const auto [time, d] = *events_.begin();
            events_.erase(events_.begin());
            if (d < on_.size()) steal(time, d);
            else wake(time);
        }
        return std::move(run_);
    }

  private:
    static constexpr double never = std::numeric_limits<double>::infinity();

    [[nodiscard]] std::size_t columns() const { return run_.plan.grid.column_count(); }
    [[nodiscard]] std::vector<region> cell(std::size_t tile) const {
        return grid_cell(block_, run_.plan.grid, tile / columns(), tile % columns());
    }
    [[nodiscard]] bool is_odd(std::size_t tile) const {
        return how_.reuse && (tile / columns() + tile % columns()) % 2 == 1;
    }
    [[nodiscard]] std::vector<std::size_t> neighbours(std::size_t tile) const {
        std::vector<std::size_t> list;
        const auto row = tile / columns(), column = tile % columns();
        if (column > 0) list.push_back(tile - 1);
        if (column + 1 < columns()) list.push_back(tile + 1);
        if (row > 0) list.push_back(tile - columns());
        if (row + 1 < run_.plan.grid.row_count()) list.push_back(tile + columns());
        return list;
    }
    void at(double time, std::size_t device) { events_.emplace(time, device); }

    /// The medium carries it after what was asked for before; when it is there.
    double carry(double time, double size) {
        if (size <= 0.0) return time;
        medium_ = std::max(medium_, time) + on_.carry(size);
        run_.outcome.bytes += size;
        return medium_;
    }

    /// What of the tile's overlaps is at hand at that time.
    [[nodiscard]] std::vector<std::size_t> shared(std::size_t tile, double time) const {
        std::vector<std::size_t> list;
        for (const std::size_t other : neighbours(tile))
            if (shared_at_[other] <= time) list.push_back(other);
        return list;
    }
    [[nodiscard]] bool is_ready(std::size_t tile, double time) const {
        if (!is_odd(tile)) return true;
        const auto all = neighbours(tile);
        return std::all_of(all.begin(), all.end(),
                           [&](std::size_t other) { return shared_at_[other] <= time || !delivers(other); });
    }
    [[nodiscard]] bool delivers(std::size_t tile) const {
        return device_of_[tile] != no_id || std::find(open_.begin(), open_.end(), tile) != open_.end();
    }

    void steal(double time, device_id d) {
        auto next =
            std::find_if(open_.begin(), open_.end(), [&](std::size_t tile) { return is_ready(tile, time); });
        if (next == open_.end() && !how_.wait) next = open_.begin();
        if (next == open_.end()) {
            if (!open_.empty()) idle_.push_back(d);
            return;
        }
        const std::size_t tile = *next;
        open_.erase(next);
        compute(time, d, tile);
    }

    void compute(double time, device_id d, std::size_t tile) {
        auto sources = is_odd(tile) ? shared(tile, time) : std::vector<std::size_t>{};
        std::vector<halo_source> from;
        for (const std::size_t other : sources) from.push_back({other, &tiles_[other].held});
        tiles_[tile] = regions_of_tile(block_, cell(tile), from);
        const tile_work work = work_of_tile(block_, tiles_[tile]);
        double size = d == on_.home ? 0.0 : work.input_bytes;
        for (const halo& each : tiles_[tile].halos) {
            const bool has_it = device_of_[each.from] == d || (how_.via_home && d == on_.home);
            if (!has_it) size += block_.maps[each.map].bytes_of(each.what);
        }
        const double seconds = work.macs / on_.macs_per_second[d];
        const double done = carry(time, size) + seconds;
        device_of_[tile] = d;
        run_.plan.turns.push_back({tile, d, std::move(sources)});
        run_.outcome.finish[tile] = done;
        run_.outcome.busy[d] += seconds;
        run_.outcome.macs += work.macs;
        run_.outcome.memory[d] = std::max(run_.outcome.memory[d], block_.weight_bytes + work.map_bytes);
        finished_.emplace(done, tile);
        at(done, on_.size() + tile);  // first its results leave, then it is idle
    }

    /// A tile is computed: its cell and its overlap leave; the device is idle, and who waited looks again.
    void wake(double time) {
        const auto [when, tile] = *finished_.begin();
        static_cast<void>(when);
        finished_.erase(finished_.begin());
        const device_id d = device_of_[tile];
        double there = time;
        if (d != on_.home) {
            if (how_.via_home && how_.reuse && !is_odd(tile)) there = carry(time, overlap_bytes(tile));
            run_.outcome.latency =
                std::max(run_.outcome.latency, carry(time, work_of_tile(block_, tiles_[tile]).output_bytes));
        } else {
            run_.outcome.latency = std::max(run_.outcome.latency, time);
        }
        shared_at_[tile] = there;
        at(time, d);
        for (const device_id waiting : idle_) at(there, waiting);
        idle_.clear();
    }

    /// What the tile's neighbours will take of it: what they would need and it has.
    [[nodiscard]] double overlap_bytes(std::size_t tile) const {
        double sum = 0.0;
        for (const std::size_t other : neighbours(tile)) {
            std::vector<halo_source> sources;
            for (const std::size_t even : neighbours(other)) sources.push_back({even, &alone_[even].held});
            const auto regions = regions_of_tile(block_, cell(other), sources);
            for (const halo& each : regions.halos)
                if (each.from == tile) sum += block_.maps[each.map].bytes_of(each.what);
        }
        return sum;
    }

    const tile_block& block_;
    const tile_machines& on_;
    deepthings_options how_;
    deepthings_run run_;
    std::vector<tile_regions> tiles_;
    std::vector<tile_regions> alone_;  // [tile] with all halos computed
    std::vector<device_id> device_of_;
    std::vector<double> shared_at_;    // [tile] when its overlap can be had
    std::vector<std::size_t> open_{};  // tiles, in the order in which they are stolen
    std::vector<device_id> idle_{};
    std::multimap<double, std::size_t> events_{};    // a device is idle, or (beyond them) a tile is computed
    std::multimap<double, std::size_t> finished_{};  // tiles
    double medium_ = 0.0;
};

}  // namespace detail

/// DeepThings' schedule of a grid: home has all tiles; an idle device steals the next one, the even tiles of the
/// checkerboard first; it gets the input (and the overlaps), computes, sends the cell home and steals again. The medium
/// serves in the order of asking. Heuristic; deterministic. O(tiles² · maps).
/// Source: Zhao, Mirzazad Barijough, Gerstlauer, "DeepThings: distributed adaptive deep learning inference on
/// resource-constrained IoT edge clusters", IEEE TCAD 37(11), 2018. Deviations: sending a result does not keep a device from
/// stealing; of overlaps only what the neighbours need is sent.
[[nodiscard]] inline deepthings_run deepthings(const tile_block& block, const tile_machines& on,
                                               tile_grid grid, const deepthings_options& how = {}) {
    return detail::work_stealing(block, on, std::move(grid), how).run();
}

}  // namespace dispart
