#pragma once
/// \file
/// Operators about shapes: Shape, Reshape, Squeeze, Constant, Range, ...

#include <cmath>

#include "dispart/model/onnx_types.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

/// Shape, from axis `start` to before axis `end` (opset 15).
template <class = void>
[[nodiscard]] outcome shape_kernel(const call& c) {
    const auto& dims = c.in[0].dims();
    const auto rank = static_cast<std::int64_t>(dims.size());
    const auto bound = [&](std::string_view name, std::int64_t fallback) {
        const auto value = c.integer(name, fallback);
        return std::clamp<std::int64_t>(value < 0 ? dispart::detail::plus(value, rank) : value, 0, rank);
    };
    const auto first = bound("start", 0);
    const auto last = std::max(first, bound("end", rank));
    const shape part(dims.begin() + first, dims.begin() + last);
    return one(tensor::of<std::int64_t>({last - first}, part));
}
/// Size: the number of elements, as a scalar.
template <class = void>
[[nodiscard]] outcome size_kernel(const call& c) {
    return one(tensor::of<std::int64_t>({}, std::vector{static_cast<std::int64_t>(c.in[0].size())}));
}

/// The same elements under another shape. Errors: shape_mismatch (another number of elements).
[[nodiscard]] inline outcome reshaped(const call& c, shape dims) {
    const auto count = checked_elements(dims);
    if (!count || static_cast<std::size_t>(*count) != c.in[0].size() || dims.size() > max_axes)
        return c.bad_shape(to_string(c.in[0].dims()) + " cannot become " + to_string(dims));
    return one(c.in[0].reshaped(std::move(dims)));
}

/// Reshape: the shape is an attribute before opset 5; 0 keeps an extent (unless `allowzero`), -1 takes what is left.
template <class = void>
[[nodiscard]] outcome reshape_kernel(const call& c) {
    shape dims;
    if (c.has(1)) {
        DISPART_TRY(dims, c.integer_list(1));
    } else if (const auto stated = c.integers("shape")) {
        dims = *stated;
    } else {
        return c.fail(errc::invalid_model, "the shape is missing");
    }
    const auto& from = c.in[0].dims();
    const bool keep_zero = c.integer("allowzero", 0) != 0;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == 0 && !keep_zero) {
            if (i >= from.size()) return c.bad_shape("no extent to keep at axis " + std::to_string(i));
            dims[i] = from[i];
        } else if (dims[i] == -1 && !open) {
            open = i;
        } else if (dims[i] < 0) {
            return c.bad_shape("cannot reshape to " + to_string(dims));
        }
    }
    if (open) {
        dims[*open] = 1;
        DISPART_TRY(const auto rest, checked_elements(dims));
        dims[*open] = rest == 0 ? 0 : static_cast<std::int64_t>(c.in[0].size()) / rest;
    }
    return reshaped(c, std::move(dims));
}

/// Flatten: two axes, divided before `axis`.
template <class = void>
[[nodiscard]] outcome flatten_kernel(const call& c) {
    const auto& dims = c.in[0].dims();
    const auto rank = static_cast<std::int64_t>(dims.size());
    auto axis = c.integer("axis", 1);
    if (axis < 0) axis = dispart::detail::plus(axis, rank);
    if (axis < 0 || axis > rank)
        return c.bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
    const auto cut = static_cast<std::size_t>(axis);
    return reshaped(c, {extent(dims, 0, cut), extent(dims, cut, dims.size())});
}

namespace detail {
/// Axes from the second operand (opset 13) or the attribute, or nothing.
[[nodiscard]] inline result<std::optional<std::vector<std::int64_t>>> stated_axes(const call& c) {
    if (!c.has(1)) return c.integers("axes");
    DISPART_TRY(auto list, c.integer_list(1));
    return std::optional(std::move(list));
}
/// Which of `rank` axes are listed. Errors: shape_mismatch (outside, twice).
[[nodiscard]] inline result<std::vector<bool>> axis_mask(const call& c, std::span<const std::int64_t> axes,
                                                         std::size_t rank) {
    std::vector<bool> mask(rank, false);
    for (const auto axis : axes) {
        DISPART_TRY(const auto index, c.axis_index(axis, rank));
        if (mask[index]) return c.bad_shape("axis " + std::to_string(axis) + " is listed twice");
        mask[index] = true;
    }
    return mask;
}
}  // namespace detail

/// Squeeze: without axes every extent of 1 goes.
template <class = void>
[[nodiscard]] outcome squeeze_kernel(const call& c) {
    const auto& dims = c.in[0].dims();
    DISPART_TRY(const auto axes, detail::stated_axes(c));
    DISPART_TRY(const auto mask,
                detail::axis_mask(c, axes.value_or(std::vector<std::int64_t>{}), dims.size()));
    shape out;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (mask[i] && dims[i] != 1)
            return c.bad_shape("axis " + std::to_string(i) + " of " + to_string(dims) + " is not 1");
        if (axes ? !mask[i] : dims[i] != 1) out.push_back(dims[i]);
    }
    return reshaped(c, std::move(out));
}

/// Unsqueeze: axes count in the result.
template <class = void>
[[nodiscard]] outcome unsqueeze_kernel(const call& c) {
    const auto& dims = c.in[0].dims();
    DISPART_TRY(const auto axes, detail::stated_axes(c));
    if (!axes) return c.fail(errc::invalid_model, "axes are missing");
    if (axes->size() > max_axes) return c.bad_shape("too many axes");
    DISPART_TRY(const auto mask, detail::axis_mask(c, *axes, dims.size() + axes->size()));
    shape out;
    for (std::size_t i = 0, from = 0; i < mask.size(); ++i) out.push_back(mask[i] ? 1 : dims[from++]);
    return reshaped(c, std::move(out));
}

