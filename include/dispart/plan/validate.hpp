#pragma once
/// \file
/// Whether a plan is consistent in itself, and with a model: for plans that come from files.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/order.hpp"
#include "dispart/plan/plan.hpp"

namespace dispart {

namespace detail {

[[nodiscard]] inline tl::unexpected<error> bad_plan(std::string offender, std::string problem) {
    return fail(errc::invalid_argument, std::move(offender), std::move(problem));
}

/// Layers 0..n-1 are each in exactly one part, in ascending order, on devices that exist.
inline result<void> check_division(const plan& p) {
    std::vector<layer_id> all;
    for (std::size_t i = 0; i < p.division.parts.size(); ++i) {
        const part& each = p.division.parts[i];
        const std::string name = "stage " + std::to_string(i);
        if (each.device >= p.devices.size()) return bad_plan(name, "its device does not exist");
        if (each.turn >= p.division.turns) return bad_plan(name, "its turn does not exist");
        if (each.layers.empty() || !std::is_sorted(each.layers.begin(), each.layers.end()))
            return bad_plan(name, "its layers are none or not in ascending order");
        all.insert(all.end(), each.layers.begin(), each.layers.end());
    }
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i] != i)
            return bad_plan("layer " + std::to_string(i), "it is in no stage, or a layer is in two");
    if (all.empty()) return bad_plan("stages", "there are none");
    return {};
}

inline bool is_time(double t) { return t >= 0.0 && std::isfinite(t); }

inline result<void> check_tasks(const plan& p) {
    const auto device = [&](device_id d) { return d == no_id || d < p.devices.size(); };
    if (p.tasks.tasks.size() != p.stages.size() || p.stages.size() != p.division.parts.size())
        return bad_plan("stages", "there are not as many as tasks or parts");
    for (std::size_t t = 0; t < p.stages.size(); ++t) {
        const task& each = p.tasks.tasks[t];
        if (each.device >= p.devices.size() || p.stages[t].device >= p.devices.size() ||
            each.part >= p.stages.size() || !is_time(each.seconds) || each.turn >= p.tasks.turns)
            return bad_plan("task " + std::to_string(t), "its device, part or time is out of range");
    }
    for (std::size_t i = 0; i < p.tasks.messages.size(); ++i) {
        const message& m = p.tasks.messages[i];
        const bool ends =
            (m.from == no_id || m.from < p.stages.size()) && (m.to == no_id || m.to < p.stages.size());
        const bool forward = m.from == no_id || m.to == no_id || m.from < m.to;
        const bool sizes = is_time(m.bytes) && is_time(m.raw_bytes) && is_time(m.encode_s) &&
                           is_time(m.decode_s) && is_time(m.max_relative_error);
        const bool one_turn = !ends || m.from == no_id || m.to == no_id ||
                              p.tasks.tasks[m.from].turn == p.tasks.tasks[m.to].turn;
        if (!ends || !forward || !one_turn || !device(m.from_device) || !device(m.to_device) || !sizes)
            return bad_plan("message " + std::to_string(i), "its ends, devices or size are out of range");
    }
    return {};
}

inline result<void> check_network(const plan& p) {
    const std::size_t n = p.devices.size();
    const auto& net = p.network;
    const auto square = [n](const auto& rows) {
        return rows.size() == n &&
               std::all_of(rows.begin(), rows.end(), [n](const auto& row) { return row.size() == n; });
    };
    if (!square(net.latency_s) || !square(net.seconds_per_byte) || net.routes.size() != n * n)
        return bad_plan("network", "its tables are not of the devices' number");
    for (device_id a = 0; a < n; ++a)
        for (device_id b = 0; b < n; ++b)
            if (!(net.latency_s[a][b] >= 0.0) || !(net.seconds_per_byte[a][b] >= 0.0))
                return bad_plan("network", "a latency or rate is negative");
    for (const auto& route : net.routes)
        for (const auto l : route)
            if (l >= net.link_seconds_per_byte.size())
                return bad_plan("network", "a route names a link that does not exist");
    for (const double rate : net.link_seconds_per_byte)
        if (!is_time(rate)) return bad_plan("network", "a link's rate is out of range");
    return {};
}

}  // namespace detail

/// Whether all ids are in range, every layer is in exactly one stage, tables fit together, and numbers are sane.
/// Errors: invalid_argument, naming what is wrong. O(size of the plan).
[[nodiscard]] inline result<void> validate_plan(const plan& p) {
    DISPART_CHECK(detail::check_division(p));
    DISPART_CHECK(detail::check_tasks(p));
    return detail::check_network(p);
}

/// Also whether the plan was made for this model: as many layers, with the names of its stages.
/// Errors: those of `validate_plan(p)` and of `topological_order`; invalid_argument.
template <class Layer, class Tensor>
[[nodiscard]] result<void> validate_plan(const plan& p, const layer_graph<Layer, Tensor>& net) {
    DISPART_CHECK(validate_plan(p));
    DISPART_TRY(const auto order, topological_order(net));
    std::size_t count = 0;
    for (std::size_t s = 0; s < p.stages.size(); ++s) {
        const auto& layers = p.division.parts[s].layers;
        count += layers.size();
        for (std::size_t i = 0; i < layers.size(); ++i)
            if (layers[i] >= order.size() || i >= p.stages[s].layers.size() ||
                net[order[layers[i]]].name != p.stages[s].layers[i])
                return detail::bad_plan("stage " + std::to_string(s),
                                        "its layers are not those of " + info(net).name);
    }
    if (count != order.size()) return detail::bad_plan(p.model, "the plan is for another model");
    return {};
}

}  // namespace dispart
