#pragma once
/// \file
/// A partition: which layers go together, and where. The one thing that partitioners hand on.

#include <cstddef>
#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart {

/// A set of layers that one device executes as a unit: it starts when all its inputs are there, and sends what others
/// consume when it is done.
struct part {
    std::vector<layer_id> layers{};  ///< ascending (topological) order, not empty
    device_id device = no_id;
    std::size_t turn = 0;  ///< of the requests that are taken in turn, which one; see `partition::turns`

    friend bool operator==(const part&, const part&) = default;
};

/// Parts in an order in which every part comes after those whose tensors it reads; every layer is in exactly one part.
/// Where there are several turns, the layers are so many copies of a model, and request r goes through the parts of turn
/// r mod turns alone: replicas.
struct partition {
    std::vector<part> parts{};
    std::size_t turns = 1;

    friend bool operator==(const partition&, const partition&) = default;
};

}  // namespace dispart
