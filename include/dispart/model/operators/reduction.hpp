#pragma once
/// \file
/// Reductions over axes.

#include "dispart/model/operators/context.hpp"

namespace dispart {

/// The axes that a Reduce* sums over, at any opset: an attribute, or an operand (ReduceSum since 13, others since 18).
/// No axes mean all of them, unless `noop_with_empty_axes`. Errors: shape_mismatch, unsupported (not constant).
[[nodiscard]] inline result<std::vector<bool>> reduced_axes(const op_context& c) {
    auto axes = c.integers("axes");
    if (c.has(1)) {
        DISPART_TRY(axes, detail::need_integers(c, 1));
    }
    if (!axes || axes->empty())
        return std::vector<bool>(c.rank(0), c.integer("noop_with_empty_axes", 0) == 0);
    return detail::axis_mask(c, *axes, c.rank(0));
}

namespace detail {

[[nodiscard]] inline inferred_list infer_reduce(const op_context& c) {
    DISPART_TRY(const auto reduced, reduced_axes(c));
    const bool keep = c.integer("keepdims", 1) != 0;
    shape dims;
    for (std::size_t i = 0; i < c.rank(0); ++i) {
        if (!reduced[i]) dims.push_back(c.dims(0)[i]);
        else if (keep) dims.push_back(1);
    }
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_arg(const op_context& c) {
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    shape dims = c.dims(0);
    if (dims[axis] == 0) return c.bad_shape("an empty axis has no extremum");
    if (c.integer("keepdims", 1) != 0) dims[axis] = 1;
    else dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    return one(dtype::i64, std::move(dims));
}

inline constexpr auto reduction_operators = std::to_array<operator_spec>({
    {"ArgMax", 1, 1, infer_arg, flops_per_input<1>},
    {"ArgMin", 1, 1, infer_arg, flops_per_input<1>},
    {"ReduceL1", 1, 2, infer_reduce, flops_per_input<2>},
    {"ReduceL2", 1, 2, infer_reduce, flops_per_input<2>},
    {"ReduceLogSum", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceLogSumExp", 1, 2, infer_reduce, flops_per_input<2>},
    {"ReduceMax", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceMean", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceMin", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceProd", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceSum", 1, 2, infer_reduce, flops_per_input<1>},
    {"ReduceSumSquare", 1, 2, infer_reduce, flops_per_input<2>},
});

}  // namespace detail

}  // namespace dispart
