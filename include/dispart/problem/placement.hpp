#pragma once
/// \file
/// Constraints made ready: which device may run which layer, and why not.
///
/// A cluster is anything with `num_vertices(g)` and devices `g[d]`.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/constraints.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// The devices that a pattern names. Errors: not_found.
template <class Cluster>
result<std::vector<bool>> named_devices(const Cluster& g, const std::string& pattern) {
    std::vector<bool> named(num_vertices(g), false);
    bool any = false;
    for (device_id d = 0; d < named.size(); ++d) any |= (named[d] = matches(pattern, g[d].name));
    if (any) return named;
    return fail(errc::not_found, pattern, "a constraint names a device that the cluster does not have");
}

/// A rule made ready: which layers it is about and which devices it leaves them.
struct placement_mask {
    std::vector<bool> layers{};   ///< [layer of the instance]
    std::vector<bool> devices{};  ///< [device] still allowed
    std::string reason{};
};

inline result<std::vector<bool>> named_layers(const instance& p, const std::string& pattern) {
    std::vector<bool> named;
    for (const std::string& name : p.layer_names) named.push_back(matches(pattern, name));
    if (std::find(named.begin(), named.end(), true) != named.end()) return named;
    return fail(errc::not_found, pattern, "a constraint names a layer that the model does not have");
}

/// Layers that read or write a tensor of that name.
inline result<std::vector<bool>> layers_around(const instance& p, const std::string& pattern) {
    std::vector<bool> around(p.layer_names.size(), false);
    bool any = false;
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        if (!matches(pattern, p.tensor_names[t])) continue;
        any = true;
        if (p.producer[t] != no_id) around[p.producer[t]] = true;
        for (const layer_id l : p.consumers[t]) around[l] = true;
    }
    if (any) return around;
    return fail(errc::not_found, pattern, "a constraint names a tensor that the model does not have");
}

template <class Cluster>
std::vector<bool> labelled_devices(const Cluster& g, const label_rule& rule) {
    std::vector<bool> carrying(num_vertices(g), false);
    for (device_id d = 0; d < carrying.size(); ++d) {
        const auto found = g[d].labels.find(rule.label);
        carrying[d] = found != g[d].labels.end() && matches(rule.value, found->second);
    }
    return carrying;
}

template <class Cluster>
result<std::vector<placement_mask>> placement_masks(const instance& p, const Cluster& g,
                                                    const constraints& rules) {
    std::vector<placement_mask> masks;
    for (const auto& pin : rules.pins) {
        DISPART_TRY(auto layers, named_layers(p, pin.layers));
        DISPART_TRY(auto devices, named_devices(g, pin.devices));
        masks.push_back({std::move(layers), std::move(devices), "pin " + pin.layers + " to " + pin.devices});
    }
    for (const auto& forbid : rules.forbids) {
        DISPART_TRY(auto layers, named_layers(p, forbid.layers));
        DISPART_TRY(auto devices, named_devices(g, forbid.devices));
        devices.flip();
        masks.push_back(
            {std::move(layers), std::move(devices), "forbid " + forbid.layers + " on " + forbid.devices});
    }
    for (const auto& rule : rules.layers) {
        DISPART_TRY(auto layers, named_layers(p, rule.names));
        masks.push_back({std::move(layers), labelled_devices(g, rule),
                         rule.names + " needs " + rule.label + "=" + rule.value});
    }
    for (const auto& rule : rules.tensors) {
        DISPART_TRY(auto layers, layers_around(p, rule.names));
        masks.push_back({std::move(layers), labelled_devices(g, rule),
                         "tensor " + rule.names + " needs " + rule.label + "=" + rule.value});
    }
    return masks;
}

/// Devices that are used at all: they compute, and no constraint leaves them out.
template <class Cluster>
result<std::vector<bool>> usable_devices(const Cluster& g, const constraints& rules) {
    std::vector<bool> usable(num_vertices(g), rules.devices.empty());
    for (const std::string& pattern : rules.devices) {
        DISPART_TRY(const auto named, named_devices(g, pattern));
        for (device_id d = 0; d < usable.size(); ++d)
            if (named[d]) usable[d] = true;
    }
    for (device_id d = 0; d < usable.size(); ++d)
        if (!g[d].computes) usable[d] = false;
    return usable;
}

