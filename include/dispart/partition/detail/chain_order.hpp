#pragma once
/// \file
/// What one order of devices adds to the chain tables: prices between positions, and which positions are alike.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/chain_tables.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// What is searched: all loads within a limit (two load models), or the least latency.
enum class chain_goal { overlapped, serial, latency };

/// An ordered list of devices. Nodes are the positions, then the source, then the sink.
class chain_order {
  public:
    /// O(devices^3).
    chain_order(const chain_tables& tables, std::vector<device_id> devices, chain_goal goal)
        : devices_(std::move(devices))
        , nodes_(devices_.size() + 2) {
        place_ends(tables.problem(), goal);
        price_pairs(tables, goal);
        find_twins(tables.problem());
        compare_positions();
    }

    [[nodiscard]] std::size_t size() const noexcept { return devices_.size(); }
    [[nodiscard]] device_id operator[](std::size_t position) const { return devices_[position]; }

    [[nodiscard]] bool has_source() const noexcept { return has_source_; }
    [[nodiscard]] bool has_sink() const noexcept { return has_sink_; }
    [[nodiscard]] std::size_t sink_node() const noexcept { return nodes_ - 1; }
    /// The node whose load the model's inputs are: loads of one device or pair add up wherever they come from, while
    /// messages to wait for stay apart.
    [[nodiscard]] std::size_t input_node() const noexcept { return input_node_; }
    /// Overlapped: segments before this position owe their outputs to the sink until its device is reached, since what
    /// that device reads from them goes the same way. 0 where outputs are delivered at once.
    [[nodiscard]] std::size_t owed_until() const noexcept { return owed_until_; }
    [[nodiscard]] bool owes(std::size_t position) const noexcept { return position < owed_until_; }
    /// Overlapped: whether the sink's device comes before the source's, whose outputs then go the way of its inputs.
    [[nodiscard]] bool carries_inputs() const noexcept { return carries_inputs_; }

    /// Seconds that a message takes (latency), or that it occupies (throughput); infinite without a route.
    [[nodiscard]] double cost(std::size_t from, std::size_t to, double size) const {
        return fixed_[from * nodes_ + to] + rate_[from * nodes_ + to] * size;
    }
    /// Throughput: the worst seconds per byte from a position to those behind q; infinite where a route lacks.
    [[nodiscard]] double rate_behind(std::size_t from, std::size_t q) const {
        return behind_[from * size() + q];
    }
    /// Positions before q, the fastest way to q first.
    [[nodiscard]] const std::vector<std::size_t>& by_rate(std::size_t q) const { return by_rate_[q]; }
    /// Whether position p, before q, sends to all that follow q as well as q does.
    [[nodiscard]] bool sends_as_well(std::size_t p, std::size_t q) const {
        return sends_as_well_[p * size() + q];
    }
    /// Whether a device between p and q is in every way like q: where it was left out it could have been q.
    [[nodiscard]] bool has_twin_between(std::size_t p, std::size_t q) const {
        return twin_[q] != no_id && twin_[q] > p;
    }
    [[nodiscard]] bool has_twin_before(std::size_t q) const { return twin_[q] != no_id; }

  private:
    void place_ends(const instance& problem, chain_goal goal) {
        const auto position = [&](device_id d) {
            return static_cast<std::size_t>(std::find(devices_.begin(), devices_.end(), d) - devices_.begin());
        };
        has_source_ = problem.source != no_id;
        has_sink_ = problem.sink != no_id;
        input_node_ = size();
        if (goal != chain_goal::latency && has_source_ && position(problem.source) < size())
            input_node_ = position(problem.source);
        if (goal != chain_goal::overlapped || !has_sink_ || position(problem.sink) == size()) return;
        owed_until_ = position(problem.sink);
        carries_inputs_ = input_node_ < size() && owed_until_ < input_node_;
    }

