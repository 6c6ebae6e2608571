#pragma once
/// \file
/// Dependencies as rows of arcs that know their delays.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart::detail {

/// Dependencies with the delays that the present devices of their ends give them.
class arc_rows {
  public:
    /// An arc to a neighbour; `twin` is its index in the rows of the other direction.
    struct arc {
        double delay = 0.0;
        std::uint32_t task = 0;
        std::uint32_t twin = 0;
    };

    template <class Row>
    arc_rows(std::size_t tasks, Row row) {
        for (task_id t = 0; t < tasks; ++t) {
            for (const neighbour& each : row(t))
                arcs_.push_back({0.0, static_cast<std::uint32_t>(each.task), 0});
            offsets_.push_back(arcs_.size());
        }
    }
    [[nodiscard]] std::span<arc> operator[](task_id t) noexcept {
        return {arcs_.data() + offsets_[t], offsets_[t + 1] - offsets_[t]};
    }
    [[nodiscard]] std::span<const arc> operator[](task_id t) const noexcept {
        return {arcs_.data() + offsets_[t], offsets_[t + 1] - offsets_[t]};
    }
    [[nodiscard]] arc& at(std::uint32_t index) noexcept { return arcs_[index]; }
    /// Links each arc with the one of the other direction.
    static void pair_up(arc_rows& in, arc_rows& out, std::size_t tasks) {
        std::vector<std::size_t> next(in.offsets_.begin(), in.offsets_.end() - 1);
        for (task_id t = 0; t < tasks; ++t)  // inputs are sorted by task, so each row fills in order
            for (std::size_t a = out.offsets_[t]; a < out.offsets_[t + 1]; ++a) {
                const std::size_t twin = next[out.arcs_[a].task]++;
                out.arcs_[a].twin = static_cast<std::uint32_t>(twin);
                in.arcs_[twin].twin = static_cast<std::uint32_t>(a);
            }
    }

  private:
    std::vector<std::size_t> offsets_{0};
    std::vector<arc> arcs_{};
};

}  // namespace dispart::detail