/// Constant: the value is one of several attributes.
template <class = void>
[[nodiscard]] outcome constant_kernel(const call& c) {
    const auto& attrs = c.node.attrs;
    if (const auto found = attrs.find("value"); found != attrs.end())
        if (const auto* value = std::get_if<tensor>(&found->second); value != nullptr && value->has_value())
            return one(*value);
    if (const auto found = attrs.find("value_float"); found != attrs.end())
        return one(tensor::of<float>({}, std::vector{c.real("value_float", 0.0F)}));
    if (const auto found = attrs.find("value_int"); found != attrs.end())
        return one(tensor::of<std::int64_t>({}, std::vector{c.integer("value_int", 0)}));
    if (const auto found = attrs.find("value_floats"); found != attrs.end()) {
        const auto list = get_or<std::vector<float>>(attrs, "value_floats", {});
        return one(tensor::of({static_cast<std::int64_t>(list.size())}, list));
    }
    if (const auto list = c.integers("value_ints"))
        return one(tensor::of({static_cast<std::int64_t>(list->size())}, *list));
    return c.unsupported("a value that is not a tensor of numbers");
}

/// ConstantOfShape: one value everywhere, f32 zero by default.
template <class = void>
[[nodiscard]] outcome constant_of_shape_kernel(const call& c) {
    DISPART_TRY(auto dims, c.integer_list(0));
    const auto value = get_or<tensor>(c.node.attrs, "value", tensor{});
    if (!value.has_value()) {
        DISPART_TRY(tensor zeros, c.make_zero(dtype::f32, std::move(dims)));
        return one(std::move(zeros));
    }
    if (value.size() != 1) return c.bad_shape("value has " + std::to_string(value.size()) + " elements");
    DISPART_TRY(tensor filled, c.make(value.type(), std::move(dims)));
    const auto width = size_of(value.type());
    for (std::size_t i = 0, n = filled.size(); i < n; ++i)
        std::memcpy(filled.bytes().data() + i * width, value.bytes().data(), width);
    return one(std::move(filled));
}

/// Range: start, limit, delta are scalars of one type.
template <class = void>
[[nodiscard]] outcome range_kernel(const call& c) {
    for (std::size_t i = 0; i < 3; ++i) {
        DISPART_CHECK(c.same_type(0, i));
        if (c.in[i].size() != 1) return c.bad_shape("operand " + std::to_string(i) + " is not one value");
    }
    outcome made;
    using types = type_list<float, double, std::int16_t, std::int32_t, std::int64_t>;
    const bool known = visit_type(types{}, c.in[0].type(), [&]<class T>(std::type_identity<T>) {
        const T start = c.in[0].data<T>()[0];
        const T delta = c.in[2].data<T>()[0];
        const double span = static_cast<double>(c.in[1].data<T>()[0]) - static_cast<double>(start);
        const double count = std::ceil(span / static_cast<double>(delta));
        if (!(count <= 1e10) || delta == T{0}) {
            made = c.bad_shape("delta does not reach the limit");
            return;
        }
        auto list = c.make(c.in[0].type(), {count > 0 ? static_cast<std::int64_t>(count) : 0});
        if (!list) {
            made = tl::unexpected<error>(list.error());
            return;
        }
        T* to = list->template data<T>().data();
        for (std::size_t i = 0; i < list->size(); ++i)
            to[i] = wrap_add(start, wrap_multiply(static_cast<T>(i), delta));
        made = one(std::move(*list));
    });
    if (!known) return c.bad_type(0);
    return made;
}

namespace detail {
/// Writes 1, of whatever type, at an element.
template <class = void>
void put_one(tensor& t, std::size_t at) {
    visit_type(type_list<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                         std::uint16_t, std::uint32_t, std::uint64_t, bool>{},
               t.type(), [&]<class T>(std::type_identity<T>) { t.data<T>()[at] = T{1}; });
}
}  // namespace detail

/// EyeLike: ones on the k-th diagonal.
template <class = void>
[[nodiscard]] outcome eye_like_kernel(const call& c) {
    const auto& dims = c.in[0].dims();
    if (dims.size() != 2) return c.bad_shape(to_string(dims) + " is not a matrix");
    auto type = std::optional(c.in[0].type());
    if (c.has_attr("dtype")) type = dtype_from_onnx(c.integer("dtype", 0));
    if (!type || *type == dtype::f16 || *type == dtype::bf16) return c.unsupported("element type");
    DISPART_TRY(tensor eye, c.make_zero(*type, dims));
    const auto k = c.integer("k", 0);
    for (std::int64_t i = 0; i < dims[0]; ++i) {
        const auto j = dispart::detail::plus(i, k);
        if (j >= 0 && j < dims[1]) detail::put_one(eye, static_cast<std::size_t>(i * dims[1] + j));
    }
    return one(std::move(eye));
}

template <class = void>
inline constexpr auto shape_rows = std::to_array<kernel_row>({
    {"Constant", constant_kernel<>, 0, 0, halves::as_is},
    {"ConstantOfShape", constant_of_shape_kernel<>, 1, 1, halves::as_is},
    {"EyeLike", eye_like_kernel<>, 1, 1, halves::as_is},
    {"Flatten", flatten_kernel<>, 1, 1, halves::as_is},
    {"Range", range_kernel<>, 3, 3},
    {"Reshape", reshape_kernel<>, 1, 2, halves::as_is},
    {"Shape", shape_kernel<>, 1, 1, halves::as_is},
    {"Size", size_kernel<>, 1, 1, halves::as_is},
    {"Squeeze", squeeze_kernel<>, 1, 2, halves::as_is},
    {"Unsqueeze", unsqueeze_kernel<>, 1, 2, halves::as_is},
});

}  // namespace dispart::kernels
