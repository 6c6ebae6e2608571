#pragma once
/// \file
/// Resize and Upsample, separably: each axis has a few weighted sources per result position.

#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// How results map to sources; ONNX's names and defaults, which differ by version.
struct resize_rules {
    std::string mode = "nearest";
    std::string coordinates = "half_pixel";
    std::string nearest = "round_prefer_floor";
    float cubic_a = -0.75F;
    float outside_value = 0.0F;
    bool exclude_outside = false;
};

/// One axis: result position o is the weighted sum of `taps` sources, or `outside`.
struct resize_axis {
    std::size_t taps = 1;
    std::vector<std::int64_t> source;  ///< taps per position
    std::vector<float> weight;
    std::vector<bool> outside;  ///< per position; empty where none is
};

/// What one axis has to do.
struct resize_request {
    std::int64_t in = 0, out = 0;
    float scale = 1.0F;
    float roi_begin = 0.0F, roi_end = 1.0F;
};

[[nodiscard]] inline float source_position(const resize_rules& rules, const resize_request& r,
                                           std::int64_t at) {
    const auto o = static_cast<float>(at);
    const auto in = static_cast<float>(r.in);
    const float length = r.scale * in;  // may be fractional, as in ONNX's reference
    if (rules.coordinates == "asymmetric") return o / r.scale;
    if (rules.coordinates == "align_corners") return r.out == 1 ? 0.0F : o * (in - 1.0F) / (length - 1.0F);
    if (rules.coordinates == "pytorch_half_pixel") return r.out > 1 ? (o + 0.5F) / r.scale - 0.5F : 0.0F;
    if (rules.coordinates == "tf_half_pixel_for_nn") return (o + 0.5F) / r.scale;
    if (rules.coordinates == "half_pixel_symmetric") {
        const float adjustment = static_cast<float>(r.out) / length;
        return in / 2.0F * (1.0F - adjustment) + (o + 0.5F) / r.scale - 0.5F;
    }
    if (rules.coordinates == "tf_crop_and_resize") {
        if (r.out == 1) return 0.5F * (r.roi_begin + r.roi_end) * (in - 1.0F);
        return r.roi_begin * (in - 1.0F) +
               o * (r.roi_end - r.roi_begin) * (in - 1.0F) / (static_cast<float>(r.out) - 1.0F);
    }
    return (o + 0.5F) / r.scale - 0.5F;
}

[[nodiscard]] inline float nearest_position(const std::string& mode, float x) {
    if (mode == "floor") return std::floor(x);
    if (mode == "ceil") return std::ceil(x);
    if (mode == "round_prefer_ceil") return std::floor(x + 0.5F);
    return std::ceil(x - 0.5F);
}

/// Weights of the four neighbours of a point at a fraction in [0, 1) behind the second one.
/// Source: R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29, 1981.
[[nodiscard]] inline std::array<float, 4> cubic_weights(float t, float a) {
    const auto near_one = [a](float x) { return ((a + 2.0F) * x - (a + 3.0F)) * x * x + 1.0F; };
    const auto far_one = [a](float x) { return ((a * x - 5.0F * a) * x + 8.0F * a) * x - 4.0F * a; };
    return {far_one(t + 1.0F), near_one(t), near_one(1.0F - t), far_one(2.0F - t)};
}

/// Appends the sources of a position: `base` is the first neighbour, clamped into the axis one by one.
inline void add_taps(resize_axis& axis, const resize_request& r, std::int64_t base,
                     std::span<const float> weights, bool exclude_outside) {
    float total = 0.0F;
    const auto first = axis.weight.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto at = base + static_cast<std::int64_t>(i);
        const bool inside = at >= 0 && at < r.in;
        axis.source.push_back(std::clamp<std::int64_t>(at, 0, r.in - 1));
        axis.weight.push_back(inside || !exclude_outside ? weights[i] : 0.0F);
        total += axis.weight.back();
    }
    if (exclude_outside && total != 0.0F)
        for (auto i = first; i < axis.weight.size(); ++i) axis.weight[i] /= total;
}

