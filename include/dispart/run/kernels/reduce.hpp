#pragma once
/// \file
/// Reductions over axes, ArgMax and ArgMin, CumSum.

#include <limits>

#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// Which axes a reduction removes, and the result's shape with and without them.
struct reduction_plan {
    std::vector<bool> reduced;
    shape kept;    ///< reduced axes have extent 1
    shape result;  ///< as the caller sees it
    std::int64_t count = 1;
};

/// Axes come from an operand (from opset 13 or 18 on) or from the attribute; none means all, or none with
/// `noop_with_empty_axes`.
[[nodiscard]] inline result<reduction_plan> plan_reduction(const call& c) {
    const auto& dims = c.in[0].dims();
    std::vector<std::int64_t> axes;
    if (c.has(1)) {
        DISPART_TRY(axes, c.integer_list(1));
    } else {
        axes = c.integers("axes").value_or(axes);
    }
    reduction_plan plan{std::vector<bool>(dims.size(), false), dims, {}};
    if (axes.empty() && c.integer("noop_with_empty_axes", 0) == 0) plan.reduced.assign(dims.size(), true);
    for (const auto axis : axes) {
        DISPART_TRY(const auto index, c.axis_index(axis, dims.size()));
        plan.reduced[index] = true;
    }
    const bool keep = c.integer("keepdims", 1) != 0;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (plan.reduced[i]) {
            plan.kept[i] = 1;
            plan.count *= dims[i];
        }
        if (!plan.reduced[i] || keep) plan.result.push_back(plan.kept[i]);
    }
    return plan;
}

/// Folds x into `into` (one accumulator per kept element) with `f(accumulator, x)`, or `f(accumulator, x, position)`.
template <class T, class A, class F>
void fold_axes(const tensor& x, const reduction_plan& plan, A* into, F f) {
    auto steps = broadcast_strides(plan.kept, x.dims());
    const T* from = x.data<T>().data();
    const walk<2> both{x.dims(), {dense_strides(x.dims()), std::move(steps)}};
    for_each_row<2>(both, [&](const auto& offset, std::int64_t count, const auto& step) {
        const T* row = from + offset[0];
        A* to = into + offset[1];
        if (step[1] == 0) {
            A total = *to;
            for (std::int64_t i = 0; i < count; ++i) total = f(total, row[i * step[0]], offset[1]);
            *to = total;
        } else {
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t place = offset[1] + i * step[1];
                into[place] = f(into[place], row[i * step[0]], place);
            }
        }
    });
}

/// Sums are kept in double for floating types, in wrapping 64-bit integers for integers.
template <class T>
using accumulator = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

