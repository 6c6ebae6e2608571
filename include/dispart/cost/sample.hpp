#pragma once
/// \file
/// One layer's measured time, and what it is thought to depend on.

#include <array>
#include <cstddef>
#include <string>

#include "dispart/core/units.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/signature.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// A layer's work and the time that it took.
struct cost_sample {
    std::string signature{};
    op_family family = op_family::other;
    layer_work work{};
    seconds measured{};
};

/// What a layer's time is linear in: 1, FLOPs, bytes read, bytes written, bytes of constants.
inline constexpr std::size_t cost_feature_count = 5;
using cost_features = std::array<double, cost_feature_count>;

[[nodiscard]] inline cost_features features_of(const layer_work& work) {
    return {1.0, work.compute.value, work.input.value, work.output.value, work.weights.value};
}

template <class Layer, class Tensor>
[[nodiscard]] cost_sample sample_of(const layer_view<Layer, Tensor>& view, seconds measured) {
    return {layer_signature(view), family_of(view), view.work, measured};
}

}  // namespace dispart
