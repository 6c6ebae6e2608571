#pragma once
/// \file
/// A partition: which layers go together, and where. The one thing that partitioners hand on.

#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart {

/// A set of layers that one device executes as a unit: it starts when all its inputs are there, and sends what others
/// consume when it is done.
struct part {
    std::vector<layer_id> layers{};  ///< ascending (topological) order, not empty
    device_id device = no_id;

    friend bool operator==(const part&, const part&) = default;
};

/// Parts in an order in which every part comes after those whose tensors it reads; every layer is in exactly one part.
struct partition {
    std::vector<part> parts{};

    friend bool operator==(const partition&, const partition&) = default;
};

}  // namespace dispart
