#pragma once
/// \file
/// What a tile plan takes on devices that share one half-duplex medium: the setting of DeepThings and DISSEC.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/partition/tiles/tile_plan.hpp"
#include "dispart/problem/tile_block.hpp"
#include "dispart/problem/tile_regions.hpp"

namespace dispart {

/// Devices around one radio channel. One of them holds the input and wants the output.
struct tile_machines {
    std::vector<double> macs_per_second{};  ///< [device]
    double bytes_per_second = 12.5e6;       ///< of the medium, one transfer at a time
    double latency_s = 0.0;                 ///< of each transfer; occupies the medium too
    device_id home = 0;
    std::vector<double> watts{};   ///< [device] while it computes; empty: unknown
    double joules_per_byte = 0.0;  ///< of a transfer, sender and receiver together

    [[nodiscard]] std::size_t size() const noexcept { return macs_per_second.size(); }
    [[nodiscard]] double carry(double size) const { return latency_s + size / bytes_per_second; }
};

/// What comes of a tile plan.
struct tile_outcome {
    double latency = 0.0;          ///< until the last cell is at home, seconds
    double bytes = 0.0;            ///< over the medium: inputs, halos, outputs
    double macs = 0.0;             ///< computed by all, redundant ones included
    std::vector<double> finish{};  ///< [tile] when it is computed
    std::vector<double> busy{};    ///< [device] seconds of computing
    std::vector<double> memory{};  ///< [device] weights and the largest tile's maps
};

namespace detail {

/// A transfer that waits for the medium.
struct tile_transfer {
    double ready = 0.0;
    std::size_t rank = 0;  ///< the lowest of those that are ready goes first
    double bytes = 0.0;
    std::size_t turn = no_id;  ///< that it feeds; no_id: an output
};

/// Plays turns on devices and transfers on the medium, in order of time.
class tile_player {
  public:
    tile_player(const tile_block& block, const tile_machines& on, const tile_plan& plan,
                const std::vector<tile_regions>& tiles)
        : block_(block)
        , on_(on)
        , plan_(plan)
        , tiles_(tiles) {}

    tile_outcome play() {
        const std::size_t turns = plan_.turns.size();
        out_.finish.assign(tiles_.size(), 0.0);
        out_.busy.assign(on_.size(), 0.0);
        out_.memory.assign(on_.size(), 0.0);
        turn_of_.assign(tiles_.size(), no_id);
        for (std::size_t k = 0; k < turns; ++k) turn_of_[plan_.turns[k].tile] = k;
        missing_.assign(turns, 0);
        arrived_.assign(turns, 0.0);
        halos_.assign(turns, {});
        queue_.assign(on_.size(), {});
        free_.assign(on_.size(), 0.0);
        head_.assign(on_.size(), 0);
        for (std::size_t k = 0; k < turns; ++k) announce(k);
        compute_what_can();
        double now = 0.0;
        while (!waiting_.empty()) now = serve(now);
        return std::move(out_);
    }

  private:
    /// A turn's input and the halos that it waits for.
    void announce(std::size_t k) {
        const tile_turn& turn = plan_.turns[k];
        const tile_regions& tile = tiles_[turn.tile];
        queue_[turn.device].push_back(k);
        if (turn.device != on_.home) {
            double size = 0.0;
            for (const std::size_t map : block_.inputs) size += block_.maps[map].bytes_of(tile.held[map]);
            waiting_.push_back({0.0, k, size, k});
            ++missing_[k];
        }
        for (const halo& each : tile.halos) {
            const std::size_t from = turn_of_[each.from];
            if (plan_.turns[from].device == turn.device) continue;
            auto& list = halos_[from];
            const auto found =
                std::find_if(list.begin(), list.end(), [&](const auto& h) { return h.first == k; });
            const double size = block_.maps[each.map].bytes_of(each.what);
            if (found != list.end()) {
                found->second += size;
                continue;
            }
            list.emplace_back(k, size);
            ++missing_[k];
        }
    }

