#pragma once
/// \file
/// The resource graph: devices and directed links as a Boost.Graph graph with bundled properties.

#include <boost/graph/adjacency_list.hpp>

#include <map>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/units.hpp"

namespace dispart {

/// A machine, or (with `computes = false`) a host or switch that only sends, receives or forwards.
/// Derive from it to hang your own properties on it and read them in your own cost model.
struct device {
    std::string name{};                    ///< unique in its cluster
    bool computes = true;                  ///< false: layers are never placed here
    flops_per_second speed{};              ///< sustained rate of dense f32 work; positive where `computes`
    bytes_per_second memory_bandwidth{};   ///< sustained; 0 = not a limit
    seconds layer_overhead{};              ///< fixed time per layer call
    bytes memory{};                        ///< capacity; 0 = unlimited
    bytes reserve{};                       ///< part of the memory that dispart must leave alone
    bytes storage{};                       ///< disk for weights; 0 = unknown
    watts busy_power{};                    ///< while computing
    watts idle_power{};                    ///< while not
    currency price_per_hour{};             ///< of using the device
    std::vector<std::string> operators{};  ///< the operators it can run; empty = all
    std::map<std::string, std::string> labels{};  ///< zone, trust, ...: hard constraints refer to them
    std::string address{};  ///< "host:port" of a running worker; empty = to be started locally
    double slowdown = 1.0;  ///< >= 1: a local worker imitates a device this many times slower
};

/// One direction of a physical connection. Two transfers over it each get a share of its bandwidth.
struct link {
    std::string name{};
    seconds latency{};             ///< one way
    bytes_per_second bandwidth{};  ///< positive
    joules energy_per_byte{};
    currency price_per_byte{};
    double measured_at = 0.0;  ///< Unix time of the measurement; 0 = declared, not measured
};

/// Bundle of the whole cluster.
struct cluster_info {
    std::string name{};
    device_id source =
        no_id;  ///< where requests originate; `no_id`: inputs appear at their first stage for free
    device_id sink = no_id;  ///< where results are wanted; `no_id`: they stay at the last stage
};

/// A directed graph of devices; any Boost.Graph algorithm works on it. A vertex descriptor is a device_id.
template <class Device = device, class Link = link>
using resource_graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Device, Link, cluster_info>;

/// The resource graph with the default bundles.
using cluster = resource_graph<>;

/// The cluster's bundle: name, source, sink.
template <class Device, class Link>
[[nodiscard]] cluster_info& info(resource_graph<Device, Link>& g) {
    return g[boost::graph_bundle];
}
template <class Device, class Link>
[[nodiscard]] const cluster_info& info(const resource_graph<Device, Link>& g) {
    return g[boost::graph_bundle];
}

}  // namespace dispart
