#pragma once
/// \file
/// Softmax, LogSoftmax and Hardmax.

#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// Before opset 13 the axes from `axis` on are one; from 13 on only `axis` itself counts.
[[nodiscard]] inline result<three_axes> softmax_axes(const call& c) {
    const auto& dims = c.in[0].dims();
    const bool coerced = c.opset < 13;
    const auto stated = c.integer("axis", coerced ? 1 : -1);
    if (coerced && stated == static_cast<std::int64_t>(dims.size()))
        return three_axes{extent(dims, 0, dims.size()), 1, 1};
    DISPART_TRY(const auto axis, c.axis_index(stated, dims.size()));
    if (coerced) return three_axes{extent(dims, 0, axis), extent(dims, axis, dims.size()), 1};
    return around(dims, axis);
}

/// Calls `f(from, to, count, step)` for each vector along the axis; `count` is at least 1.
template <class F>
[[nodiscard]] outcome map_vectors(const call& c, F f) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axes, softmax_axes(c));
    DISPART_TRY(tensor y, c.make(x.type(), x.dims()));
    if (y.size() == 0) return one(std::move(y));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* from = x.data<T>().data();
        T* to = y.data<T>().data();
        for (std::int64_t o = 0; o < axes.outer; ++o)
            for (std::int64_t i = 0; i < axes.inner; ++i) {
                const auto start = o * axes.middle * axes.inner + i;
                f(from + start, to + start, axes.middle, axes.inner);
            }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

template <class T>
[[nodiscard]] T largest(const T* x, std::int64_t count, std::int64_t step) {
    T top = x[0];
    for (std::int64_t i = 1; i < count; ++i) top = std::max(top, x[i * step]);
    return top;
}

}  // namespace detail

template <class = void>
[[nodiscard]] outcome softmax_kernel(const call& c) {
    return detail::map_vectors(c, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
        const T top = detail::largest(x, count, step);
        T total{0};
        for (std::int64_t i = 0; i < count; ++i) total += y[i * step] = std::exp(x[i * step] - top);
        for (std::int64_t i = 0; i < count; ++i) y[i * step] /= total;
    });
}
template <class = void>
[[nodiscard]] outcome log_softmax_kernel(const call& c) {
    return detail::map_vectors(c, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
        const T top = detail::largest(x, count, step);
        T total{0};
        for (std::int64_t i = 0; i < count; ++i) total += std::exp(x[i * step] - top);
        const T shift = top + std::log(total);
        for (std::int64_t i = 0; i < count; ++i) y[i * step] = x[i * step] - shift;
    });
}
/// 1 at the first largest element, else 0.
template <class = void>
[[nodiscard]] outcome hardmax_kernel(const call& c) {
    return detail::map_vectors(c, []<class T>(const T* x, T* y, std::int64_t count, std::int64_t step) {
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < count; ++i)
            if (x[i * step] > x[best * step]) best = i;
        for (std::int64_t i = 0; i < count; ++i) y[i * step] = i == best ? T{1} : T{0};
    });
}

template <class = void>
inline constexpr auto softmax_rows = std::to_array<kernel_row>({
    {"Hardmax", hardmax_kernel<>, 1, 1},
    {"LogSoftmax", log_softmax_kernel<>, 1, 1},
    {"Softmax", softmax_kernel<>, 1, 1},
});

}  // namespace dispart::kernels
