#pragma once
/// \file
/// Operators whose result does not depend on elements of activations: Constant, Shape, Range, ...

#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

/// One result whose elements are known.
[[nodiscard]] inline std::vector<inferred> one_value(tensor value) {
    auto list = one(value.type(), value.dims());
    list[0].value = std::move(value);
    return list;
}

/// The value is in the one attribute that is set: a tensor, numbers or a number.
[[nodiscard]] inline inferred_list infer_constant(const op_context& c) {
    for (const auto& [name, value] : c.self.attrs) {
        if (name.rfind("value", 0) != 0) continue;
        if (const auto* whole = std::get_if<tensor>(&value); whole != nullptr && whole->has_value())
            return one_value(*whole);
        if (const auto* i = std::get_if<std::int64_t>(&value))
            return one_value(tensor::of({}, std::vector{*i}));
        if (const auto* f = std::get_if<float>(&value)) return one_value(tensor::of({}, std::vector{*f}));
        if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
            return one_value(tensor::of({static_cast<std::int64_t>(list->size())}, *list));
        if (const auto* list = std::get_if<std::vector<float>>(&value))
            return one_value(tensor::of({static_cast<std::int64_t>(list->size())}, *list));
    }
    return c.fail(errc::unsupported, "no value attribute of a type that is handled");
}

[[nodiscard]] inline inferred_list infer_constant_of_shape(const op_context& c) {
    DISPART_TRY(auto dims, need_integers(c, 0));
    const auto value = get_or<tensor>(c.self.attrs, "value", {});
    if (value.has_value() && value.size() != 1)
        return c.bad_shape("the value has " + std::to_string(value.size()) + " elements");
    return one(value.has_value() ? value.type() : dtype::f32, std::move(dims));
}

/// The extents `start` to `end` (opset 15) of the operand, as a constant.
[[nodiscard]] inline inferred_list infer_shape(const op_context& c) {
    const auto& x = c.dims(0);
    const auto rank = static_cast<std::int64_t>(x.size());
    const auto bound = [&](std::int64_t at) {
        return std::clamp<std::int64_t>(at < 0 ? plus(at, rank) : at, 0, rank);
    };
    const auto begin = bound(c.integer("start", 0));
    const auto end = std::max(begin, bound(c.integer("end", rank)));
    return one_value(tensor::of({end - begin}, std::vector<std::int64_t>(x.begin() + begin, x.begin() + end)));
}

[[nodiscard]] inline inferred_list infer_size(const op_context& c) {
    return one_value(tensor::of({}, std::vector<std::int64_t>{elements(c.dims(0))}));
}

[[nodiscard]] inline inferred_list infer_range(const op_context& c) {
    std::array<double, 3> ends{};
    for (std::size_t i = 0; i < 3; ++i) {
        DISPART_TRY(const auto list, need_numbers(c, i));
        if (list.size() != 1) return c.bad_shape("a bound is not one number");
        ends[i] = list[0];
    }
    const auto extent = whole_extent(std::max(0.0, std::ceil((ends[1] - ends[0]) / ends[2])));
    if (ends[2] == 0.0 || !extent) return c.bad_shape("the range has no end");
    return one(c.type(0), {*extent});
}

[[nodiscard]] inline inferred_list infer_eye_like(const op_context& c) {
    if (c.rank(0) != 2) return c.bad_shape("data " + to_string(c.dims(0)) + " is no matrix");
    const auto type = c.has_attr("dtype") ? dtype_from_onnx(c.integer("dtype", 0)) : std::optional(c.type(0));
    if (!type) return c.fail(errc::unsupported, "the element type is not handled");
    return one(*type, c.dims(0));
}

inline constexpr auto generation_operators = std::to_array<operator_spec>({
    {"Constant", 0, 0, infer_constant, no_flops},
    {"ConstantOfShape", 1, 1, infer_constant_of_shape, no_flops},
    {"EyeLike", 1, 1, infer_eye_like, no_flops},
    {"Range", 3, 3, infer_range, no_flops},
    {"Shape", 1, 1, infer_shape, no_flops},
    {"Size", 1, 1, infer_size, no_flops},
});

}  // namespace dispart::detail