[[nodiscard]] inline resize_axis plan_axis(const resize_rules& rules, const resize_request& r) {
    resize_axis axis;
    axis.taps = rules.mode == "nearest" ? 1 : rules.mode == "linear" ? 2 : 4;
    const bool crops = rules.coordinates == "tf_crop_and_resize";
    const auto limit = static_cast<float>(r.in);
    for (std::int64_t o = 0; o < r.out; ++o) {
        float x =
            r.in == r.out && r.scale == 1.0F && !crops ? static_cast<float>(o) : source_position(rules, r, o);
        if (crops) axis.outside.push_back(!(x >= 0.0F && x <= limit - 1.0F));
        x = std::clamp(x == x ? x : 0.0F, -4.0F, limit + 4.0F);  // beyond the edge only the edge counts
        if (axis.taps == 1) {
            const float one_weight = 1.0F;
            add_taps(axis, r, static_cast<std::int64_t>(nearest_position(rules.nearest, x)), {&one_weight, 1},
                     false);
        } else if (axis.taps == 2) {
            x = std::clamp(x, 0.0F, limit - 1.0F);
            const float t = x - std::floor(x);
            const std::array weights{1.0F - t, t};
            add_taps(axis, r, static_cast<std::int64_t>(std::floor(x)), weights, false);
        } else {
            const auto weights = cubic_weights(x - std::floor(x), rules.cubic_a);
            add_taps(axis, r, static_cast<std::int64_t>(std::floor(x)) - 1, weights, rules.exclude_outside);
        }
    }
    return axis;
}

/// Resamples one axis: [outer, in, inner] to [outer, out, inner].
template <class T>
void resample_axis(const resize_axis& axis, const T* from, T* to, std::int64_t outer, std::int64_t in,
                   std::int64_t out, std::int64_t inner) {
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t at = 0; at < out; ++at) {
            T* row = to + (o * out + at) * inner;
            for (std::size_t k = 0; k < axis.taps; ++k) {
                const auto tap = static_cast<std::size_t>(at) * axis.taps + k;
                const T* source = from + (o * in + axis.source[tap]) * inner;
                const T weight = static_cast<T>(axis.weight[tap]);
                if (axis.taps == 1) std::copy_n(source, inner, row);
                else if (k == 0)
                    for (std::int64_t i = 0; i < inner; ++i) row[i] = static_cast<T>(weight * source[i]);
                else
                    for (std::int64_t i = 0; i < inner; ++i)
                        row[i] = static_cast<T>(row[i] + weight * source[i]);
            }
        }
}

/// Elements whose position lies outside the source on any axis get the extrapolation value.
template <class T>
void fill_outside(const std::vector<resize_axis>& axes, const shape& dims, T value, T* to) {
    const auto steps = dense_strides(dims);
    const auto count = elements(dims);
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        if (axes[axis].outside.empty()) continue;
        for (std::int64_t i = 0; i < count; ++i)
            if (axes[axis].outside[static_cast<std::size_t>(i / steps[axis] % dims[axis])]) to[i] = value;
    }
}

