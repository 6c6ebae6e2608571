#pragma once
/// \file
/// The nodes of a Kubernetes cluster (`kubectl get nodes -o json`) as a cluster.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/cluster/catalogue.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"

namespace dispart::io {

/// What Kubernetes does not know.
struct kubernetes_options {
    flops_per_second speed_per_core{8e9};  ///< sustained f32 rate of one core of a node without graphics card
    link network{
        .name = {}, .latency = seconds(200e-6), .bandwidth = bytes_per_second(117e6)};  ///< node to switch
    bool all = false;  ///< also nodes that are not ready or take no pods
};

namespace detail {

/// The value below a chain of keys, or null where one of them is missing.
inline const json& below(const json& value, std::initializer_list<const char*> keys) {
    static const json nothing;
    const json* at = &value;
    for (const char* key : keys) {
        if (!at->is_object() || !at->contains(key)) return nothing;
        at = &(*at)[key];
    }
    return *at;
}
inline std::string text_of(const json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}

/// A Kubernetes quantity: "4", "3920m", "8052980Ki", "1e3"; 0 where the field is missing. Errors: parse_error.
inline result<double> kubernetes_quantity(const json& value, const std::string& path) {
    if (value.is_null()) return 0.0;
    if (value.is_number()) {
        double number = 0.0;
        DISPART_CHECK(io::read_value(value, path, number));
        return number;
    }
    std::string text = text_of(value);
    double number = 0.0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& [prefix, factor] : unit_prefixes)
        if (problem == std::errc{} && suffix == prefix && std::isfinite(number * factor) && number >= 0.0)
            return number * factor;
    return fail(errc::parse_error, path, "'" + text + "' is not a quantity of Kubernetes");
}

inline bool is_usable(const json& node) {
    if (const auto& cordoned = below(node, {"spec", "unschedulable"});
        cordoned.is_boolean() && cordoned.get<bool>())
        return false;
    const auto& conditions = below(node, {"status", "conditions"});
    if (!conditions.is_array()) return true;
    return std::none_of(conditions.begin(), conditions.end(), [](const json& each) {
        return text_of(below(each, {"type"})) == "Ready" && text_of(below(each, {"status"})) != "True";
    });
}

/// A node's graphics cards by the product's name in the catalogue ("NVIDIA-A100-SXM4-40GB"), or nothing.
inline std::optional<device> known_accelerator(const std::string& product) {
    std::string name;
    for (const char c : product) name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    for (const auto& machine : catalogue())
        if (machine.kind == "gpu" && name.find(machine.name) != std::string::npos)
            return catalogue_device(machine.name).value();
    return std::nullopt;
}

inline result<device> kubernetes_node(const json& node, const std::string& path,
                                      const kubernetes_options& options) {
    device made;
    made.name = text_of(below(node, {"metadata", "name"}));
    if (made.name.empty()) return fail(errc::parse_error, path + ".metadata.name", "the field is missing");
    const auto amount = [&](const char* of, const char* what) {
        return kubernetes_quantity(below(node, {"status", of, what}), path + ".status." + of + "." + what);
    };
    DISPART_TRY(const double cores, amount("capacity", "cpu"));
    DISPART_TRY(const double memory, amount("capacity", "memory"));
    DISPART_TRY(const double storage, amount("capacity", "ephemeral-storage"));
    DISPART_TRY(const double cards, amount("capacity", "nvidia.com/gpu"));
    made.memory = bytes(memory);
    made.storage = bytes(storage);
    made.speed = flops_per_second(cores * options.speed_per_core.value);
    if (const auto& allocatable = below(node, {"status", "allocatable"}); allocatable.is_object()) {
        DISPART_TRY(const double free, amount("allocatable", "memory"));
        made.reserve = bytes(std::max(0.0, memory - free));
    }
    if (const auto& labels = below(node, {"metadata", "labels"}); labels.is_object())
        for (const auto& [key, value] : labels.items()) made.labels[key] = text_of(value);
    const auto product = made.labels.find("nvidia.com/gpu.product");
    if (const auto card = product == made.labels.end() ? std::nullopt : known_accelerator(product->second);
        card && cards > 0.0) {
        made.speed = card->speed;
        made.memory_bandwidth = card->memory_bandwidth;
        made.memory = card->memory;
        made.reserve = {};
    }
    return made;
}

}  // namespace detail

/// A cluster of the nodes that are ready and take pods, around one switch.
///
/// Speed is cores times `speed_per_core`, memory the node's capacity with what is not allocatable as reserve; a node whose
/// label nvidia.com/gpu.product is in the catalogue counts as one such card. Labels are kept.
/// Errors: parse_error (with the field's path), invalid_cluster (no usable node, a name twice). O(size).
/// Source: Kubernetes API reference, Node v1.
[[nodiscard]] inline result<cluster> kubernetes_from_json(const json& document,
                                                          const kubernetes_options& options = {}) {
    const auto& items = detail::below(document, {"items"});
    if (!items.is_array())
        return fail(errc::parse_error, "items", "not a list of nodes: there is no such array");
    cluster_builder builder("kubernetes");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!options.all && !detail::is_usable(items[i])) continue;
        DISPART_TRY(auto made, detail::kubernetes_node(items[i], "items[" + std::to_string(i) + "]", options));
        names.push_back(made.name);
        builder.device(std::move(made));
    }
    if (names.empty()) return fail(errc::invalid_cluster, "items", "no node is ready and takes pods");
    if (names.size() > 1) builder.switched("network", names, options.network);
    return builder.build();
}

/// The same from a text. Errors: those of `parse_json` and `kubernetes_from_json`.
[[nodiscard]] inline result<cluster> parse_kubernetes(std::string_view text,
                                                      const kubernetes_options& options = {}) {
    DISPART_TRY(const json document, parse_json(text, "nodes"));
    return kubernetes_from_json(document, options);
}

}  // namespace dispart::io
