#pragma once
/// \file
/// Walking several tensors at once by strides: broadcasting, transposing, slicing.

#include <array>

#include "dispart/run/kernels/call.hpp"

namespace dispart::kernels {

/// Steps in elements, one per axis.
using strides = std::vector<std::int64_t>;

/// Steps of a dense row-major tensor.
[[nodiscard]] inline strides dense_strides(const shape& dims) {
    strides steps(dims.size(), 1);
    for (std::size_t i = dims.size(); i-- > 1;) steps[i - 1] = steps[i] * dims[i];
    return steps;
}

/// Steps that read a dense tensor of shape `from` as if it had shape `to`: 0 on the axes that repeat.
/// Precondition: `from` broadcasts to `to`.
[[nodiscard]] inline strides broadcast_strides(const shape& from, const shape& to) {
    const auto dense = dense_strides(from);
    strides steps(to.size(), 0);
    const std::size_t shift = to.size() - from.size();
    for (std::size_t i = 0; i < from.size(); ++i) steps[shift + i] = from[i] == 1 ? 0 : dense[i];
    return steps;
}

/// The common shape of two shapes by NumPy's rules. Errors: shape_mismatch.
[[nodiscard]] inline result<shape> broadcast_shape(const call& c, const shape& a, const shape& b) {
    shape out(std::max(a.size(), b.size()));
    for (std::size_t back = 1; back <= out.size(); ++back) {
        const auto x = back <= a.size() ? a[a.size() - back] : 1;
        const auto y = back <= b.size() ? b[b.size() - back] : 1;
        if (x != y && x != 1 && y != 1)
            return c.bad_shape(to_string(a) + " and " + to_string(b) + " do not broadcast");
        out[out.size() - back] = x == 1 ? y : x;
    }
    return out;
}

/// N tensors walked together: common extents, and each tensor's steps.
template <std::size_t N>
struct walk {
    shape dims;
    std::array<strides, N> steps;
};

/// Drops axes of extent 1 and joins neighbours that are contiguous in every tensor; at least one axis is left.
template <std::size_t N>
[[nodiscard]] walk<N> joined(const walk<N>& w) {
    walk<N> out;
    for (std::size_t axis = 0; axis < w.dims.size(); ++axis) {
        if (w.dims[axis] == 1) continue;
        bool joins = !out.dims.empty();
        for (std::size_t k = 0; k < N && joins; ++k)
            joins = out.steps[k].back() == w.steps[k][axis] * w.dims[axis];
        if (joins) {
            out.dims.back() *= w.dims[axis];
            for (std::size_t k = 0; k < N; ++k) out.steps[k].back() = w.steps[k][axis];
        } else {
            out.dims.push_back(w.dims[axis]);
            for (std::size_t k = 0; k < N; ++k) out.steps[k].push_back(w.steps[k][axis]);
        }
    }
    if (out.dims.empty()) {
        out.dims.push_back(1);
        for (std::size_t k = 0; k < N; ++k) out.steps[k].push_back(0);
    }
    return out;
}

/// Calls `row(offsets, count, steps)` for each row along the last (joined) axis, in row-major order; offsets and steps
/// in elements, one per tensor.
template <std::size_t N, class Row>
void for_each_row(const walk<N>& tensors, Row&& row) {
    const auto w = joined(tensors);
    for (const auto extent_here : w.dims)
        if (extent_here == 0) return;
    const std::size_t last = w.dims.size() - 1;
    std::array<std::int64_t, N> offset{};
    std::array<std::int64_t, N> step{};
    for (std::size_t k = 0; k < N; ++k) step[k] = w.steps[k][last];
    std::vector<std::int64_t> index(last, 0);
    for (;;) {
        row(offset, w.dims[last], step);
        std::size_t axis = last;
        while (axis-- > 0) {
            for (std::size_t k = 0; k < N; ++k) offset[k] += w.steps[k][axis];
            if (++index[axis] < w.dims[axis]) break;
            for (std::size_t k = 0; k < N; ++k) offset[k] -= w.steps[k][axis] * w.dims[axis];
            index[axis] = 0;
        }
        if (axis == static_cast<std::size_t>(-1)) return;
    }
}

namespace detail {
template <std::size_t Bytes>
void copy_row(const std::byte* from, std::int64_t from_step, std::byte* to, std::int64_t to_step,
              std::int64_t count) {
    constexpr auto width = static_cast<std::int64_t>(Bytes);
    if (from_step == 1 && to_step == 1) {
        std::memcpy(to, from, static_cast<std::size_t>(count) * Bytes);
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            std::memcpy(to + i * to_step * width, from + i * from_step * width, Bytes);
    }
}
using row_copier = void (*)(const std::byte*, std::int64_t, std::byte*, std::int64_t, std::int64_t);
[[nodiscard]] inline row_copier row_copier_of(std::size_t element_bytes) {
    switch (element_bytes) {
    case 1:
        return copy_row<1>;
    case 2:
        return copy_row<2>;
    case 4:
        return copy_row<4>;
    default:
        return copy_row<8>;
    }
}
}  // namespace detail

/// Copies elements of 1, 2, 4 or 8 bytes from one strided block to another. Precondition: both lie within their memory.
template <class = void>
void copy_strided(const shape& dims, const std::byte* from, const strides& from_steps, std::byte* to,
                  const strides& to_steps, std::size_t element_bytes) {
    const auto copy = detail::row_copier_of(element_bytes);
    const auto bytes = static_cast<std::int64_t>(element_bytes);
    for_each_row<2>({dims, {from_steps, to_steps}},
                    [&](const auto& offset, std::int64_t count, const auto& step) {
                        copy(from + offset[0] * bytes, step[0], to + offset[1] * bytes, step[1], count);
                    });
}

/// A tensor repeated along the axes where it has extent 1. Precondition: its shape broadcasts to `dims`.
template <class = void>
[[nodiscard]] result<tensor> expanded(const call& c, const tensor& from, const shape& dims) {
    if (from.dims() == dims) return from;
    DISPART_TRY(tensor to, c.make(from.type(), dims));
    copy_strided(dims, from.bytes().data(), broadcast_strides(from.dims(), dims), to.bytes().data(),
                 dense_strides(dims), size_of(from.type()));
    return to;
}

}  // namespace dispart::kernels
