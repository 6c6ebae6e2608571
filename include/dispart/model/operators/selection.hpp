#pragma once
/// \file
/// Operators that join, cut, pad and index: Concat, Split, Slice, Pad, Gather*, Scatter*, TopK, ...

#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

[[nodiscard]] inline inferred_list infer_concat(const op_context& c) {
    if (c.opset >= 4 && !c.has_attr("axis")) return c.bad_shape("the axis is missing");
    DISPART_TRY(const auto axis, need_axis(c, 1, c.rank(0)));
    shape dims = c.dims(0);
    for (std::size_t i = 1; i < c.inputs.size(); ++i) {
        if (!c.has(i)) return c.fail(errc::invalid_model, "an operand is absent");
        DISPART_CHECK(same_type(c, 0, i));
        auto other = c.dims(i);
        if (other.size() != dims.size())
            return c.bad_shape(to_string(c.dims(0)) + " and " + to_string(other) + " do not join");
        const auto extent = std::exchange(other[axis], dims[axis]);
        if (other != dims)
            return c.bad_shape(to_string(c.dims(0)) + " and " + to_string(c.dims(i)) +
                               " do not join along axis " + std::to_string(axis));
        dims[axis] = plus(dims[axis], extent);
    }
    return one(c.type(0), std::move(dims));
}

/// Extents of Split's results along its axis: stated (attribute, or operand before opset 2 and since 13), or equal
/// shares, the last one smaller since opset 18.
[[nodiscard]] inline result<std::vector<std::int64_t>> split_extents(const op_context& c, std::int64_t extent) {
    auto parts = c.integers("split");
    if (c.has(1)) {
        DISPART_TRY(parts, need_integers(c, 1));
    }
    const auto n = static_cast<std::int64_t>(c.self.outputs.size());
    if (!parts) {
        if (n == 0) return c.bad_shape("no results to split into");
        const auto stated = c.integer("num_outputs", n);
        if (stated != n)
            return c.bad_shape("num_outputs is " + std::to_string(stated) + " for " + std::to_string(n) +
                               " results");
        if (extent % n != 0 && c.opset < 18)
            return c.bad_shape("an extent of " + std::to_string(extent) + " does not divide by " +
                               std::to_string(n));
        const auto share = ceil_div(extent, n);
        parts.emplace(static_cast<std::size_t>(n), share);
        parts->back() = minus(extent, times(share, n - 1));
    }
    std::int64_t sum = 0;
    for (const auto part : *parts) {
        if (part < 0) return c.bad_shape("a part of " + std::to_string(part));
        sum = plus(sum, part);
    }
    if (sum != extent || parts->size() != c.self.outputs.size())
        return c.bad_shape("parts " + to_string(*parts) + " of an extent of " + std::to_string(extent) +
                           " for " + std::to_string(n) + " results");
    return std::move(*parts);
}

[[nodiscard]] inline inferred_list infer_split(const op_context& c) {
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    DISPART_TRY(const auto parts, split_extents(c, c.dims(0)[axis]));
    std::vector<inferred> list;
    for (const auto part : parts) {
        auto dims = c.dims(0);
        dims[axis] = part;
        list.push_back({.type = c.type(0), .dims = std::move(dims)});
    }
    return list;
}

}  // namespace dispart::detail

