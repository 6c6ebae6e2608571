#pragma once
/// \file
/// Operators that move elements of any type by position: Concat, Split, Slice, Transpose, Pad, Tile, ...

#include <numeric>

#include "dispart/run/kernels/shape_ops.hpp"
#include "dispart/run/kernels/strides.hpp"

namespace dispart::kernels {

/// Concat along `axis` (1 by default before opset 4).
template <class = void>
[[nodiscard]] outcome concat_kernel(const call& c) {
    shape dims = c.in[0].dims();
    DISPART_TRY(const auto axis, c.axis(1, dims.size()));
    std::int64_t total = 0;
    for (std::size_t i = 0; i < c.in.size(); ++i) {
        if (!c.has(i)) return c.fail(errc::invalid_model, "operand " + std::to_string(i) + " is absent");
        DISPART_CHECK(c.same_type(0, i));
        shape other = c.in[i].dims();
        if (other.size() != dims.size())
            return c.bad_shape("operands of rank " + std::to_string(dims.size()) + " and " +
                               std::to_string(other.size()));
        total = dispart::detail::plus(total, std::exchange(other[axis], dims[axis]));
        if (other != dims)
            return c.bad_shape("operand " + std::to_string(i) + " of shape " + to_string(c.in[i].dims()) +
                               " beside " + to_string(dims));
    }
    dims[axis] = total;
    DISPART_TRY(tensor out, c.make(c.in[0].type(), dims));
    if (out.size() == 0) return one(std::move(out));
    const auto row = static_cast<std::size_t>(extent(dims, axis, dims.size())) * size_of(out.type());
    const auto outer = static_cast<std::size_t>(extent(dims, 0, axis));
    std::byte* to = out.bytes().data();
    for (const auto& part : c.in) {
        const std::size_t width = part.size_bytes() / outer;
        for (std::size_t o = 0; o < outer && width > 0; ++o)
            std::memcpy(to + o * row, part.bytes().data() + o * width, width);
        to += width;
    }
    return one(std::move(out));
}

namespace detail {
/// How long each piece of Split is: an operand (opset 13), an attribute, or even pieces of which the last may be shorter.
[[nodiscard]] inline result<std::vector<std::int64_t>> split_lengths(const call& c, std::int64_t extent_here) {
    if (c.has(1)) return c.integer_list(1);
    if (auto stated = c.integers("split")) return *stated;
    const auto asked = static_cast<std::int64_t>(c.node.outputs.size());
    const auto pieces = c.integer("num_outputs", asked);
    if (pieces < 1 || pieces > (std::int64_t{1} << 16))
        return c.fail(errc::invalid_model, std::to_string(pieces) + " pieces");
    if (extent_here % pieces != 0 && !c.has_attr("num_outputs"))
        return c.bad_shape("an extent of " + std::to_string(extent_here) + " in " + std::to_string(pieces) +
                           " even pieces");
    const auto length = (extent_here + pieces - 1) / pieces;
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(pieces), length);
    lengths.back() = extent_here - (pieces - 1) * length;
    return lengths;
}
}  // namespace detail

/// Split along `axis` into pieces.
template <class = void>
[[nodiscard]] outcome split_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    DISPART_TRY(const auto lengths, detail::split_lengths(c, x.dims()[axis]));
    std::int64_t total = 0;
    for (const auto length : lengths) {
        if (length < 0) return c.bad_shape("a piece of " + std::to_string(length));
        total = dispart::detail::plus(total, length);
    }
    if (total != x.dims()[axis])
        return c.bad_shape("pieces of " + std::to_string(total) + " in all from " + to_string(x.dims()));
    std::vector<tensor> list;
    const auto outer = static_cast<std::size_t>(extent(x.dims(), 0, axis));
    const std::size_t row = outer > 0 ? x.size_bytes() / outer : 0;
    const std::byte* from = x.bytes().data();
    for (const auto length : lengths) {
        shape dims = x.dims();
        dims[axis] = length;
        DISPART_TRY(tensor piece, c.make(x.type(), std::move(dims)));
        const std::size_t width = outer > 0 ? piece.size_bytes() / outer : 0;
        for (std::size_t o = 0; o < outer && width > 0; ++o)
            std::memcpy(piece.bytes().data() + o * width, from + o * row, width);
        from += width;
        list.push_back(std::move(piece));
    }
    return list;
}