    void compute_what_can() {
        for (bool again = true; again;) {
            again = false;
            for (device_id d = 0; d < queue_.size(); ++d)
                while (head_[d] < queue_[d].size() && missing_[queue_[d][head_[d]]] == 0) {
                    compute(queue_[d][head_[d]++], d);
                    again = true;
                }
        }
    }

    void compute(std::size_t k, device_id d) {
        const std::size_t tile = plan_.turns[k].tile;
        const tile_work work = work_of_tile(block_, tiles_[tile]);
        const double seconds = work.macs / on_.macs_per_second[d];
        free_[d] = std::max(free_[d], arrived_[k]) + seconds;
        out_.finish[tile] = free_[d];
        out_.busy[d] += seconds;
        out_.macs += work.macs;
        out_.memory[d] = std::max(out_.memory[d], block_.weight_bytes + work.map_bytes);
        for (const auto& [to, size] : halos_[k]) waiting_.push_back({free_[d], to, size, to});
        if (d == on_.home) out_.latency = std::max(out_.latency, free_[d]);
        else waiting_.push_back({free_[d], plan_.turns.size() + k, work.output_bytes, no_id});
    }

    /// Carries one transfer; when the medium is free again.
    double serve(double now) {
        double first = std::numeric_limits<double>::infinity();
        for (const auto& each : waiting_) first = std::min(first, each.ready);
        now = std::max(now, first);
        std::size_t next = no_id;
        for (std::size_t i = 0; i < waiting_.size(); ++i)
            if (waiting_[i].ready <= now && (next == no_id || waiting_[i].rank < waiting_[next].rank))
                next = i;
        const tile_transfer carried = waiting_[next];
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(next));
        now += on_.carry(carried.bytes);
        out_.bytes += carried.bytes;
        if (carried.turn == no_id) {
            out_.latency = std::max(out_.latency, now);
        } else {
            arrived_[carried.turn] = std::max(arrived_[carried.turn], now);
            --missing_[carried.turn];
            compute_what_can();
        }
        return now;
    }

    const tile_block& block_;
    const tile_machines& on_;
    const tile_plan& plan_;
    const std::vector<tile_regions>& tiles_;
    tile_outcome out_{};
    std::vector<std::size_t> turn_of_{};                                // [tile]
    std::vector<std::size_t> missing_{};                                // [turn] transfers
    std::vector<double> arrived_{};                                     // [turn] the last so far
    std::vector<std::vector<std::pair<std::size_t, double>>> halos_{};  // [turn] turn that waits, bytes
    std::vector<std::vector<std::size_t>> queue_{};                     // [device] turns
    std::vector<double> free_{};                                        // [device]
    std::vector<std::size_t> head_{};                                   // [device]
    std::vector<tile_transfer> waiting_{};
};

}  // namespace detail

/// What a valid plan takes. Devices do their turns in order, each when its input and halos are there; the medium carries one
/// transfer at a time, of those that are ready what the earliest turn waits for, outputs last. Deterministic.
/// O(turns · (maps + transfers)).
[[nodiscard]] inline tile_outcome play_tiles(const tile_block& block, const tile_machines& on,
                                             const tile_plan& plan, const std::vector<tile_regions>& tiles) {
    return detail::tile_player(block, on, plan, tiles).play();
}
[[nodiscard]] inline tile_outcome play_tiles(const tile_block& block, const tile_machines& on,
                                             const tile_plan& plan) {
    return play_tiles(block, on, plan, regions_of(block, plan));
}

/// Joules of an outcome: devices while they compute, and what the medium carries.
[[nodiscard]] inline double energy_of(const tile_machines& on, const tile_outcome& outcome) {
    double sum = on.joules_per_byte * outcome.bytes;
    for (device_id d = 0; d < on.watts.size() && d < outcome.busy.size(); ++d)
        sum += on.watts[d] * outcome.busy[d];
    return sum;
}

}  // namespace dispart
