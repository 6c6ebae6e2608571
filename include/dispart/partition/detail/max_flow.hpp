#pragma once
/// \file
/// Maximum flow over real capacities. Whatever it returns is the value of a flow, so a lower bound of every cut.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart::detail {

/// Shortest augmenting paths in layers. O(vertices^2 * arcs), far less on shallow networks.
/// Source: Dinic, "Algorithm for solution of a problem of maximum flow in networks with power estimation", 1970.
class max_flow {
  public:
    explicit max_flow(std::size_t vertices) : arcs_of_(vertices) {}

    void add(std::size_t from, std::size_t to, double capacity) {
        arcs_of_[from].push_back(arcs_.size());
        arcs_.push_back({to, capacity});
        arcs_of_[to].push_back(arcs_.size());
        arcs_.push_back({from, 0.0});
    }

    [[nodiscard]] double run(std::size_t source, std::size_t target) {
        double total = 0.0;
        tiny_ = 0.0;
        for (const arc& a : arcs_) tiny_ = std::max(tiny_, a.left * 1e-15);
        while (layer(source, target)) {
            next_.assign(arcs_of_.size(), 0);
            double pushed = 0.0;
            while ((pushed = push(source, target, std::numeric_limits<double>::infinity())) != 0.0)
                total += pushed;
        }
        return total;
    }

  private:
    struct arc {
        std::size_t to;
        double left;  ///< capacity not used
    };

    bool layer(std::size_t source, std::size_t target) {
        depth_.assign(arcs_of_.size(), no_id);
        depth_[source] = 0;
        std::vector<std::size_t> queue{source};
        for (std::size_t i = 0; i < queue.size(); ++i)
            for (const std::size_t e : arcs_of_[queue[i]])
                if (arcs_[e].left > tiny_ && depth_[arcs_[e].to] == no_id) {
                    depth_[arcs_[e].to] = depth_[queue[i]] + 1;
                    queue.push_back(arcs_[e].to);
                }
        return depth_[target] != no_id;
    }
    double push(std::size_t at, std::size_t target, double most) {
        if (at == target) return most;
        for (; next_[at] < arcs_of_[at].size(); ++next_[at]) {
            const std::size_t e = arcs_of_[at][next_[at]];
            if (arcs_[e].left <= tiny_ || depth_[arcs_[e].to] != depth_[at] + 1) continue;
            const double pushed = push(arcs_[e].to, target, std::min(most, arcs_[e].left));
            if (pushed <= 0.0) continue;
            arcs_[e].left -= pushed;
            arcs_[e ^ 1U].left += pushed;
            return pushed;
        }
        return 0.0;
    }

    std::vector<std::vector<std::size_t>> arcs_of_;
    std::vector<arc> arcs_{};  ///< an arc and its reverse next to each other
    std::vector<std::size_t> depth_{};
    std::vector<std::size_t> next_{};  ///< [vertex] first arc that is not exhausted
    double tiny_ = 0.0;
};

}  // namespace dispart::detail
