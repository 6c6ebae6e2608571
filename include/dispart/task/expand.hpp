#pragma once
/// \file
/// From a partition to the task graph: one task per part, one message per pair of parts that share tensors.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

namespace detail {

[[nodiscard]] inline std::string label(const std::string& name, const char* kind, std::size_t id) {
    return name.empty() ? std::string(kind) + ' ' + std::to_string(id) : name;
}
/// The layer's name, or "layer 7" where it has none.
[[nodiscard]] inline std::string layer_label(const instance& problem, layer_id l) {
    return label(problem.name_of_layer(l), "layer", l);
}
/// The device's name, or "device 7" where it has none.
[[nodiscard]] inline std::string device_label(const instance& problem, device_id d) {
    return label(problem.name_of_device(d), "device", d);
}
/// "a -> b" by name.
[[nodiscard]] inline std::string pair_label(const instance& problem, device_id from, device_id to) {
    return device_label(problem, from) + " -> " + device_label(problem, to);
}

/// The part of each layer. Errors: invalid_argument (a part that is empty, unordered or on no device; a layer that is
/// unknown, in two parts or in none), infeasible (a layer on a device that is not allowed to run it).
[[nodiscard]] inline result<std::vector<part_id>> owners(const instance& problem, const partition& division) {
    std::vector<part_id> owner(problem.layer_count(), no_id);
    for (part_id p = 0; p < division.parts.size(); ++p) {
        const std::vector<layer_id>& layers = division.parts[p].layers;
        const device_id device = division.parts[p].device;
        const std::string name = "part " + std::to_string(p);
        if (layers.empty()) return fail(errc::invalid_argument, name, "the part has no layers");
        if (device >= problem.device_count())
            return fail(errc::invalid_argument, name, "there is no such device");
        if (!std::is_sorted(layers.begin(), layers.end()))
            return fail(errc::invalid_argument, name, "the part's layers are not in ascending order");
        for (const layer_id l : layers) {
            if (l >= problem.layer_count())
                return fail(errc::invalid_argument, name, "there is no such layer");
            if (owner[l] != no_id)
                return fail(errc::invalid_argument, layer_label(problem, l), "the layer is assigned twice");
            if (!problem.is_allowed(l, device))
                return fail(errc::infeasible, layer_label(problem, l),
                            "the layer may not run on " + device_label(problem, device));
            owner[l] = p;
        }
    }
    for (layer_id l = 0; l < owner.size(); ++l)
        if (owner[l] == no_id)
            return fail(errc::invalid_argument, layer_label(problem, l), "the layer is assigned to no part");
    return owner;
}

/// A tensor on its way; `from` and `to` are parts, `no_id` for the source and the sink.
struct flow {
    part_id from;
    part_id to;
    tensor_id tensor;

