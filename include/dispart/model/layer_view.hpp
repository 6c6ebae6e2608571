#pragma once
/// \file
/// What a cost model or an explanation sees of one layer: its descriptions and its amount of work.

#include <span>

#include "dispart/core/units.hpp"
#include "dispart/model/layer.hpp"

namespace dispart {

/// Amount of work of one layer, independent of any device.
struct layer_work {
    flops compute{};  ///< a multiply-add counts 2
    bytes input{};    ///< activations read
    bytes output{};   ///< activations written
    bytes weights{};  ///< constants read
};

/// What a cost model sees of one layer: its bundle, its operands' and results' descriptions, its work.
template <class Layer = layer, class Tensor = tensor_info>
struct layer_view {
    const Layer& layer;
    std::span<const Tensor* const> inputs;   ///< in operand order, constants included; nullptr where absent
    std::span<const Tensor* const> outputs;  ///< in result order; nullptr where nobody asked
    layer_work work;
};

}  // namespace dispart
