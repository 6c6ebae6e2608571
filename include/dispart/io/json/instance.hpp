#pragma once
/// \file
/// Instances as files (`instance/1`): layers with their seconds by class of device, tensors, devices, links.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/validate.hpp"

namespace dispart::io {

/// An instance with what its file asks for.
struct instance_file {
    std::string name{};
    objective goal = objective::throughput;
    instance problem{};
};

namespace detail {

struct instance_layer {
    std::string name{};
    std::map<std::string, double> seconds{};  ///< by class of device
    double weight_bytes = 0.0;
    double workspace_bytes = 0.0;
    std::size_t together = no_id;
    bool backward = false;
};
struct instance_tensor {
    std::size_t from = no_id;
    std::vector<std::size_t> to{};
    double bytes = 0.0;
    bool output = false;
};
struct instance_device {
    std::string name{};
    std::string kind{};
    double memory_bytes = std::numeric_limits<double>::infinity();
    double net_seconds_per_byte = 0.0;
    bool unlimited = false;
};
struct instance_link {
    std::size_t from = no_id;
    std::size_t to = no_id;
    double latency_s = 0.0;
    double seconds_per_byte = 0.0;
};

inline result<void> read_value(const json& value, const std::string& path, instance_layer& out) {
    json_object in(value, path);
    in.maybe("name", out.name);
    in.entries("seconds", [&](const std::string& kind, const json& item, const std::string& at) {
        return io::read_value(item, at, out.seconds[kind]);
    });
    in.maybe("weight_bytes", out.weight_bytes);
    in.maybe("workspace_bytes", out.workspace_bytes);
    in.maybe("together", out.together);
    in.maybe("backward", out.backward);
    return in.finish();
}
inline result<void> read_value(const json& value, const std::string& path, instance_tensor& out) {
    json_object in(value, path);
    in.maybe("from", out.from);
    in.maybe("to", out.to);
    in.get("bytes", out.bytes);
    in.maybe("output", out.output);
    return in.finish();
}
inline result<void> read_value(const json& value, const std::string& path, instance_device& out) {
    json_object in(value, path);
    in.maybe("name", out.name);
    in.get("class", out.kind);
    in.maybe("memory_bytes", out.memory_bytes);
    in.maybe("net_seconds_per_byte", out.net_seconds_per_byte);
    in.maybe("unlimited", out.unlimited);
    return in.finish();
}
inline result<void> read_value(const json& value, const std::string& path, instance_link& out) {
    json_object in(value, path);
    in.get("from", out.from);
    in.get("to", out.to);
    in.maybe("latency_s", out.latency_s);
    in.maybe("seconds_per_byte", out.seconds_per_byte);
    return in.finish();
}

/// Classes are numbered in order of their names; a layer without seconds for a class may not run there.
inline void take_instance_layers(const std::vector<instance_layer>& layers,
                                 const std::map<std::string, std::size_t>& classes, instance& p) {
    const std::size_t rows = layers.size(), columns = classes.size();
    p.fixed_seconds = p.marginal_seconds = p.workspace_bytes = xt::zeros<double>({rows, columns});
    p.allowed = xt::zeros<std::uint8_t>({rows, columns});
    for (layer_id l = 0; l < rows; ++l) {
        p.layer_class.push_back(l);
        p.layer_names.push_back(layers[l].name);
        p.weight_bytes.push_back(layers[l].weight_bytes);
        p.together.push_back(layers[l].together);
        p.backward.push_back(layers[l].backward ? 1 : 0);
        for (const auto& [kind, c] : classes) {
            p.workspace_bytes(l, c) = layers[l].workspace_bytes;
            const auto found = layers[l].seconds.find(kind);
            if (found == layers[l].seconds.end()) continue;
            p.marginal_seconds(l, c) = found->second;
            p.allowed(l, c) = 1;
        }
    }
}

/// Errors: invalid_argument (a layer that does not exist).
inline result<void> take_instance_tensors(const std::vector<instance_tensor>& tensors, instance& p) {
    const std::size_t count = p.layer_count();
    std::vector<std::vector<std::size_t>> reads(count), writes(count);
    for (tensor_id t = 0; t < tensors.size(); ++t) {
        const auto& [from, to, size, output] = tensors[t];
        bool exists = from == no_id || from < count;
        for (const layer_id l : to) exists = exists && l < count;
        if (!exists)
            return fail(errc::invalid_argument, "tensors[" + std::to_string(t) + "]",
                        "one of its layers does not exist");
        p.tensor_bytes.push_back(size);
        p.producer.push_back(from);
        p.consumers.push_back(to);
        if (from == no_id) p.model_inputs.push_back(t);
        else writes[from].push_back(t);
        for (const layer_id l : to) reads[l].push_back(t);
        if (output) p.model_outputs.push_back(t);
    }
    p.reads = csr(reads);
    p.writes = csr(writes);
    return {};
}

/// Devices that no link joins have no route. Errors: invalid_argument (a device that does not exist).
inline result<void> take_instance_links(const std::vector<instance_link>& links, instance& p) {
    const std::size_t n = p.device_count();
    if (p.load == load_model::nets) return {};
    if (n > 2000) return fail(errc::limit_exceeded, "devices", "there are more than 2000");
    p.latency = xt::zeros<double>({n, n});
    p.seconds_per_byte = xt::zeros<double>({n, n});
    for (device_id a = 0; a < n; ++a)
        for (device_id b = 0; b < n; ++b)
            if (a != b) p.latency(a, b) = std::numeric_limits<double>::infinity();
    std::vector<std::vector<std::size_t>> routes(n * n);
    for (std::size_t i = 0; i < links.size(); ++i) {
        const auto& [from, to, latency, rate] = links[i];
        if (from >= n || to >= n || from == to)
            return fail(errc::invalid_argument, "links[" + std::to_string(i) + "]",
                        "it does not join two devices");
        p.latency(from, to) = latency;
        p.seconds_per_byte(from, to) = rate;
        routes[from * n + to] = {i};
        p.link_seconds_per_byte.push_back(rate);
    }
    p.routes = csr(routes);
    return {};
}

inline result<load_model> load_model_of(const std::string& name) {
    if (name == "overlapped") return load_model::overlapped;
    if (name == "serial") return load_model::serial;
    if (name == "nets") return load_model::nets;
    return fail(errc::parse_error, "load", "it is not overlapped, serial or nets");
}

}  // namespace detail

/// Whether a document is of this format.
[[nodiscard]] inline bool is_instance(std::string_view text) {
    return text.substr(0, 4096).find("\"instance/1\"") != text.npos;
}

/// An instance from a document; schema: docs/schema/instance.md.
/// Errors: parse_error, with the field's path; invalid_argument (what `validate` finds); limit_exceeded.
[[nodiscard]] inline result<instance_file> instance_from_json(const json& document) {
    std::string format, goal = "throughput", load = "overlapped";
    std::vector<detail::instance_layer> layers;
    std::vector<detail::instance_tensor> tensors;
    std::vector<detail::instance_device> devices;
    std::vector<detail::instance_link> links;
    instance_file made;
    instance& p = made.problem;
    const auto into = [](auto& list) {
        return [&list](const json& item, const std::string& at) {
            return detail::read_value(item, at, list.emplace_back());
        };
    };
    json_object in(document, "");
    in.get("format", format);
    in.maybe("name", made.name);
    in.maybe("objective", goal);
    in.maybe("load", load);
    in.each("layers", into(layers));
    in.each("tensors", into(tensors));
    in.each("devices", into(devices));
    in.each("links", into(links));
    in.maybe("source", p.source);
    in.maybe("sink", p.sink);
    DISPART_CHECK(in.finish());
    if (format != "instance/1") return fail(errc::parse_error, "format", "it is not instance/1");
    if (goal != "throughput" && goal != "latency")
        return fail(errc::parse_error, "objective", "it is not latency or throughput");
    made.goal = goal == "latency" ? objective::latency : objective::throughput;
    DISPART_TRY(p.load, detail::load_model_of(load));
    std::map<std::string, std::size_t> classes;
    for (const auto& d : devices) classes.try_emplace(d.kind, 0);
    std::size_t next = 0;
    for (auto& [kind, number] : classes) number = next++;
    for (const auto& d : devices) {
        p.device_class.push_back(classes[d.kind]);
        p.device_names.push_back(d.name);
        p.memory_capacity.push_back(d.memory_bytes);
        p.net_seconds_per_byte.push_back(d.net_seconds_per_byte);
        p.unlimited.push_back(d.unlimited ? 1 : 0);
    }
    if (layers.size() * classes.size() > 100'000'000)
        return fail(errc::limit_exceeded, "layers", "layers times classes of devices are too many");
    detail::take_instance_layers(layers, classes, p);
    DISPART_CHECK(detail::take_instance_tensors(tensors, p));
    DISPART_CHECK(detail::take_instance_links(links, p));
    DISPART_CHECK(validate(p));
    return made;
}

/// From a text. Errors: those of `parse_json` and `instance_from_json`.
[[nodiscard]] inline result<instance_file> read_instance(std::string_view text,
                                                         const std::string& what = "JSON") {
    DISPART_TRY(const json document, parse_json(text, what));
    return instance_from_json(document);
}

}  // namespace dispart::io
