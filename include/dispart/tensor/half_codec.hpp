#pragma once
/// \file
/// Codecs that halve f32: binary16 with a power of two before it, and bfloat16.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "dispart/tensor/detail/quantise.hpp"
#include "dispart/tensor/half.hpp"
#include "dispart/tensor/raw_codec.hpp"

namespace dispart {

namespace detail {

/// Room for `count` more bytes at the end; where they begin.
[[nodiscard]] inline std::byte* append(std::vector<std::byte>& out, std::size_t count) {
    const std::size_t before = out.size();
    out.resize(before + count);
    return out.data() + before;
}

/// First byte of what a codec makes that copies some tensors.
enum class coding : std::uint8_t { copied, coded };

[[nodiscard]] inline result<void> encode_copied(const tensor& t, std::vector<std::byte>& out) {
    out.push_back(static_cast<std::byte>(coding::copied));
    return raw_codec::encode(t, out);
}

[[nodiscard]] inline tl::unexpected<error> bad_codes(std::string_view codec, const std::string& what) {
    return fail(errc::parse_error, std::string(codec), what);
}

[[nodiscard]] inline tl::unexpected<error> bad_size(std::string_view codec, std::size_t got,
                                                    std::size_t wanted) {
    return bad_codes(codec, std::to_string(got) + " bytes, where " + std::to_string(wanted) + " were due");
}

/// The first byte; then `in` is what follows it. Errors: parse_error.
[[nodiscard]] inline result<coding> take_coding(std::string_view codec, std::span<const std::byte>& in) {
    if (in.empty() || std::to_integer<unsigned>(in[0]) > 1)
        return bad_codes(codec, "it begins with no known byte");
    const auto how = static_cast<coding>(in[0]);
    in = in.subspan(1);
    return how;
}

}  // namespace detail

/// f32 as binary16; other element types are copied. The tensor is multiplied by a power of two where its largest value would
/// overflow or sink into the subnormals, so that the error holds for tensors of any magnitude down to 2^-110.
/// Infinities and NaN stay. n elements become 2n + 4 bytes.
struct f16_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "f16"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return 0x1p-11; }

    /// Appends. Never fails. O(n).
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        if (t.type() != dtype::f32) return raw_codec::encode(t, out);
        const auto values = t.data<float>();
        const float scale = scale_of(values);
        auto* codes = detail::append(out, 2 * values.size() + sizeof scale);
        std::memcpy(codes + 2 * values.size(), &scale, sizeof scale);
        std::array<float, block> scaled;
        std::array<f16_bits, block> halves;
        for (std::size_t i = 0; i < values.size(); i += block) {
            const auto piece = values.subspan(i, std::min(block, values.size() - i));
            const auto narrowed = std::span(halves).first(piece.size());
            if (scale == 1.0F) {
                narrow(piece, narrowed);
            } else {
                std::transform(piece.begin(), piece.end(), scaled.begin(), [=](float x) { return x * scale; });
                narrow(std::span<const float>(scaled).first(piece.size()), narrowed);
            }
            std::memcpy(codes + 2 * i, narrowed.data(), narrowed.size_bytes());
        }
        return {};
    }

    /// Errors: parse_error (another size; a scale that is no power of two's).
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        if (t.type() != dtype::f32) return raw_codec::decode(in, t);
        auto values = t.data<float>();
        const std::size_t due = 2 * values.size() + sizeof(float);
        if (in.size() != due) return detail::bad_size(name(), in.size(), due);
        float scale = 0.0F;
        std::memcpy(&scale, in.data() + 2 * values.size(), sizeof scale);
        int exponent = 0;
        if (!std::isfinite(scale) || std::frexp(scale, &exponent) != 0.5F)
            return detail::bad_codes(name(), "the scale is no power of two");
        std::array<f16_bits, block> halves;
        for (std::size_t i = 0; i < values.size(); i += block) {
            const auto piece = values.subspan(i, std::min(block, values.size() - i));
            std::memcpy(static_cast<void*>(halves.data()), in.data() + 2 * i, 2 * piece.size());
            widen(std::span<const f16_bits>(halves).first(piece.size()), piece);
            if (scale != 1.0F)
                for (float& x : piece) x /= scale;
        }
        return {};
    }

  private:
    static constexpr std::size_t block = 2048;

    [[nodiscard]] static float scale_of(std::span<const float> values) {
        const std::uint32_t bits = detail::largest_magnitude_bits(values);
        float most = std::bit_cast<float>(bits);
        if (bits >= 0x7f800000U) {
            most = 0.0F;
            for (const float x : values)
                if (std::isfinite(x)) most = std::max(most, std::abs(x));
        }
        if (most == 0.0F || (most >= 0x1p-13F && most < 65504.0F)) return 1.0F;
        return std::ldexp(1.0F, std::min(14 - std::ilogb(most), 126));
    }
};
static_assert(codec<f16_codec>);

/// f32 as bfloat16; other element types are copied. Infinities and NaN stay; so does the exponent, but what is above
/// 3.38e38 becomes infinite. n elements become 2n bytes.
struct bf16_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "bf16"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return 0x1p-8; }

    /// Appends. Never fails. O(n).
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        if (t.type() != dtype::f32) return raw_codec::encode(t, out);
        const auto values = t.data<float>();
        auto* codes = detail::append(out, 2 * values.size());
        std::array<bf16_bits, block> halves;
        for (std::size_t i = 0; i < values.size(); i += block) {
            const auto piece = values.subspan(i, std::min(block, values.size() - i));
            narrow(piece, std::span(halves).first(piece.size()));
            std::memcpy(codes + 2 * i, halves.data(), 2 * piece.size());
        }
        return {};
    }

    /// Errors: parse_error for another size.
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        if (t.type() != dtype::f32) return raw_codec::decode(in, t);
        auto values = t.data<float>();
        if (in.size() != 2 * values.size()) return detail::bad_size(name(), in.size(), 2 * values.size());
        std::array<bf16_bits, block> halves;
        for (std::size_t i = 0; i < values.size(); i += block) {
            const auto piece = values.subspan(i, std::min(block, values.size() - i));
            std::memcpy(static_cast<void*>(halves.data()), in.data() + 2 * i, 2 * piece.size());
            widen(std::span<const bf16_bits>(halves).first(piece.size()), piece);
        }
        return {};
    }

  private:
    static constexpr std::size_t block = 2048;
};
static_assert(codec<bf16_codec>);

}  // namespace dispart
