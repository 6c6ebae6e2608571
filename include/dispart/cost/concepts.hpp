#pragma once
/// \file
/// The customisation point of `cost/`: a cost model says how long a layer takes on a device.

#include <concepts>
#include <span>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// A cost model is any value with `compute(view, device) -> seconds`: one execution of the layer for one request.
///
/// Optional hooks, found by `requires`:
/// - `workspace(view, device) -> bytes`: scratch memory while the layer runs (default 0)
/// - `transfer(bytes size, const link&) -> seconds`: time that a payload occupies a link (default size / bandwidth)
///
/// A result that is negative, NaN or infinite makes `build_instance` fail with the layer's and the device's name;
/// what a hook throws is caught there and becomes `callback_failed`.
template <class C, class Layer = layer, class Tensor = tensor_info, class Device = device>
concept cost_model = requires(const C& c, const layer_view<Layer, Tensor>& view, const Device& on) {
    { c.compute(view, on) } -> std::convertible_to<seconds>;
};

}  // namespace dispart
