#pragma once
/// \file
/// The cost model for layers like those that were measured: one linear law per operator or family of operators.

#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "dispart/cost/concepts.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/fusion.hpp"
#include "dispart/cost/law.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/cost/signature.hpp"

namespace dispart {

/// Laws fitted to one machine's measurements; layers that no law is about go to another cost model.
///
/// `compute` is the time by the operator's law, else by its family's, times `measured_speed / device speed` where the
/// former is known (a device of another speed is taken to be that much faster in everything), times the device's slowdown.
/// A layer of `fused` costs nothing, or `seconds_per_tail_flop` where it is transcendental. O(log operators).
template <class Fallback = roofline>
struct basic_fitted_model {
    std::map<std::string, cost_law, std::less<>> operators{};  ///< of operators with enough samples of their own
    std::array<cost_law, op_family_count> families{};          ///< [family]
    /// Of transcendental layers done in the same pass as the layer before them, by operator; "" for the others.
    std::map<std::string, double, std::less<>> seconds_per_tail_flop{};
    flops_per_second measured_speed{};  ///< of the machine that was measured; 0: laws hold for every device
    Fallback fallback{};
    fusion_rules fusion{};          ///< which layers join the layer before them
    std::set<std::string> fused{};  ///< names of those layers, once a model is known

    /// The same for the layers of one model.
    template <class Layer, class Tensor>
    [[nodiscard]] basic_fitted_model for_model(const layer_graph<Layer, Tensor>& net) const {
        basic_fitted_model own = *this;
        own.fused = fusion.fused_layers(net);
        return own;
    }

    /// The law for layers of an operator and family; one without samples where there is none.
    [[nodiscard]] const cost_law& law(std::string_view op, op_family family) const {
        const auto own = operators.find(op);
        return own != operators.end() ? own->second : families[static_cast<std::size_t>(family)];
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        const op_family family = family_of(view);
        if (fused.contains(view.layer.name)) return tail(view.layer.op, view.work, family) * scale(on);
        const cost_law& known = law(view.layer.op, family);
        return known.samples > 0 ? known(view.work) * scale(on) : fallback.compute(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds overhead(const layer_view<Layer, Tensor>& view, const device& on) const {
        if (fused.contains(view.layer.name)) return seconds(0.0);
        const cost_law& known = law(view.layer.op, family_of(view));
        return known.samples > 0 ? seconds(known.seconds_per[0]) * scale(on) : fallback.overhead(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        return layer_signature(view) + (fused.contains(view.layer.name) ? " fused" : "");
    }

  private:
    [[nodiscard]] double scale(const device& on) const {
        return on.slowdown * (measured_speed.value > 0.0 ? measured_speed / on.speed : 1.0);
    }
    [[nodiscard]] seconds tail(std::string_view op, const layer_work& work, op_family family) const {
        if (family != op_family::transcendental) return seconds(0.0);
        auto rate = seconds_per_tail_flop.find(op);
        if (rate == seconds_per_tail_flop.end()) rate = seconds_per_tail_flop.find("");
        return seconds(rate != seconds_per_tail_flop.end() ? rate->second * work.compute.value : 0.0);
    }
};

using fitted_model = basic_fitted_model<>;

static_assert(cost_model<fitted_model>);

}  // namespace dispart
