#pragma once
/// \file
/// A sliding window over one to three spatial axes, seen as three.

#include "dispart/model/operators/window.hpp"
#include "dispart/run/kernels/call.hpp"

namespace dispart::kernels {

/// Extents per axis; nets with fewer spatial axes have leading axes of extent 1.
using extents3 = std::array<std::int64_t, 3>;

[[nodiscard]] constexpr std::int64_t volume(const extents3& e) noexcept { return e[0] * e[1] * e[2]; }

/// A resolved window with the extents it slides over.
struct window3 {
    extents3 in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};
    extents3 pad_end{0, 0, 0};

    /// Input position under tap k at output position o, possibly outside the input.
    [[nodiscard]] std::int64_t position(std::size_t axis, std::int64_t o, std::int64_t k) const noexcept {
        return o * stride[axis] - pad[axis] + k * dilation[axis];
    }
    /// Taps [first, last) of output position o that lie inside the input.
    [[nodiscard]] std::pair<std::int64_t, std::int64_t> taps(std::size_t axis, std::int64_t o) const noexcept {
        const std::int64_t start = o * stride[axis] - pad[axis];
        const std::int64_t d = dilation[axis];
        const std::int64_t first = start < 0 ? (-start + d - 1) / d : 0;
        const std::int64_t last = start >= in[axis] ? 0 : (in[axis] - start + d - 1) / d;
        return {first, std::max(first, std::min(last, kernel[axis]))};
    }
};

/// The context that the model's window rules read.
[[nodiscard]] inline op_context window_context(const call& c) { return {c.node, {}, {}, c.opset}; }

/// The window as three axes. `dims` is [N, C, spatial...]. Errors: unsupported (more than three spatial axes).
[[nodiscard]] inline result<window3> as_three_axes(const call& c, const shape& dims, const window& w) {
    const std::size_t axes = dims.size() - 2;
    if (axes > 3) return c.unsupported(std::to_string(axes) + " spatial axes");
    window3 out;
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t at = 3 - axes + i;
        out.in[at] = dims[i + 2];
        out.out[at] = w.output[i];
        out.kernel[at] = w.kernel[i];
        out.stride[at] = w.strides[i];
        out.dilation[at] = w.dilations[i];
        out.pad[at] = w.pads_begin[i];
        out.pad_end[at] = w.pads_end[i];
    }
    return out;
}

/// [N, C, spatial...] with the window's output extents.
[[nodiscard]] inline shape image_shape(std::int64_t batch, std::int64_t channels, const window& w) {
    shape dims{batch, channels};
    dims.insert(dims.end(), w.output.begin(), w.output.end());
    return dims;
}

}  // namespace dispart::kernels
