#pragma once
/// \file
/// Losses over classes.

#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

/// Data [N, C, D...] at labels [N, D...]; the second result is of the data's shape.
[[nodiscard]] inline inferred_list infer_loss(const op_context& c) {
    const auto& x = c.dims(0);
    shape expected = x;
    if (x.size() >= 2) expected.erase(expected.begin() + 1);
    if (x.size() < 2 || c.dims(1) != expected)
        return c.bad_shape("data " + to_string(x) + " with labels " + to_string(c.dims(1)));
    auto list = one(c.type(0), c.text("reduction", "mean") == "none" ? c.dims(1) : shape{});
    if (c.self.op == "SoftmaxCrossEntropyLoss") list.push_back({.type = c.type(0), .dims = x});
    return list;
}

inline constexpr auto loss_operators = std::to_array<operator_spec>({
    {"NegativeLogLikelihoodLoss", 2, 3, infer_loss, flops_per_input<1>},
    {"SoftmaxCrossEntropyLoss", 2, 3, infer_loss, flops_per_input<6>},
});

}  // namespace dispart::detail
