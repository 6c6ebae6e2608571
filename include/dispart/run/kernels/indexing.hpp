#pragma once
/// \file
/// Operators that move elements of any type by indices: Gather, Scatter and their relatives, OneHot, Compress, NonZero.

#include "dispart/run/kernels/binary.hpp"

namespace dispart::kernels {

namespace detail {

/// Indices of type i64 or i32 into an axis, negative ones counted from its end. Errors: shape_mismatch (outside).
template <class = void>
[[nodiscard]] result<std::vector<std::int64_t>> read_indices(const call& c, std::size_t operand,
                                                             std::int64_t extent_here) {
    const auto& from = c.in[operand];
    if (from.type() != dtype::i64 && from.type() != dtype::i32) return c.bad_type(operand);
    auto list = values_as<std::int64_t>(from);
    for (auto& index : list) {
        if (index < -extent_here || index >= extent_here)
            return c.bad_shape("index " + std::to_string(index) + " is outside " + std::to_string(extent_here));
        if (index < 0) index += extent_here;
    }
    return list;
}

/// What a scatter does where it writes.
enum class scatter_reduction { none, add, multiply, maximum, minimum };

[[nodiscard]] inline result<scatter_reduction> read_reduction(const call& c) {
    const auto text = c.text("reduction", "none");
    if (text == "none") return scatter_reduction::none;
    if (text == "add") return scatter_reduction::add;
    if (text == "mul") return scatter_reduction::multiply;
    if (text == "max") return scatter_reduction::maximum;
    if (text == "min") return scatter_reduction::minimum;
    return c.unsupported("reduction '" + text + "'");
}

/// Combines `count` elements of `from` into `to`; both of the entry's type.
struct scatter_writer {
    binary_row row = nullptr;  ///< none: copy
    std::size_t width = 0;

    void operator()(std::byte* to, const std::byte* from, std::int64_t count) const {
        if (row != nullptr) row(to, 1, from, 1, to, count);
        else std::memcpy(to, from, static_cast<std::size_t>(count) * width);
    }
};

[[nodiscard]] inline result<scatter_writer> writer_of(const call& c, scatter_reduction how) {
    const auto type = c.in[0].type();
    scatter_writer w{nullptr, size_of(type)};
    switch (how) {
    case scatter_reduction::none:
        return w;
    case scatter_reduction::add:
        w.row = binary_entry_of<add_f>(common_types{}, type).row;
        break;
    case scatter_reduction::multiply:
        w.row = binary_entry_of<multiply_f>(common_types{}, type).row;
        break;
    case scatter_reduction::maximum:
        w.row = binary_entry_of<max_f>(common_types{}, type).row;
        break;
    case scatter_reduction::minimum:
        w.row = binary_entry_of<min_f>(common_types{}, type).row;
        break;
    }
    if (w.row == nullptr) return c.bad_type(0);
    return w;
}

}  // namespace detail

/// Gather: slices along an axis.
template <class = void>
[[nodiscard]] outcome gather_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    DISPART_TRY(const auto indices, detail::read_indices(c, 1, x.dims()[axis]));
    const auto split = around(x.dims(), axis);
    shape dims(x.dims().begin(), x.dims().begin() + static_cast<std::ptrdiff_t>(axis));
    dims.insert(dims.end(), c.in[1].dims().begin(), c.in[1].dims().end());
    dims.insert(dims.end(), x.dims().begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.dims().end());
    DISPART_TRY(tensor out, c.make(x.type(), std::move(dims)));
    if (out.size() == 0) return one(std::move(out));
    const auto width = static_cast<std::size_t>(split.inner) * size_of(x.type());
    std::byte* to = out.bytes().data();
    for (std::int64_t o = 0; o < split.outer; ++o)
        for (const auto index : indices) {
            std::memcpy(to, x.bytes().data() + static_cast<std::size_t>(o * split.middle + index) * width,
                        width);
            to += width;
        }
    return one(std::move(out));
}

