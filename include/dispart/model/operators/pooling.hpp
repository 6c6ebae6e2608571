#pragma once
/// \file
/// Pooling over windows and over whole images.

#include "dispart/model/operators/window.hpp"

namespace dispart {

/// The window of a MaxPool, AveragePool or LpPool whose operand's shape is known. Errors: shape_mismatch, unsupported.
[[nodiscard]] inline result<window> pooling_window(const op_context& c) {
    auto kernel = c.integers("kernel_shape");
    if (!kernel) return c.bad_shape("kernel_shape is missing");
    return detail::resolve_window(c, detail::spatial(c.dims(0)), std::move(*kernel),
                                  c.integer("ceil_mode", 0) != 0);
}

namespace detail {

[[nodiscard]] inline inferred_list infer_pool(const op_context& c) {
    if (c.rank(0) < 3) return c.bad_shape("data " + to_string(c.dims(0)) + " has no spatial axis");
    DISPART_TRY(const auto w, pooling_window(c));
    shape dims{c.dims(0)[0], c.dims(0)[1]};
    dims.insert(dims.end(), w.output.begin(), w.output.end());
    auto list = one(c.type(0), dims);
    if (c.self.op == "MaxPool") list.push_back({.type = dtype::i64, .dims = std::move(dims)});
    return list;
}

/// Values and their places in a result that is stated, or that the window's shape undoes.
[[nodiscard]] inline inferred_list infer_max_unpool(const op_context& c) {
    const auto& x = c.dims(0);
    if (x.size() < 3 || c.dims(1) != x) return c.bad_shape("data " + to_string(x) + " needs a place each");
    if (c.has(2)) {
        DISPART_TRY(auto dims, need_integers(c, 2));
        return one(c.type(0), std::move(dims));
    }
    auto kernel = c.integers("kernel_shape");
    if (!kernel || kernel->size() + 2 != x.size()) return c.bad_shape("kernel_shape is missing");
    DISPART_TRY(const auto w, read_window(c, std::move(*kernel)));
    shape dims{x[0], x[1]};
    for (std::size_t i = 0; i < w.kernel.size(); ++i)
        dims.push_back(minus(plus(times(x[i + 2] - 1, w.strides[i]), w.kernel[i]),
                             plus(w.pads_begin[i], w.pads_end[i])));
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_global_pool(const op_context& c) {
    if (c.rank(0) < 2) return c.bad_shape("data " + to_string(c.dims(0)) + " has no channels");
    shape dims(c.rank(0), 1);
    dims[0] = c.dims(0)[0];
    dims[1] = c.dims(0)[1];
    return one(c.type(0), std::move(dims));
}

/// Regions [R, 5] of data [N, C, H, W].
[[nodiscard]] inline inferred_list infer_max_roi_pool(const op_context& c) {
    const auto size = c.integers("pooled_shape").value_or(shape{});
    if (c.rank(0) != 4 || c.rank(1) != 2 || size.size() != 2 || size[0] < 1 || size[1] < 1)
        return c.bad_shape("data is [N, C, H, W], regions are [R, 5], pooled_shape is two extents");
    return one(c.type(0), {c.dims(1)[0], c.dims(0)[1], size[0], size[1]});
}

[[nodiscard]] inline inferred_list infer_roi_align(const op_context& c) {
    const auto height = c.integer("output_height", 1);
    const auto width = c.integer("output_width", 1);
    if (c.rank(0) != 4 || c.rank(1) != 2 || height < 1 || width < 1)
        return c.bad_shape("data is [N, C, H, W], regions are [R, 4], the result's extents are positive");
    return one(c.type(0), {c.dims(1)[0], c.dims(0)[1], height, width});
}

/// One per element under each window.
[[nodiscard]] inline double flops_pool(const op_context& c) {
    double taps = 1.0;
    for (const auto extent : c.integers("kernel_shape").value_or(shape{}))
        taps *= static_cast<double>(extent);
    return taps * output_elements(c);
}

inline constexpr auto pooling_operators = std::to_array<operator_spec>({
    {"AveragePool", 1, 1, infer_pool, flops_pool},
    {"GlobalAveragePool", 1, 1, infer_global_pool, flops_per_input<1>},
    {"GlobalLpPool", 1, 1, infer_global_pool, flops_per_input<2>},
    {"GlobalMaxPool", 1, 1, infer_global_pool, flops_per_input<1>},
    {"LpPool", 1, 1, infer_pool, flops_pool},
    {"MaxPool", 1, 1, infer_pool, flops_pool},
    {"MaxRoiPool", 2, 2, infer_max_roi_pool, flops_per_output<1>},
    {"MaxUnpool", 2, 3, infer_max_unpool, no_flops},
    {"RoiAlign", 3, 3, infer_roi_align, flops_per_output<8>},
});

}  // namespace detail

}  // namespace dispart