namespace dispart {

/// One entry per axis of the operand: elements begin, begin + step, ... ; `count` of them.
struct slice_range {
    std::int64_t begin = 0;
    std::int64_t step = 1;
    std::int64_t count = 0;
};

/// The ranges of a Slice at any opset, clamped as ONNX says. Errors: shape_mismatch, unsupported (not constant).
[[nodiscard]] inline result<std::vector<slice_range>> slice_ranges(const op_context& c) {
    using list = std::vector<std::int64_t>;
    const auto& x = c.dims(0);
    std::optional<list> begins = c.integers("starts"), ends = c.integers("ends"), axes = c.integers("axes"),
                        steps;
    if (c.opset >= 10) {
        for (const std::size_t i : {1U, 2U})
            if (!c.has(i)) return c.fail(errc::invalid_model, "starts or ends are missing");
        DISPART_TRY(begins, detail::need_integers(c, 1));
        DISPART_TRY(ends, detail::need_integers(c, 2));
        axes.reset();
        if (c.has(3)) {
            DISPART_TRY(axes, detail::need_integers(c, 3));
        }
        if (c.has(4)) {
            DISPART_TRY(steps, detail::need_integers(c, 4));
        }
    }
    if (!begins || !ends) return c.bad_shape("starts or ends are missing");
    if (!axes) {
        axes.emplace();
        for (std::size_t i = 0; i < begins->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
    }
    if (!steps) steps.emplace(begins->size(), 1);
    if (ends->size() != begins->size() || axes->size() != begins->size() || steps->size() != begins->size())
        return c.bad_shape("starts, ends, axes and steps differ in length");
    DISPART_CHECK(detail::axis_mask(c, *axes, x.size()));
    std::vector<slice_range> ranges(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) ranges[i].count = x[i];
    for (std::size_t i = 0; i < axes->size(); ++i) {
        const auto axis = *detail::normal_axis((*axes)[i], x.size());
        const auto extent = x[axis];
        const auto step = detail::clamp_extent((*steps)[i]);
        if (step == 0) return c.bad_shape("a step of 0");
        const auto from_end = [&](std::int64_t at) { return at < 0 ? detail::plus(at, extent) : at; };
        const auto low = step > 0 ? 0 : -1;
        const auto high = step > 0 ? extent : extent - 1;
        const auto begin =
            std::clamp<std::int64_t>(from_end((*begins)[i]), 0, std::max<std::int64_t>(high, 0));
        const auto end =
            std::clamp<std::int64_t>(from_end((*ends)[i]), low, std::max<std::int64_t>(high, low));
        const auto length = step > 0 ? end - begin : begin - end;
        ranges[axis] = {begin, step,
                        extent == 0 || length <= 0 ? 0 : detail::ceil_div(length, step > 0 ? step : -step)};
    }
    return ranges;
}

/// Elements added (or, negative, removed) before and after each axis by a Pad at any opset.
struct pad_amounts {
    std::vector<std::int64_t> begin{};
    std::vector<std::int64_t> end{};
};

/// The amounts of a Pad. Errors: shape_mismatch, unsupported (not constant).
[[nodiscard]] inline result<pad_amounts> padding_of(const op_context& c) {
    const auto rank = c.rank(0);
    auto pads = c.integers(c.opset < 2 ? "paddings" : "pads");
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
    if (c.opset >= 11) {
        if (!c.has(1)) return c.fail(errc::invalid_model, "the pads operand is missing");
        DISPART_TRY(pads, detail::need_integers(c, 1));
        if (c.has(3)) {
            DISPART_TRY(axes, detail::need_integers(c, 3));
        }
    }
    DISPART_CHECK(detail::axis_mask(c, axes, rank));
    if (!pads || pads->size() != 2 * axes.size()) return c.bad_shape("pads need two entries per axis");
    pad_amounts amounts{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = *detail::normal_axis(axes[i], rank);
        amounts.begin[axis] = detail::clamp_extent((*pads)[i]);
        amounts.end[axis] = detail::clamp_extent((*pads)[i + axes.size()]);
    }
    return amounts;
}

namespace detail {

[[nodiscard]] inline inferred_list infer_slice(const op_context& c) {
    DISPART_TRY(const auto ranges, slice_ranges(c));
    shape dims;
    for (const auto& range : ranges) dims.push_back(range.count);
    return one(c.type(0), std::move(dims));
}

/// `reflect` needs an axis longer than its pads, `edge` and `wrap` one that is not empty.
[[nodiscard]] inline inferred_list infer_pad(const op_context& c) {
    DISPART_TRY(const auto amounts, padding_of(c));
    const auto mode = c.text("mode", "constant");
    if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
        return c.fail(errc::unsupported, "mode '" + mode + "' is unknown");
    shape dims = c.dims(0);
    for (std::size_t i = 0; i < dims.size(); ++i) {
        const auto most = std::max(amounts.begin[i], amounts.end[i]);
        if ((mode == "reflect" && most > 0 && most >= dims[i]) ||
            (mode != "constant" && most > 0 && dims[i] == 0))
            return c.bad_shape("pads of " + std::to_string(most) + " do not fit an extent of " +
                               std::to_string(dims[i]));
        dims[i] = plus(plus(dims[i], amounts.begin[i]), amounts.end[i]);
        if (dims[i] < 0) return c.bad_shape("pads leave an extent of " + std::to_string(dims[i]));
    }
    return one(c.type(0), std::move(dims));
}

/// Indices are of an integer type. Errors: invalid_model.
[[nodiscard]] inline result<void> need_index_type(const op_context& c, std::size_t i) {
    if (c.type(i) == dtype::i64 || c.type(i) == dtype::i32) return {};
    return c.fail(errc::invalid_model, "indices are of type " + std::string(to_string(c.type(i))));
}

[[nodiscard]] inline inferred_list infer_gather(const op_context& c) {
    DISPART_CHECK(need_index_type(c, 1));
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    shape dims = c.dims(0);
    const auto at = dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    dims.insert(at, c.dims(1).begin(), c.dims(1).end());
    return one(c.type(0), std::move(dims));
}

/// Every extent of operand i but the axis's is at most that of the data. Errors: shape_mismatch.
[[nodiscard]] inline result<void> fits_beside_axis(const op_context& c, std::size_t i, std::size_t axis) {
    if (c.rank(i) != c.rank(0))
        return c.bad_shape("indices " + to_string(c.dims(i)) + " for data " + to_string(c.dims(0)));
    for (std::size_t k = 0; k < c.rank(0); ++k)
        if (k != axis && c.dims(i)[k] > c.dims(0)[k])
            return c.bad_shape("indices " + to_string(c.dims(i)) + " for data " + to_string(c.dims(0)));
    return {};
}

[[nodiscard]] inline inferred_list infer_gather_elements(const op_context& c) {
    DISPART_CHECK(need_index_type(c, 1));
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    DISPART_CHECK(fits_beside_axis(c, 1, axis));
    return one(c.type(0), c.dims(1));
}

[[nodiscard]] inline inferred_list infer_scatter_elements(const op_context& c) {
    DISPART_CHECK(need_index_type(c, 1));
    DISPART_CHECK(same_type(c, 0, 2));
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    DISPART_CHECK(fits_beside_axis(c, 1, axis));
    if (c.dims(1) != c.dims(2))
        return c.bad_shape("indices " + to_string(c.dims(1)) + " for updates " + to_string(c.dims(2)));
    return infer_same(c);
}

[[nodiscard]] inline inferred_list infer_gather_nd(const op_context& c) {
    DISPART_CHECK(need_index_type(c, 1));
    const auto& x = c.dims(0);
    const auto& at = c.dims(1);
    const auto batch = c.integer("batch_dims", 0);
    const auto smaller = static_cast<std::int64_t>(std::min(x.size(), at.size()));
    if (at.empty() || batch < 0 || batch >= smaller)
        return c.bad_shape("batch_dims is " + std::to_string(batch));
    const auto b = static_cast<std::size_t>(batch);
    const auto tuple = at.back();
    if (tuple < 1 || tuple > static_cast<std::int64_t>(x.size() - b) ||
        !std::equal(x.begin(), x.begin() + batch, at.begin()))
        return c.bad_shape("indices " + to_string(at) + " for data " + to_string(x));
    shape dims(at.begin(), at.end() - 1);
    dims.insert(dims.end(), x.begin() + batch + tuple, x.end());
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_scatter_nd(const op_context& c) {
    DISPART_CHECK(need_index_type(c, 1));
    DISPART_CHECK(same_type(c, 0, 2));
    const auto& x = c.dims(0);
    const auto& at = c.dims(1);
    if (at.empty() || at.back() < 1 || at.back() > static_cast<std::int64_t>(x.size()))
        return c.bad_shape("indices " + to_string(at) + " for data " + to_string(x));
    shape updates(at.begin(), at.end() - 1);
    updates.insert(updates.end(), x.begin() + at.back(), x.end());
    if (updates != c.dims(2))
        return c.bad_shape("updates " + to_string(c.dims(2)) + " instead of " + to_string(updates));
    return infer_same(c);
}

/// Values and their indices along the axis; k is an attribute before opset 10.
[[nodiscard]] inline inferred_list infer_top_k(const op_context& c) {
    DISPART_TRY(const auto axis, need_axis(c, -1, c.rank(0)));
    auto k = c.integer("k", -1);
    if (c.opset >= 10) {
        if (!c.has(1)) return c.fail(errc::invalid_model, "the operand k is missing");
        DISPART_TRY(const auto list, need_integers(c, 1));
        k = list.size() == 1 ? list[0] : -1;
    }
    shape dims = c.dims(0);
    if (k < 0 || k > dims[axis]) return c.bad_shape("k is " + std::to_string(k) + " for " + to_string(dims));
    dims[axis] = k;
    auto list = one(c.type(0), dims);
    list.push_back({.type = dtype::i64, .dims = std::move(dims)});
    return list;
}

[[nodiscard]] inline inferred_list infer_one_hot(const op_context& c) {
    DISPART_TRY(const auto depth, need_numbers(c, 1));
    const auto extent = depth.size() == 1 ? whole_extent(depth[0]) : std::nullopt;
    if (!extent) return c.bad_shape("the depth is not one whole number");
    if (c.rank(2) != 1 || c.dims(2)[0] != 2)
        return c.bad_shape("values " + to_string(c.dims(2)) + " are not a pair");
    DISPART_TRY(const auto axis, need_axis(c, -1, c.rank(0) + 1));
    shape dims = c.dims(0);
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), *extent);
    return one(c.type(2), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_trilu(const op_context& c) {
    if (c.rank(0) < 2) return c.bad_shape("data " + to_string(c.dims(0)) + " is no matrix");
    return infer_same(c);
}

[[nodiscard]] inline inferred_list infer_cum_sum(const op_context& c) {
    if (elements(c.dims(1)) != 1) return c.bad_shape("the axis is not one number");
    return infer_same(c);
}

/// NonZero, Unique, NonMaxSuppression, ...: the elements decide the shape.
[[nodiscard]] inline inferred_list infer_data_dependent(const op_context& c) {
    return c.fail(errc::unsupported, "the result's shape depends on the data",
                  "only constant operands with an evaluator are handled; cut the model before this layer");
}

/// Compress with a constant condition.
[[nodiscard]] inline inferred_list infer_compress(const op_context& c) {
    if (c.type(1) != dtype::boolean || c.rank(1) != 1)
        return c.bad_shape("the condition is not a list of booleans");
    if (!c.inputs[1]->value.has_value()) return infer_data_dependent(c);
    const auto chosen = c.inputs[1]->value.data<bool>();
    if (!c.has_attr("axis")) {
        const auto limit = std::min<std::size_t>(chosen.size(), static_cast<std::size_t>(elements(c.dims(0))));
        return one(c.type(0),
                   {std::count(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(limit), true)});
    }
    DISPART_TRY(const auto axis, need_axis(c, 0, c.rank(0)));
    shape dims = c.dims(0);
    const auto limit = std::min<std::int64_t>(static_cast<std::int64_t>(chosen.size()), dims[axis]);
    dims[axis] = std::count(chosen.begin(), chosen.begin() + limit, true);
    return one(c.type(0), std::move(dims));
}

inline constexpr auto selection_operators = std::to_array<operator_spec>({
    {"Compress", 2, 2, infer_compress, no_flops},
    {"Concat", 1, any_number, infer_concat, no_flops},
    {"CumSum", 2, 2, infer_cum_sum, flops_per_output<1>},
    {"Gather", 2, 2, infer_gather, no_flops},
    {"GatherElements", 2, 2, infer_gather_elements, no_flops},
    {"GatherND", 2, 2, infer_gather_nd, no_flops},
    {"NonMaxSuppression", 2, 5, infer_data_dependent, no_flops},
    {"NonZero", 1, 1, infer_data_dependent, no_flops},
    {"OneHot", 3, 3, infer_one_hot, no_flops},
    {"Pad", 1, 4, infer_pad, no_flops},
    {"ReverseSequence", 2, 2, infer_same, no_flops},
    {"Scatter", 3, 3, infer_scatter_elements, no_flops},
    {"ScatterElements", 3, 3, infer_scatter_elements, no_flops},
    {"ScatterND", 3, 3, infer_scatter_nd, no_flops},
    {"Slice", 1, 5, infer_slice, no_flops},
    {"Split", 1, 2, infer_split, no_flops},
    {"TopK", 1, 2, infer_top_k, flops_per_input<1>},
    {"Trilu", 1, 2, infer_trilu, no_flops},
    {"Unique", 1, 1, infer_data_dependent, no_flops},
});

}  // namespace detail

}  // namespace dispart
