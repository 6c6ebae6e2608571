#pragma once
/// \file
/// DISSEC-like scheduling of tiles: the tiles that overlap most go first, to the device that finishes them earliest; halos
/// are waited for or computed, whichever is better; then local search.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <xtensor/xtensor.hpp>

#include "dispart/core/random.hpp"
#include "dispart/partition/tiles/medium.hpp"

namespace dispart {

/// How `dissec` searches.
struct dissec_options {
    std::size_t iterations = 1500;  ///< changes that the local search tries
    double traffic_weight = 1.0;    ///< seconds of latency that a second of the medium is worth
    std::uint64_t seed = 1;
};

/// A schedule and what comes of it.
struct dissec_result {
    tile_plan plan{};
    tile_outcome outcome{};
};

/// Bytes of the maps between layers that two tiles both need when each computes all its halos: [tile, tile], symmetric,
/// the diagonal 0. O(tiles² · maps).
[[nodiscard]] inline xt::xtensor<double, 2> overlap_matrix(const tile_block& block, const tile_grid& grid) {
    const auto tiles = regions_of_grid(block, grid);
    const auto exchanged = detail::exchanged_maps(block);
    xt::xtensor<double, 2> a = xt::zeros<double>({tiles.size(), tiles.size()});
    for (std::size_t u = 0; u < tiles.size(); ++u)
        for (std::size_t v = u + 1; v < tiles.size(); ++v)
            for (std::size_t m = 0; m < block.maps.size(); ++m)
                if (exchanged[m])
                    a(u, v) = a(v, u) +=
                        block.maps[m].bytes_of(intersection(tiles[u].held[m], tiles[v].held[m]));
    return a;
}

/// Eigenvector centrality of a symmetric non-negative matrix, of sum 1, by power iteration on A + s·I (the shift makes it
/// converge on bipartite graphs too); equal shares where all is 0. O(iterations · n²).
[[nodiscard]] inline std::vector<double> eigenvector_centrality(const xt::xtensor<double, 2>& a,
                                                                std::size_t iterations = 1000) {
    const std::size_t n = a.shape(0);
    std::vector<double> x(n, n > 0 ? 1.0 / static_cast<double>(n) : 0.0), next(n);
    double shift = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0.0;
        for (std::size_t j = 0; j < n; ++j) sum += a(i, j);
        shift = std::max(shift, sum);
    }
    if (shift <= 0.0) return x;
    for (std::size_t round = 0; round < iterations; ++round) {
        for (std::size_t i = 0; i < n; ++i) {
            next[i] = shift * x[i];
            for (std::size_t j = 0; j < n; ++j) next[i] += a(i, j) * x[j];
        }
        const double sum = std::accumulate(next.begin(), next.end(), 0.0);
        double change = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            next[i] /= sum;
            change = std::max(change, std::abs(next[i] - x[i]));
        }
        x = next;
        if (change < 1e-14) break;
    }
    return x;
}

namespace detail {

/// Builds and improves one schedule.
class dissec_search {
  public:
    dissec_search(const tile_block& block, const tile_machines& on, tile_grid grid, const dissec_options& how)
        : block_(block)
        , on_(on)
        , how_(how)
        , grid_(std::move(grid))
        , random_(how.seed) {}

