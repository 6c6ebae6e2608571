#pragma once
/// \file
/// Resize, Upsample and GridSample.

#include "dispart/model/operators/context.hpp"

namespace dispart {

/// What a Resize or Upsample asks for at any opset: the result's extents and one scale per axis.
struct resize_plan {
    shape dims{};
    std::vector<double> scales{};
};

namespace detail {

/// The axes that scales and sizes speak about: all of them unless `axes` (opset 18) says otherwise.
[[nodiscard]] inline result<std::vector<std::size_t>> resize_axes(const op_context& c) {
    std::vector<std::size_t> axes;
    const auto stated = c.integers("axes");
    if (!stated) {
        for (std::size_t i = 0; i < c.rank(0); ++i) axes.push_back(i);
        return axes;
    }
    DISPART_CHECK(axis_mask(c, *stated, c.rank(0)));
    for (const auto axis : *stated) axes.push_back(*normal_axis(axis, c.rank(0)));
    return axes;
}

[[nodiscard]] inline result<resize_plan> resize_by_scales(const op_context& c, std::span<const double> scales,
                                                          std::span<const double> roi) {
    const auto& x = c.dims(0);
    DISPART_TRY(const auto axes, resize_axes(c));
    if (scales.size() != axes.size())
        return c.bad_shape(std::to_string(scales.size()) + " scales for " + to_string(x));
    const bool crop = c.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
    if (crop && roi.size() != 2 * axes.size()) return c.bad_shape("the region needs two entries per axis");
    resize_plan plan{x, std::vector<double>(x.size(), 1.0)};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = axes[i];
        if (!(scales[i] > 0.0)) return c.bad_shape("a scale of " + std::to_string(scales[i]));
        const double part = crop ? roi[i + axes.size()] - roi[i] : 1.0;
        const auto extent = whole_extent(std::floor(static_cast<double>(x[axis]) * part * scales[i]));
        if (!extent) return c.bad_shape("a scale of " + std::to_string(scales[i]) + " gives no extent");
        plan.dims[axis] = *extent;
        plan.scales[axis] = scales[i];
    }
    return plan;
}

[[nodiscard]] inline result<resize_plan> resize_by_sizes(const op_context& c,
                                                         std::span<const std::int64_t> sizes) {
    const auto& x = c.dims(0);
    DISPART_TRY(const auto axes, resize_axes(c));
    if (sizes.size() != axes.size())
        return c.bad_shape(std::to_string(sizes.size()) + " sizes for " + to_string(x));
    resize_plan plan{x, std::vector<double>(x.size(), 1.0)};
    const auto policy = c.text("keep_aspect_ratio_policy", "stretch");
    const auto ratio = [&](std::size_t i) {
        return static_cast<double>(sizes[i]) / static_cast<double>(x[axes[i]]);
    };
    for (std::size_t i = 0; i < axes.size(); ++i)
        if (sizes[i] < 0 || sizes[i] > max_elements || x[axes[i]] == 0)
            return c.bad_shape("a size of " + std::to_string(sizes[i]));
    double common = axes.empty() ? 1.0 : ratio(0);
    for (std::size_t i = 1; i < axes.size(); ++i)
        common = policy == "not_larger" ? std::min(common, ratio(i)) : std::max(common, ratio(i));
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = axes[i];
        const bool stretch = policy != "not_larger" && policy != "not_smaller";
        const auto fitted = whole_extent(std::floor(common * static_cast<double>(x[axis]) + 0.5));
        if (!stretch && !fitted) return c.bad_shape("the sizes overflow");
        plan.dims[axis] = stretch ? sizes[i] : *fitted;
        plan.scales[axis] = stretch ? ratio(i) : common;
    }
    return plan;
}

[[nodiscard]] inline std::vector<double> upsample_scales(const op_context& c) {
    if (const auto list = get_or<std::vector<float>>(c.self.attrs, "scales", {}); !list.empty())
        return {list.begin(), list.end()};
    const double height = static_cast<double>(get_or<float>(c.self.attrs, "height_scale", 0.0F));
    const double width = static_cast<double>(get_or<float>(c.self.attrs, "width_scale", 0.0F));
    return {1.0, 1.0, height, width};
}

[[nodiscard]] inline result<std::vector<double>> optional_numbers(const op_context& c, std::size_t i) {
    if (!c.has(i)) return std::vector<double>{};
    return need_numbers(c, i);
}

}  // namespace detail

/// The plan of a Resize (opset 10 on) or Upsample (1 to 9). Errors: shape_mismatch, unsupported (not constant).
[[nodiscard]] inline result<resize_plan> resize_of(const op_context& c) {
    if (c.self.op == "Upsample" && c.opset < 9)
        return detail::resize_by_scales(c, detail::upsample_scales(c), {});
    if (c.self.op == "Upsample" || c.opset < 11) {
        if (!c.has(1)) return c.fail(errc::invalid_model, "the operand scales is missing");
        DISPART_TRY(const auto scales, detail::need_numbers(c, 1));
        return detail::resize_by_scales(c, scales, {});
    }
    if (c.has(3)) {
        DISPART_TRY(const auto sizes, detail::need_integers(c, 3));
        if (!sizes.empty()) return detail::resize_by_sizes(c, sizes);
    }
    const bool crop = c.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
    DISPART_TRY(const auto scales, detail::optional_numbers(c, 2));
    DISPART_TRY(const auto roi, crop ? detail::optional_numbers(c, 1) : result<std::vector<double>>{});
    return detail::resize_by_scales(c, scales, roi);
}

namespace detail {

[[nodiscard]] inline inferred_list infer_resize(const op_context& c) {
    DISPART_TRY(auto plan, resize_of(c));
    return one(c.type(0), std::move(plan.dims));
}

[[nodiscard]] inline inferred_list infer_grid_sample(const op_context& c) {
    const auto& x = c.dims(0);
    const auto& grid = c.dims(1);
    if (x.size() < 3 || grid.size() != x.size() || grid.back() != static_cast<std::int64_t>(x.size()) - 2 ||
        grid[0] != x[0])
        return c.bad_shape("grid " + to_string(grid) + " for data " + to_string(x));
    shape dims{x[0], x[1]};
    dims.insert(dims.end(), grid.begin() + 1, grid.end() - 1);
    return one(c.type(0), std::move(dims));
}

/// Nearest neighbours are copied; linear interpolation costs 8, cubic 32 per element of the result.
[[nodiscard]] inline double flops_resize(const op_context& c) {
    const auto mode = c.text("mode", "nearest");
    return output_elements(c) * (mode == "nearest" ? 0.0 : mode == "cubic" || mode == "bicubic" ? 32.0 : 8.0);
}

inline constexpr auto resize_operators = std::to_array<operator_spec>({
    {"GridSample", 2, 2, infer_grid_sample, flops_per_output<8>},
    {"Resize", 1, 4, infer_resize, flops_resize},
    {"Upsample", 1, 2, infer_resize, flops_resize},
});

}  // namespace detail

}  // namespace dispart
