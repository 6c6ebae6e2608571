#pragma once
/// \file
/// TopK and Unique.

#include <limits>
#include <numeric>
#include <variant>

#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {
/// Elements as keys of the same order: double for floating types and narrow integers, int64 for the 64-bit ones.
using sort_keys = std::variant<std::vector<double>, std::vector<std::int64_t>>;

template <class = void>
[[nodiscard]] sort_keys keys_of(const tensor& x) {
    if (x.type() != dtype::i64 && x.type() != dtype::u64) return values_as<double>(x);
    auto keys = values_as<std::int64_t>(x);
    if (x.type() == dtype::u64)
        for (auto& key : keys) key = wrap_add(key, std::numeric_limits<std::int64_t>::min());
    return keys;
}

/// Below 0, 0 or above 0; NaN counts as larger than any number.
[[nodiscard]] inline int compare(double a, double b) {
    if (a < b) return -1;
    if (a > b) return 1;
    return static_cast<int>(a != a) - static_cast<int>(b != b);
}
[[nodiscard]] inline int compare(std::int64_t a, std::int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

/// Moves slices: `to` [outer, places, inner] from `from` [outer, middle, inner], slice m from `places[m]`.
template <class = void>
void take_slices(const tensor& from, const three_axes& split, const std::vector<std::int64_t>& places,
                 tensor& to) {
    const auto width = static_cast<std::size_t>(split.inner) * size_of(from.type());
    std::byte* out = to.bytes().data();
    for (std::int64_t o = 0; to.size() > 0 && o < split.outer; ++o)
        for (const auto place : places) {
            std::memcpy(out, from.bytes().data() + static_cast<std::size_t>(o * split.middle + place) * width,
                        width);
            out += width;
        }
}

/// K is an attribute before opset 10.
[[nodiscard]] inline result<std::int64_t> top_count(const call& c, std::int64_t extent_here) {
    auto k = c.integer("k", -1);
    if (c.has(1)) {
        DISPART_TRY(k, c.integer_scalar(1));
    }
    if (k < 0 || k > extent_here)
        return c.bad_shape("k is " + std::to_string(k) + " of " + std::to_string(extent_here));
    return k;
}
}  // namespace detail

/// TopK: the largest (or smallest) elements along an axis in order, and their indices; equals by lowest index.
template <class = void>
[[nodiscard]] outcome top_k_kernel(const call& c) {
    const auto& x = c.in[0];
    DISPART_TRY(const auto axis, c.axis(-1, x.rank()));
    const auto split = around(x.dims(), axis);
    DISPART_TRY(const auto k, detail::top_count(c, split.middle));
    const bool largest = c.integer("largest", 1) != 0;
    shape dims = x.dims();
    dims[axis] = k;
    DISPART_TRY(tensor values, c.make(x.type(), dims));
    DISPART_TRY(tensor places, c.make(dtype::i64, dims));
    const auto width = static_cast<std::int64_t>(size_of(x.type()));
    std::visit(
        [&](const auto& keys) {
            std::vector<std::int64_t> order(static_cast<std::size_t>(split.middle));
            for (std::int64_t o = 0; values.size() > 0 && o < split.outer; ++o)
                for (std::int64_t i = 0; i < split.inner; ++i) {
                    const auto start = o * split.middle * split.inner + i;
                    const auto* from = keys.data() + start;
                    std::iota(order.begin(), order.end(), 0);
                    std::partial_sort(
                        order.begin(), order.begin() + k, order.end(), [&](std::int64_t a, std::int64_t b) {
                            const int way = detail::compare(from[a * split.inner], from[b * split.inner]);
                            return way == 0 ? a < b : largest ? way > 0 : way < 0;
                        });
                    for (std::int64_t m = 0; m < k; ++m) {
                        const auto at = (o * k + m) * split.inner + i;
                        const auto source = order[static_cast<std::size_t>(m)];
                        std::memcpy(values.bytes().data() + at * width,
                                    x.bytes().data() + (start + source * split.inner) * width,
                                    static_cast<std::size_t>(width));
                        places.data<std::int64_t>().data()[at] = source;
                    }
                }
        },
        detail::keys_of(x));
    auto list = one(std::move(values));
    list.push_back(std::move(places));
    return list;
}

