#pragma once
/// \file
/// Windows and discrete Fourier transforms: the front ends of speech models.

#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators/context.hpp"

namespace dispart {

/// What a DFT or STFT computes: `length` points along `axis`, of which `bins` are kept.
struct fourier_shape {
    std::size_t axis = 0;
    std::int64_t length = 0;
    std::int64_t bins = 0;
};

namespace detail {

/// One integer from a constant operand. Errors: shape_mismatch, unsupported (not constant).
[[nodiscard]] inline result<std::int64_t> need_integer(const op_context& c, std::size_t i) {
    DISPART_TRY(const auto list, need_integers(c, i));
    if (list.size() != 1) return c.bad_shape("operand " + std::to_string(i) + " is not one number");
    return list[0];
}

[[nodiscard]] inline result<fourier_shape> fourier_of(const op_context& c, std::size_t axis,
                                                      std::int64_t length, bool onesided) {
    if (length < 1 || length > (std::int64_t{1} << 24))
        return c.bad_shape("a transform of " + std::to_string(length) + " points");
    return fourier_shape{axis, length, onesided ? length / 2 + 1 : length};
}

}  // namespace detail

/// The transform of a DFT at any opset (before 20 the axis is an attribute). Errors: shape_mismatch, unsupported.
[[nodiscard]] inline result<fourier_shape> dft_shape(const op_context& c) {
    const auto rank = c.rank(0);
    if (rank < 2 || c.dims(0).back() < 1 || c.dims(0).back() > 2)
        return c.bad_shape("data " + to_string(c.dims(0)) + " is neither real nor complex");
    std::int64_t axis = c.integer("axis", c.opset < 20 ? 1 : -2);
    if (c.has(2)) {
        DISPART_TRY(axis, detail::need_integer(c, 2));
    }
    const auto index = detail::normal_axis(axis, rank);
    if (!index || *index + 1 == rank)
        return c.bad_shape("axis " + std::to_string(axis) + " is not of the signal");
    auto length = c.dims(0)[*index];
    if (c.has(1)) {
        DISPART_TRY(length, detail::need_integer(c, 1));
    }
    return detail::fourier_of(c, *index, length, c.integer("onesided", 0) != 0);
}

/// The transform of one frame of an STFT over a signal [N, length, 1 or 2]. Errors: shape_mismatch, unsupported.
[[nodiscard]] inline result<fourier_shape> stft_shape(const op_context& c) {
    if (c.rank(0) != 3 || c.dims(0)[2] < 1 || c.dims(0)[2] > 2)
        return c.bad_shape("the signal " + to_string(c.dims(0)) + " is not [batch, length, 1 or 2]");
    if (!c.has(2) && !c.has(3))
        return c.fail(errc::invalid_model, "neither window nor frame_length is there");
    std::int64_t length = c.has(2) ? elements(c.dims(2)) : 0;
    if (c.has(3)) {
        DISPART_TRY(length, detail::need_integer(c, 3));
    }
    if (length > c.dims(0)[1] || (c.has(2) && c.dims(2) != shape{length}))
        return c.bad_shape("frames of " + std::to_string(length) + " over " + to_string(c.dims(0)));
    return detail::fourier_of(c, 1, length, c.integer("onesided", 1) != 0);
}

namespace detail {

[[nodiscard]] inline inferred_list infer_dft(const op_context& c) {
    DISPART_TRY(const auto f, dft_shape(c));
    shape dims = c.dims(0);
    dims[f.axis] = f.bins;
    dims.back() = 2;
    return one(c.type(0), std::move(dims));
}

[[nodiscard]] inline inferred_list infer_stft(const op_context& c) {
    DISPART_TRY(const auto f, stft_shape(c));
    DISPART_TRY(const auto step, need_integer(c, 1));
    if (step < 1) return c.bad_shape("a step of " + std::to_string(step));
    return one(c.type(0), {c.dims(0)[0], (c.dims(0)[1] - f.length) / step + 1, f.bins, 2});
}

/// Every result takes a multiply-add of complex numbers per point.
[[nodiscard]] inline double flops_fourier(const op_context& c) {
    const auto f = c.self.op == "DFT" ? dft_shape(c) : stft_shape(c);
    return f ? output_elements(c) * 4.0 * static_cast<double>(f->length) : 0.0;
}

[[nodiscard]] inline inferred_list infer_window(const op_context& c) {
    DISPART_TRY(const auto size, need_integer(c, 0));
    const auto type = dtype_from_onnx(c.integer("output_datatype", 1));
    if (!type) return c.fail(errc::unsupported, "the element type is not handled");
    if (size < 0) return c.bad_shape("a window of " + std::to_string(size));
    return one(*type, {size});
}

inline constexpr auto spectral_operators = std::to_array<operator_spec>({
    {"BlackmanWindow", 1, 1, infer_window, flops_per_output<4>},
    {"DFT", 1, 3, infer_dft, flops_fourier},
    {"HammingWindow", 1, 1, infer_window, flops_per_output<2>},
    {"HannWindow", 1, 1, infer_window, flops_per_output<2>},
    {"STFT", 2, 4, infer_stft, flops_fourier},
});

}  // namespace detail

}  // namespace dispart
