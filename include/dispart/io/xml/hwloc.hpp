#pragma once
/// \file
/// A machine from hwloc's XML (`lstopo --of xml`): its processor, memory and graphics cards as a cluster.

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/xml/document.hpp"

namespace dispart::io {

/// What hwloc does not know.
struct hwloc_options {
    flops_per_second speed_per_core{16e9};     ///< sustained f32 rate of one core
    flops_per_second accelerator_speed{1e12};  ///< of a graphics card whose cores hwloc does not count
    double accelerator_ghz = 1.2;              ///< clock of one whose cores it counts
    link bus{.name = {}, .latency = seconds(5e-6), .bandwidth = bytes_per_second(12e9)};  ///< host to card
};

namespace detail {

/// What the tree says, summed up in one walk.
struct hwloc_machine {
    std::string host{}, model{}, architecture{};
    double cores = 0.0, units = 0.0, memory = 0.0;
    std::vector<device> accelerators{};
};

inline double hwloc_number(const std::string& text) {
    double value = 0.0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return std::isfinite(value) && value > 0.0 ? value : 0.0;
}

/// The `info` entry of that name, or nothing.
inline std::string hwloc_info(const xml_node& object, std::string_view name) {
    for (const auto& [kind, child] : object)
        if (kind == "info" && xml_attribute(child, "name") == name) return xml_attribute(child, "value");
    return {};
}

/// A CUDA device; OpenCL and NVML name the same card again and are left out.
inline void add_accelerator(const xml_node& object, const hwloc_options& options, hwloc_machine& into) {
    device card;
    card.name = xml_attribute(object, "name");
    card.memory = bytes(hwloc_number(hwloc_info(object, "CUDAGlobalMemorySize")) * 1024.0);
    const double cores = hwloc_number(hwloc_info(object, "CUDAMultiProcessors")) *
                         hwloc_number(hwloc_info(object, "CUDACoresPerMP"));
    card.speed =
        cores > 0.0 ? flops_per_second(cores * 2e9 * options.accelerator_ghz) : options.accelerator_speed;
    card.labels = {{"kind", "gpu"}, {"model", hwloc_info(object, "GPUModel")}};
    into.accelerators.push_back(std::move(card));
}

inline void walk_hwloc(const xml_node& node, const hwloc_options& options, hwloc_machine& into) {
    for (const auto& [kind, object] : node) {
        if (kind != "object") continue;
        const auto type = xml_attribute(object, "type");
        into.memory += hwloc_number(xml_attribute(object, "local_memory"));
        if (type == "Core") ++into.cores;
        if (type == "PU") ++into.units;
        if (type == "OSDev" && xml_attribute(object, "name").starts_with("cuda"))
            add_accelerator(object, options, into);
        for (const auto& [what, name] : {std::pair{"HostName", &into.host}, std::pair{"CPUModel", &into.model},
                                         std::pair{"Architecture", &into.architecture}})
            if (name->empty()) *name = hwloc_info(object, what);
        walk_hwloc(object, options, into);
    }
}

}  // namespace detail

/// A cluster of one host (named by its HostName, else "host") and its CUDA cards, each linked with the host.
///
/// The host's speed is its cores times `speed_per_core`, its memory that of all NUMA nodes; labels carry the processor's
/// model and architecture. hwloc versions 1 and 2.
/// Errors: parse_error (not XML, no topology, no processor), invalid_cluster, limit_exceeded. O(length).
/// Source: Broquedis et al., "hwloc: a generic framework for managing hardware affinities in HPC applications", PDP 2010.
[[nodiscard]] inline result<cluster> parse_hwloc(std::string_view text, const hwloc_options& options = {}) {
    DISPART_TRY(const auto document, parse_xml(text, "hwloc"));
    const auto topology = document.find("topology");
    if (topology == document.not_found())
        return fail(errc::parse_error, "topology", "not hwloc's XML: there is no such element");
    detail::hwloc_machine machine;
    detail::walk_hwloc(topology->second, options, machine);
    const double cores = machine.cores > 0.0 ? machine.cores : machine.units;
    if (cores == 0.0) return fail(errc::parse_error, "topology", "it has no processor");
    device host;
    host.name = machine.host.empty() ? "host" : machine.host;
    host.speed = flops_per_second(cores * options.speed_per_core.value);
    host.memory = bytes(machine.memory);
    host.labels = {{"kind", "cpu"}, {"model", machine.model}, {"architecture", machine.architecture}};
    const std::string hub = host.name;
    cluster_builder builder(hub);
    builder.device(std::move(host));
    for (auto& card : machine.accelerators) {
        card.name = hub + "/" + card.name;
        const auto name = card.name;
        builder.device(std::move(card)).link(hub, name, options.bus);
    }
    return builder.build();
}

/// The same from a file. Errors: those of `read_text` and `parse_hwloc`.
[[nodiscard]] inline result<cluster> read_hwloc(const std::filesystem::path& path,
                                                const hwloc_options& options = {}) {
    DISPART_TRY(const auto text, read_text(path));
    return parse_hwloc(text, options);
}

}  // namespace dispart::io
