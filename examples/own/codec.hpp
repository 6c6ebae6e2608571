// A codec of your own: f32 without its last byte, three bytes an element.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "dispart/tensor/raw_codec.hpp"

/// f32 in three bytes; other element types are copied.
struct f24_codec {
    static constexpr std::string_view name() { return "f24"; }  // on the wire: both ends have to know it
    static constexpr double max_relative_error() { return 0x1p-15; }  // of the largest magnitude

    static dispart::result<void> encode(const dispart::tensor& t, std::vector<std::byte>& out) {
        if (t.type() != dispart::dtype::f32) return dispart::raw_codec::encode(t, out);
        out.reserve(out.size() + 3 * t.size());
        for (const float x : t.data<float>()) {
            auto bits = std::bit_cast<std::uint32_t>(x);
            if (std::isnan(x)) bits |= 0x400000U;  // or it would become infinite
            for (const unsigned shift : {8U, 16U, 24U})
                out.push_back(static_cast<std::byte>(bits >> shift & 0xffU));
        }
        return {};
    }

    // `in` may be anything: the one check is what keeps every read below in bounds.
    static dispart::result<void> decode(std::span<const std::byte> in, dispart::tensor& t) {
        if (t.type() != dispart::dtype::f32) return dispart::raw_codec::decode(in, t);
        if (in.size() != 3 * t.size())
            return dispart::fail(dispart::errc::parse_error, "f24", std::to_string(in.size()) + " bytes");
        const auto values = t.data<float>();
        for (std::size_t i = 0; i < values.size(); ++i) {
            std::uint32_t bits = 0;
            for (std::size_t k = 0; k < 3; ++k)
                bits |= std::to_integer<std::uint32_t>(in[3 * i + k]) << (8 * k + 8);
            values[i] = std::bit_cast<float>(bits);
        }
        return {};
    }
};
static_assert(dispart::codec<f24_codec>);
