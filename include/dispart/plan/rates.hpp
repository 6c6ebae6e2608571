#pragma once
/// \file
/// What a cluster's devices and links cost, as the algorithms over an instance read it.

#include <cstddef>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/partition/criteria.hpp"

namespace dispart {

/// Power and prices as the cluster declares them, devices and links numbered as in an instance built from it.
template <class Device, class Link>
[[nodiscard]] resource_rates rates_of(const resource_graph<Device, Link>& on) {
    resource_rates rates;
    for (device_id d = 0; d < num_vertices(on); ++d) {
        rates.busy_watts.push_back(on[d].busy_power.value);
        rates.idle_watts.push_back(on[d].idle_power.value);
        rates.price_per_hour.push_back(on[d].price_per_hour.value);
    }
    for (auto [e, end] = edges(on); e != end; ++e) {
        rates.joules_per_byte.push_back(on[*e].energy_per_byte.value);
        rates.price_per_byte.push_back(on[*e].price_per_byte.value);
    }
    return rates;
}

}  // namespace dispart
