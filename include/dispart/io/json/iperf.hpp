#pragma once
/// \file
/// Measurements of links by iperf3 (`iperf3 -J`), and putting them into a cluster.

#include <string>
#include <string_view>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"

namespace dispart::io {

/// What one run of iperf3 says: bytes went from one host to the other.
struct measured_link {
    std::string from{};  ///< host that sent, as iperf3 names it (an address)
    std::string to{};    ///< host that received
    link properties{};  ///< bandwidth as received, half the mean round trip as latency where it is told, time of the run
};

/// A measurement from iperf3's JSON: TCP or UDP, reversed or not, of one or more streams.
/// Errors: parse_error (a field, with its path; a run that failed, with iperf3's words). O(size).
[[nodiscard]] inline result<measured_link> iperf_from_json(const json& document) {
    const auto number = [&](const char* path) {
        const json::json_pointer at(path);
        const json found = document.is_object() && document.contains(at) ? document.at(at) : json();
        return found.is_number() && std::isfinite(found.get<double>()) ? found.get<double>() : 0.0;
    };
    const auto text = [&](const char* path) {
        const json::json_pointer at(path);
        return document.is_object() && document.contains(at) && document.at(at).is_string()
                   ? document.at(at).get<std::string>()
                   : std::string();
    };
    if (const auto wrong = text("/error"); !wrong.empty()) return fail(errc::parse_error, "iperf3", wrong);
    measured_link made{text("/start/connected/0/local_host"), text("/start/connected/0/remote_host"), {}};
    if (made.to.empty()) made.to = text("/start/connecting_to/host");
    if (made.from.empty() || made.to.empty())
        return fail(errc::parse_error, "start.connected", "not a result of iperf3 -J: it names no two hosts");
    if (number("/start/test_start/reverse") != 0.0) std::swap(made.from, made.to);
    double bits = number("/end/sum_received/bits_per_second");
    if (!(bits > 0.0))
        bits = number("/end/sum/bits_per_second") * (1.0 - number("/end/sum/lost_percent") / 100.0);
    if (!(bits > 0.0)) return fail(errc::parse_error, "end.sum_received", "nothing was received");
    made.properties.bandwidth = bytes_per_second(bits / 8.0);
    made.properties.latency = seconds(std::max(0.0, number("/end/streams/0/sender/mean_rtt")) * 1e-6 / 2.0);
    made.properties.measured_at = std::max(0.0, number("/start/timestamp/timesecs"));
    return made;
}

/// The same from a text. Errors: those of `parse_json` and `iperf_from_json`.
[[nodiscard]] inline result<measured_link> parse_iperf(std::string_view text) {
    DISPART_TRY(const json document, parse_json(text, "iperf3"));
    return iperf_from_json(document);
}

namespace detail {
/// The device of that name, or the one whose address is at that host.
inline result<device_id> device_at(const cluster& g, const std::string& host) {
    for (device_id d = 0; d < num_vertices(g); ++d)
        if (g[d].name == host || g[d].address.substr(0, g[d].address.rfind(':')) == host) return d;
    return fail(errc::not_found, host, "no device has this name, or an address at this host");
}
}  // namespace detail

/// Puts a measurement into a cluster: on the direct link between its hosts, which is added where there is none. Hosts are
/// devices' names or the hosts of their addresses. A latency that was not measured stays. Errors: not_found. O(devices).
[[nodiscard]] inline result<void> apply_measurement(cluster& g, const measured_link& measured) {
    DISPART_TRY(const auto from, detail::device_at(g, measured.from));
    DISPART_TRY(const auto to, detail::device_at(g, measured.to));
    if (from == to) return fail(errc::invalid_cluster, measured.from, "a link leads to its own device");
    auto [e, exists] = edge(from, to, g);
    if (!exists) {
        link added = measured.properties;
        added.name = g[from].name + " -> " + g[to].name;
        add_edge(from, to, std::move(added), g);
        return {};
    }
    g[e].bandwidth = measured.properties.bandwidth;
    g[e].measured_at = measured.properties.measured_at;
    if (measured.properties.latency.value > 0.0) g[e].latency = measured.properties.latency;
    return {};
}

}  // namespace dispart::io
