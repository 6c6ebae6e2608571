#pragma once
/// \file
/// Conv and ConvTranspose, over any number of spatial axes, with groups.

#include "dispart/model/operators/window.hpp"

namespace dispart {

namespace detail {

/// Data [N, C, spatial...] and weights of equal rank, of one type. Errors: shape_mismatch, invalid_model.
[[nodiscard]] inline result<std::int64_t> convolution_groups(const op_context& c) {
    if (c.rank(0) < 3 || c.rank(0) != c.rank(1))
        return c.bad_shape("data " + to_string(c.dims(0)) + " and weights " + to_string(c.dims(1)) +
                           " need the same rank, 3 or more");
    DISPART_CHECK(same_type(c, 0, 1));
    DISPART_CHECK(same_type(c, 0, 2));
    const auto group = c.integer("group", 1);
    if (group < 1 || c.dims(0)[1] % group != 0 || c.dims(1)[0] % group != 0)
        return c.bad_shape("group " + std::to_string(group) + " does not divide the channels of data " +
                           to_string(c.dims(0)) + " and weights " + to_string(c.dims(1)));
    return group;
}

[[nodiscard]] inline std::vector<std::int64_t> kernel_of(const op_context& c) {
    const auto extents = spatial(c.dims(1));
    return {extents.begin(), extents.end()};
}

[[nodiscard]] inline inferred_list convolution_result(const op_context& c, std::int64_t channels,
                                                      const window& w) {
    if (c.has(2) && elements(c.dims(2)) != channels)
        return c.bad_shape("bias " + to_string(c.dims(2)) + " for " + std::to_string(channels) + " channels");
    shape dims{c.dims(0)[0], channels};
    dims.insert(dims.end(), w.output.begin(), w.output.end());
    return one(c.type(0), std::move(dims));
}

}  // namespace detail

/// The window of a Conv whose operands' shapes are known. Errors: shape_mismatch, unsupported.
[[nodiscard]] inline result<window> convolution_window(const op_context& c) {
    return detail::resolve_window(c, detail::spatial(c.dims(0)), detail::kernel_of(c), false);
}

/// The window of a ConvTranspose whose operands' shapes are known. Errors: shape_mismatch, unsupported.
[[nodiscard]] inline result<window> transposed_convolution_window(const op_context& c) {
    return detail::resolve_transposed_window(c, detail::spatial(c.dims(0)), detail::kernel_of(c));
}

namespace detail {

[[nodiscard]] inline inferred_list infer_conv(const op_context& c) {
    DISPART_TRY(const auto group, convolution_groups(c));
    if (times(c.dims(1)[1], group) != c.dims(0)[1])
        return c.bad_shape("weights " + to_string(c.dims(1)) + " do not match " +
                           std::to_string(c.dims(0)[1]) + " channels in " + std::to_string(group) + " groups");
    DISPART_TRY(const auto w, convolution_window(c));
    return convolution_result(c, c.dims(1)[0], w);
}

[[nodiscard]] inline inferred_list infer_conv_transpose(const op_context& c) {
    DISPART_TRY(const auto group, convolution_groups(c));
    if (c.dims(1)[0] != c.dims(0)[1])
        return c.bad_shape("weights " + to_string(c.dims(1)) + " do not match " +
                           std::to_string(c.dims(0)[1]) + " channels");
    DISPART_TRY(const auto w, transposed_convolution_window(c));
    return convolution_result(c, times(c.dims(1)[1], group), w);
}

/// 2 per multiply-add: every result needs C/group times the kernel's extent of them; the bias adds one.
[[nodiscard]] inline double flops_conv(const op_context& c) {
    const auto& w = c.dims(1);
    const double taps = w[0] > 0 ? count(w) / static_cast<double>(w[0]) : 0.0;
    return output_elements(c) * (2.0 * taps + (c.has(2) ? 1.0 : 0.0));
}

/// 2 per multiply-add: every element of the data meets M/group times the kernel's extent of them; the bias adds one.
[[nodiscard]] inline double flops_conv_transpose(const op_context& c) {
    const auto& w = c.dims(1);
    const double taps = w[0] > 0 ? count(w) / static_cast<double>(w[0]) : 0.0;
    return 2.0 * taps * count(c.dims(0)) + (c.has(2) ? output_elements(c) : 0.0);
}

inline constexpr auto convolution_operators = std::to_array<operator_spec>({
    {"Conv", 2, 3, infer_conv, flops_conv},
    {"ConvTranspose", 2, 3, infer_conv_transpose, flops_conv_transpose},
});

}  // namespace detail

}  // namespace dispart