namespace detail {
/// One axis of a slice: where it starts, how far it steps, how many elements it takes.
struct slice_axis {
    std::int64_t start = 0, step = 1, count = 0;
};
[[nodiscard]] inline slice_axis clamp_slice(std::int64_t start, std::int64_t end, std::int64_t step,
                                            std::int64_t extent_here) {
    if (start < 0) start = dispart::detail::plus(start, extent_here);
    if (end < 0) end = dispart::detail::plus(end, extent_here);
    if (step > 0) {
        start = std::clamp<std::int64_t>(start, 0, extent_here);
        end = std::clamp<std::int64_t>(end, 0, extent_here);
        return {start, step, end > start ? (end - start - 1) / step + 1 : 0};
    }
    start = std::clamp<std::int64_t>(start, -1, extent_here - 1);
    end = std::clamp<std::int64_t>(end, -1, extent_here - 1);
    return {start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

struct slice_lists {
    std::vector<std::int64_t> starts, ends, axes, steps;
};
/// Attributes before opset 10, operands from 10 on; axes default to the first ones, steps to 1.
[[nodiscard]] inline result<slice_lists> read_slice(const call& c) {
    slice_lists s;
    if (c.has(1)) {
        if (!c.has(2)) return c.fail(errc::invalid_model, "ends are missing");
        DISPART_TRY(s.starts, c.integer_list(1));
        DISPART_TRY(s.ends, c.integer_list(2));
    } else {
        s.starts = c.integers("starts").value_or(s.starts);
        s.ends = c.integers("ends").value_or(s.ends);
        if (const auto axes = c.integers("axes")) s.axes = *axes;
    }
    if (c.has(3)) {
        DISPART_TRY(s.axes, c.integer_list(3));
    }
    if (s.axes.empty()) {
        s.axes.resize(s.starts.size());
        std::iota(s.axes.begin(), s.axes.end(), 0);
    }
    s.steps.assign(s.starts.size(), 1);
    if (c.has(4)) {
        DISPART_TRY(s.steps, c.integer_list(4));
    }
    const auto n = s.starts.size();
    if (s.ends.size() != n || s.axes.size() != n || s.steps.size() != n)
        return c.bad_shape("starts, ends, axes and steps differ in length");
    return s;
}
}  // namespace detail

/// Slice, with negative steps too.
template <class = void>
[[nodiscard]] outcome slice_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto s, detail::read_slice(c));
    shape dims = x.dims();
    auto steps = dense_strides(x.dims());
    std::int64_t start = 0;
    std::vector<bool> seen(x.rank(), false);
    for (std::size_t i = 0; i < s.axes.size(); ++i) {
        DISPART_TRY(const auto axis, c.axis_index(s.axes[i], x.rank()));
        if (seen[axis] || s.steps[i] == 0)
            return c.bad_shape("axis " + std::to_string(s.axes[i]) + " twice, or a step of 0");
        seen[axis] = true;
        const auto step = std::max(s.steps[i], -dispart::detail::saturated);
        const auto part = detail::clamp_slice(s.starts[i], s.ends[i], step, x.dims()[axis]);
        dims[axis] = part.count;
        start += part.count > 0 ? part.start * steps[axis] : 0;
        steps[axis] = part.count > 1 ? part.step * steps[axis] : 0;
    }
    DISPART_TRY(tensor out, c.make(x.type(), dims));
    if (out.size() == 0) return one(std::move(out));
    const auto width = size_of(x.type());
    copy_strided(dims, x.bytes().data() + start * static_cast<std::int64_t>(width), steps, out.bytes().data(),
                 dense_strides(dims), width);
    return one(std::move(out));
}

