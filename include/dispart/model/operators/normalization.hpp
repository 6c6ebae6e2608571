#pragma once
/// \file
/// Normalisation and softmax.

#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

/// Operand i holds one element per channel. Errors: shape_mismatch, invalid_model.
[[nodiscard]] inline result<void> per_channel(const op_context& c, std::size_t i, std::int64_t channels) {
    if (c.has(i) && elements(c.dims(i)) != channels)
        return c.bad_shape("operand " + to_string(c.dims(i)) + " for " + std::to_string(channels) +
                           " channels");
    return {};
}

/// Elements of the statistics: one per channel, or before opset 9 with `spatial` 0 one per element of an image.
[[nodiscard]] inline inferred_list infer_batch_normalization(const op_context& c) {
    const auto& x = c.dims(0);
    if (x.empty()) return c.bad_shape("the data is a scalar");
    const bool per_activation = c.opset < 9 && c.integer("spatial", 1) == 0 && x.size() > 1;
    const auto channels = x.size() < 2     ? 1
                          : per_activation ? elements(std::span<const std::int64_t>(x).subspan(1))
                                           : x[1];
    for (std::size_t i = 1; i < 5; ++i) DISPART_CHECK(per_channel(c, i, channels));
    auto list = one(c.type(0), x);
    for (std::size_t i = 1; i < 5; ++i) list.push_back({.type = c.type(1), .dims = c.dims(1)});
    return list;
}

[[nodiscard]] inline inferred_list infer_instance_normalization(const op_context& c) {
    if (c.rank(0) < 3) return c.bad_shape("data " + to_string(c.dims(0)) + " has no spatial axis");
    DISPART_CHECK(per_channel(c, 1, c.dims(0)[1]));
    DISPART_CHECK(per_channel(c, 2, c.dims(0)[1]));
    return infer_same(c);
}

[[nodiscard]] inline inferred_list infer_group_normalization(const op_context& c) {
    const auto groups = c.integer("num_groups", 0);
    if (c.rank(0) < 3 || groups < 1 || c.dims(0)[1] % groups != 0)
        return c.bad_shape("num_groups " + std::to_string(groups) + " does not divide the channels of " +
                           to_string(c.dims(0)));
    for (const std::size_t i : {1U, 2U})
        DISPART_CHECK(per_channel(c, i, c.opset < 21 ? groups : c.dims(0)[1]));
    return infer_same(c);
}

/// Scale and bias broadcast into the normalised axes; the further results are the statistics.
[[nodiscard]] inline inferred_list infer_layer_normalization(const op_context& c) {
    DISPART_TRY(const auto axis, need_axis(c, -1, c.rank(0)));
    const auto& x = c.dims(0);
    for (const std::size_t i : {1U, 2U}) {
        if (!c.has(i)) continue;
        DISPART_TRY(const auto with, broadcast(c, x, c.dims(i)));
        if (with != x) return c.bad_shape(to_string(c.dims(i)) + " does not fit into " + to_string(x));
    }
    shape reduced = x;
    for (std::size_t i = axis; i < reduced.size(); ++i) reduced[i] = 1;
    auto list = one(c.type(0), x);
    for (int i = 0; i < 2; ++i) list.push_back({.type = dtype::f32, .dims = reduced});
    return list;
}

/// Softmax and its kin: `axis` is 1 before opset 13 (and then the data counts as a matrix), -1 since.
[[nodiscard]] inline inferred_list infer_softmax(const op_context& c) {
    if (c.rank(0) == 0) return infer_same(c);
    const auto rank = static_cast<std::int64_t>(c.rank(0));
    const auto axis = c.integer("axis", c.opset < 13 ? std::min<std::int64_t>(1, rank) : -1);
    if (c.opset < 13 && axis == rank) return infer_same(c);
    if (!normal_axis(axis, c.rank(0)))
        return c.bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
    return infer_same(c);
}

/// The scale broadcasts into the normalised axes.
[[nodiscard]] inline inferred_list infer_rms_normalization(const op_context& c) {
    DISPART_CHECK(need_axis(c, -1, c.rank(0)));
    DISPART_TRY(const auto with, broadcast(c, c.dims(0), c.dims(1)));
    if (with != c.dims(0))
        return c.bad_shape(to_string(c.dims(1)) + " does not fit into " + to_string(c.dims(0)));
    return infer_same(c);
}

[[nodiscard]] inline inferred_list infer_lrn(const op_context& c) {
    if (c.rank(0) < 2) return c.bad_shape("data " + to_string(c.dims(0)) + " has no channels");
    if (c.integer("size", 0) < 1) return c.bad_shape("size is " + std::to_string(c.integer("size", 0)));
    return infer_same(c);
}

/// A square, an add per neighbour, and three for the power and the quotient.
[[nodiscard]] inline double flops_lrn(const op_context& c) {
    return output_elements(c) * (static_cast<double>(c.integer("size", 1)) + 4.0);
}

inline constexpr auto normalization_operators = std::to_array<operator_spec>({
    {"BatchNormalization", 5, 5, infer_batch_normalization, flops_per_output<2>},
    {"GroupNormalization", 3, 3, infer_group_normalization, flops_per_output<7>},
    {"Hardmax", 1, 1, infer_softmax, flops_per_output<1>},
    {"InstanceNormalization", 3, 3, infer_instance_normalization, flops_per_output<7>},
    {"LRN", 1, 1, infer_lrn, flops_lrn},
    {"LayerNormalization", 2, 3, infer_layer_normalization, flops_per_output<7>},
    {"LogSoftmax", 1, 1, infer_softmax, flops_per_output<5>},
    {"LpNormalization", 1, 1, infer_softmax, flops_per_output<3>},
    {"MeanVarianceNormalization", 1, 1, infer_same, flops_per_output<5>},
    {"RMSNormalization", 2, 2, infer_rms_normalization, flops_per_output<4>},
    {"Softmax", 1, 1, infer_softmax, flops_per_output<5>},
});

}  // namespace dispart::detail