    void price_pairs(const chain_tables& tables, chain_goal goal) {
        const instance& problem = tables.problem();
        std::vector<device_id> at = devices_;
        at.push_back(problem.source);
        at.push_back(problem.sink);
        fixed_.assign(nodes_ * nodes_, 0.0);
        rate_.assign(nodes_ * nodes_, 0.0);
        for (std::size_t a = 0; a < nodes_; ++a)
            for (std::size_t b = 0; b < nodes_; ++b) {
                if (at[a] == no_id || at[b] == no_id || at[a] == at[b]) continue;
                double& fixed = fixed_[a * nodes_ + b];
                double& rate = rate_[a * nodes_ + b];
                if (!tables.has_route(at[a], at[b])) {
                    fixed = std::numeric_limits<double>::infinity();
                    continue;
                }
                fixed = goal == chain_goal::latency ? problem.latency(at[a], at[b]) : 0.0;
                rate = goal == chain_goal::overlapped ? tables.seconds_per_byte(at[a], at[b])
                                                      : problem.seconds_per_byte(at[a], at[b]);
            }
        behind_.assign(size() * size(), 0.0);
        by_rate_.resize(size());
        for (std::size_t p = 0; p < size(); ++p)
            for (std::size_t q = size() - 1; q > 0; --q)
                behind_[p * size() + q - 1] = std::max(behind_[p * size() + q], cost(p, q, 1.0));
        for (std::size_t q = 0; q < size(); ++q) {
            for (std::size_t p = 0; p < q; ++p) by_rate_[q].push_back(p);
            std::stable_sort(by_rate_[q].begin(), by_rate_[q].end(),
                             [&](std::size_t a, std::size_t b) { return cost(a, q, 1.0) < cost(b, q, 1.0); });
        }
    }

    void find_twins(const instance& problem) {
        twin_.assign(size(), no_id);
        for (std::size_t q = 0; q < size(); ++q)
            for (std::size_t p = q; p-- > 0 && twin_[q] == no_id;)
                if (are_twins(problem, p, q)) twin_[q] = p;
    }

    [[nodiscard]] bool are_twins(const instance& problem, std::size_t a, std::size_t b) const {
        if (problem.device_class[devices_[a]] != problem.device_class[devices_[b]]) return false;
        if (problem.memory_capacity[devices_[a]] != problem.memory_capacity[devices_[b]]) return false;
        const auto alike = [&](const std::vector<double>& prices, std::size_t other) {
            const std::size_t image = other == a ? b : other == b ? a : other;
            return prices[a * nodes_ + other] == prices[b * nodes_ + image] &&
                   prices[other * nodes_ + a] == prices[image * nodes_ + b];
        };
        for (std::size_t other = 0; other < nodes_; ++other)
            if (!alike(fixed_, other) || !alike(rate_, other)) return false;
        return true;
    }

    void compare_positions() {
        sends_as_well_.assign(size() * size(), false);
        for (std::size_t p = 0; p < size(); ++p)
            for (std::size_t q = p + 1; q < size() && p != input_node_; ++q) {
                bool as_well = true;
                for (std::size_t r = q + 1; r < size() && as_well; ++r)
                    as_well = fixed_[p * nodes_ + r] <= fixed_[q * nodes_ + r] &&
                              rate_[p * nodes_ + r] <= rate_[q * nodes_ + r];
                sends_as_well_[p * size() + q] = as_well;
            }
    }

    std::vector<device_id> devices_;
    std::size_t nodes_;
    bool has_source_ = false;
    bool has_sink_ = false;
    bool carries_inputs_ = false;
    std::size_t input_node_ = 0;
    std::size_t owed_until_ = 0;
    std::vector<double> fixed_{}, rate_{};             // [node, node]
    std::vector<double> behind_{};                     // [position, q]
    std::vector<std::vector<std::size_t>> by_rate_{};  // [q]
    std::vector<bool> sends_as_well_{};                // [p, q]
    std::vector<std::size_t> twin_{};                  // [q] the nearest twin before it
};

}  // namespace dispart::detail
