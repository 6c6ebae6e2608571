#pragma once
/// \file
/// Partitioners by name, for command lines and files. To add one: its header, and a line here.

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "dispart/core/result.hpp"
#include "dispart/partition/baselines.hpp"
#include "dispart/partition/chain.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/exhaustive.hpp"
#include "dispart/partition/min_cut.hpp"
#include "dispart/partition/neurosurgeon.hpp"
#include "dispart/partition/seifer.hpp"
#include "dispart/partition/tiers.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

/// Any partitioner, by name.
struct named_partitioner {
    std::string_view name{};
    std::string_view about{};  ///< one line for people
    result<partition> (*run)(const instance&, objective) = nullptr;

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        return run(problem, goal);
    }
};

namespace detail {
template <partitioner P>
constexpr named_partitioner entry(std::string_view about) {
    return {P::name(), about, [](const instance& problem, objective goal) { return P{}(problem, goal); }};
}
}  // namespace detail

/// Every partitioner with its default options.
inline constexpr auto partitioners = std::to_array<named_partitioner>({
    detail::entry<best_single_device>("everything on the device where the objective is best"),
    detail::entry<even_partitioner>("the same number of layers on every device"),
    detail::entry<proportional_partitioner>("work in proportion to speed"),
    detail::entry<chain_partitioner>(
        "the best contiguous division for the devices in the order of the cluster"),
    detail::entry<chain_orders_partitioner>("contiguous divisions, devices in any order"),
    detail::entry<seifer_partitioner>("least transfers, then the best path of devices for the segments"),
    detail::entry<neurosurgeon_partitioner>("the best cut of the layer order between a device and the cloud"),
    detail::entry<min_cut_partitioner>("minimum cuts between a device and the cloud, for any net"),
    detail::entry<tiers_partitioner>("device, edge, cloud: layers move up through tiers"),
    detail::entry<exhaustive_partitioner>("every contiguous division, for small instances"),
    detail::entry<exhaustive_assignment_partitioner>(
        "every division with one part per device, for tiny instances"),
});

/// The partitioner of that name. Errors: not_found, listing the names.
[[nodiscard]] inline result<named_partitioner> find_partitioner(std::string_view name) {
    std::string known;
    for (const auto& each : partitioners) {
        if (each.name == name) return each;
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    return fail(errc::not_found, std::string(name), "there is no such partitioner", "known: " + known);
}

}  // namespace dispart