namespace detail {

/// Calls `f(place in the data, place in the indices)` for each index of GatherElements and ScatterElements.
template <class F>
[[nodiscard]] result<void> for_each_element_index(const call& c, F f) {
    const auto& x = c.in[0];
    const auto& shape_of = c.in[1].dims();
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    if (shape_of.size() != x.rank())
        return c.bad_shape("indices " + to_string(shape_of) + " for " + to_string(x.dims()));
    for (std::size_t i = 0; i < shape_of.size(); ++i)
        if (i != axis && shape_of[i] > x.dims()[i])
            return c.bad_shape("indices " + to_string(shape_of) + " for " + to_string(x.dims()));
    DISPART_TRY(const auto indices, read_indices(c, 1, x.dims()[axis]));
    auto steps = dense_strides(x.dims());
    const auto along = std::exchange(steps[axis], 0);
    const walk<2> both{shape_of, {std::move(steps), dense_strides(shape_of)}};
    for_each_row<2>(both, [&](const auto& offset, std::int64_t count, const auto& step) {
        for (std::int64_t i = 0; i < count; ++i) {
            const auto place = offset[1] + i * step[1];
            f(offset[0] + i * step[0] + indices[static_cast<std::size_t>(place)] * along, place);
        }
    });
    return {};
}

}  // namespace detail

template <class = void>
[[nodiscard]] outcome gather_elements_kernel(const call& c) {
    DISPART_TRY(tensor out, c.make(c.in[0].type(), c.in[1].dims()));
    const auto width = static_cast<std::int64_t>(size_of(out.type()));
    const std::byte* from = c.in[0].bytes().data();
    std::byte* to = out.bytes().data();
    DISPART_CHECK(detail::for_each_element_index(c, [&](std::int64_t data, std::int64_t place) {
        std::memcpy(to + place * width, from + data * width, static_cast<std::size_t>(width));
    }));
    return one(std::move(out));
}

/// ScatterElements, and Scatter before opset 11: a copy of the data with the updates written into it in order.
template <class = void>
[[nodiscard]] outcome scatter_elements_kernel(const call& c) {
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_CHECK(c.need_shape(2, c.in[1].dims()));
    DISPART_TRY(const auto how, detail::read_reduction(c));
    DISPART_TRY(const auto write, detail::writer_of(c, how));
    tensor out = c.in[0].clone();
    const auto width = static_cast<std::int64_t>(write.width);
    DISPART_CHECK(detail::for_each_element_index(c, [&](std::int64_t data, std::int64_t place) {
        write(out.bytes().data() + data * width, c.in[2].bytes().data() + place * width, 1);
    }));
    return one(std::move(out));
}

namespace detail {
/// The offsets, in elements, that tuples of indices along the last axis of operand 1 point to in the data.
struct tuple_offsets {
    std::vector<std::int64_t> offsets;
    std::int64_t slice = 1;  ///< elements that each tuple names
    std::size_t depth = 0;   ///< indices in a tuple
};
template <class = void>
[[nodiscard]] result<tuple_offsets> read_tuples(const call& c, std::size_t batch_axes) {
    const auto& x = c.in[0].dims();
    const auto& shape_of = c.in[1].dims();
    if (c.in[1].type() != dtype::i64) return c.bad_type(1);
    if (shape_of.empty() || x.empty() || batch_axes >= shape_of.size() || batch_axes >= x.size())
        return c.bad_shape("indices " + to_string(shape_of) + " for " + to_string(x));
    const auto depth = shape_of.back();
    if (depth < 0 || depth > static_cast<std::int64_t>(x.size() - batch_axes))
        return c.bad_shape("tuples of " + std::to_string(depth) + " for " + to_string(x));
    for (std::size_t i = 0; i < batch_axes; ++i)
        if (x[i] != shape_of[i])
            return c.bad_shape("batches of " + to_string(x) + " and " + to_string(shape_of) + " differ");
    tuple_offsets t;
    t.depth = static_cast<std::size_t>(depth);
    t.slice = extent(x, batch_axes + t.depth, x.size());
    const auto steps = dense_strides(x);
    const auto tuples = extent(shape_of, 0, shape_of.size() - 1);
    if (tuples > max_result_bytes) return c.fail(errc::limit_exceeded, "too many tuples");
    const auto batches = extent(x, 0, batch_axes);
    const auto per_batch = batches > 0 ? tuples / batches : 0;
    const std::int64_t* indices = c.in[1].data<std::int64_t>().data();
    for (std::int64_t i = 0; i < tuples; ++i) {
        std::int64_t offset = per_batch > 0 && batch_axes > 0 ? i / per_batch * steps[batch_axes - 1] : 0;
        for (std::size_t k = 0; k < t.depth; ++k) {
            const auto size = x[batch_axes + k];
            auto index = indices[i * depth + static_cast<std::int64_t>(k)];
            if (index < -size || index >= size)
                return c.bad_shape("index " + std::to_string(index) + " is outside " + std::to_string(size));
            if (index < 0) index += size;
            offset += index * steps[batch_axes + k];
        }
        t.offsets.push_back(offset);
    }
    return t;
}
}  // namespace detail

