#pragma once
/// \file
/// A cost model of its own for each kind of device.

#include <map>
#include <string>
#include <utility>

#include "dispart/cost/concepts.hpp"
#include "dispart/cost/fitted.hpp"
#include "dispart/cost/kind.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/cost/signature.hpp"

namespace dispart {

/// Asks the model that was set for a device (see `device_columns`), and the fallback for every other device.
template <class Model = fitted_model, class Fallback = roofline>
struct by_device {
    std::map<std::string, Model> models{};  ///< device name, kind or "*" -> model
    Fallback fallback{};

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        for (const std::string& column : device_columns(on))
            if (const auto own = models.find(column); own != models.end())
                return own->second.compute(view, on);
        return fallback.compute(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        return layer_signature(view);
    }
};

static_assert(cost_model<by_device<>>);

}  // namespace dispart