template <class = void>
[[nodiscard]] outcome resize(const call& c, const resize_rules& rules,
                             const std::vector<resize_request>& requests) {
    shape dims = c.in[0].dims();
    std::vector<resize_axis> axes;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (requests[i].out > 0 && dims[i] == 0)
            return c.bad_shape("nothing to resize in " + to_string(dims));
        if (!(requests[i].scale > 0.0F) || requests[i].out < 0)
            return c.bad_shape("a scale or size that is not positive");
    }
    shape result_dims;
    for (const auto& r : requests) result_dims.push_back(r.out);
    DISPART_TRY(tensor out, c.make(c.in[0].type(), result_dims));
    if (out.size() == 0 || dims.empty()) return dims.empty() ? one(c.in[0]) : one(std::move(out));
    for (const auto& r : requests) axes.push_back(plan_axis(rules, r));
    using types = type_list<float, double, std::int8_t, std::uint8_t, std::int32_t, std::int64_t>;
    if (rules.mode != "nearest" && out.type() != dtype::f32 && out.type() != dtype::f64) return c.bad_type(0);
    const bool known = visit_type(types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = c.in[0].data<T>().data();
        std::vector<T> current(from, from + c.in[0].size());
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const auto& r = requests[i];
            const bool same = r.in == r.out && r.scale == 1.0F && axes[i].outside.empty();
            if (same) continue;
            const auto outer = extent(dims, 0, i);
            const auto inner = extent(dims, i + 1, dims.size());
            std::vector<T> next(static_cast<std::size_t>(outer * r.out * inner));
            resample_axis(axes[i], current.data(), next.data(), outer, r.in, r.out, inner);
            dims[i] = r.out;
            current = std::move(next);
        }
        std::copy(current.begin(), current.end(), out.data<T>().data());
        fill_outside(axes, result_dims, convert<T>(rules.outside_value), out.data<T>().data());
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

/// The extent that a scale gives, rounded down; huge or senseless ones come out as -1.
[[nodiscard]] inline std::int64_t scaled_extent(std::int64_t in, float scale) {
    const float product = static_cast<float>(in) * scale;
    return product >= 0.0F && product < 1e12F ? static_cast<std::int64_t>(std::floor(product)) : -1;
}

[[nodiscard]] inline result<std::vector<resize_request>>
requests_from_scales(const call& c, const std::vector<float>& scales) {
    const auto& dims = c.in[0].dims();
    if (scales.size() != dims.size())
        return c.bad_shape(std::to_string(scales.size()) + " scales for " + to_string(dims));
    std::vector<resize_request> list;
    for (std::size_t i = 0; i < dims.size(); ++i)
        list.push_back({dims[i], scaled_extent(dims[i], scales[i]), scales[i]});
    return list;
}

template <class = void>
[[nodiscard]] result<std::vector<float>> read_floats(const call& c, std::size_t i) {
    if (c.in[i].type() != dtype::f32 && c.in[i].type() != dtype::f64) return c.bad_type(i);
    return values_as<float>(c.in[i]);
}

}  // namespace detail

/// Upsample: scales are attributes before opset 9; positions are asymmetric and rounded down.
template <class = void>
[[nodiscard]] outcome upsample_kernel(const call& c) {
    detail::resize_rules rules{.coordinates = "asymmetric", .nearest = "floor"};
    rules.mode = c.text("mode", "nearest");
    if (rules.mode == "bilinear") rules.mode = "linear";
    if (rules.mode != "nearest" && rules.mode != "linear") return c.unsupported("mode '" + rules.mode + "'");
    std::vector<float> scales;
    if (c.has(1)) {
        DISPART_TRY(scales, detail::read_floats(c, 1));
    } else if (c.has_attr("scales")) {
        scales = get_or<std::vector<float>>(c.node.attrs, "scales", {});
    } else {
        scales = {1.0F, 1.0F, c.real("height_scale", 1.0F), c.real("width_scale", 1.0F)};
    }
    DISPART_TRY(const auto requests, detail::requests_from_scales(c, scales));
    return detail::resize(c, rules, requests);
}