/// GatherND with batch_dims (opset 12).
template <class = void>
[[nodiscard]] outcome gather_nd_kernel(const call& c) {
    const auto batch = c.integer("batch_dims", 0);
    if (batch < 0 || batch > static_cast<std::int64_t>(max_axes))
        return c.bad_shape("batch_dims " + std::to_string(batch));
    const auto batch_axes = static_cast<std::size_t>(batch);
    DISPART_TRY(const auto tuples, detail::read_tuples(c, batch_axes));
    const auto& x = c.in[0];
    shape dims(c.in[1].dims().begin(), c.in[1].dims().end() - 1);
    dims.insert(dims.end(), x.dims().begin() + static_cast<std::ptrdiff_t>(batch_axes + tuples.depth),
                x.dims().end());
    DISPART_TRY(tensor out, c.make(x.type(), std::move(dims)));
    if (out.size() == 0) return one(std::move(out));
    const auto element = size_of(x.type());
    const auto width = static_cast<std::size_t>(tuples.slice) * element;
    std::byte* to = out.bytes().data();
    for (const auto offset : tuples.offsets) {
        std::memcpy(to, x.bytes().data() + static_cast<std::size_t>(offset) * element, width);
        to += width;
    }
    return one(std::move(out));
}

/// ScatterND: a copy of the data with the updates written or reduced into it in order.
template <class = void>
[[nodiscard]] outcome scatter_nd_kernel(const call& c) {
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_TRY(const auto tuples, detail::read_tuples(c, 0));
    DISPART_TRY(const auto how, detail::read_reduction(c));
    DISPART_TRY(const auto write, detail::writer_of(c, how));
    const auto expected =
        dispart::detail::times(static_cast<std::int64_t>(tuples.offsets.size()), tuples.slice);
    if (static_cast<std::int64_t>(c.in[2].size()) != expected)
        return c.bad_shape("updates " + to_string(c.in[2].dims()) + " for indices " +
                           to_string(c.in[1].dims()));
    tensor out = c.in[0].clone();
    if (tuples.slice == 0) return one(std::move(out));
    const std::byte* from = c.in[2].bytes().data();
    const auto width = static_cast<std::int64_t>(write.width);
    for (const auto offset : tuples.offsets) {
        write(out.bytes().data() + offset * width, from, tuples.slice);
        from += tuples.slice * width;
    }
    return one(std::move(out));
}

