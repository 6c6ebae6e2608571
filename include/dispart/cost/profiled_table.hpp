#pragma once
/// \file
/// The cost model for layers that were measured on their device.

#include <map>
#include <string>
#include <utility>

#include "dispart/cost/concepts.hpp"
#include "dispart/cost/kind.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/cost/signature.hpp"

namespace dispart {

/// Measured seconds per layer signature and device, and another cost model for what was not measured.
///
/// A device is looked up under each of its `device_columns`. Measurements are of the
/// machine itself: the device's slowdown multiplies them. O(signature length * log entries).
template <class Fallback = roofline>
class profiled_table {
  public:
    profiled_table() = default;
    explicit profiled_table(Fallback fallback) : fallback_(std::move(fallback)) {}

    /// Enters a measurement; a later one of the same layer and device replaces it.
    void set(const std::string& signature, const std::string& device_or_kind, seconds measured) {
        times_[device_or_kind][signature] = measured;
    }

    /// The measurement that `compute` would use, or nullptr.
    template <class Layer, class Tensor>
    [[nodiscard]] const seconds* find(const layer_view<Layer, Tensor>& view, const device& on) const {
        const std::string signature = layer_signature(view);
        for (const std::string& column : device_columns(on))
            if (const auto entries = times_.find(column); entries != times_.end())
                if (const auto found = entries->second.find(signature); found != entries->second.end())
                    return &found->second;
        return nullptr;
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        const seconds* measured = find(view, on);
        return measured ? *measured * on.slowdown : fallback_.compute(view, on);
    }

    /// The same for the layers of one model, where the fallback wants to know it.
    template <class Layer, class Tensor>
    [[nodiscard]] auto for_model(const layer_graph<Layer, Tensor>& net) const {
        profiled_table<decltype(cost_for_model(fallback_, net))> own(cost_for_model(fallback_, net));
        for (const auto& [column, entries] : times_)
            for (const auto& [signature, measured] : entries) own.set(signature, column, measured);
        return own;
    }

    template <class Layer, class Tensor>
        requires requires(const Fallback& f, const layer_view<Layer, Tensor>& view) { f.key(view); }
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        return layer_signature(view) + fallback_.key(view);
    }

    [[nodiscard]] const Fallback& fallback() const noexcept { return fallback_; }
    /// Device or kind -> signature -> seconds.
    [[nodiscard]] const std::map<std::string, std::map<std::string, seconds>>& entries() const noexcept {
        return times_;
    }

  private:
    std::map<std::string, std::map<std::string, seconds>> times_{};
    Fallback fallback_{};
};

static_assert(cost_model<profiled_table<>>);

}  // namespace dispart
