#pragma once
/// \file
/// Conv, ConvTranspose and ConvInteger over one to three spatial axes, as matrix products over unfolded images.

#include "dispart/run/kernels/matmul.hpp"
#include "dispart/run/kernels/window3.hpp"

namespace dispart::kernels {

namespace detail {

/// What a convolution computes: per image and group, [M/g, out] = W [M/g, C/g * taps] * unfolded [C/g * taps, out].
struct conv_plan {
    window3 w;
    std::int64_t batch = 0, channels = 0, maps = 0, groups = 1;
    shape result;
};

/// Checks data [N, C, spatial...], weights of equal rank and groups. Errors: shape_mismatch.
[[nodiscard]] inline result<std::int64_t> conv_groups(const call& c, const shape& x, const shape& w) {
    const auto text = "data " + to_string(x) + " and weights " + to_string(w);
    if (x.size() < 3 || x.size() != w.size()) return c.bad_shape(text + " need one rank of at least 3");
    const auto groups = c.integer("group", 1);
    if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0)
        return c.bad_shape(text + " do not divide into " + std::to_string(groups) + " groups");
    return groups;
}

[[nodiscard]] inline result<conv_plan> plan_conv(const call& c) {
    const auto& x = c.in[0].dims();
    const auto& w = c.in[1].dims();
    DISPART_TRY(const auto groups, conv_groups(c, x, w));
    if (w[1] != x[1] / groups)
        return c.bad_shape("data " + to_string(x) + " and weights " + to_string(w) +
                           " have different channels");
    const std::span<const std::int64_t> space = std::span(x).subspan(2);
    DISPART_TRY(const auto window, dispart::detail::resolve_window(window_context(c), space,
                                                                   shape(w.begin() + 2, w.end()), false));
    conv_plan plan;
    DISPART_TRY(plan.w, as_three_axes(c, x, window));
    plan.batch = x[0];
    plan.channels = x[1];
    plan.maps = w[0];
    plan.groups = groups;
    plan.result = image_shape(x[0], w[0], window);
    return plan;
}

/// Writes the taps of output rows [first, first + rows) of one channel: taps lines of rows * out[2] values, `line` apart.
template <class T>
void unfold_channel(const window3& w, const T* plane, std::int64_t first, std::int64_t rows, T* to,
                    std::int64_t line) {
    for (std::int64_t a = 0; a < w.kernel[0]; ++a)
        for (std::int64_t b = 0; b < w.kernel[1]; ++b)
            for (std::int64_t k = 0; k < w.kernel[2]; ++k, to += line)
                for (std::int64_t r = 0; r < rows; ++r) {
                    T* row = to + r * w.out[2];
                    const auto z = w.position(0, (first + r) / w.out[1], a);
                    const auto y = w.position(1, (first + r) % w.out[1], b);
                    if (z < 0 || z >= w.in[0] || y < 0 || y >= w.in[1]) {
                        std::fill_n(row, w.out[2], T{0});
                        continue;
                    }
                    const T* source = plane + (z * w.in[1] + y) * w.in[2];
                    for (std::int64_t o = 0; o < w.out[2]; ++o) {
                        const auto x = w.position(2, o, k);
                        row[o] = x >= 0 && x < w.in[2] ? source[x] : T{0};
                    }
                }
}

/// Values in one block of unfolded image: what stays in a cache, and bounds the scratch memory.
inline constexpr std::int64_t unfold_block = std::int64_t{1} << 20;

/// Memory that grows as needed.
template <class T>
struct conv_scratch {
    std::vector<T> unfolded, packed, weights;
};

/// One image and group.
template <class T>
void convolve_group(const conv_plan& p, const T* x, const T* weights, T* out, conv_scratch<T>& scratch) {
    const auto& w = p.w;
    const auto per_group = p.channels / p.groups;
    const auto maps = p.maps / p.groups;
    const auto depth = per_group * volume(w.kernel);
    const auto rows = w.out[0] * w.out[1];
    const auto block =
        std::clamp<std::int64_t>(unfold_block / std::max<std::int64_t>(1, depth * w.out[2]), 1, rows);
    scratch.unfolded.resize(static_cast<std::size_t>(depth * block * w.out[2]));
    for (std::int64_t first = 0; first < rows; first += block) {
        const auto count = std::min(block, rows - first);
        const auto line = count * w.out[2];
        for (std::int64_t ch = 0; ch < per_group; ++ch)
            unfold_channel(w, x + ch * volume(w.in), first, count,
                           scratch.unfolded.data() + ch * volume(w.kernel) * line, line);
        kernels::multiply(weights, scratch.unfolded.data(), out + first * w.out[2],
                          {maps, depth, line, volume(w.out)}, scratch.packed);
    }
}

/// The whole convolution. Precondition: operands have the shapes of the plan; `bias` is null or has one value per map.
template <class T>
void convolve(const conv_plan& p, const T* x, const T* weights, const T* bias, T* out) {
    conv_scratch<T> scratch;
    const auto in_plane = volume(p.w.in);
    const auto out_plane = volume(p.w.out);
    const auto depth = p.channels / p.groups * volume(p.w.kernel);
    const auto maps = p.maps / p.groups;
    for (std::int64_t n = 0; n < p.batch; ++n)
        for (std::int64_t g = 0; g < p.groups; ++g) {
            T* to = out + (n * p.maps + g * maps) * out_plane;
            if (depth == 0) std::fill_n(to, maps * out_plane, T{0});
            else
                convolve_group(p, x + (n * p.channels + g * (p.channels / p.groups)) * in_plane,
                               weights + g * maps * depth, to, scratch);
            for (std::int64_t m = 0; bias != nullptr && m < maps; ++m)
                for (std::int64_t i = 0; i < out_plane; ++i) to[m * out_plane + i] += bias[g * maps + m];
        }
}

/// Errors: shape_mismatch unless operand 2, where present, has one value per map.
[[nodiscard]] inline result<void> check_bias(const call& c, std::int64_t maps) {
    if (c.has(2) && static_cast<std::int64_t>(c.in[2].size()) != maps)
        return c.bad_shape("bias " + to_string(c.in[2].dims()) + " for " + std::to_string(maps) + " channels");
    return {};
}

}  // namespace detail

