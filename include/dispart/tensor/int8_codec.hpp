#pragma once
/// \file
/// Codecs that quarter f32: symmetric 8-bit integers with one scale, or one for each channel.

#include <cmath>
#include <cstring>

#include "dispart/tensor/detail/quantise.hpp"
#include "dispart/tensor/half_codec.hpp"

namespace dispart {

namespace detail {

/// Elements that share a scale: what follows axis 1 of a tensor of rank 3 or more, the last axis of a matrix; all where that
/// were fewer than 16.
[[nodiscard]] inline std::size_t channel_elements(const tensor& t) {
    const auto& dims = t.dims();
    const std::span<const std::int64_t> inner(dims.begin() + (dims.size() >= 3   ? 2
                                                              : dims.size() == 2 ? 1
                                                                                 : 0),
                                              dims.end());
    const auto row = static_cast<std::size_t>(elements(inner));
    return row >= 16 ? row : t.size();
}

/// Quantises groups of `row` elements: n codes, then a scale for each group. A tensor that is not finite, or too large or
/// small for its scales, is copied; the first byte tells.
[[nodiscard]] inline result<void> encode_int8(const tensor& t, std::size_t row, std::vector<std::byte>& out) {
    if (t.type() != dtype::f32 || t.size() == 0) return encode_copied(t, out);
    const auto values = t.data<float>();
    const std::size_t before = out.size();
    out.push_back(static_cast<std::byte>(coding::coded));
    auto* codes = append(out, values.size() + values.size() / row * sizeof(float));
    auto* scales = codes + values.size();
    for (std::size_t i = 0; i < values.size(); i += row, scales += sizeof(float)) {
        const auto group = values.subspan(i, row);
        const auto most = std::bit_cast<float>(largest_magnitude_bits(group));
        const bool ordinary = most == 0.0F || (most >= 1e-30F && most <= 1e38F);
        if (!ordinary) {
            out.resize(before);
            return encode_copied(t, out);
        }
        const float scale = most / 127.0F;
        std::memcpy(scales, &scale, sizeof scale);
        quantise(group, reinterpret_cast<std::int8_t*>(codes + i), most == 0.0F ? 0.0F : 127.0F / most);
    }
    return {};
}

[[nodiscard]] inline result<void> decode_int8(std::string_view codec, std::span<const std::byte> in,
                                              std::size_t row, tensor& t) {
    DISPART_TRY(const coding how, take_coding(codec, in));
    if (how == coding::copied) return raw_codec::decode(in, t);
    if (t.type() != dtype::f32 || t.size() == 0) return bad_codes(codec, "this tensor is always copied");
    auto values = t.data<float>();
    const std::size_t due = values.size() + values.size() / row * sizeof(float);
    if (in.size() != due) return bad_size(codec, in.size(), due);
    const auto* scales = in.data() + values.size();
    for (std::size_t i = 0; i < values.size(); i += row, scales += sizeof(float)) {
        float scale = 0.0F;
        std::memcpy(&scale, scales, sizeof scale);
        if (!(scale >= 0.0F && scale <= 1e38F)) return bad_codes(codec, "a scale is out of range");
        dequantise(reinterpret_cast<const std::int8_t*>(in.data() + i), values.subspan(i, row), scale);
    }
    return {};
}

inline constexpr double int8_error = 0.5 / 127.0 * (1.0 + 1e-4);  // half a step, and the scale's own rounding

}  // namespace detail

/// f32 as 8-bit integers with one scale for the tensor; other element types, and tensors that are not finite, are copied.
/// Zero stays zero. n elements become n + 5 bytes.
struct int8_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "int8"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return detail::int8_error; }

    /// Appends. Never fails. O(n).
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        return detail::encode_int8(t, t.size(), out);
    }
    /// Errors: parse_error (another size, a scale out of range).
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        return detail::decode_int8(name(), in, t.size(), t);
    }
};
static_assert(codec<int8_codec>);

/// As int8, with a scale for each channel (what follows axis 1; the rows of a matrix), so that quiet channels keep their
/// precision. n elements in c channels become n + 4c + 1 bytes.
struct int8_channel_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "int8-channel"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return detail::int8_error; }

    /// Appends. Never fails. O(n).
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        return detail::encode_int8(t, detail::channel_elements(t), out);
    }
    /// Errors: parse_error (another size, a scale out of range).
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        return detail::decode_int8(name(), in, detail::channel_elements(t), t);
    }
};
static_assert(codec<int8_channel_codec>);

}  // namespace dispart
