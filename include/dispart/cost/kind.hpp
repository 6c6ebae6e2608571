#pragma once
/// \file
/// Under which names the measurements of a device are filed.

#include <string>
#include <vector>

#include "dispart/cluster/graph.hpp"

namespace dispart {

/// The label by which devices share measurements and laws: devices of one kind behave alike.
inline constexpr const char* kind_label = "kind";

/// The device's name, its label `kind` where it has one, and "*" (any device): from the closest to the most general.
[[nodiscard]] inline std::vector<std::string> device_columns(const device& on) {
    const auto kind = on.labels.find(kind_label);
    if (kind == on.labels.end()) return {on.name, "*"};
    return {on.name, kind->second, "*"};
}

}  // namespace dispart