/// Decides who may run a layer. Errors: infeasible, naming the layer and what stands in the way, device by device.
template <class Cluster>
class placement_filter {
  public:
    placement_filter(const Cluster& g, std::vector<bool> usable, std::vector<placement_mask> masks)
        : g_(g)
        , usable_(std::move(usable))
        , masks_(std::move(masks)) {}

    template <class Layer>
    [[nodiscard]] result<std::vector<bool>> allowed(layer_id l, const Layer& self) const {
        std::vector<bool> may(usable_.size());
        std::string obstacles;
        for (device_id d = 0; d < may.size(); ++d) {
            const std::string obstacle = obstacle_of(l, self, d);
            may[d] = obstacle.empty();
            if (!may[d] && g_[d].computes)
                obstacles += (obstacles.empty() ? "" : "; ") + g_[d].name + ": " + obstacle;
        }
        if (std::find(may.begin(), may.end(), true) != may.end()) return may;
        if (obstacles.size() > 400) obstacles = obstacles.substr(0, 400) + " ...";
        return fail(errc::infeasible, self.name, "no device may run this " + self.op + " layer: " + obstacles,
                    "relax one of these rules");
    }

    /// Numbers of the rules about a layer; layers with the same rules and operator may go to the same devices.
    [[nodiscard]] std::string rules_of(layer_id l) const {
        std::string text;
        for (std::size_t m = 0; m < masks_.size(); ++m)
            if (masks_[m].layers[l]) text += "#" + std::to_string(m);
        return text;
    }

  private:
    template <class Layer>
    [[nodiscard]] std::string obstacle_of(layer_id l, const Layer& self, device_id d) const {
        if (!usable_[d]) return "not among the devices to use";
        const auto& able = g_[d].operators;
        if (!able.empty() && std::find(able.begin(), able.end(), self.op) == able.end())
            return "lacks operator " + self.op;
        for (const auto& mask : masks_)
            if (mask.layers[l] && !mask.devices[d]) return mask.reason;
        return "";
    }

    const Cluster& g_;
    std::vector<bool> usable_;
    std::vector<placement_mask> masks_;
};

template <class Cluster>
result<std::vector<device_id>> ordered_devices(const Cluster& g, const std::vector<std::string>& names) {
    std::vector<device_id> order;
    for (const std::string& name : names) {
        DISPART_TRY(const auto named, named_devices(g, name));
        for (device_id d = 0; d < named.size(); ++d)
            if (named[d] && std::find(order.begin(), order.end(), d) == order.end()) order.push_back(d);
    }
    return order;
}

/// Layers that share a device, numbered by group; groups with a layer in common are one. Errors: not_found.
inline result<void> take_groups(const constraints& rules, instance& into) {
    if (rules.together.empty()) return {};
    into.together.assign(into.layer_count(), no_id);
    for (std::size_t g = 0; g < rules.together.size(); ++g)
        for (const std::string& pattern : rules.together[g]) {
            DISPART_TRY(const auto named, named_layers(into, pattern));
            for (layer_id l = 0; l < named.size(); ++l) {
                if (!named[l]) continue;
                const std::size_t old = into.together[l];
                into.together[l] = g;
                if (old != no_id) std::replace(into.together.begin(), into.together.end(), old, g);
            }
        }
    return {};
}

/// Groups, caps of memory and the number of devices. Errors: not_found; invalid_argument (a cap that is no amount).
template <class Cluster>
result<void> take_limits(const Cluster& g, const constraints& rules, instance& into) {
    into.max_devices = rules.max_devices;
    for (const memory_cap& cap : rules.caps) {
        if (!(cap.bytes >= 0.0))
            return fail(errc::invalid_argument, cap.devices, "a cap of memory is negative");
        DISPART_TRY(const auto named, named_devices(g, cap.devices));
        for (device_id d = 0; d < named.size(); ++d)
            if (named[d]) into.memory_capacity[d] = std::min(into.memory_capacity[d], cap.bytes);
    }
    return take_groups(rules, into);
}

}  // namespace dispart::detail
