#pragma once
/// \file
/// Why no placement exists: limits of an instance that cannot hold together, by name.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/partition/detail/atoms.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/memory.hpp"

namespace dispart::detail {

/// A limit by name, and how to lift it.
struct instance_limit {
    std::string name{};
    std::function<void(instance&)> lift{};
};

/// "a, b, c and 4 more".
[[nodiscard]] inline std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(3, names.size()); ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    return names.size() <= 3 ? text : text + " and " + std::to_string(names.size() - 3) + " more";
}

/// Memory of each kind of device, layers that share a device, layers that may run on some devices only (those with the
/// same choice together), the number of devices.
[[nodiscard]] inline std::vector<instance_limit> limits_of(const instance& p) {
    std::vector<instance_limit> all;
    for (const machine_kind& kind : device_kinds(p)) {
        if (!std::isfinite(kind.capacity)) continue;
        std::vector<std::string> names;
        for (const device_id d : kind.devices) names.push_back(device_label(p, d));
        all.push_back({"memory of " + listed(names) + " (" + memory_text(kind.capacity) +
                           (names.size() > 1 ? " each)" : ")"),
                       [devices = kind.devices](instance& q) {
                           for (const device_id d : devices)
                               q.memory_capacity[d] = std::numeric_limits<double>::infinity();
                       }});
    }
    std::map<std::size_t, std::vector<std::string>> groups;
    for (layer_id l = 0; l < p.together.size(); ++l)
        if (p.together[l] != no_id) groups[p.together[l]].push_back(layer_label(p, l));
    for (const auto& [group, names] : groups)
        if (names.size() > 1)
            all.push_back({listed(names) + " share a device", [number = group](instance& q) {
                               std::replace(q.together.begin(), q.together.end(), number, no_id);
                           }});
    std::map<std::vector<std::uint8_t>, std::vector<std::size_t>> choices;  // -> rows of the tables
    for (std::size_t row = 0; row < p.allowed.shape()[0]; ++row) {
        std::vector<std::uint8_t> may;
        for (device_id d = 0; d < p.device_count(); ++d) may.push_back(p.allowed(row, p.device_class[d]));
        if (std::find(may.begin(), may.end(), 0) != may.end()) choices[may].push_back(row);
    }
    for (const auto& [may, rows] : choices) {
        std::vector<std::string> layers, devices;
        for (layer_id l = 0; l < p.layer_count(); ++l)
            if (std::binary_search(rows.begin(), rows.end(), p.layer_class[l]))
                layers.push_back(layer_label(p, l));
        for (device_id d = 0; d < may.size(); ++d)
            if (may[d] != 0) devices.push_back(device_label(p, d));
        if (layers.empty()) continue;
        all.push_back(
            {listed(layers) + (devices.empty() ? " may run nowhere" : " may only run on " + listed(devices)),
             [taken = rows](instance& q) {
                 for (const std::size_t row : taken)
                     for (std::size_t c = 0; c < q.allowed.shape()[1]; ++c) q.allowed(row, c) = 1;
             }});
    }
    if (p.max_devices > 0)
        all.push_back({"at most " + std::to_string(p.max_devices) + " devices",
                       [](instance& q) { q.max_devices = 0; }});
    return all;
}

/// Names of limits that cannot hold together, while without any one of them, the others kept, there is a placement. Empty
/// where there is one, or none even without limits. \param is_feasible(instance)
/// Source: Chinneck, Dravnieks, "Locating minimal infeasible constraint sets in linear programs", ORSA Journal on
/// Computing 3(2), 1991 (the deletion filter). As many calls of `is_feasible` as limits, and one.
template <class Feasible>
[[nodiscard]] std::vector<std::string> conflicting_limits(const instance& p, Feasible is_feasible) {
    const auto all = limits_of(p);
    std::vector<bool> lifted(all.size(), true);
    const auto holds = [&] {
        instance trial = p;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (lifted[i]) all[i].lift(trial);
        return is_feasible(trial);
    };
    if (!holds()) return {};
    lifted.assign(all.size(), false);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < all.size(); ++i) {
        lifted[i] = true;
        if (!holds()) continue;  // what is not needed for the conflict stays lifted
        lifted[i] = false;
        names.push_back(all[i].name);
    }
    return names;
}

}  // namespace dispart::detail