/// A tensor with its axes in another order. Precondition: `order` is a permutation of the axes.
template <class = void>
[[nodiscard]] result<tensor> transposed(const call& c, const tensor& x, const std::vector<std::size_t>& order) {
    const auto dense = dense_strides(x.dims());
    shape dims;
    strides steps;
    for (const auto axis : order) {
        dims.push_back(x.dims()[axis]);
        steps.push_back(dense[axis]);
    }
    DISPART_TRY(tensor out, c.make(x.type(), dims));
    copy_strided(dims, x.bytes().data(), steps, out.bytes().data(), dense_strides(dims), size_of(x.type()));
    return out;
}

/// Transpose; the order is reversed unless stated.
template <class = void>
[[nodiscard]] outcome transpose_kernel(const call& c) {
    const auto rank = c.in[0].rank();
    std::vector<std::size_t> order(rank);
    for (std::size_t i = 0; i < rank; ++i) order[i] = rank - 1 - i;
    if (const auto stated = c.integers("perm")) {
        if (stated->size() != rank)
            return c.bad_shape("perm has " + std::to_string(stated->size()) + " axes");
        DISPART_TRY(const auto mask, detail::axis_mask(c, *stated, rank));
        static_cast<void>(mask);
        for (std::size_t i = 0; i < rank; ++i) order[i] = *dispart::detail::normal_axis((*stated)[i], rank);
    }
    DISPART_TRY(tensor out, transposed(c, c.in[0], order));
    return one(std::move(out));
}

namespace detail {
/// Where an element of a padded axis comes from, or -1 for the constant.
[[nodiscard]] inline std::int64_t padded_source(std::int64_t at, std::int64_t extent_here,
                                                std::string_view mode) {
    if (at >= 0 && at < extent_here) return at;
    if (mode == "constant" || extent_here == 0) return -1;
    if (mode == "edge") return at < 0 ? 0 : extent_here - 1;
    if (mode == "wrap") return ((at % extent_here) + extent_here) % extent_here;
    if (extent_here == 1) return 0;
    const auto period = 2 * (extent_here - 1);  // reflect
    const auto phase = ((at % period) + period) % period;
    return phase < extent_here ? phase : period - phase;
}

struct padding {
    std::vector<std::int64_t> begin, end;
};
/// Attributes `paddings` or `pads` before opset 11, operands from 11 on (axes from 18 on).
[[nodiscard]] inline result<padding> read_padding(const call& c) {
    const auto rank = c.in[0].rank();
    std::vector<std::int64_t> pads;
    std::vector<std::size_t> axes(rank);
    std::iota(axes.begin(), axes.end(), std::size_t{0});
    if (c.has(1)) {
        DISPART_TRY(pads, c.integer_list(1));
    } else {
        pads = c.integers(c.opset < 2 ? "paddings" : "pads").value_or(pads);
    }
    if (c.has(3)) {
        DISPART_TRY(const auto listed, c.integer_list(3));
        axes.clear();
        for (const auto axis : listed) {
            DISPART_TRY(const auto index, c.axis_index(axis, rank));
            axes.push_back(index);
        }
    }
    if (pads.size() != 2 * axes.size())
        return c.bad_shape(std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) + " axes");
    padding p{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
    for (std::size_t i = 0; i < axes.size(); ++i) {
        p.begin[axes[i]] = dispart::detail::clamp_extent(pads[i]);
        p.end[axes[i]] = dispart::detail::clamp_extent(pads[axes.size() + i]);
    }
    return p;
}

/// The bytes that pads are filled with.
template <class = void>
[[nodiscard]] result<std::array<std::byte, 8>> padding_value(const call& c) {
    std::array<std::byte, 8> bytes{};
    const auto type = c.in[0].type();
    if (c.has(2)) {
        DISPART_CHECK(c.same_type(0, 2));
        if (c.in[2].size() != 1) return c.bad_shape("the constant is not one value");
        std::memcpy(bytes.data(), c.in[2].bytes().data(), size_of(type));
    } else if (const float value = c.opset < 11 ? c.real("value", 0.0F) : 0.0F; value != 0.0F) {
        const auto known = visit_type(floating_types{}, type, [&]<class T>(std::type_identity<T>) {
            const T cast = static_cast<T>(value);
            std::memcpy(bytes.data(), &cast, sizeof cast);
        });
        if (!known) return c.bad_type(0);
    }
    return bytes;
}

/// For each axis, where each position of the result comes from: an offset in elements, or -1.
[[nodiscard]] inline std::vector<std::vector<std::int64_t>>
padded_sources(const shape& from, const shape& to, const padding& p, std::string_view mode) {
    const auto steps = dense_strides(from);
    std::vector<std::vector<std::int64_t>> sources(to.size());
    for (std::size_t axis = 0; axis < to.size(); ++axis)
        for (std::int64_t at = 0; at < to[axis]; ++at) {
            const auto source = padded_source(at - p.begin[axis], from[axis], mode);
            sources[axis].push_back(source < 0 ? -1 : source * steps[axis]);
        }
    return sources;
}
}  // namespace detail