    dissec_result run() {
        const auto central = eigenvector_centrality(overlap_matrix(block_, grid_));
        auto order = dealt_out(block_, grid_, {on_.home}).turns;
        std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
            return central[a.tile] > central[b.tile] * (1.0 + 1e-9);
        });
        consider(list_schedule(order));
        consider(in_strips());
        consider({grid_, dealt_out(block_, grid_, {on_.home}).turns});  // all at home
        improve();
        return std::move(best_);
    }

  private:
    [[nodiscard]] double value(const tile_outcome& o) const {
        return o.latency + how_.traffic_weight * o.bytes / on_.bytes_per_second;
    }

    void consider(tile_plan plan) {
        auto outcome = play_tiles(block_, on_, plan);
        if (best_.plan.turns.empty() || value(outcome) < value(best_.outcome) * (1.0 - 1e-12))
            best_ = {std::move(plan), std::move(outcome)};
    }

    /// Tiles with an earlier turn in `done` that touch this one: those on the same device always, others where asked for.
    [[nodiscard]] std::vector<std::size_t> sources(const std::vector<tile_turn>& done, std::size_t tile,
                                                   device_id device, bool remote) const {
        std::vector<std::size_t> list;
        for (const tile_turn& other : done)
            if (touch(other.tile, tile) && (remote || other.device == device)) list.push_back(other.tile);
        return list;
    }
    [[nodiscard]] bool touch(std::size_t a, std::size_t b) const {
        const auto columns = grid_.column_count();
        const auto apart = [](std::size_t x, std::size_t y) { return x > y ? x - y : y - x; };
        return apart(a / columns, b / columns) + apart(a % columns, b % columns) == 1;
    }

    /// Each tile in that order on the device, and with the choice of halos, that finishes it earliest.
    tile_plan list_schedule(const std::vector<tile_turn>& order) {
        tile_plan plan{grid_, {}};
        for (const tile_turn& next : order) {
            tile_turn chosen;
            double least = std::numeric_limits<double>::infinity();
            for (device_id d = 0; d < on_.size(); ++d)
                for (const bool remote : {false, true}) {
                    plan.turns.push_back({next.tile, d, sources(plan.turns, next.tile, d, remote)});
                    const auto outcome = play_tiles(block_, on_, plan);
                    const double finish = outcome.finish[next.tile] +
                                          how_.traffic_weight * outcome.bytes / on_.bytes_per_second;
                    if (finish < least * (1.0 - 1e-12)) {
                        least = finish;
                        chosen = plan.turns.back();
                    }
                    plan.turns.pop_back();
                }
            plan.turns.push_back(chosen);
        }
        return plan;
    }

    /// Neighbours on one device: tiles row by row, in runs in proportion to speed.
    tile_plan in_strips() const {
        tile_plan plan{grid_, {}};
        auto turns = dealt_out(block_, grid_, {on_.home}).turns;
        const double total = std::accumulate(on_.macs_per_second.begin(), on_.macs_per_second.end(), 0.0);
        double sum = on_.macs_per_second[0];
        device_id d = 0;
        for (std::size_t i = 0; i < turns.size(); ++i) {
            while (d + 1 < on_.size() &&
                   static_cast<double>(i) + 0.5 > sum / total * static_cast<double>(turns.size()))
                sum += on_.macs_per_second[++d];
            const std::size_t tile = turns[i].tile;
            plan.turns.push_back({tile, d, sources(plan.turns, tile, d, false)});
        }
        return plan;
    }

    /// A random change: another device, devices exchanged, a halo waited for or computed, an earlier or later turn.
    bool change(tile_plan& plan) {
        auto& turns = plan.turns;
        const std::size_t k = random_.index(turns.size());
        switch (random_.index(4)) {
        case 0:
            turns[k].device = random_.index(on_.size());
            break;
        case 1:
            std::swap(turns[k].device, turns[random_.index(turns.size())].device);
            break;
        case 2:
            return toggle(turns, k);
        default:
            return move(turns, k, random_.index(turns.size()));
        }
        follow_neighbours(turns);
        return true;
    }
    bool toggle(std::vector<tile_turn>& turns, std::size_t k) {
        std::vector<std::size_t> near;
        for (std::size_t j = 0; j < k; ++j)
            if (touch(turns[j].tile, turns[k].tile)) near.push_back(turns[j].tile);
        if (near.empty()) return false;
        auto& from = turns[k].takes_from;
        const std::size_t which = near[random_.index(near.size())];
        const auto found = std::find(from.begin(), from.end(), which);
        if (found == from.end()) from.push_back(which);
        else from.erase(found);
        return true;
    }
    bool move(std::vector<tile_turn>& turns, std::size_t from, std::size_t to) {
        if (from == to) return false;
        const auto begin = turns.begin();
        const auto at = [&](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
        if (from < to) std::rotate(at(from), at(from + 1), at(to + 1));
        else std::rotate(at(to), at(from), at(from + 1));
        follow_neighbours(turns);
        return true;
    }
    /// Sources without an earlier turn are dropped; what a device has itself is taken.
    void follow_neighbours(std::vector<tile_turn>& turns) const {
        for (std::size_t k = 0; k < turns.size(); ++k) {
            std::vector<std::size_t> kept;
            for (std::size_t j = 0; j < k; ++j) {
                if (!touch(turns[j].tile, turns[k].tile)) continue;
                const auto& old = turns[k].takes_from;
                if (turns[j].device == turns[k].device ||
                    std::find(old.begin(), old.end(), turns[j].tile) != old.end())
                    kept.push_back(turns[j].tile);
            }
            turns[k].takes_from = std::move(kept);
        }
    }

    void improve() {
        if (on_.size() < 2) return;
        for (std::size_t i = 0; i < how_.iterations; ++i) {
            tile_plan trial = best_.plan;
            const std::size_t changes = 1 + random_.index(2);
            bool changed = false;
            for (std::size_t c = 0; c < changes; ++c) changed = change(trial) || changed;
            if (changed) consider(std::move(trial));
        }
    }

    const tile_block& block_;
    const tile_machines& on_;
    dissec_options how_;
    tile_grid grid_;
    random_source random_;
    dissec_result best_{};
};

}  // namespace detail

/// Schedules the tiles of a grid: list scheduling by eigenvector centrality of the overlap matrix with earliest-finish
/// devices and recompute-or-wait per tile, compared with strips of neighbours and with home alone; then local search over
/// devices, order and halos. Never worse than home alone by its own measure. Heuristic; deterministic for a seed.
/// O(tiles · devices + iterations) plays.
/// Source: "DISSEC", Neurocomputing 500, 2022: base geometry, overlap dependencies, centrality; the rest is our own design.
[[nodiscard]] inline dissec_result dissec(const tile_block& block, const tile_machines& on, tile_grid grid,
                                          const dissec_options& how = {}) {
    return detail::dissec_search(block, on, std::move(grid), how).run();
}

}  // namespace dispart
