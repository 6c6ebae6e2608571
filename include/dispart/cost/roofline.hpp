#pragma once
/// \file
/// The cost model for a machine of which only data-sheet figures are known.

#include <algorithm>
#include <array>
#include <string>

#include "dispart/cost/concepts.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/cost/signature.hpp"

namespace dispart {

/// Time = (max(FLOPs / (speed * efficiency of the family), bytes / memory bandwidth) + layer overhead) * slowdown.
///
/// Bytes are activations read and written plus the constants of convolutions, products and recurrent layers; a memory bandwidth of 0 is no limit; layers that only give the
/// same elements a new shape (family `view`) cost the overhead alone. O(1).
/// Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
/// architectures", Communications of the ACM 52(4), 2009. Overhead and efficiency are additions.
struct roofline {
    /// [family] share of the device's speed that is reached; 1 unless known better.
    std::array<double, op_family_count> efficiency = all_ones();

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        const op_family family = family_of(view);
        if (family == op_family::view) return overhead(view, on);
        const seconds arithmetic =
            view.work.compute / (on.speed * efficiency[static_cast<std::size_t>(family)]);
        const bytes constants = reads_all_weights(family) ? view.work.weights : bytes(0.0);
        const bytes moved = view.work.input + view.work.output + constants;
        const seconds traffic = on.memory_bandwidth.value > 0.0 ? moved / on.memory_bandwidth : seconds(0.0);
        return std::max(arithmetic, traffic) * on.slowdown + overhead(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds overhead(const layer_view<Layer, Tensor>&, const device& on) const {
        return on.layer_overhead * on.slowdown;
    }

    template <class Layer, class Tensor>
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        return layer_signature(view);
    }

  private:
    static constexpr std::array<double, op_family_count> all_ones() {
        std::array<double, op_family_count> ones{};
        ones.fill(1.0);
        return ones;
    }
};

static_assert(cost_model<roofline>);

}  // namespace dispart
