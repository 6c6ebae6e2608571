#pragma once
/// \file
/// One layer's measured time, and what it is thought to depend on.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "dispart/core/units.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/signature.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// Transcendental layers (Sigmoid, Erf, ...) that are done in another layer's pass.
struct tail_work {
    flops amount{};    ///< operations of all
    std::string op{};  ///< of the first; a tail of several is priced as if all were like it

    friend bool operator==(const tail_work&, const tail_work&) = default;
};

/// A layer's work and the time that it took, together with the layers done in the same pass.
struct cost_sample {
    std::string signature{};
    op_family family = op_family::other;
    layer_work work{};
    seconds measured{};
    tail_work tail{};
};

/// The operator of a sample: what its signature begins with.
[[nodiscard]] inline std::string operator_of(const cost_sample& sample) {
    return sample.signature.substr(0, sample.signature.find('{'));
}

/// What a core's own cache is taken to hold: a layer with more than that fetches it from further away.
inline constexpr double near_bytes = 2.0 * 1024 * 1024;

/// What a layer's time is linear in: 1, FLOPs, bytes read, bytes written, bytes of constants, and how far the activations
/// and the constants exceed `near_bytes`.
inline constexpr std::size_t cost_feature_count = 7;
using cost_features = std::array<double, cost_feature_count>;

[[nodiscard]] inline cost_features features_of(const layer_work& work) {
    const auto beyond = [](bytes amount) { return std::max(0.0, amount.value - near_bytes); };
    return {1.0,
            work.compute.value,
            work.input.value,
            work.output.value,
            work.weights.value,
            beyond(work.input + work.output),
            beyond(work.weights)};
}

/// Whether layers of a family read all their constants; Gather reads a few rows of a table.
[[nodiscard]] constexpr bool reads_all_weights(op_family family) { return family <= op_family::recurrent; }

/// The features that a sample's time is fitted to.
[[nodiscard]] inline cost_features features_of(const cost_sample& sample) {
    cost_features x = features_of(sample.work);
    if (!reads_all_weights(sample.family)) x[4] = x[6] = 0.0;
    return x;
}

template <class Layer, class Tensor>
[[nodiscard]] cost_sample sample_of(const layer_view<Layer, Tensor>& view, seconds measured) {
    return {layer_signature(view), family_of(view), view.work, measured, {}};
}

}  // namespace dispart
