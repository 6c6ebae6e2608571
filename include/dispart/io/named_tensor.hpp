#pragma once
/// \file
/// A tensor under the name that a file gives it.

#include <string>

#include "dispart/tensor/tensor.hpp"

namespace dispart::io {

/// A tensor and its name; empty where it has none.
struct named_tensor {
    std::string name{};
    tensor value{};
};

}  // namespace dispart::io
