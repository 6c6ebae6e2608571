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

/// Asks the model that was set for a device (see `device_columns`), and the fallback for every other device. The
/// fallback's times must depend on nothing but the layer's signature and the device.
template <class Model = fitted_model, class Fallback = roofline>
struct by_device {
    std::map<std::string, Model> models{};  ///< device name, kind or "*" -> model
    Fallback fallback{};

    /// The same for the layers of one model.
    template <class Layer, class Tensor>
    [[nodiscard]] auto for_model(const layer_graph<Layer, Tensor>& net) const {
        using bound = decltype(cost_for_model(std::declval<const Model&>(), net));
        by_device<bound, Fallback> own{{}, fallback};
        for (const auto& [column, each] : models) own.models.emplace(column, cost_for_model(each, net));
        return own;
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        for (const std::string& column : device_columns(on))
            if (const auto own = models.find(column); own != models.end())
                return own->second.compute(view, on);
        return fallback.compute(view, on);
    }

    template <class Layer, class Tensor>
        requires requires(const Model& m, const layer_view<Layer, Tensor>& view) { m.key(view); }
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        std::string text = layer_signature(view);  // tells the fallback's layers apart
        for (const auto& [column, each] : models) text += "\n" + each.key(view);
        return text;
    }
};

static_assert(cost_model<by_device<>>);

}  // namespace dispart