/// Pad: constant, edge, reflect or wrap; negative pads crop.
template <class = void>
[[nodiscard]] outcome pad_kernel(const call& c) {
    const auto& x = c.in[0];
    const auto mode = c.text("mode", "constant");
    if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap")
        return c.unsupported("mode '" + mode + "'");
    DISPART_TRY(const auto p, detail::read_padding(c));
    DISPART_TRY(const auto value, detail::padding_value(c));
    shape dims = x.dims();
    for (std::size_t i = 0; i < dims.size(); ++i) {
        dims[i] = dispart::detail::plus(dims[i], dispart::detail::plus(p.begin[i], p.end[i]));
        if (x.dims()[i] == 0 && dims[i] > 0 && mode != "constant")
            return c.bad_shape("nothing to repeat in " + to_string(x.dims()));
    }
    DISPART_TRY(tensor out, c.make(x.type(), dims));
    if (out.size() == 0) return one(std::move(out));
    if (dims.empty()) return one(x);
    const auto sources = detail::padded_sources(x.dims(), dims, p, mode);
    const auto width = static_cast<std::int64_t>(size_of(x.type()));
    const std::size_t last = dims.size() - 1;
    std::vector<std::int64_t> index(last, 0);
    std::byte* to = out.bytes().data();
    for (;;) {
        std::int64_t base = 0;
        for (std::size_t axis = 0; axis < last && base >= 0; ++axis) {
            const auto source = sources[axis][static_cast<std::size_t>(index[axis])];
            base = source < 0 ? -1 : base + source;
        }
        for (const auto source : sources[last]) {
            const auto* from =
                base < 0 || source < 0 ? value.data() : x.bytes().data() + (base + source) * width;
            std::memcpy(to, from, static_cast<std::size_t>(width));
            to += width;
        }
        std::size_t axis = last;
        while (axis > 0 && ++index[axis - 1] == dims[axis - 1]) index[--axis] = 0;
        if (axis == 0) return one(std::move(out));
    }
}

