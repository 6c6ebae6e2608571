#pragma once
/// \file
/// Reads the instances of Tarnawski et al., "Efficient Algorithms for Device Placement of DNN Graph Operators" (NeurIPS
/// 2020), as published with the paper: an instance with `load_model::nets`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/validate.hpp"

namespace dispart::io {

/// An instance and the ids that its file gives to the layers.
struct numbered_instance {
    instance problem{};
    std::vector<std::int64_t> layer_ids{};  ///< [layer] in the file
};

/// How the files' devices are taken.
struct dnn_partitioning_options {
    std::size_t most_devices = 100'000;  ///< accelerators and CPUs together
};

namespace detail {

struct dnn_node {
    std::int64_t id = 0;
    bool on_accelerator = true;
    bool backward = false;
    double cpu_seconds = 0.0;
    double accelerator_seconds = 0.0;
    double size = 0.0;
    std::optional<std::int64_t> colour{};
    std::string name{};
};

struct dnn_edge {
    std::int64_t from = 0;
    std::int64_t to = 0;
    double cost = 0.0;
};

struct dnn_file {
    double capacity = std::numeric_limits<double>::infinity();
    std::size_t accelerators = 0;
    std::size_t cpus = 0;
    std::vector<dnn_node> nodes{};
    std::vector<dnn_edge> edges{};
};

/// true, false, or the integers 1 and 0.
[[nodiscard]] inline result<void> read_flag(const json& item, const std::string& at, bool& out) {
    if (item.is_boolean()) return out = item.get<bool>(), result<void>{};
    if (!item.is_number_integer()) return not_a(at, "true or false");
    return out = item.get<std::int64_t>() != 0, result<void>{};
}

/// Reads `object[name]` where it is there. Errors: parse_error, naming the field.
template <class Read>
[[nodiscard]] result<void> dnn_field(const json& object, const std::string& path, const char* name,
                                     bool required, Read read) {
    const std::string at = path.empty() ? name : path + "." + name;
    const auto found = object.find(name);
    if (found != object.end()) return read(*found, at);
    if (!required) return {};
    return fail(errc::parse_error, at, "the field is missing");
}

template <class T>
[[nodiscard]] result<void> dnn_value(const json& object, const std::string& path, const char* name, T& out) {
    return dnn_field(object, path, name, true, [&](const json& item, const std::string& at) -> result<void> {
        if constexpr (std::is_same_v<T, bool>) return read_flag(item, at, out);
        else return io::read_value(item, at, out);
    });
}

[[nodiscard]] inline result<dnn_node> read_dnn_node(const json& item, const std::string& path) {
    dnn_node node;
    if (!item.is_object()) return not_a(path, "an object");
    DISPART_CHECK(dnn_value(item, path, "id", node.id));
    DISPART_CHECK(dnn_value(item, path, "supportedOnFpga", node.on_accelerator));
    DISPART_CHECK(dnn_value(item, path, "isBackwardNode", node.backward));
    DISPART_CHECK(dnn_value(item, path, "cpuLatency", node.cpu_seconds));
    DISPART_CHECK(dnn_value(item, path, "fpgaLatency", node.accelerator_seconds));
    DISPART_CHECK(dnn_field(item, path, "size", false, [&](const json& value, const std::string& at) {
        return io::read_value(value, at, node.size);
    }));
    DISPART_CHECK(dnn_field(item, path, "colorClass", false, [&](const json& value, const std::string& at) {
        return value.is_null() ? result<void>{} : io::read_value(value, at, node.colour.emplace());
    }));
    DISPART_CHECK(dnn_field(item, path, "name", false, [&](const json& value, const std::string&) {
        if (value.is_string()) node.name = value.get<std::string>();
        return result<void>{};
    }));
    return node;
}

[[nodiscard]] inline result<dnn_edge> read_dnn_edge(const json& item, const std::string& path) {
    dnn_edge edge;
    if (!item.is_object()) return not_a(path, "an object");
    DISPART_CHECK(dnn_value(item, path, "sourceId", edge.from));
    DISPART_CHECK(dnn_value(item, path, "destId", edge.to));
    DISPART_CHECK(dnn_value(item, path, "cost", edge.cost));
    return edge;
}

/// Takes nodes and edges out of the document as soon as they are parsed, so that it never stands in memory as a whole.
class dnn_stream {
  public:
    bool operator()(int depth, json::parse_event_t what, json& parsed) {
        if (depth == 1 && what == json::parse_event_t::key) list_ = parsed.get<std::string>();
        if (depth != 2 || what != json::parse_event_t::object_end || (list_ != "nodes" && list_ != "edges"))
            return true;
        if (failed_) return false;
        const bool is_node = list_ == "nodes";
        const std::size_t number = is_node ? file_.nodes.size() : file_.edges.size();
        const std::string path = list_ + "[" + std::to_string(number) + "]";
        if (is_node) keep(read_dnn_node(parsed, path), file_.nodes);
        else keep(read_dnn_edge(parsed, path), file_.edges);
        return false;
    }

