#pragma once
/// \file
/// Sliding windows of convolution and pooling: strides, dilations and pads resolved from attributes, and the extents
/// that follow. Kernels and tilers read the same `window`, so that nobody resolves `auto_pad` a second time.

#include "dispart/model/operators/context.hpp"

namespace dispart {

/// One window over the spatial axes; every list has one entry per axis.
struct window {
    std::vector<std::int64_t> kernel{};
    std::vector<std::int64_t> strides{};
    std::vector<std::int64_t> dilations{};
    std::vector<std::int64_t> pads_begin{};
    std::vector<std::int64_t> pads_end{};
    std::vector<std::int64_t> output{};  ///< spatial extents of the result
};

namespace detail {

/// Attributes beyond this magnitude are refused: no net has them, and sums of them stay exact.
inline constexpr std::int64_t max_window_attribute = std::int64_t{1} << 31;

/// The attribute as one number in [low, 2^31] per axis. Errors: shape_mismatch.
[[nodiscard]] inline result<std::vector<std::int64_t>>
per_axis(const op_context& c, std::string_view name, std::size_t n, std::int64_t fallback, std::int64_t low) {
    auto list = c.integers(name).value_or(std::vector<std::int64_t>(n, fallback));
    if (list.empty()) list.assign(n, fallback);
    if (list.size() != n)
        return c.bad_shape(std::string(name) + " has " + std::to_string(list.size()) + " entries for " +
                           std::to_string(n) + " axes");
    for (const auto value : list)
        if (value < low || value > max_window_attribute)
            return c.bad_shape(std::string(name) + " is " + std::to_string(value));
    return list;
}

/// Extent that a dilated kernel covers.
[[nodiscard]] constexpr std::int64_t covered(std::int64_t kernel, std::int64_t dilation) noexcept {
    return plus(times(kernel - 1, dilation), 1);
}

/// Kernel, strides and dilations; pads where they are explicit.
[[nodiscard]] inline result<window> read_window(const op_context& c, std::vector<std::int64_t> kernel) {
    const auto n = kernel.size();
    window w;
    w.kernel = std::move(kernel);
    for (const auto extent : w.kernel)
        if (extent < 1) return c.bad_shape("the kernel " + to_string(w.kernel) + " has an extent below 1");
    if (const auto stated = c.integers("kernel_shape"); stated && !stated->empty() && *stated != w.kernel)
        return c.bad_shape("kernel_shape " + to_string(*stated) + " is not the weights' " +
                           to_string(w.kernel));
    DISPART_TRY(w.strides, per_axis(c, "strides", n, 1, 1));
    DISPART_TRY(w.dilations, per_axis(c, "dilations", n, 1, 1));
    DISPART_TRY(const auto pads, per_axis(c, "pads", 2 * n, 0, 0));
    w.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(n));
    w.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(n), pads.end());
    return w;
}

/// Divides a padding between the two ends as SAME_UPPER or SAME_LOWER asks.
inline void split_padding(window& w, std::size_t axis, std::int64_t total, bool more_at_end) {
    total = std::max<std::int64_t>(total, 0);
    w.pads_begin[axis] = more_at_end ? total / 2 : total - total / 2;
    w.pads_end[axis] = total - w.pads_begin[axis];
}

/// `auto_pad`, checked. Errors: unsupported.
[[nodiscard]] inline result<std::string> padding_mode(const op_context& c) {
    auto mode = c.text("auto_pad", "NOTSET");
    if (mode.empty()) mode = "NOTSET";
    if (mode != "NOTSET" && mode != "SAME_UPPER" && mode != "SAME_LOWER" && mode != "VALID")
        return c.fail(errc::unsupported, "auto_pad '" + mode + "' is unknown");
    return mode;
}

/// Positions of a window along one axis; with `ceil`, one more that begins inside the data or the leading pad.
[[nodiscard]] inline std::int64_t positions(const window& w, std::size_t axis, std::int64_t extent, bool ceil) {
    const auto padded = plus(plus(extent, w.pads_begin[axis]), w.pads_end[axis]);
    const auto room = minus(padded, covered(w.kernel[axis], w.dilations[axis]));
    const auto stride = w.strides[axis];
    if (!ceil || room < 0) return room < 0 ? 0 : room / stride + 1;
    const auto count = ceil_div(room, stride) + 1;
    return times(count - 1, stride) >= plus(extent, w.pads_begin[axis]) ? count - 1 : count;
}

/// Resolves the window of a convolution or pooling whose spatial extents are `input`.
[[nodiscard]] inline result<window> resolve_window(const op_context& c, std::span<const std::int64_t> input,
                                                   std::vector<std::int64_t> kernel, bool ceil) {
    if (input.size() != kernel.size())
        return c.bad_shape("a kernel of " + std::to_string(kernel.size()) + " axes over " +
                           std::to_string(input.size()) + " spatial axes");
    DISPART_TRY(auto w, read_window(c, std::move(kernel)));
    DISPART_TRY(const auto mode, padding_mode(c));
    for (std::size_t i = 0; i < input.size(); ++i) {
        if (mode != "NOTSET") split_padding(w, i, 0, true);
        if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
            const auto out = ceil_div(input[i], w.strides[i]);
            const auto reach = plus(times(out - 1, w.strides[i]), covered(w.kernel[i], w.dilations[i]));
            split_padding(w, i, minus(reach, input[i]), mode == "SAME_UPPER");
            w.output.push_back(out);
        } else {
            w.output.push_back(positions(w, i, input[i], ceil));
        }
        if (w.output.back() < 1)
            return c.bad_shape("the kernel " + to_string(w.kernel) + " does not fit into the padded extents " +
                               to_string(shape(input.begin(), input.end())));
    }
    return w;
}

/// Resolves the window of a transposed convolution; pads are what is cut from the full result.
[[nodiscard]] inline result<window> resolve_transposed_window(const op_context& c,
                                                              std::span<const std::int64_t> input,
                                                              std::vector<std::int64_t> kernel) {
    const auto n = input.size();
    if (n != kernel.size())
        return c.bad_shape("the kernel and the data have different numbers of spatial axes");
    DISPART_TRY(auto w, read_window(c, std::move(kernel)));
    DISPART_TRY(const auto mode, padding_mode(c));
    DISPART_TRY(const auto extra, per_axis(c, "output_padding", n, 0, 0));
    auto stated = c.integers("output_shape").value_or(std::vector<std::int64_t>{});
    if (stated.size() > n) stated.erase(stated.begin(), stated.end() - static_cast<std::ptrdiff_t>(n));
    if (!stated.empty() && stated.size() != n) return c.bad_shape("output_shape has too few entries");
    for (std::size_t i = 0; i < n; ++i) {
        const auto full =
            plus(plus(times(input[i] - 1, w.strides[i]), extra[i]), covered(w.kernel[i], w.dilations[i]));
        const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
        if (!stated.empty() || same) {
            w.output.push_back(stated.empty() ? times(input[i], w.strides[i]) : stated[i]);
            split_padding(w, i, minus(full, w.output.back()), mode == "SAME_UPPER");
        } else {
            if (mode == "VALID") split_padding(w, i, 0, true);
            w.output.push_back(minus(minus(full, w.pads_begin[i]), w.pads_end[i]));
        }
        if (w.output.back() < 1) return c.bad_shape("the result has no extent left");
    }
    return w;
}

/// The extents behind batch and channel. Precondition: rank >= 2.
[[nodiscard]] inline std::span<const std::int64_t> spatial(const shape& dims) {
    return std::span<const std::int64_t>(dims).subspan(2);
}

}  // namespace detail

}  // namespace dispart