    /// By destination, source first, sink last, then by origin, then by tensor.
    friend bool operator<(const flow& a, const flow& b) {
        return std::tuple(a.to, a.from + 1, a.tensor) < std::tuple(b.to, b.from + 1, b.tensor);
    }
    friend bool operator==(const flow&, const flow&) = default;
};

/// Every tensor that has to get from one part to another, each once per pair, ordered as messages are.
[[nodiscard]] inline std::vector<flow> flows(const instance& problem, const std::vector<part_id>& owner) {
    const auto origin = [&](tensor_id t) {
        return problem.producer[t] == no_id ? no_id : owner[problem.producer[t]];
    };
    std::vector<flow> all;
    for (layer_id l = 0; l < problem.layer_count(); ++l)
        for (const tensor_id t : problem.reads[l])
            if (origin(t) != owner[l]) all.push_back({origin(t), owner[l], t});
    for (const tensor_id t : problem.model_outputs) all.push_back({origin(t), no_id, t});
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

/// Whether parts that wait for one another wait in a circle.
[[nodiscard]] inline bool has_cycle(std::size_t parts, const std::vector<flow>& all) {
    std::vector<std::size_t> waiting(parts, 0);
    const auto between_parts = [](const flow& f) { return f.from != no_id && f.to != no_id; };
    for (const flow& f : all)
        if (between_parts(f)) ++waiting[f.to];
    std::vector<part_id> ready;
    for (part_id p = 0; p < parts; ++p)
        if (waiting[p] == 0) ready.push_back(p);
    for (std::size_t next = 0; next < ready.size(); ++next)
        for (const flow& f : all)
            if (between_parts(f) && f.from == ready[next] && --waiting[f.to] == 0) ready.push_back(f.to);
    return ready.size() < parts;
}

/// Checks that parts of different turns have nothing to do with one another.
[[nodiscard]] inline result<void> check_turns(const partition& division, const std::vector<flow>& all) {
    const auto& parts = division.parts;
    for (part_id p = 0; p < parts.size(); ++p)
        if (parts[p].turn >= division.turns)
            return fail(errc::invalid_argument, "part " + std::to_string(p), "there is no such turn");
    for (const flow& f : all) {
        const bool ends = f.from != no_id && f.to != no_id;
        if (ends ? parts[f.from].turn != parts[f.to].turn : f.from == f.to && division.turns > 1)
            return fail(errc::invalid_argument, "tensor " + std::to_string(f.tensor),
                        "it goes from one turn to another, or past all parts");
    }
    return {};
}

/// Checks that every part comes after those it reads from.
[[nodiscard]] inline result<void> check_order(std::size_t parts, const std::vector<flow>& all) {
    const auto bad = std::find_if(all.begin(), all.end(), [](const flow& f) {
        return f.from != no_id && f.to != no_id && f.from > f.to;
    });
    if (bad == all.end()) return {};
    const std::string name = "part " + std::to_string(bad->to);
    if (has_cycle(parts, all))
        return fail(errc::invalid_argument, name, "parts wait for one another in a circle",
                    "each part must be a convex set of layers");
    return fail(errc::invalid_argument, name,
                "the part comes before part " + std::to_string(bad->from) + ", whose tensors it reads",
                "order parts topologically");
}

/// Errors: infeasible (layers apart that must share a device; more devices than may be used).
[[nodiscard]] inline result<void> check_limits(const instance& problem, const partition& division,
                                               const std::vector<part_id>& owner) {
    std::map<std::size_t, device_id> device_of_group;
    for (layer_id l = 0; l < problem.together.size(); ++l) {
        if (problem.together[l] == no_id) continue;
        const device_id d = division.parts[owner[l]].device;
        if (device_of_group.try_emplace(problem.together[l], d).first->second != d)
            return fail(errc::infeasible, layer_label(problem, l),
                        "it is apart from a layer with which it must share a device");
    }
    if (problem.max_devices == 0) return {};
    std::set<device_id> used;
    for (const part& p : division.parts) used.insert(p.device);
    if (used.size() <= problem.max_devices) return {};
    return fail(errc::infeasible, "max_devices",
                std::to_string(used.size()) + " devices are used and " + std::to_string(problem.max_devices) +
                    " may be");
}

}  // namespace detail

/// Turns a partition into tasks and messages.
///
/// One task per part, in order. One message per ordered pair of parts, from the source to each part that reads model
/// inputs, and from each part that makes model outputs to the sink: every tensor that the destination reads from the
/// origin, each once. A tensor goes straight from its producer to each reader; nothing is relayed.
/// Messages are ordered by destination (the sink last), then by origin (the source first).
/// Errors: invalid_argument (a layer in no part, in two, or unknown; a part that is empty, unordered or without device;
/// parts out of order or in a circle; a tensor that goes from one turn to another), infeasible (a layer that its device
/// may not run; layers apart that must share a device; too many devices; devices without a route).
/// O(r log r) for r tensors read.
[[nodiscard]] inline result<task_graph> expand(const instance& problem, const partition& division) {
    DISPART_TRY(const auto owner, detail::owners(problem, division));
    DISPART_CHECK(detail::check_limits(problem, division, owner));
    const auto all = detail::flows(problem, owner);
    DISPART_CHECK(detail::check_order(division.parts.size(), all));
    DISPART_CHECK(detail::check_turns(division, all));

    task_graph graph{.turns = division.turns};
    for (part_id p = 0; p < division.parts.size(); ++p) {
        task work{p, division.parts[p].device, 0.0, division.parts[p].turn};
        for (const layer_id l : division.parts[p].layers) work.seconds += problem.compute(l, work.device);
        graph.tasks.push_back(work);
    }
    for (const detail::flow& f : all) {
        if (graph.messages.empty() || graph.messages.back().from != f.from ||
            graph.messages.back().to != f.to) {
            const device_id from = f.from == no_id ? problem.source : division.parts[f.from].device;
            const device_id to = f.to == no_id ? problem.sink : division.parts[f.to].device;
            if (from != no_id && to != no_id && !std::isfinite(problem.transfer(from, to, 1.0)))
                return fail(errc::infeasible, detail::pair_label(problem, from, to), "there is no route");
            graph.messages.push_back({f.from, f.to, {}, 0.0, from, to});
        }
        graph.messages.back().tensors.push_back(f.tensor);
        graph.messages.back().bytes += problem.tensor_bytes[f.tensor];
    }
    return graph;
}

}  // namespace dispart