/// Conv with groups, strides, dilations, pads and auto_pad.
template <class = void>
[[nodiscard]] outcome conv_kernel(const call& c) {
    DISPART_CHECK(c.same_type(0, 1));
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_TRY(const auto plan, detail::plan_conv(c));
    DISPART_CHECK(detail::check_bias(c, plan.maps));
    DISPART_TRY(tensor out, c.make(c.in[0].type(), plan.result));
    if (out.size() == 0) return one(std::move(out));
    const bool known = visit_type(floating_types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        detail::convolve(plan, c.in[0].data<T>().data(), c.in[1].data<T>().data(),
                         c.has(2) ? c.in[2].data<T>().data() : nullptr, out.data<T>().data());
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

namespace detail {

/// 8-bit values less their zero point (one, or one per leading extent), exactly, as double.
template <class = void>
[[nodiscard]] result<std::vector<double>> centred_image(const call& c, std::size_t operand, std::size_t zero) {
    const auto& x = c.in[operand];
    if (x.type() != dtype::u8 && x.type() != dtype::i8) return c.bad_type(operand);
    auto values = values_as<double>(x);
    if (!c.has(zero)) return values;
    DISPART_CHECK(c.same_type(operand, zero));
    const auto points = values_as<double>(c.in[zero]);
    if (points.size() != 1 && (x.rank() == 0 || static_cast<std::int64_t>(points.size()) != x.dims()[0]))
        return c.bad_shape("zero point " + to_string(c.in[zero].dims()) + " for " + to_string(x.dims()));
    const std::size_t per_point = values.size() / std::max<std::size_t>(1, points.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= points[i / per_point];
    return values;
}

/// Sums of products of 8-bit operands; double holds them exactly (below 2^53).
[[nodiscard]] inline std::vector<double> convolve_exactly(const conv_plan& plan, const std::vector<double>& x,
                                                          const std::vector<double>& w, const double* bias) {
    std::vector<double> sums(static_cast<std::size_t>(elements(plan.result)));
    if (!sums.empty()) convolve(plan, x.data(), w.data(), bias, sums.data());
    return sums;
}

}  // namespace detail

/// ConvInteger: 8-bit data and weights less their zero points, 32-bit sums.
template <class = void>
[[nodiscard]] outcome conv_integer_kernel(const call& c) {
    DISPART_TRY(const auto plan, detail::plan_conv(c));
    DISPART_TRY(const auto x, detail::centred_image(c, 0, 2));
    DISPART_TRY(const auto w, detail::centred_image(c, 1, 3));
    DISPART_TRY(tensor out, c.make(dtype::i32, plan.result));
    const auto sums = detail::convolve_exactly(plan, x, w, nullptr);
    std::transform(sums.begin(), sums.end(), out.data<std::int32_t>().data(),
                   [](double sum) { return convert<std::int32_t>(sum); });
    return one(std::move(out));
}

namespace detail {

/// A transposed convolution: the window slides over the result, and `w.in` is the result's extent.
[[nodiscard]] inline result<conv_plan> plan_conv_transpose(const call& c) {
    const auto& x = c.in[0].dims();
    const auto& w = c.in[1].dims();
    DISPART_TRY(const auto groups, conv_groups(c, x, w));
    if (w[0] != x[1])
        return c.bad_shape("data " + to_string(x) + " and weights " + to_string(w) +
                           " have different channels");
    const std::span<const std::int64_t> space = std::span(x).subspan(2);
    DISPART_TRY(const auto window, dispart::detail::resolve_transposed_window(window_context(c), space,
                                                                              shape(w.begin() + 2, w.end())));
    conv_plan plan;
    DISPART_TRY(plan.w, as_three_axes(c, x, window));
    plan.batch = x[0];
    plan.channels = x[1];
    plan.groups = groups;
    plan.maps = dispart::detail::times(w[1], groups);
    plan.result = image_shape(x[0], plan.maps, window);
    std::swap(plan.w.in, plan.w.out);
    return plan;
}

/// Adds the taps of small rows [first, first + rows) into one plane of the large image: the reverse of unfold_channel.
template <class T>
void fold_channel(const window3& w, const T* from, std::int64_t line, std::int64_t first, std::int64_t rows,
                  T* plane) {
    for (std::int64_t a = 0; a < w.kernel[0]; ++a)
        for (std::int64_t b = 0; b < w.kernel[1]; ++b)
            for (std::int64_t k = 0; k < w.kernel[2]; ++k, from += line)
                for (std::int64_t r = 0; r < rows; ++r) {
                    const auto z = w.position(0, (first + r) / w.out[1], a);
                    const auto y = w.position(1, (first + r) % w.out[1], b);
                    if (z < 0 || z >= w.in[0] || y < 0 || y >= w.in[1]) continue;
                    T* target = plane + (z * w.in[1] + y) * w.in[2];
                    for (std::int64_t o = 0; o < w.out[2]; ++o) {
                        const auto x = w.position(2, o, k);
                        if (x >= 0 && x < w.in[2]) target[x] += from[r * w.out[2] + o];
                    }
                }
}

/// One image and group: unfolded [M/g * taps, small] = W' [M/g * taps, C/g] x [C/g, small], folded into the result.
template <class T>
void transpose_convolve_group(const conv_plan& p, const T* x, const T* weights, T* out,
                              conv_scratch<T>& scratch) {
    const auto& w = p.w;
    const auto maps = p.maps / p.groups;
    const auto depth = maps * volume(w.kernel);
    const auto channels = p.channels / p.groups;
    const auto rows = w.out[0] * w.out[1];
    const auto block =
        std::clamp<std::int64_t>(unfold_block / std::max<std::int64_t>(1, depth * w.out[2]), 1, rows);
    scratch.unfolded.resize(static_cast<std::size_t>(depth * block * w.out[2]));
    scratch.weights.resize(static_cast<std::size_t>(depth * channels));
    for (std::int64_t i = 0; i < channels; ++i)
        for (std::int64_t j = 0; j < depth; ++j)
            scratch.weights[static_cast<std::size_t>(j * channels + i)] = weights[i * depth + j];
    for (std::int64_t first = 0; first < rows; first += block) {
        const auto count = std::min(block, rows - first);
        const auto line = count * w.out[2];
        kernels::multiply(scratch.weights.data(), x + first * w.out[2], scratch.unfolded.data(),
                          {depth, channels, line, line, volume(w.out)}, scratch.packed);
        for (std::int64_t m = 0; m < maps; ++m)
            fold_channel(w, scratch.unfolded.data() + m * volume(w.kernel) * line, line, first, count,
                         out + m * volume(w.in));
    }
}

template <class T>
void transpose_convolve(const conv_plan& p, const T* x, const T* weights, const T* bias, T* out) {
    conv_scratch<T> scratch;
    const auto maps = p.maps / p.groups;
    const auto channels = p.channels / p.groups;
    for (std::int64_t n = 0; n < p.batch; ++n)
        for (std::int64_t g = 0; g < p.groups; ++g) {
            T* to = out + (n * p.maps + g * maps) * volume(p.w.in);
            for (std::int64_t m = 0; m < maps; ++m)
                std::fill_n(to + m * volume(p.w.in), volume(p.w.in),
                            bias != nullptr ? bias[g * maps + m] : T{0});
            if (channels > 0)
                transpose_convolve_group(p, x + (n * p.channels + g * channels) * volume(p.w.out),
                                         weights + g * channels * maps * volume(p.w.kernel), to, scratch);
        }
}

}  // namespace detail

/// ConvTranspose with groups, strides, dilations, pads, auto_pad, output_padding and output_shape.
template <class = void>
[[nodiscard]] outcome conv_transpose_kernel(const call& c) {
    DISPART_CHECK(c.same_type(0, 1));
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_TRY(const auto plan, detail::plan_conv_transpose(c));
    DISPART_CHECK(detail::check_bias(c, plan.maps));
    DISPART_TRY(tensor out, c.make(c.in[0].type(), plan.result));
    if (out.size() == 0) return one(std::move(out));
    if (volume(plan.w.out) == 0) return c.bad_shape("the data has an empty spatial axis");
    const bool known = visit_type(floating_types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        detail::transpose_convolve(plan, c.in[0].data<T>().data(), c.in[1].data<T>().data(),
                                   c.has(2) ? c.in[2].data<T>().data() : nullptr, out.data<T>().data());
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

template <class = void>
inline constexpr auto conv_rows = std::to_array<kernel_row>({
    {"Conv", conv_kernel<>, 2, 3},
    {"ConvInteger", conv_integer_kernel<>, 2, 4},
    {"ConvTranspose", conv_transpose_kernel<>, 2, 3},
});

}  // namespace dispart::kernels