/// out = finish(fold(x)) with accumulators that start at `start`.
template <class F, class Finish, class Types>
[[nodiscard]] outcome reduce_with(const call& c, Types types, double start, F f, Finish finish) {
    DISPART_TRY(const auto plan, plan_reduction(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor out, c.make(x.type(), plan.result));
    const bool known = visit_type(types, x.type(), [&]<class T>(std::type_identity<T>) {
        using A = accumulator<T>;
        std::vector<A> totals(out.size(), static_cast<A>(start));
        fold_axes<T>(x, plan, totals.data(),
                     [&](A total, T value, std::int64_t) { return f(total, static_cast<A>(value)); });
        T* to = out.data<T>().data();
        for (std::size_t i = 0; i < totals.size(); ++i) to[i] = static_cast<T>(finish(totals[i], plan.count));
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

struct finish_same {
    template <class A>
    A operator()(A total, std::int64_t) const {
        return total;
    }
};
struct sum_fold {
    template <class A>
    A operator()(A total, A value) const {
        return wrap_add(total, value);
    }
};
struct square_fold {
    template <class A>
    A operator()(A total, A value) const {
        return wrap_add(total, wrap_multiply(value, value));
    }
};

/// The largest or smallest; of nothing it is the type's lowest or highest value. NaN wins.
template <class Better>
[[nodiscard]] outcome reduce_extreme(const call& c, bool largest, Better better) {
    DISPART_TRY(const auto plan, plan_reduction(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor out, c.make(x.type(), plan.result));
    const bool known = visit_type(number_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        using limits = std::numeric_limits<T>;
        T start = largest ? limits::lowest() : limits::max();
        if constexpr (limits::has_infinity) start = largest ? -limits::infinity() : limits::infinity();
        T* to = out.data<T>().data();
        std::fill_n(to, out.size(), start);
        fold_axes<T>(x, plan, to, [&](T best, T value, std::int64_t) {
            return value != value || better(value, best) ? value : best;
        });
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

}  // namespace detail

template <class = void>
[[nodiscard]] outcome reduce_sum_kernel(const call& c) {
    return detail::reduce_with(c, common_types{}, 0.0, detail::sum_fold{}, detail::finish_same{});
}
template <class = void>
[[nodiscard]] outcome reduce_mean_kernel(const call& c) {
    return detail::reduce_with(
        c, common_types{}, 0.0, detail::sum_fold{},
        []<class A>(A total, std::int64_t count) { return safe_divide(total, static_cast<A>(count)); });
}
template <class = void>
[[nodiscard]] outcome reduce_prod_kernel(const call& c) {
    return detail::reduce_with(
        c, common_types{}, 1.0, []<class A>(A total, A value) { return wrap_multiply(total, value); },
        detail::finish_same{});
}
template <class = void>
[[nodiscard]] outcome reduce_l1_kernel(const call& c) {
    return detail::reduce_with(
        c, common_types{}, 0.0,
        []<class A>(A total, A value) {
            return value < A{0} ? wrap_subtract(total, value) : wrap_add(total, value);
        },
        detail::finish_same{});
}
template <class = void>
[[nodiscard]] outcome reduce_l2_kernel(const call& c) {
    return detail::reduce_with(
        c, common_types{}, 0.0, detail::square_fold{},
        []<class A>(A total, std::int64_t) { return convert<A>(std::sqrt(static_cast<double>(total))); });
}
template <class = void>
[[nodiscard]] outcome reduce_sum_square_kernel(const call& c) {
    return detail::reduce_with(c, common_types{}, 0.0, detail::square_fold{}, detail::finish_same{});
}
template <class = void>
[[nodiscard]] outcome reduce_log_sum_kernel(const call& c) {
    return detail::reduce_with(c, common_types{}, 0.0, detail::sum_fold{}, []<class A>(A total, std::int64_t) {
        return convert<A>(std::log(static_cast<double>(total)));
    });
}
template <class = void>
[[nodiscard]] outcome reduce_max_kernel(const call& c) {
    return detail::reduce_extreme(c, true, [](auto a, auto b) { return a > b; });
}
template <class = void>
[[nodiscard]] outcome reduce_min_kernel(const call& c) {
    return detail::reduce_extreme(c, false, [](auto a, auto b) { return a < b; });
}

/// log(sum(exp(x))), shifted by the largest element so that it does not overflow.
template <class = void>
[[nodiscard]] outcome reduce_log_sum_exp_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_reduction(c));
    const auto& x = c.in[0];
    DISPART_TRY(tensor out, c.make(x.type(), plan.result));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        std::vector<double> top(out.size(), -std::numeric_limits<double>::infinity());
        std::vector<double> totals(out.size(), 0.0);
        const auto larger = [](double best, T value, std::int64_t) {
            return std::max(best, static_cast<double>(value));
        };
        detail::fold_axes<T>(x, plan, top.data(), larger);
        for (auto& shift : top)
            if (!std::isfinite(shift)) shift = 0.0;
        detail::fold_axes<T>(x, plan, totals.data(), [&](double total, T value, std::int64_t place) {
            return total + std::exp(static_cast<double>(value) - top[static_cast<std::size_t>(place)]);
        });
        T* to = out.data<T>().data();
        for (std::size_t i = 0; i < totals.size(); ++i) to[i] = static_cast<T>(top[i] + std::log(totals[i]));
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

namespace detail {
/// Index of the best element along `axis`: the first of equals, or the last with `select_last_index`.
template <class Better>
[[nodiscard]] outcome arg_best(const call& c, Better better) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    const auto [outer, middle, inner] = around(x.dims(), axis);
    if (middle == 0) return c.bad_shape("the axis is empty");
    shape dims = x.dims();
    dims[axis] = 1;
    if (c.integer("keepdims", 1) == 0) dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    DISPART_TRY(tensor out, c.make(dtype::i64, std::move(dims)));
    const bool last = c.integer("select_last_index", 0) != 0;
    std::int64_t* to = out.data<std::int64_t>().data();
    const bool known = visit_type(number_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t o = 0; o < outer; ++o)
            for (std::int64_t i = 0; i < inner; ++i) {
                const T* from = x.data<T>().data() + o * middle * inner + i;
                std::int64_t best = 0;
                for (std::int64_t m = 1; m < middle; ++m)
                    if (better(from[m * inner], from[best * inner]) ||
                        (last && from[m * inner] == from[best * inner]))
                        best = m;
                to[o * inner + i] = best;
            }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}
}  // namespace detail

template <class = void>
[[nodiscard]] outcome arg_max_kernel(const call& c) {
    return detail::arg_best(c, [](auto a, auto b) { return a > b; });
}
template <class = void>
[[nodiscard]] outcome arg_min_kernel(const call& c) {
    return detail::arg_best(c, [](auto a, auto b) { return a < b; });
}

/// Running sums along an axis given by the second operand; `exclusive` leaves the element itself out.
template <class = void>
[[nodiscard]] outcome cum_sum_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto stated, c.integer_scalar(1));
    DISPART_TRY(const auto axis, c.axis_index(stated, x.rank()));
    DISPART_TRY(tensor out, c.make(x.type(), x.dims()));
    if (out.size() == 0) return one(std::move(out));
    const auto split = around(x.dims(), axis);
    const bool exclusive = c.integer("exclusive", 0) != 0;
    const bool reverse = c.integer("reverse", 0) != 0;
    const bool known = visit_type(common_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t o = 0; o < split.outer; ++o)
            for (std::int64_t i = 0; i < split.inner; ++i) {
                const auto start = o * split.middle * split.inner + i;
                T total{0};
                for (std::int64_t m = 0; m < split.middle; ++m) {
                    const auto place = start + (reverse ? split.middle - 1 - m : m) * split.inner;
                    const T value = x.data<T>().data()[place];
                    out.data<T>().data()[place] = exclusive ? total : wrap_add(total, value);
                    total = wrap_add(total, value);
                }
            }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

template <class = void>
inline constexpr auto reduce_rows = std::to_array<kernel_row>({
    {"ArgMax", arg_max_kernel<>, 1, 1},
    {"ArgMin", arg_min_kernel<>, 1, 1},
    {"CumSum", cum_sum_kernel<>, 2, 2},
    {"ReduceL1", reduce_l1_kernel<>, 1, 2},
    {"ReduceL2", reduce_l2_kernel<>, 1, 2},
    {"ReduceLogSum", reduce_log_sum_kernel<>, 1, 2},
    {"ReduceLogSumExp", reduce_log_sum_exp_kernel<>, 1, 2},
    {"ReduceMax", reduce_max_kernel<>, 1, 2},
    {"ReduceMean", reduce_mean_kernel<>, 1, 2},
    {"ReduceMin", reduce_min_kernel<>, 1, 2},
    {"ReduceProd", reduce_prod_kernel<>, 1, 2},
    {"ReduceSum", reduce_sum_kernel<>, 1, 2},
    {"ReduceSumSquare", reduce_sum_square_kernel<>, 1, 2},
});

}  // namespace dispart::kernels