namespace detail {

[[nodiscard]] inline result<resize_rules> read_rules(const call& c) {
    resize_rules rules;
    rules.mode = c.text("mode", "nearest");
    if (c.opset < 11) {
        rules.coordinates = "asymmetric";
        rules.nearest = "floor";
    }
    rules.coordinates = c.text("coordinate_transformation_mode", rules.coordinates);
    rules.nearest = c.text("nearest_mode", rules.nearest);
    rules.cubic_a = c.real("cubic_coeff_a", -0.75F);
    rules.outside_value = c.real("extrapolation_value", 0.0F);
    rules.exclude_outside = c.integer("exclude_outside", 0) != 0;
    if (rules.mode != "nearest" && rules.mode != "linear" && rules.mode != "cubic")
        return c.unsupported("mode '" + rules.mode + "'");
    for (const char* known : {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
                              "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric"})
        if (rules.coordinates == known) return rules;
    return c.unsupported("coordinate_transformation_mode '" + rules.coordinates + "'");
}

/// The values of an operand for each axis, with a default for those that `axes` (opset 18) leaves out.
template <class T>
[[nodiscard]] result<std::vector<T>> per_axis(const call& c, const std::vector<T>& given, std::vector<T> all) {
    const auto axes = c.integers("axes");
    if (!axes) {
        if (given.size() != all.size())
            return c.bad_shape(std::to_string(given.size()) + " values for " + std::to_string(all.size()) +
                               " axes");
        return given;
    }
    if (given.size() != axes->size())
        return c.bad_shape(std::to_string(given.size()) + " values for " + std::to_string(axes->size()) +
                           " axes");
    for (std::size_t i = 0; i < axes->size(); ++i) {
        DISPART_TRY(const auto axis, c.axis_index((*axes)[i], all.size()));
        all[axis] = given[i];
    }
    return all;
}

}  // namespace detail

/// Resize by scales or sizes: nearest, linear, cubic; every coordinate mode of opsets 10 to 19. No antialiasing.
template <class = void>
[[nodiscard]] outcome resize_kernel(const call& c) {
    if (c.integer("antialias", 0) != 0) return c.unsupported("antialias");
    if (const auto policy = c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch")
        return c.unsupported("keep_aspect_ratio_policy '" + policy + "'");
    DISPART_TRY(const auto rules, detail::read_rules(c));
    const auto& dims = c.in[0].dims();
    const std::size_t scales_at = c.opset < 11 ? 1 : 2;
    const bool has_scales = c.has(scales_at) && c.in[scales_at].size() > 0;
    const bool crops = rules.coordinates == "tf_crop_and_resize";
    std::vector<float> roi(2 * dims.size(), 0.0F);
    std::fill(roi.begin() + static_cast<std::ptrdiff_t>(dims.size()), roi.end(), 1.0F);
    if (crops) {
        if (!c.has(1) || c.has_attr("axes"))
            return c.unsupported("tf_crop_and_resize without roi, or with axes");
        DISPART_TRY(roi, detail::read_floats(c, 1));
        if (roi.size() != 2 * dims.size())
            return c.bad_shape("roi has " + std::to_string(roi.size()) + " values");
    }
    std::vector<detail::resize_request> requests;
    if (has_scales) {
        DISPART_TRY(const auto given, detail::read_floats(c, scales_at));
        DISPART_TRY(const auto scales, detail::per_axis(c, given, std::vector<float>(dims.size(), 1.0F)));
        DISPART_TRY(requests, detail::requests_from_scales(c, scales));
    } else if (c.has(3)) {
        DISPART_TRY(const auto given, c.integer_list(3));
        DISPART_TRY(const auto sizes, detail::per_axis(c, given, dims));
        for (std::size_t i = 0; i < dims.size(); ++i)
            requests.push_back(
                {dims[i], sizes[i],
                 dims[i] > 0 ? static_cast<float>(sizes[i]) / static_cast<float>(dims[i]) : 1.0F});
    } else {
        return c.fail(errc::invalid_model, "neither scales nor sizes");
    }
    for (std::size_t i = 0; i < dims.size(); ++i) {
        requests[i].roi_begin = roi[i];
        requests[i].roi_end = roi[dims.size() + i];
        if (crops && has_scales)
            requests[i].out =
                detail::scaled_extent(dims[i], (roi[dims.size() + i] - roi[i]) * requests[i].scale);
    }
    return detail::resize(c, rules, requests);
}

template <class = void>
inline constexpr auto resize_rows = std::to_array<kernel_row>({
    {"Resize", resize_kernel<>, 1, 4},
    {"Upsample", upsample_kernel<>, 1, 2},
});

}  // namespace dispart::kernels
