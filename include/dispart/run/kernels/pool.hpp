#pragma once
/// \file
/// Pooling over windows and over whole images, MaxUnpool, and pooling of regions.

#include <limits>

#include "dispart/model/operators/pooling.hpp"
#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"
#include "dispart/run/kernels/window3.hpp"

namespace dispart::kernels {

namespace detail {

struct pool_plan {
    window3 w;
    std::int64_t planes = 0;  ///< images times channels
    shape result;
};

[[nodiscard]] inline result<pool_plan> plan_pool(const call& c) {
    const auto& x = c.in[0].dims();
    if (x.size() < 3) return c.bad_shape("data " + to_string(x) + " has no spatial axis");
    auto kernel = c.integers("kernel_shape");
    if (!kernel) return c.bad_shape("kernel_shape is missing");
    DISPART_TRY(const auto w,
                dispart::detail::resolve_window(window_context(c), std::span(x).subspan(2),
                                                std::move(*kernel), c.integer("ceil_mode", 0) != 0));
    pool_plan plan;
    DISPART_TRY(plan.w, as_three_axes(c, x, w));
    plan.planes = x[0] * x[1];
    plan.result = image_shape(x[0], x[1], w);
    return plan;
}

/// Calls `f(offset)` for each element of a plane under the window at an output position, in row-major order.
template <class F>
void for_each_tap(const window3& w, const extents3& at, F f) {
    const auto [a0, a1] = w.taps(0, at[0]);
    const auto [b0, b1] = w.taps(1, at[1]);
    const auto [k0, k1] = w.taps(2, at[2]);
    for (auto a = a0; a < a1; ++a)
        for (auto b = b0; b < b1; ++b) {
            const auto row = (w.position(0, at[0], a) * w.in[1] + w.position(1, at[1], b)) * w.in[2];
            for (auto k = k0; k < k1; ++k) f(row + w.position(2, at[2], k));
        }
}

/// Calls `f(plane, at, index)` for each output position; `index` counts through the result.
template <class F>
void for_each_position(const pool_plan& p, F f) {
    std::int64_t index = 0;
    for (std::int64_t plane = 0; plane < p.planes; ++plane)
        for (std::int64_t a = 0; a < p.w.out[0]; ++a)
            for (std::int64_t b = 0; b < p.w.out[1]; ++b)
                for (std::int64_t k = 0; k < p.w.out[2]; ++k) f(plane, extents3{a, b, k}, index++);
}

/// A row-major offset within a plane as storage_order asks for it: 1 counts columns first.
[[nodiscard]] inline std::int64_t stored_offset(const window3& w, std::int64_t offset, bool column_major) {
    if (!column_major) return offset;
    const auto k = offset % w.in[2];
    const auto b = offset / w.in[2] % w.in[1];
    const auto a = offset / (w.in[2] * w.in[1]);
    return (k * w.in[1] + b) * w.in[0] + a;
}

}  // namespace detail

/// MaxPool; the second result holds each maximum's place in the whole operand.
template <class = void>
[[nodiscard]] outcome max_pool_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_pool(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor y, c.make(x.type(), plan.result));
    const bool indexed = c.node.outputs.size() > 1 && c.wants(1);
    tensor places;
    if (indexed) {
        DISPART_TRY(places, c.make(dtype::i64, plan.result));
    }
    const bool column_major = c.integer("storage_order", 0) != 0;
    using types = type_list<float, double, std::int8_t, std::uint8_t>;
    const bool known = visit_type(types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        using limits = std::numeric_limits<T>;
        const T* from = x.data<T>().data();
        T* to = y.data<T>().data();
        std::int64_t* place_of = indexed ? places.data<std::int64_t>().data() : nullptr;
        if (y.size() == 0) return;
        detail::for_each_position(plan, [&](std::int64_t plane, const extents3& at, std::int64_t index) {
            const T* values = from + plane * volume(plan.w.in);
            T best = limits::has_infinity ? -limits::infinity() : limits::lowest();
            std::int64_t place = -1;
            detail::for_each_tap(plan.w, at, [&](std::int64_t offset) {
                if (place < 0 || values[offset] > best || values[offset] != values[offset])
                    best = values[place = offset];
            });
            to[index] = best;
            if (place_of != nullptr)
                place_of[index] =
                    plane * volume(plan.w.in) +
                    detail::stored_offset(plan.w, std::max<std::int64_t>(place, 0), column_major);
        });
    });
    if (!known) return c.bad_type(0);
    auto list = one(std::move(y));
    if (indexed) list.push_back(std::move(places));
    return list;
}

