#pragma once
// What planning and running share.

#include <string>

#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"

namespace cli {

// Errors: invalid_argument for another word than latency and throughput.
dispart::result<dispart::objective> objective_of(const std::string& name);

}  // namespace cli