/// OneHot: values[1] where the index is, values[0] elsewhere; an index outside gives no hot element.
template <class = void>
[[nodiscard]] outcome one_hot_kernel(const call& c) {
    const auto& values = c.in[2];
    if (c.in[1].size() != 1 || values.size() != 2) return c.bad_shape("depth is one value, values are two");
    DISPART_TRY(const tensor depth_wide, widened(c, c.in[1]));
    DISPART_TRY(const tensor indices_wide, widened(c, c.in[0]));
    const auto depth = values_as<std::int64_t>(depth_wide)[0];
    if (depth < 1) return c.bad_shape("depth " + std::to_string(depth));
    DISPART_TRY(const auto axis, c.axis(-1, c.in[0].rank() + 1));
    shape dims = c.in[0].dims();
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), depth);
    DISPART_TRY(tensor out, c.make(values.type(), dims));
    const auto width = static_cast<std::int64_t>(size_of(values.type()));
    const auto bytes = static_cast<std::size_t>(width);
    std::byte* to = out.bytes().data();
    for (std::size_t i = 0; i < out.size(); ++i) std::memcpy(to + i * bytes, values.bytes().data(), bytes);
    const auto split = around(dims, axis);
    const auto indices = values_as<std::int64_t>(indices_wide);
    for (std::size_t i = 0; i < indices.size(); ++i) {
        if (indices[i] < -depth || indices[i] >= depth) continue;
        const auto hot = indices[i] < 0 ? indices[i] + depth : indices[i];
        const auto at = static_cast<std::int64_t>(i);
        const auto place = (at / split.inner * depth + hot) * split.inner + at % split.inner;
        std::memcpy(to + place * width, values.bytes().data() + width, bytes);
    }
    return one(std::move(out));
}

/// Compress: slices along an axis (or elements of the flattened data) whose condition is true.
template <class = void>
[[nodiscard]] outcome compress_kernel(const call& c) {
    DISPART_CHECK(c.need_type(1, dtype::boolean));
    const bool flat = !c.has_attr("axis");
    const tensor x = flat ? c.in[0].reshaped({static_cast<std::int64_t>(c.in[0].size())}) : c.in[0];
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    const auto condition = c.in[1].data<bool>();
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < condition.size(); ++i)
        if (condition[i]) chosen.push_back(static_cast<std::int64_t>(i));
    if (!chosen.empty() && chosen.back() >= x.dims()[axis])
        return c.bad_shape("the condition is longer than the axis");
    const layer gather{c.node.name, c.node.op, {}, {}, {{"axis", static_cast<std::int64_t>(axis)}}};
    const std::array operands{x, tensor::of({static_cast<std::int64_t>(chosen.size())}, chosen)};
    return gather_kernel({gather, operands, c.opset});
}

/// NonZero: the indices of elements that are not zero, one row per axis.
template <class = void>
[[nodiscard]] outcome non_zero_kernel(const call& c) {
    const auto& x = c.in[0];
    std::vector<std::size_t> places;
    const bool known = visit_type(detail::bool_or_number{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* values = x.data<T>().data();
        for (std::size_t i = 0, n = x.size(); i < n; ++i)
            if (values[i] != T{0}) places.push_back(i);
    });
    if (!known) return c.bad_type(0);
    const auto count = static_cast<std::int64_t>(places.size());
    DISPART_TRY(tensor out, c.make(dtype::i64, {static_cast<std::int64_t>(x.rank()), count}));
    std::int64_t* to = out.data<std::int64_t>().data();
    const auto steps = dense_strides(x.dims());
    for (std::size_t axis = 0; axis < x.rank(); ++axis)
        for (const auto place : places)
            *to++ = static_cast<std::int64_t>(place) / steps[axis] % x.dims()[axis];
    return one(std::move(out));
}

template <class = void>
inline constexpr auto indexing_rows = std::to_array<kernel_row>({
    {"Compress", compress_kernel<>, 2, 2, halves::as_is},
    {"Gather", gather_kernel<>, 2, 2, halves::as_is},
    {"GatherElements", gather_elements_kernel<>, 2, 2, halves::as_is},
    {"GatherND", gather_nd_kernel<>, 2, 2, halves::as_is},
    {"NonZero", non_zero_kernel<>, 1, 1},
    {"OneHot", one_hot_kernel<>, 3, 3, halves::as_is},
    {"Scatter", scatter_elements_kernel<>, 3, 3},
    {"ScatterElements", scatter_elements_kernel<>, 3, 3},
    {"ScatterND", scatter_nd_kernel<>, 3, 3},
});

}  // namespace dispart::kernels
