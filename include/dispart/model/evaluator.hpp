#pragma once
/// \file
/// How `model/` computes constants without knowing any backend: through a callable.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/layer.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// Evaluates one layer on given operands (absent ones have no value) under an opset; results in the layer's order.
/// `run/kernels/evaluate.hpp` has one. Errors: unsupported, shape_mismatch.
using layer_evaluator =
    std::function<result<std::vector<tensor>>(const layer&, std::span<const tensor>, std::int64_t)>;

}  // namespace dispart