/// Tile by repeats per axis; Tile-1 repeats `tiles` times along one axis.
template <class = void>
[[nodiscard]] outcome tile_kernel(const call& c) {
    const auto& x = c.in[0];
    std::vector<std::int64_t> repeats;
    if (c.opset < 6) {
        if (!c.has(2)) return c.fail(errc::invalid_model, "tiles or axis are missing");
        const auto numbers = [&](std::size_t i) { return values_as<std::int64_t>(c.in[i]); };
        if (c.in[1].size() != 1 || c.in[2].size() != 1) return c.bad_shape("tiles or axis is not one value");
        repeats.assign(x.rank(), 1);
        DISPART_TRY(const auto axis, c.axis_index(numbers(2)[0], x.rank()));
        repeats[axis] = numbers(1)[0];
    } else {
        DISPART_TRY(repeats, c.integer_list(1));
    }
    if (repeats.size() != x.rank())
        return c.bad_shape(std::to_string(repeats.size()) + " repeats for " + to_string(x.dims()));
    // Each axis as two: [repeats, extent], the first with a step of 0.
    shape dims, halves_of;
    strides steps;
    const auto dense = dense_strides(x.dims());
    for (std::size_t i = 0; i < repeats.size(); ++i) {
        if (repeats[i] < 0) return c.bad_shape("a repeat of " + std::to_string(repeats[i]));
        dims.push_back(dispart::detail::times(repeats[i], x.dims()[i]));
        halves_of.insert(halves_of.end(), {repeats[i], x.dims()[i]});
        steps.insert(steps.end(), {0, dense[i]});
    }
    DISPART_TRY(tensor out, c.make(x.type(), dims));
    if (out.size() > 0)
        copy_strided(halves_of, x.bytes().data(), steps, out.bytes().data(), dense_strides(halves_of),
                     size_of(x.type()));
    return one(std::move(out));
}

/// Expand: broadcasts both ways with the stated shape.
template <class = void>
[[nodiscard]] outcome expand_kernel(const call& c) {
    DISPART_TRY(const shape stated, c.integer_list(1));
    DISPART_TRY(const shape dims, broadcast_shape(c, c.in[0].dims(), stated));
    DISPART_TRY(tensor out, expanded(c, c.in[0], dims));
    return one(std::move(out));
}

namespace detail {
/// Reshape, transpose, reshape: what DepthToSpace and SpaceToDepth do.
[[nodiscard]] inline outcome rearrange(const call& c, shape inner, const std::vector<std::size_t>& order,
                                       shape outer) {
    DISPART_TRY(const tensor moved, transposed(c, c.in[0].reshaped(std::move(inner)), order));
    return one(moved.reshaped(std::move(outer)));
}
[[nodiscard]] inline result<std::int64_t> block_size(const call& c) {
    const auto block = c.integer("blocksize", 0);
    if (c.in[0].rank() != 4 || block < 1 || block > (std::int64_t{1} << 20))
        return c.bad_shape("blocksize " + std::to_string(block) + " for " + to_string(c.in[0].dims()));
    return block;
}
}  // namespace detail

/// DepthToSpace in DCR or CRD order.
template <class = void>
[[nodiscard]] outcome depth_to_space_kernel(const call& c) {
    DISPART_TRY(const auto b, detail::block_size(c));
    const auto& d = c.in[0].dims();
    if (d[1] % (b * b) != 0)
        return c.bad_shape(to_string(d) + " has no multiple of " + std::to_string(b * b) + " channels");
    const auto depth = d[1] / (b * b);
    const shape outer{d[0], depth, d[2] * b, d[3] * b};
    if (c.text("mode", "DCR") == "CRD")
        return detail::rearrange(c, {d[0], depth, b, b, d[2], d[3]}, {0, 1, 4, 2, 5, 3}, outer);
    return detail::rearrange(c, {d[0], b, b, depth, d[2], d[3]}, {0, 3, 4, 1, 5, 2}, outer);
}
template <class = void>
[[nodiscard]] outcome space_to_depth_kernel(const call& c) {
    DISPART_TRY(const auto b, detail::block_size(c));
    const auto& d = c.in[0].dims();
    if (d[2] % b != 0 || d[3] % b != 0)
        return c.bad_shape(to_string(d) + " does not divide into blocks of " + std::to_string(b));
    return detail::rearrange(c, {d[0], d[1], d[2] / b, b, d[3] / b, b}, {0, 3, 5, 1, 2, 4},
                             {d[0], d[1] * b * b, d[2] / b, d[3] / b});
}

