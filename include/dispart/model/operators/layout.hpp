#pragma once
/// \file
/// Operators that give the same elements another shape or order, or repeat them.

#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

/// 0 copies an extent (unless `allowzero`), one -1 takes what is left.
[[nodiscard]] inline result<shape> reshape_dims(const op_context& c, shape target) {
    const auto& from = c.dims(0);
    const bool keep_zero = c.opset >= 14 && c.integer("allowzero", 0) != 0;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] == 0 && !keep_zero) {
            if (i >= from.size())
                return c.bad_shape("a 0 in " + to_string(target) + " has no extent to copy");
            target[i] = from[i];
        } else if (target[i] == -1) {
            if (open) return c.bad_shape("more than one -1");
            open = i;
            target[i] = 1;
        } else if (target[i] < 0) {
            return c.bad_shape("an extent of " + std::to_string(target[i]));
        }
    }
    const auto checked = checked_elements(target);
    if (!checked) return c.bad_shape("the target " + to_string(target) + ": " + checked.error().message);
    const auto known = *checked;
    const auto total = elements(from);
    if (open) {
        if (known == 0 || total % known != 0)
            return c.bad_shape(to_string(from) + " does not divide into " + to_string(target) + " and a rest");
        target[*open] = total / known;
    } else if (known != total) {
        return c.bad_shape(to_string(from) + " has not the elements of " + to_string(target));
    }
    return target;
}

[[nodiscard]] inline inferred_list infer_reshape(const op_context& c) {
    auto target = c.integers("shape");
    if (c.opset >= 5 || c.has(1)) {
        if (!c.has(1)) return c.fail(errc::invalid_model, "the shape operand is missing");
        DISPART_TRY(target, need_integers(c, 1));
    }
    if (!target) return c.bad_shape("the shape attribute is missing");
    DISPART_TRY(auto dims, reshape_dims(c, std::move(*target)));
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_flatten(const op_context& c) {
    const auto& x = c.dims(0);
    const auto rank = static_cast<std::int64_t>(x.size());
    auto axis = c.integer("axis", 1);
    if (axis < -rank || axis > rank)
        return c.bad_shape("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
    if (axis < 0) axis += rank;
    const std::span<const std::int64_t> all(x);
    const auto split = static_cast<std::size_t>(axis);
    return one(c.type(0), {elements(all.first(split)), elements(all.subspan(split))});
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an operand since; nothing where absent.
[[nodiscard]] inline result<std::optional<std::vector<std::int64_t>>> squeeze_axes(const op_context& c) {
    if (!c.has(1)) return c.integers("axes");
    DISPART_TRY(auto axes, need_integers(c, 1));
    return std::optional(std::move(axes));
}

[[nodiscard]] inline inferred_list infer_squeeze(const op_context& c) {
    const auto& x = c.dims(0);
    DISPART_TRY(const auto axes, squeeze_axes(c));
    std::vector<bool> drop(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) drop[i] = x[i] == 1;
    if (axes) {
        DISPART_TRY(drop, axis_mask(c, *axes, x.size()));
    }
    shape dims;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (!drop[i]) dims.push_back(x[i]);
        else if (x[i] != 1)
            return c.bad_shape("axis " + std::to_string(i) + " of " + to_string(x) + " is not 1");
    }
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_unsqueeze(const op_context& c) {
    DISPART_TRY(const auto axes, squeeze_axes(c));
    if (!axes) return c.bad_shape("axes are missing");
    if (axes->size() > max_rank) return c.bad_shape("too many axes");
    DISPART_TRY(const auto added, axis_mask(c, *axes, c.rank(0) + axes->size()));
    shape dims;
    std::size_t next = 0;
    for (const bool is_new : added) dims.push_back(is_new ? 1 : c.dims(0)[next++]);
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_transpose(const op_context& c) {
    const auto& x = c.dims(0);
    auto order = c.integers("perm");
    if (!order) {
        order.emplace();
        for (std::size_t i = x.size(); i > 0; --i) order->push_back(static_cast<std::int64_t>(i - 1));
    }
    if (order->size() != x.size()) return c.bad_shape("perm " + to_string(*order) + " for " + to_string(x));
    DISPART_CHECK(axis_mask(c, *order, x.size()));
    shape dims;
    for (const auto axis : *order) dims.push_back(x[*normal_axis(axis, x.size())]);
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_expand(const op_context& c) {
    DISPART_TRY(const auto target, need_integers(c, 1));
    DISPART_TRY(auto dims, broadcast(c, c.dims(0), target));
    return one(c.type(0), std::move(dims));
}

/// Tile-1 repeats one axis, Tile-6 every axis.
[[nodiscard]] inline inferred_list infer_tile(const op_context& c) {
    shape dims = c.dims(0);
    DISPART_TRY(const auto repeats, need_integers(c, 1));
    if (c.opset < 6 && c.has(2)) {
        DISPART_TRY(const auto axis, need_integers(c, 2));
        if (axis.size() != 1 || repeats.size() != 1 || !normal_axis(axis[0], dims.size()) || repeats[0] < 0)
            return c.bad_shape("tiles and axis do not fit " + to_string(dims));
        auto& extent = dims[*normal_axis(axis[0], dims.size())];
        extent = times(extent, repeats[0]);
        return one(c.type(0), std::move(dims));
    }
    if (repeats.size() != dims.size())
        return c.bad_shape(std::to_string(repeats.size()) + " repeats for " + to_string(dims));
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (repeats[i] < 0) return c.bad_shape("a repeat of " + std::to_string(repeats[i]));
        dims[i] = times(dims[i], repeats[i]);
    }
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_depth_to_space(const op_context& c) {
    const auto& x = c.dims(0);
    const auto block = c.integer("blocksize", 0);
    if (x.size() != 4 || block < 1 || x[1] % times(block, block) != 0)
        return c.bad_shape("blocksize " + std::to_string(block) + " does not divide the channels of " +
                           to_string(x));
    return one(c.type(0), {x[0], x[1] / times(block, block), times(x[2], block), times(x[3], block)});
}

[[nodiscard]] inline inferred_list infer_space_to_depth(const op_context& c) {
    const auto& x = c.dims(0);
    const auto block = c.integer("blocksize", 0);
    if (x.size() != 4 || block < 1 || x[2] % block != 0 || x[3] % block != 0)
        return c.bad_shape("blocksize " + std::to_string(block) + " does not divide the extents of " +
                           to_string(x));
    return one(c.type(0), {x[0], times(x[1], times(block, block)), x[2] / block, x[3] / block});
}

inline constexpr auto layout_operators = std::to_array<operator_spec>({
    {"DepthToSpace", 1, 1, infer_depth_to_space, no_flops},
    {"Expand", 2, 2, infer_expand, no_flops},
    {"Flatten", 1, 1, infer_flatten, no_flops},
    {"Reshape", 1, 2, infer_reshape, no_flops},
    {"SpaceToDepth", 1, 1, infer_space_to_depth, no_flops},
    {"Squeeze", 1, 2, infer_squeeze, no_flops},
    {"Tile", 2, 3, infer_tile, no_flops},
    {"Transpose", 1, 1, infer_transpose, no_flops},
    {"Unsqueeze", 1, 2, infer_unsqueeze, no_flops},
});

}  // namespace dispart::detail