namespace detail {
/// The distinct slices of a [outer, middle, inner] tensor along its middle axis.
struct distinct_slices {
    std::vector<std::int64_t> first;    ///< where each distinct slice occurs first, in the order asked for
    std::vector<std::int64_t> inverse;  ///< the number of each slice's distinct one
    std::vector<std::int64_t> counts;
};

template <class T>
[[nodiscard]] distinct_slices find_distinct(const T* x, const three_axes& split, bool sorted) {
    const auto compare_slices = [&](std::int64_t a, std::int64_t b) {
        for (std::int64_t o = 0; o < split.outer; ++o)
            for (std::int64_t i = 0; i < split.inner; ++i) {
                const T* base = x + o * split.middle * split.inner + i;
                if (const int way = compare(base[a * split.inner], base[b * split.inner]); way != 0)
                    return way;
            }
        return 0;
    };
    const auto n = static_cast<std::size_t>(split.middle);
    std::vector<std::int64_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        const int way = compare_slices(a, b);
        return way == 0 ? a < b : way < 0;
    });
    distinct_slices d;
    d.inverse.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        if (i == 0 || compare_slices(order[i - 1], order[i]) != 0) {
            d.first.push_back(order[i]);
            d.counts.push_back(0);
        }
        d.inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(d.first.size()) - 1;
        ++d.counts.back();
    }
    if (sorted) return d;
    std::vector<std::size_t> by_occurrence(d.first.size());
    std::iota(by_occurrence.begin(), by_occurrence.end(), std::size_t{0});
    std::sort(by_occurrence.begin(), by_occurrence.end(),
              [&](auto a, auto b) { return d.first[a] < d.first[b]; });
    distinct_slices in_order{{}, d.inverse, {}};
    std::vector<std::int64_t> renumbered(d.first.size());
    for (const auto old : by_occurrence) {
        renumbered[old] = static_cast<std::int64_t>(in_order.first.size());
        in_order.first.push_back(d.first[old]);
        in_order.counts.push_back(d.counts[old]);
    }
    for (auto& number : in_order.inverse) number = renumbered[static_cast<std::size_t>(number)];
    return in_order;
}
}  // namespace detail

/// Unique elements, or slices along `axis`; further results: first places, inverse, counts.
template <class = void>
[[nodiscard]] outcome unique_kernel(const call& c) {
    const bool flat = !c.has_attr("axis");
    const tensor x = flat ? c.in[0].reshaped({static_cast<std::int64_t>(c.in[0].size())}) : c.in[0];
    DISPART_TRY(const auto axis, c.axis(0, x.rank()));
    const auto split = around(x.dims(), axis);
    if (split.middle > max_result_bytes) return c.fail(errc::limit_exceeded, "too many slices");
    detail::distinct_slices d;
    const bool sorted = c.integer("sorted", 1) != 0;
    std::visit([&](const auto& keys) { d = detail::find_distinct(keys.data(), split, sorted); },
               detail::keys_of(x));
    const auto count = static_cast<std::int64_t>(d.first.size());
    shape dims = x.dims();
    dims[axis] = count;
    DISPART_TRY(tensor y, c.make(x.type(), std::move(dims)));
    detail::take_slices(x, split, d.first, y);
    auto list = one(std::move(y));
    list.push_back(tensor::of({count}, d.first));
    list.push_back(tensor::of({split.middle}, d.inverse));
    list.push_back(tensor::of({count}, d.counts));
    return list;
}

template <class = void>
inline constexpr auto sorting_rows = std::to_array<kernel_row>({
    {"TopK", top_k_kernel<>, 1, 2},
    {"Unique", unique_kernel<>, 1, 1},
});

}  // namespace dispart::kernels
