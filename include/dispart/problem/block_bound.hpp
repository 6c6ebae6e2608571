#pragma once
/// \file
/// A lower bound of the latency of nets with branches: a device that runs all branches runs them one after the other, and
/// one that does not has to pass something on.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include <boost/dynamic_bitset.hpp>

#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

namespace detail {

/// Layers between which all work lies, and what the blocks between them cost at least. See `block_bound`.
class block_relaxation {
  public:
    block_relaxation(const instance& p, const std::vector<bool>& needed)
        : p_(p)
        , needed_(needed)
        , n_(p.layer_count())
        , m_(p.device_count()) {}

    /// 0 where nothing is proven.
    [[nodiscard]] double end() {
        find_relatives();
        find_earliest();
        const auto spine = find_spine();
        if (spine.empty()) return 0.0;
        std::vector<double> finish = earliest_[spine.front()];
        for (std::size_t k = 0; k + 1 < spine.size(); ++k) finish = across(spine[k], spine[k + 1], finish);
        return to_sink(spine.back(), finish);
    }

  private:
    static constexpr double never = std::numeric_limits<double>::infinity();
    using layer_set = boost::dynamic_bitset<>;

    void find_relatives() {
        before_.assign(n_, layer_set(n_));
        behind_.assign(n_, layer_set(n_));
        for (layer_id l = 0; l < n_; ++l)
            for (const tensor_id t : p_.reads[l])
                if (p_.producer[t] != no_id) (before_[l] |= before_[p_.producer[t]]).set(p_.producer[t]);
        for (layer_id l = n_; l-- > 0;)
            for (const tensor_id t : p_.writes[l])
                for (const layer_id r : p_.consumers[t])
                    if (needed_[r]) (behind_[l] |= behind_[r]).set(r);
    }

    /// Seconds until a device has a tensor.
    [[nodiscard]] double arrival(tensor_id t, device_id on) const {
        const layer_id maker = p_.producer[t];
        if (maker == no_id) return p_.source == no_id ? 0.0 : p_.transfer(p_.source, on, p_.tensor_bytes[t]);
        double least = never;
        for (device_id d = 0; d < m_; ++d)
            if (earliest_[maker][d] < never)
                least = std::min(least, earliest_[maker][d] + p_.transfer(d, on, p_.tensor_bytes[t]));
        return least;
    }

    /// earliest_[layer][device]: end of the layer there, were devices free for everything at once.
    void find_earliest() {
        earliest_.assign(n_, std::vector<double>(m_, never));
        for (layer_id l = 0; l < n_; ++l)
            for (device_id d = 0; d < m_; ++d) {
                if (!p_.is_allowed(l, d)) continue;
                double ready = 0.0;
                for (const tensor_id t : p_.reads[l]) ready = std::max(ready, arrival(t, d));
                earliest_[l][d] = ready + p_.compute(l, d);
            }
    }

    /// Layers, each leading to the next, beside which there is hardly any other work.
    [[nodiscard]] std::vector<layer_id> find_spine() const {
        std::vector<double> work(n_, 0.0);
        double all = 0.0;
        for (layer_id l = 0; l < n_; ++l) {
            if (!needed_[l]) continue;
            for (device_id d = 0; d < m_; ++d) work[l] += p_.is_allowed(l, d) ? p_.compute(l, d) : 0.0;
            all += work[l];
        }
        std::vector<layer_id> spine;
        for (layer_id l = 0; l < n_; ++l) {
            if (!needed_[l] || (!spine.empty() && !behind_[spine.back()][l])) continue;
            double related = work[l];
            const layer_set relatives = before_[l] | behind_[l];
            for (std::size_t r = relatives.find_first(); r != layer_set::npos; r = relatives.find_next(r))
                related += work[r];
            if (related >= (1.0 - 1e-4) * all) spine.push_back(l);
        }
        return spine;
    }

    /// From the ends of one layer of the spine, on every device, to those of the next.
    [[nodiscard]] std::vector<double> across(layer_id from, layer_id to, const std::vector<double>& finish) {
        std::vector<layer_id> block;
        const layer_set between = behind_[from] & before_[to];
        for (std::size_t l = between.find_first(); l != layer_set::npos; l = between.find_next(l))
            block.push_back(l);
        block.push_back(to);
        double passed = never;  // bytes that whoever goes on needs at least
        for (const tensor_id t : p_.writes[from])
            for (const layer_id r : p_.consumers[t])
                if (r == to || between[r]) passed = std::min(passed, p_.tensor_bytes[t]);
        std::vector<double> next(m_, never);
        for (device_id d = 0; d < m_; ++d) {
            double start = never;
            for (device_id a = 0; a < m_; ++a)
                if (finish[a] < never) start = std::min(start, finish[a] + p_.transfer(a, d, passed));
            for (const layer_id l : block) start += p_.is_allowed(l, d) ? p_.compute(l, d) : never;
            next[d] = start;
        }
        if (block.size() > 1) divide(from, block, finish, next);
        for (device_id d = 0; d < m_; ++d) next[d] = std::max(next[d], earliest_[to][d]);
        return next;
    }