namespace detail {
/// How many taps count in an average with padding: those inside the padded extent.
[[nodiscard]] inline std::int64_t padded_taps(const window3& w, const extents3& at) {
    std::int64_t count = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto start = at[axis] * w.stride[axis];
        const auto room = w.pad[axis] + w.in[axis] + w.pad_end[axis] - start;
        count *= std::clamp<std::int64_t>((room + w.dilation[axis] - 1) / w.dilation[axis], 0, w.kernel[axis]);
    }
    return count;
}
}  // namespace detail

/// AveragePool; pads count with `count_include_pad`.
template <class = void>
[[nodiscard]] outcome average_pool_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_pool(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor y, c.make(x.type(), plan.result));
    const bool with_pads = c.integer("count_include_pad", 0) != 0;
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        if (y.size() == 0) return;
        detail::for_each_position(plan, [&](std::int64_t plane, const extents3& at, std::int64_t index) {
            const T* values = x.data<T>().data() + plane * volume(plan.w.in);
            T total{0};
            std::int64_t taps = 0;
            detail::for_each_tap(plan.w, at, [&](std::int64_t offset) {
                total += values[offset];
                ++taps;
            });
            const auto count = with_pads ? detail::padded_taps(plan.w, at) : taps;
            y.data<T>().data()[index] = count > 0 ? total / static_cast<T>(count) : T{0};
        });
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// LpPool: the p-norm of what lies under the window.
template <class = void>
[[nodiscard]] outcome lp_pool_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_pool(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor y, c.make(x.type(), plan.result));
    const double p =
        c.opset < 2 ? static_cast<double>(c.real("p", 2.0F)) : static_cast<double>(c.integer("p", 2));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        if (y.size() == 0) return;
        detail::for_each_position(plan, [&](std::int64_t plane, const extents3& at, std::int64_t index) {
            const T* values = x.data<T>().data() + plane * volume(plan.w.in);
            double total = 0.0;
            detail::for_each_tap(plan.w, at, [&](std::int64_t offset) {
                total += std::pow(std::abs(static_cast<double>(values[offset])), p);
            });
            y.data<T>().data()[index] = static_cast<T>(std::pow(total, 1.0 / p));
        });
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

namespace detail {
/// y[n, c] = f(values, count) over each plane.
template <class F>
[[nodiscard]] outcome pool_planes(const call& c, F f) {
    const auto& x = c.in[0];
    if (x.rank() < 2) return c.bad_shape("data " + to_string(x.dims()) + " has no channels");
    shape dims(x.rank(), 1);
    dims[0] = x.dims()[0];
    dims[1] = x.dims()[1];
    DISPART_TRY(tensor y, c.make(x.type(), std::move(dims)));
    const auto count = extent(x.dims(), 2, x.rank());
    if (count == 0 && y.size() > 0) return c.bad_shape("data " + to_string(x.dims()) + " is empty");
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = x.data<T>().data();
        T* to = y.data<T>().data();
        for (std::int64_t i = 0, n = static_cast<std::int64_t>(y.size()); i < n; ++i)
            to[i] = f(from + i * count, count);
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}
}  // namespace detail