/// Trilu: keeps the upper or lower triangle of each matrix, from the k-th diagonal on.
template <class = void>
[[nodiscard]] outcome trilu_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.rank() < 2) return c.bad_shape(to_string(x.dims()) + " is not a matrix");
    std::int64_t k = 0;
    if (c.has(1)) {
        DISPART_TRY(k, c.integer_scalar(1));
    }
    const bool upper = c.integer("upper", 1) != 0;
    DISPART_TRY(tensor y, c.make_zero(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto rows = x.dims()[x.rank() - 2];
    const auto columns = x.dims().back();
    const auto width = static_cast<std::int64_t>(size_of(x.type()));
    for (std::int64_t row = 0; row < extent(x.dims(), 0, x.rank() - 1); ++row) {
        const auto edge = dispart::detail::plus(row % rows, k);
        const auto first = upper ? std::clamp<std::int64_t>(edge, 0, columns) : 0;
        const auto last =
            upper ? columns : std::clamp<std::int64_t>(dispart::detail::plus(edge, 1), 0, columns);
        const auto start = (row * columns + first) * width;
        if (last > first)
            std::memcpy(y.bytes().data() + start, x.bytes().data() + start,
                        static_cast<std::size_t>((last - first) * width));
    }
    return one(std::move(y));
}

/// ReverseSequence: reverses the first sequence_lens[b] steps of each batch entry.
template <class = void>
[[nodiscard]] outcome reverse_sequence_kernel(const call& c) {
    const auto& x = c.in[0];
    const auto batch_axis = c.integer("batch_axis", 1);
    const auto time_axis = c.integer("time_axis", 0);
    if (x.rank() < 2 || batch_axis < 0 || batch_axis > 1 || time_axis != 1 - batch_axis)
        return c.bad_shape("batch and time are the first two axes");
    DISPART_TRY(const auto lengths, c.integer_list(1));
    const auto times = x.dims()[static_cast<std::size_t>(time_axis)];
    const auto batch = x.dims()[static_cast<std::size_t>(batch_axis)];
    if (static_cast<std::int64_t>(lengths.size()) != batch)
        return c.bad_shape(std::to_string(lengths.size()) + " lengths for a batch of " + std::to_string(batch));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const auto width = static_cast<std::size_t>(extent(x.dims(), 2, x.rank())) * size_of(x.type());
    const auto step = time_axis == 0 ? batch : 1;
    const auto jump = time_axis == 0 ? 1 : times;
    for (std::int64_t b = 0; b < batch; ++b) {
        const auto length = lengths[static_cast<std::size_t>(b)];
        if (length < 0 || length > times) return c.bad_shape("a length of " + std::to_string(length));
        for (std::int64_t t = 0; t < times; ++t) {
            const auto source = t < length ? length - 1 - t : t;
            std::memcpy(y.bytes().data() + static_cast<std::size_t>(b * jump + t * step) * width,
                        x.bytes().data() + static_cast<std::size_t>(b * jump + source * step) * width, width);
        }
    }
    return one(std::move(y));
}

template <class = void>
inline constexpr auto movement_rows = std::to_array<kernel_row>({
    {"Concat", concat_kernel<>, 1, any_number, halves::as_is},
    {"DepthToSpace", depth_to_space_kernel<>, 1, 1, halves::as_is},
    {"Expand", expand_kernel<>, 2, 2, halves::as_is},
    {"Pad", pad_kernel<>, 1, 4},
    {"ReverseSequence", reverse_sequence_kernel<>, 2, 2, halves::as_is},
    {"Slice", slice_kernel<>, 1, 5, halves::as_is},
    {"SpaceToDepth", space_to_depth_kernel<>, 1, 1, halves::as_is},
    {"Split", split_kernel<>, 1, 2, halves::as_is},
    {"Tile", tile_kernel<>, 2, 3, halves::as_is},
    {"Transpose", transpose_kernel<>, 1, 1, halves::as_is},
    {"Trilu", trilu_kernel<>, 1, 2, halves::as_is},
});

}  // namespace dispart::kernels