    /// Lowers `next` to what a block can do at best whose layers are on several devices: then a tensor made in the block
    /// goes from one device to another inside of it.
    void divide(layer_id from, const std::vector<layer_id>& block, const std::vector<double>& finish,
                std::vector<double>& next) {
        // forward: ends of the block's layers; backward: from there to the end of its last layer on each device
        std::vector<std::vector<double>> end(block.size(), std::vector<double>(m_, never));
        std::vector<std::vector<double>> tail(block.size(), std::vector<double>(m_ * m_, 0.0));
        index_.assign(n_, no_id);
        for (std::size_t i = 0; i < block.size(); ++i) index_[block[i]] = i;
        for (std::size_t i = 0; i < block.size(); ++i) end[i] = forward(from, block[i], finish, end);
        const std::size_t last = block.size() - 1;
        std::vector<double> apart(m_, never);  // [device of the last layer] with one transfer inside
        for (device_id b = 0; b < m_; ++b)
            for (device_id f = 0; f < m_; ++f) tail[last][b * m_ + f] = b == f ? 0.0 : never;
        for (std::size_t i = last; i-- > 0;)
            for (const tensor_id t : p_.writes[block[i]])
                for (const layer_id r : p_.consumers[t]) {
                    if (index_[r] == no_id) continue;
                    const auto& rest = tail[index_[r]];
                    for (device_id f = 0; f < m_; ++f)
                        for (device_id a = 0; a < m_; ++a) {
                            double least = never, moved = never;
                            for (device_id b = 0; b < m_; ++b) {
                                if (!p_.is_allowed(r, b)) continue;
                                const double way = p_.transfer(a, b, p_.tensor_bytes[t]) + p_.compute(r, b) +
                                                   rest[b * m_ + f];
                                least = std::min(least, way);
                                if (a != b) moved = std::min(moved, way);
                            }
                            tail[i][a * m_ + f] = std::max(tail[i][a * m_ + f], least);
                            apart[f] = std::min(apart[f], end[i][a] + moved);
                        }
                }
        for (device_id f = 0; f < m_; ++f) next[f] = std::min(next[f], std::max(apart[f], end[last][f]));
    }

    /// Earliest ends of a layer of a block, given those of the spine layer before the block.
    [[nodiscard]] std::vector<double> forward(layer_id from, layer_id l, const std::vector<double>& finish,
                                              const std::vector<std::vector<double>>& end) const {
        std::vector<double> ends = earliest_[l];
        for (device_id d = 0; d < m_; ++d) {
            if (ends[d] == never) continue;
            double ready = 0.0;
            for (const tensor_id t : p_.reads[l]) {
                const layer_id maker = p_.producer[t];
                if (maker == no_id || (maker != from && index_[maker] == no_id)) continue;
                const auto& made = maker == from ? finish : end[index_[maker]];
                double there = never;
                for (device_id a = 0; a < m_; ++a)
                    if (made[a] < never)
                        there = std::min(there, made[a] + p_.transfer(a, d, p_.tensor_bytes[t]));
                ready = std::max(ready, there);
            }
            ends[d] = std::max(ends[d], ready + p_.compute(l, d));
        }
        return ends;
    }

    /// From the last layer of the spine to the last result, devices free for everything.
    [[nodiscard]] double to_sink(layer_id from, const std::vector<double>& finish) const {
        std::vector<std::vector<double>> rest(n_, std::vector<double>(m_, 0.0));
        std::vector<bool> is_output(p_.tensor_count(), false);
        for (const tensor_id t : p_.model_outputs) is_output[t] = true;
        for (layer_id l = n_; l-- > from;)
            for (const tensor_id t : p_.writes[l])
                for (device_id a = 0; a < m_; ++a) {
                    if (is_output[t] && p_.sink != no_id)
                        rest[l][a] = std::max(rest[l][a], p_.transfer(a, p_.sink, p_.tensor_bytes[t]));
                    for (const layer_id r : p_.consumers[t]) {
                        if (!needed_[r]) continue;
                        double least = never;
                        for (device_id b = 0; b < m_; ++b)
                            if (p_.is_allowed(r, b))
                                least = std::min(least, p_.transfer(a, b, p_.tensor_bytes[t]) +
                                                            p_.compute(r, b) + rest[r][b]);
                        rest[l][a] = std::max(rest[l][a], least);
                    }
                }
        double least = never;
        for (device_id d = 0; d < m_; ++d) least = std::min(least, finish[d] + rest[from][d]);
        return least;
    }

    const instance& p_;
    const std::vector<bool>& needed_;
    std::size_t n_, m_;
    std::vector<layer_set> before_{}, behind_{};
    std::vector<std::vector<double>> earliest_{};
    std::vector<std::size_t> index_{};  // [layer] in the block that is looked at
};

}  // namespace detail

/// No partition has a smaller latency.
///
/// Between layers that all work leads to or from ("spine"), a block either runs on one device, one layer after the
/// other, or a tensor made in it crosses to another device inside of it; beyond that, devices are free for everything.
/// \param needed [layer] whether an output depends on it
/// O(reads * devices^3 + layers^2 * reads / 64). 0 where that would be more than `most_steps`.
[[nodiscard]] inline double block_bound(const instance& problem, const std::vector<bool>& needed,
                                        double most_steps = 2e8) {
    const auto devices = static_cast<double>(problem.device_count());
    const auto layers = static_cast<double>(problem.layer_count());
    const auto reads = static_cast<double>(problem.reads.item_count());
    if (reads * devices * devices * devices + layers * reads / 8.0 > most_steps || layers > 20000.0)
        return 0.0;
    return detail::block_relaxation(problem, needed).end();
}

}  // namespace dispart