template <class = void>
[[nodiscard]] outcome global_average_pool_kernel(const call& c) {
    return detail::pool_planes(c, []<class T>(const T* values, std::int64_t count) {
        double total = 0.0;
        for (std::int64_t i = 0; i < count; ++i) total += static_cast<double>(values[i]);
        return static_cast<T>(total / static_cast<double>(count));
    });
}
template <class = void>
[[nodiscard]] outcome global_max_pool_kernel(const call& c) {
    return detail::pool_planes(c, []<class T>(const T* values, std::int64_t count) {
        T top = values[0];
        for (std::int64_t i = 1; i < count; ++i)
            top = values[i] > top || values[i] != values[i] ? values[i] : top;
        return top;
    });
}
template <class = void>
[[nodiscard]] outcome global_lp_pool_kernel(const call& c) {
    const double p =
        c.opset < 2 ? static_cast<double>(c.real("p", 2.0F)) : static_cast<double>(c.integer("p", 2));
    return detail::pool_planes(c, [p]<class T>(const T* values, std::int64_t count) {
        double total = 0.0;
        for (std::int64_t i = 0; i < count; ++i)
            total += std::pow(std::abs(static_cast<double>(values[i])), p);
        return static_cast<T>(std::pow(total, 1.0 / p));
    });
}

namespace detail {
/// The result's shape of MaxUnpool unless another is stated: what MaxPool's window undoes. Places count in it.
[[nodiscard]] inline result<shape> unpooled_shape(const call& c) {
    const auto& x = c.in[0].dims();
    if (x.size() < 3) return c.bad_shape("data " + to_string(x) + " has no spatial axis");
    const auto axes = x.size() - 2;
    const auto kernel = c.integers("kernel_shape").value_or(shape{});
    const auto strides_of = c.integers("strides").value_or(shape(axes, 1));
    const auto pads = c.integers("pads").value_or(shape(2 * axes, 0));
    if (kernel.size() != axes || strides_of.size() != axes || pads.size() != 2 * axes)
        return c.bad_shape("the window does not have " + std::to_string(axes) + " axes");
    shape dims{x[0], x[1]};
    using dispart::detail::minus, dispart::detail::plus, dispart::detail::times;
    for (std::size_t i = 0; i < axes; ++i)
        dims.push_back(
            minus(plus(times(x[i + 2] - 1, strides_of[i]), kernel[i]), plus(pads[i], pads[axes + i])));
    return dims;
}
}  // namespace detail

/// MaxUnpool: puts each value at its place in a result of zeros. Places are those in what the window alone would give; a
/// stated result may be larger.
template <class = void>
[[nodiscard]] outcome max_unpool_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_CHECK(c.need_type(1, dtype::i64));
    DISPART_CHECK(c.need_shape(1, x.dims()));
    DISPART_TRY(const shape counted, detail::unpooled_shape(c));
    DISPART_TRY(const shape dims, c.has(2) ? c.integer_list(2) : result<shape>(counted));
    if (dims.size() != x.rank() || dims[0] != x.dims()[0] || dims[1] != x.dims()[1])
        return c.bad_shape("result " + to_string(dims) + " for data " + to_string(x.dims()));
    DISPART_TRY(tensor y, c.make_zero(x.type(), dims));
    DISPART_TRY(const auto all_places, checked_elements(counted));
    const auto width = size_of(x.type());
    const auto steps = dense_strides(dims);
    const std::int64_t* places = c.in[1].data<std::int64_t>().data();
    for (std::size_t i = 0; i < x.size(); ++i) {
        auto rest = places[i];
        bool inside = rest >= 0 && rest < all_places;
        std::int64_t at = 0;
        for (std::size_t axis = dims.size(); inside && axis-- > 0; rest /= counted[axis]) {
            const auto index = rest % counted[axis];
            inside = index < dims[axis];
            at += index * steps[axis];
        }
        if (!inside) return c.bad_shape("index " + std::to_string(places[i]) + " is outside the result");
        std::memcpy(y.bytes().data() + static_cast<std::size_t>(at) * width, x.bytes().data() + i * width,
                    width);
    }
    return one(std::move(y));
}

template <class = void>
inline constexpr auto pool_rows = std::to_array<kernel_row>({
    {"AveragePool", average_pool_kernel<>, 1, 1},
    {"GlobalAveragePool", global_average_pool_kernel<>, 1, 1},
    {"GlobalLpPool", global_lp_pool_kernel<>, 1, 1},
    {"GlobalMaxPool", global_max_pool_kernel<>, 1, 1},
    {"LpPool", lp_pool_kernel<>, 1, 1},
    {"MaxPool", max_pool_kernel<>, 1, 1},
    {"MaxUnpool", max_unpool_kernel<>, 2, 3, halves::as_is},
});

}  // namespace dispart::kernels
