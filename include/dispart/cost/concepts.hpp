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
/// - `overhead(view, device) -> seconds`: the part of `compute` that does not shrink with the layer (default 0)
/// - `workspace(view, device) -> bytes`: scratch memory while the layer runs (default 0)
/// - `transfer(bytes size, const link&) -> seconds`: time that a payload occupies a link (default size / bandwidth)
/// - `key(view) -> std::string`: layers of equal keys cost the same on every device, so that one of them is asked
/// - `for_model(layer_graph) -> a cost model`: called once for a model, to look at it as a whole before single layers
///
/// A result that is negative, NaN or infinite makes `build_instance` fail with the layer's and the device's name;
/// what a hook throws is caught there and becomes `callback_failed`. The models of this room multiply by
/// `device::slowdown`: speeds and measurements are those of the machine that imitates the slower one.
template <class C, class Layer = layer, class Tensor = tensor_info, class Device = device>
concept cost_model = requires(const C& c, const layer_view<Layer, Tensor>& view, const Device& on) {
    { c.compute(view, on) } -> std::convertible_to<seconds>;
};

/// The cost model for the layers of one model: what its hook `for_model` returns, or itself.
template <class Cost, class Layer, class Tensor>
[[nodiscard]] auto cost_for_model(const Cost& cost, const layer_graph<Layer, Tensor>& net) {
    if constexpr (requires { cost.for_model(net); }) return cost.for_model(net);
    else return cost;
}

}  // namespace dispart