    /// What is left of the document: its single fields.
    [[nodiscard]] result<dnn_file> finish(const json& rest) {
        if (failed_) return tl::unexpected<error>(std::move(*failed_));
        if (!rest.is_object()) return not_a("the document", "an object");
        if (!rest.contains("nodes") || !rest.contains("edges"))
            return fail(errc::parse_error, rest.contains("nodes") ? "edges" : "nodes", "the field is missing");
        DISPART_CHECK(dnn_value(rest, "", "maxSizePerFPGA", file_.capacity));
        DISPART_CHECK(dnn_value(rest, "", "maxFPGAs", file_.accelerators));
        DISPART_CHECK(dnn_value(rest, "", "maxCPUs", file_.cpus));
        return std::move(file_);
    }

  private:
    template <class T>
    void keep(result<T> read, std::vector<T>& into) {
        if (read) into.push_back(std::move(*read));
        else failed_ = std::move(read).error();
    }

    std::string list_{};
    dnn_file file_{};
    std::optional<error> failed_{};
};

[[nodiscard]] inline result<dnn_file> parse_dnn_file(std::string_view text, const std::string& what) {
    if (io::detail::nesting(text) > 64) return fail(errc::limit_exceeded, what, "it is nested too deeply");
    try {
        dnn_stream stream;
        const json rest = json::parse(text, [&](int depth, json::parse_event_t event, json& parsed) {
            return stream(depth, event, parsed);
        });
        return stream.finish(rest);
    } catch (const std::exception& e) {
        return fail(errc::parse_error, what, e.what());
    }
}

/// Positions of the nodes in a topological order, the earliest in the file first among those that are ready.
/// Errors: invalid_model (an edge to nowhere, a circle).
[[nodiscard]] inline result<std::vector<std::size_t>>
dnn_order(const dnn_file& file, std::vector<std::vector<std::size_t>>& successors) {
    std::unordered_map<std::int64_t, std::size_t> of_id;
    for (std::size_t n = 0; n < file.nodes.size(); ++n)
        if (!of_id.try_emplace(file.nodes[n].id, n).second)
            return fail(errc::invalid_model, "node " + std::to_string(file.nodes[n].id),
                        "its id occurs twice");
    successors.assign(file.nodes.size(), {});
    std::vector<std::size_t> waiting(file.nodes.size(), 0);
    for (const dnn_edge& e : file.edges) {
        const auto from = of_id.find(e.from), to = of_id.find(e.to);
        if (from == of_id.end() || to == of_id.end())
            return fail(errc::invalid_model, "edge " + std::to_string(e.from) + " -> " + std::to_string(e.to),
                        "one of its nodes does not exist");
        successors[from->second].push_back(to->second);
        ++waiting[to->second];
    }
    std::vector<std::size_t> order, ready;
    for (std::size_t n = file.nodes.size(); n-- > 0;)
        if (waiting[n] == 0) ready.push_back(n);
    while (!ready.empty()) {
        const std::size_t n = ready.back();
        ready.pop_back();
        order.push_back(n);
        for (auto to = successors[n].rbegin(); to != successors[n].rend(); ++to)
            if (--waiting[*to] == 0) ready.push_back(*to);
    }
    if (order.size() == file.nodes.size()) return order;
    return fail(errc::invalid_model, "edges", "nodes wait for one another in a circle");
}

/// One device after the other: accelerators, then CPUs, to which sharing is free and whose memory has no limit.
inline void set_dnn_devices(const dnn_file& file, instance& out) {
    for (std::size_t d = 0; d < file.accelerators + file.cpus; ++d) {
        const bool is_cpu = d >= file.accelerators;
        out.device_class.push_back(is_cpu ? 1 : 0);
        out.device_names.push_back((is_cpu ? "cpu" : "accelerator") +
                                   std::to_string(is_cpu ? d - file.accelerators : d));
        out.net_seconds_per_byte.push_back(is_cpu ? 0.0 : 1.0);
        out.memory_capacity.push_back(is_cpu ? std::numeric_limits<double>::infinity() : file.capacity);
        out.unlimited.push_back(is_cpu ? 1 : 0);
    }
}

/// One tensor per node with consumers, as large as the largest cost of its edges.
[[nodiscard]] inline result<numbered_instance> to_instance(const dnn_file& file) {
    std::vector<std::vector<std::size_t>> successors;
    DISPART_TRY(const auto order, dnn_order(file, successors));
    const std::size_t count = order.size();
    std::vector<layer_id> layer_of(count);
    for (layer_id l = 0; l < count; ++l) layer_of[order[l]] = l;
    numbered_instance made;
    instance& out = made.problem;
    out.load = load_model::nets;
    set_dnn_devices(file, out);
    out.fixed_seconds = out.marginal_seconds = out.workspace_bytes =
        xt::zeros<double>({count, std::size_t{2}});
    out.allowed = xt::ones<std::uint8_t>({count, std::size_t{2}});
    std::unordered_map<std::int64_t, std::size_t> colours;
    for (layer_id l = 0; l < count; ++l) {
        const dnn_node& node = file.nodes[order[l]];
        made.layer_ids.push_back(node.id);
        out.layer_class.push_back(l);
        out.marginal_seconds(l, 0) = node.accelerator_seconds;
        out.marginal_seconds(l, 1) = node.cpu_seconds;
        out.allowed(l, 0) = node.on_accelerator ? 1 : 0;
        out.weight_bytes.push_back(node.size);
        out.backward.push_back(node.backward ? 1 : 0);
        out.together.push_back(node.colour ? colours.try_emplace(*node.colour, colours.size()).first->second
                                           : no_id);
        out.layer_names.push_back("node " + std::to_string(node.id));
    }
    std::unordered_map<std::int64_t, double> cost;
    for (const dnn_edge& e : file.edges) {
        double& known = cost.try_emplace(e.from, e.cost).first->second;
        known = std::max(known, e.cost);
    }
    std::vector<std::vector<std::size_t>> reads(count);
    for (layer_id l = 0; l < count; ++l) {
        std::vector<std::size_t> readers, written;
        for (const std::size_t to : successors[order[l]]) readers.push_back(layer_of[to]);
        std::sort(readers.begin(), readers.end());
        readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
        if (!readers.empty()) {
            written.push_back(out.tensor_bytes.size());
            for (const layer_id r : readers) reads[r].push_back(out.tensor_bytes.size());
            out.producer.push_back(l);
            out.tensor_bytes.push_back(cost[made.layer_ids[l]]);
            out.consumers.push_back(readers);
        }
        out.writes.push_back(written);
    }
    out.reads = csr(reads);
    DISPART_CHECK(validate(out));
    return made;
}

}  // namespace detail

/// Whether a document is an instance of this format.
[[nodiscard]] inline bool is_dnn_partitioning(std::string_view text) {
    return text.find("\"maxSizePerFPGA\"") != text.npos;
}

/// An instance from the text of a file: `maxFPGAs` accelerators, which pay an edge's cost for sharing its source's
/// output, then `maxCPUs` CPUs, which share for free and (for latency) are unlimited in number. Layers of one
/// `colorClass` belong together; layers are renumbered in topological order. Seconds and bytes are the file's units.
/// Errors: parse_error, limit_exceeded, invalid_model (a circle, an unknown node), invalid_argument (negative amounts,
/// no device). O(length).
[[nodiscard]] inline result<numbered_instance>
read_dnn_partitioning(std::string_view text, const std::string& what = "JSON",
                      const dnn_partitioning_options& options = {}) {
    DISPART_TRY(const auto file, detail::parse_dnn_file(text, what));
    if (file.accelerators > options.most_devices || file.cpus > options.most_devices - file.accelerators)
        return fail(errc::limit_exceeded, what, "there are too many devices");
    return detail::to_instance(file);
}

}  // namespace dispart::io
