#pragma once
/// \file
/// Dense ids: each is an index into the vector or table that holds the thing it names.

#include <cstddef>
#include <limits>

namespace dispart {

using layer_id =
    std::size_t;  ///< vertex of a layer graph; in an `instance`, its position in topological order
using tensor_id = std::size_t;   ///< index into a layer graph's tensors
using device_id = std::size_t;   ///< index into a cluster's devices
using link_id = std::size_t;     ///< index into a cluster's directed physical links
using part_id = std::size_t;     ///< index into a partition's parts (stages)
using task_id = std::size_t;     ///< index into a task graph's tasks
using request_id = std::size_t;  ///< number of a request, counted from 0

/// The id that names nothing (an absent optional operand, a graph input's producer, ...).
inline constexpr std::size_t no_id = std::numeric_limits<std::size_t>::max();

}  // namespace dispart
