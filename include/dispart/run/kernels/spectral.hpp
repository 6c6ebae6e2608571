#pragma once
/// \file
/// Windows and discrete Fourier transforms, by their definitions: O(points × bins) each.

#include <cmath>
#include <numbers>

#include "dispart/model/operators/spectral.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// Calls a shape rule of the operator table on a layer whose operands are all there.
template <class Rule>
[[nodiscard]] auto by_rule(const call& c, Rule rule) {
    std::vector<tensor_info> infos;
    for (const auto& t : c.in)
        infos.push_back({.name = {}, .type = t.type(), .dims = t.dims(), .constant = true, .value = t});
    std::vector<const tensor_info*> pointers;
    for (std::size_t i = 0; i < infos.size(); ++i) pointers.push_back(c.has(i) ? &infos[i] : nullptr);
    return rule(op_context{c.node, pointers, {}, c.opset});
}

/// exp(-2 pi i k / n) for k = 0..n-1, or its conjugate.
struct roots_of_unity {
    std::vector<double> re, im;
    roots_of_unity(std::int64_t n, bool inverse)
        : re(static_cast<std::size_t>(n))
        , im(static_cast<std::size_t>(n)) {
        for (std::size_t k = 0; k < re.size(); ++k) {
            const double angle = 2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
            re[k] = std::cos(angle);
            im[k] = inverse ? std::sin(angle) : -std::sin(angle);
        }
    }
};

/// One vector of numbers in a tensor: `parts` is 1 where they are real, 2 where complex.
struct spectrum_view {
    std::int64_t step = 1;  ///< between numbers, in elements
    std::int64_t parts = 1;
    std::int64_t points = 0;  ///< that are there; more are zero
};

/// The bins of one transform of f.length points: `to` holds complex numbers `to_step` elements apart.
template <class T>
void transform(const fourier_shape& f, const roots_of_unity& roots, double scale, const T* window,
               const T* from, const spectrum_view& in, T* to, std::int64_t to_step) {
    const auto points = std::min(f.length, in.points);
    for (std::int64_t k = 0; k < f.bins; ++k) {
        double re = 0.0;
        double im = 0.0;
        std::size_t turn = 0;  // k * t modulo the length
        for (std::int64_t t = 0; t < points; ++t) {
            const double w = window == nullptr ? 1.0 : static_cast<double>(window[t]);
            const double a = w * static_cast<double>(from[t * in.step]);
            const double b = in.parts == 2 ? w * static_cast<double>(from[t * in.step + 1]) : 0.0;
            re += a * roots.re[turn] - b * roots.im[turn];
            im += a * roots.im[turn] + b * roots.re[turn];
            turn = (turn + static_cast<std::size_t>(k)) % static_cast<std::size_t>(f.length);
        }
        to[k * to_step] = static_cast<T>(re * scale);
        to[k * to_step + 1] = static_cast<T>(im * scale);
    }
}

}  // namespace detail

/// DFT along one axis of data whose last axis holds real or complex numbers.
template <class = void>
[[nodiscard]] outcome dft_kernel(const call& c) {
    DISPART_TRY(const auto f, detail::by_rule(c, dft_shape));
    const auto& x = c.in[0];
    shape dims = x.dims();
    dims[f.axis] = f.bins;
    dims.back() = 2;
    DISPART_TRY(tensor y, c.make(x.type(), dims));
    const auto parts = x.dims().back();
    const auto outer = extent(x.dims(), 0, f.axis);
    const auto inner = extent(x.dims(), f.axis + 1, x.rank() - 1);
    const bool inverse = c.integer("inverse", 0) != 0;
    const double scale = inverse ? 1.0 / static_cast<double>(f.length) : 1.0;
    const detail::roots_of_unity roots(f.length, inverse);
    const detail::spectrum_view view{inner * parts, parts, x.dims()[f.axis]};
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t o = 0; o < outer; ++o)
            for (std::int64_t i = 0; i < inner; ++i)
                detail::transform<T>(f, roots, scale, nullptr,
                                     x.data<T>().data() + (o * view.points * inner + i) * parts, view,
                                     y.data<T>().data() + (o * f.bins * inner + i) * 2, inner * 2);
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// STFT: the transforms of windowed frames of a signal [N, length, 1 or 2].
template <class = void>
[[nodiscard]] outcome stft_kernel(const call& c) {
    DISPART_TRY(const auto f, detail::by_rule(c, stft_shape));
    DISPART_TRY(const auto shapes, detail::by_rule(c, dispart::detail::infer_stft));
    DISPART_TRY(const auto step, c.integer_scalar(1));
    DISPART_CHECK(c.same_type(0, 2));
    const auto& x = c.in[0];
    const auto& dims = shapes.front().dims;
    DISPART_TRY(tensor y, c.make(x.type(), dims));
    const auto length = x.dims()[1];
    const auto parts = x.dims()[2];
    const detail::roots_of_unity roots(f.length, false);
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        const T* window = c.has(2) ? c.in[2].data<T>().data() : nullptr;
        for (std::int64_t n = 0; n < dims[0]; ++n)
            for (std::int64_t frame = 0; frame < dims[1]; ++frame)
                detail::transform<T>(
                    f, roots, 1.0, window, x.data<T>().data() + (n * length + frame * step) * parts,
                    {parts, parts, f.length}, y.data<T>().data() + (n * dims[1] + frame) * f.bins * 2, 2);
    });
    if (!known) return c.bad_type(0);
    return one(std::move(y));
}

/// HannWindow, HammingWindow and BlackmanWindow: a0 - a1 cos x + a2 cos 2x.
template <class = void>
[[nodiscard]] outcome window_kernel(const call& c) {
    DISPART_TRY(const auto shapes, detail::by_rule(c, dispart::detail::infer_window));
    const auto& made = shapes.front();
    std::array<double, 3> a{0.5, 0.5, 0.0};
    if (c.node.op == "HammingWindow") a = {25.0 / 46.0, 21.0 / 46.0, 0.0};
    if (c.node.op == "BlackmanWindow") a = {0.42, 0.5, 0.08};
    DISPART_TRY(tensor y, c.make(made.type, made.dims));
    const auto last = made.dims[0] - (c.integer("periodic", 1) != 0 ? 0 : 1);
    const bool known = visit_type(number_types{}, made.type, [&]<class T>(std::type_identity<T>) {
        for (std::size_t i = 0; i < y.size(); ++i) {
            const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) /
                                 static_cast<double>(std::max<std::int64_t>(last, 1));
            y.data<T>()[i] = convert<T>(a[0] - a[1] * std::cos(angle) + a[2] * std::cos(2.0 * angle));
        }
    });
    if (!known) return c.unsupported("windows of type " + std::string(to_string(made.type)));
    return one(std::move(y));
}

template <class = void>
inline constexpr auto spectral_rows = std::to_array<kernel_row>({
    {"BlackmanWindow", window_kernel<>, 1, 1},
    {"DFT", dft_kernel<>, 1, 3},
    {"HammingWindow", window_kernel<>, 1, 1},
    {"HannWindow", window_kernel<>, 1, 1},
    {"STFT", stft_kernel<>, 2, 4},
});

}  // namespace dispart::kernels
