#pragma once
/// \file
/// A spread plan for those who are left when devices are lost.

#include <span>
#include <string>
#include <utility>

#include "dispart/cluster/survivors.hpp"
#include "dispart/plan/spread/make_spread_plan.hpp"

namespace dispart {

/// The plan of a spread net and the devices that it speaks of: the cluster's, of which only the survivors compute.
template <class Device, class Link>
struct respread_plan {
    spread_plan plan{};  ///< deploy `plan.graph` by `plan.chosen.division`
    resource_graph<Device, Link> machines{};
};

/// Spreads the net over a cluster some of whose devices may not compute any more, the same way where that is still possible,
/// else in the best way that is. Errors: those of `make_spread_plan` with `automatic`.
template <class Device, class Link, class Cost>
[[nodiscard]] result<spread_plan> respread(const model& net, const resource_graph<Device, Link>& left,
                                           const Cost& cost, const plan_options& options, spread_way way) {
    auto made = make_spread_plan(net, left, cost, options, way);
    return made ? std::move(made) : make_spread_plan(net, left, cost, options, spread_way::automatic);
}

/// Spreads the net over those who are present, the same way where that is still possible, else in the best way that is (two
/// strips need two devices). A service calls it for each roster: `present` and `broken` are its names.
/// Errors: those of `make_spread_plan` with `automatic` (nothing fits on the survivors).
template <class Device, class Link, class Cost>
[[nodiscard]] result<respread_plan<Device, Link>>
respread(const model& net, const resource_graph<Device, Link>& on, std::span<const std::string> present,
         std::span<const std::pair<std::string, std::string>> broken, const Cost& cost,
         const plan_options& options, spread_way way) {
    auto left = survivors(on, present, broken);
    DISPART_TRY(auto made, respread(net, left, cost, options, way));
    return respread_plan<Device, Link>{std::move(made), std::move(left)};
}

}  // namespace dispart
