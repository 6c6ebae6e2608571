#pragma once
/// \file
/// Chain files (`chain/1`): a chain of layers profiled on a few types of devices, as PipeEdge's published profiles are.

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::io {

/// A chain, its devices, and what is known of the best period.
struct chain_file {
    std::string name{};
    instance problem{};
    double known_period_s = 0.0;           ///< exact; 0 where unknown
    double published_tool_period_s = 0.0;  ///< what PipeEdge's own tool reports; 0 where unknown
};

namespace detail {

struct chain_layer {
    std::map<std::string, double> time_s{};  ///< by device type
    double memory_bytes = 0.0;
    double output_bytes = 0.0;
};
struct chain_device_type {
    std::string type{};
    std::size_t count = 0;
    double memory_bytes = 0.0;
    double bandwidth_bytes_per_s = 0.0;
};

inline result<void> read_value(const json& value, const std::string& path, chain_layer& out) {
    json_object in(value, path);
    in.entries("time_s", [&](const std::string& type, const json& item, const std::string& at) {
        return io::read_value(item, at, out.time_s[type]);
    });
    in.get("memory_bytes", out.memory_bytes);
    in.get("output_bytes", out.output_bytes);
    return in.finish();
}

inline result<void> read_value(const json& value, const std::string& path, chain_device_type& out) {
    json_object in(value, path);
    in.get("type", out.type);
    in.get("count", out.count);
    in.get("memory_bytes", out.memory_bytes);
    in.get("bandwidth_bytes_per_s", out.bandwidth_bytes_per_s);
    DISPART_CHECK(in.finish());
    if (!(out.memory_bytes >= 0.0)) return fail(errc::parse_error, path + ".memory_bytes", "it is negative");
    if (!(out.bandwidth_bytes_per_s > 0.0))
        return fail(errc::parse_error, path + ".bandwidth_bytes_per_s", "it is not positive");
    return {};
}

/// The chain's layers and tensors; the last device type is the host that collects the results.
inline result<void> take_chain(const std::vector<chain_layer>& layers, double input_bytes,
                               const std::vector<chain_device_type>& types, instance& p) {
    const std::size_t n = layers.size(), classes = types.size() + 1;
    p.fixed_seconds = xt::zeros<double>({n, classes});
    p.marginal_seconds = xt::zeros<double>({n, classes});
    p.workspace_bytes = xt::zeros<double>({n, classes});
    p.allowed = xt::zeros<std::uint8_t>({n, classes});
    p.tensor_bytes.push_back(input_bytes / 3.0);  // one copy of it in memory, of the three of other tensors
    p.producer.push_back(no_id);
    p.model_inputs = {0};
    for (layer_id l = 0; l < n; ++l) {
        p.layer_class.push_back(l);
        p.layer_names.push_back("layer" + std::to_string(l));
        p.weight_bytes.push_back(layers[l].memory_bytes);
        p.tensor_bytes.push_back(layers[l].output_bytes);
        p.producer.push_back(l);
        const std::vector<std::size_t> read{l}, written{l + 1};
        p.reads.push_back(read);
        p.writes.push_back(written);
        p.consumers.push_back(read);
        for (std::size_t c = 0; c < types.size(); ++c) {
            const auto found = layers[l].time_s.find(types[c].type);
            if (found == layers[l].time_s.end()) continue;
            const std::string at = "layers[" + std::to_string(l) + "].time_s." + types[c].type;
            if (!(found->second >= 0.0)) return fail(errc::parse_error, at, "it is negative");
            p.marginal_seconds(l, c) = found->second;
            p.allowed(l, c) = 1;
        }
    }
    p.consumers.push_back({});
    p.model_outputs = {n};
    return {};
}

inline void take_types(const std::vector<chain_device_type>& types, instance& p) {
    std::vector<double> rate;
    for (std::size_t c = 0; c < types.size(); ++c)
        for (std::size_t k = 0; k < types[c].count; ++k) {
            p.device_class.push_back(c);
            p.device_names.push_back(types[c].type + "-" + std::to_string(k));
            // a stage fits if the device has more than it needs
            p.memory_capacity.push_back(std::nextafter(types[c].memory_bytes, 0.0));
            rate.push_back(1.0 / types[c].bandwidth_bytes_per_s);
        }
    p.sink = p.device_class.size();
    p.device_class.push_back(types.size());
    p.device_names.push_back("host");
    p.memory_capacity.push_back(std::numeric_limits<double>::infinity());
    rate.push_back(0.0);
    const std::size_t m = rate.size();
    p.latency = xt::zeros<double>({m, m});
    p.seconds_per_byte = xt::zeros<double>({m, m});
    for (std::size_t a = 0; a < m; ++a)
        for (std::size_t b = 0; b < m; ++b) {
            if (a != b) p.seconds_per_byte(a, b) = rate[a];
            p.routes.push_back({});
        }
}

}  // namespace detail

/// The instance of a chain file: a device per unit of each type, and a host that collects the results.
///
/// A stage's period is the larger of its compute and of the time to send its output at its device's bandwidth. A stage
/// needs the memory of its layers, three copies of what it receives (of the model's input: one) and three of what it
/// sends, and fits if its device has more. A type without a time for a layer may not run it.
/// Errors: parse_error, with the field's path; limit_exceeded (over 4,096 devices or a million layers times types).
[[nodiscard]] inline result<chain_file> chain_from_json(const json& document) {
    std::string format, goal;
    double input_bytes = 0.0;
    std::vector<detail::chain_layer> layers;
    std::vector<detail::chain_device_type> types;
    chain_file made;
    json_object in(document, "");
    in.get("format", format);
    in.maybe("name", made.name);
    in.maybe("objective", goal);
    in.get("input_bytes", input_bytes);
    in.each("layers", [&](const json& item, const std::string& at) {
        return detail::read_value(item, at, layers.emplace_back());
    });
    in.each("devices", [&](const json& item, const std::string& at) {
        return detail::read_value(item, at, types.emplace_back());
    });
    in.with("known", false, [&](const json& item, const std::string& at) {
        json_object known(item, at);
        known.maybe("exact_period_s", made.known_period_s);
        known.maybe("published_tool_period_s", made.published_tool_period_s);
        return known.finish();
    });
    DISPART_CHECK(in.finish());
    if (format != "chain/1") return fail(errc::parse_error, "format", "it is not chain/1");
    if (layers.empty()) return fail(errc::parse_error, "layers", "there are none");
    if (!(input_bytes >= 0.0)) return fail(errc::parse_error, "input_bytes", "it is negative");
    std::size_t devices = 0;
    for (const auto& type : types) {
        if (type.count > 4096 || (devices += type.count) > 4096 || layers.size() * types.size() > 1'000'000)
            return fail(errc::limit_exceeded, "devices", "there are too many");
    }
    if (devices == 0) return fail(errc::parse_error, "devices", "there are none");
    for (std::size_t l = 0; l < layers.size(); ++l)
        if (!(layers[l].memory_bytes >= 0.0) || !(layers[l].output_bytes >= 0.0))
            return fail(errc::parse_error, "layers[" + std::to_string(l) + "]", "a size is negative");
    DISPART_CHECK(detail::take_chain(layers, input_bytes, types, made.problem));
    detail::take_types(types, made.problem);
    made.problem.queues = {.inputs = 3.0, .outputs = 3.0, .live = 0.0};
    return made;
}

/// From a JSON text or file. Errors: those of `parse_json` or `read_json`, and of `chain_from_json`.
[[nodiscard]] inline result<chain_file> parse_chain(std::string_view text) {
    DISPART_TRY(const json document, parse_json(text, "chain"));
    return chain_from_json(document);
}
[[nodiscard]] inline result<chain_file> read_chain(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return chain_from_json(document);
}

}  // namespace dispart::io
