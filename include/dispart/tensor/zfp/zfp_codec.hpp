#pragma once
/// \file
/// ZFP (component dispart::zfp): arrays of floats in blocks of 4^d, exactly or within an error.

#include <zfp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "dispart/tensor/detail/quantise.hpp"
#include "dispart/tensor/half_codec.hpp"

namespace dispart {

namespace detail {

struct zfp_closer {
    void operator()(zfp_stream* s) const noexcept { zfp_stream_close(s); }
    void operator()(zfp_field* f) const noexcept { zfp_field_free(f); }
    void operator()(bitstream* b) const noexcept { stream_close(b); }
};
template <class T>
using zfp_handle = std::unique_ptr<T, zfp_closer>;

/// The tensor as ZFP sees it: axes of one element left out, since it pads each to four; of more than four the slowest together.
[[nodiscard]] inline zfp_handle<zfp_field> zfp_field_of(const tensor& t) {
    std::array<std::size_t, 4> extents{1, 1, 1, 1};  // x, y, z, w: fastest first
    std::size_t rank = 0;
    for (auto extent = t.dims().rbegin(); extent != t.dims().rend(); ++extent)
        if (*extent != 1) extents[std::min<std::size_t>(rank++, 3)] *= static_cast<std::size_t>(*extent);
    auto* data = const_cast<std::byte*>(t.bytes().data());  // ZFP's fields do not know const
    const auto [x, y, z, w] = extents;
    return zfp_handle<zfp_field>(rank <= 1   ? zfp_field_1d(data, zfp_type_float, x)
                                 : rank == 2 ? zfp_field_2d(data, zfp_type_float, x, y)
                                 : rank == 3 ? zfp_field_3d(data, zfp_type_float, x, y, z)
                                             : zfp_field_4d(data, zfp_type_float, x, y, z, w));
}

}  // namespace detail

/// f32 by ZFP, reversible or with a bound on the error; other element types, empty tensors, and with a bound tensors that are
/// not finite, are copied. Source: P. Lindstrom, "Fixed-Rate Compressed Floating-Point Arrays", IEEE TVCG 2014.
class zfp_codec {
  public:
    /// \param relative_error of the largest magnitude; 0: reversible ("zfp"). The names of others tell it ("zfp-0.001").
    explicit zfp_codec(double relative_error = 0.0) : error_(relative_error), name_("zfp") {
        char text[32];
        std::snprintf(text, sizeof text, "-%g", relative_error);
        if (relative_error > 0.0) name_ += text;
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] double max_relative_error() const noexcept { return error_; }

    /// Appends the tolerance (8 bytes; 0: reversible; -1: copied) and ZFP's bits. Errors: limit_exceeded (ZFP gives up).
    [[nodiscard]] result<void> encode(const tensor& t, std::vector<std::byte>& out) const {
        if (t.type() != dtype::f32) return raw_codec::encode(t, out);
        const std::uint32_t largest = detail::largest_magnitude_bits(t.data<float>());
        const bool copied =
            t.size() == 0 || (error_ > 0.0 && (largest >= 0x7f800000U || largest < 0x00800000U));
        const double tolerance = copied         ? -1.0
                                 : error_ > 0.0 ? error_ * static_cast<double>(std::bit_cast<float>(largest))
                                                : 0.0;
        std::memcpy(detail::append(out, sizeof tolerance), &tolerance, sizeof tolerance);
        if (copied) return raw_codec::encode(t, out);
        const auto field = detail::zfp_field_of(t);
        const auto stream = opened(tolerance);
        const std::size_t before = out.size();
        const std::size_t room = zfp_stream_maximum_size(stream.get(), field.get());
        auto* to = detail::append(out, room);
        const detail::zfp_handle<bitstream> bits(stream_open(to, room));
        zfp_stream_set_bit_stream(stream.get(), bits.get());
        const std::size_t made = zfp_compress(stream.get(), field.get());
        out.resize(before + made);
        if (made == 0) return fail(errc::limit_exceeded, name_, "ZFP could not compress the tensor");
        return {};
    }

    /// Errors: parse_error. ZFP itself checks no bounds: it reads from a copy as long as any tensor of this shape can need.
    [[nodiscard]] result<void> decode(std::span<const std::byte> in, tensor& t) const {
        if (t.type() != dtype::f32) return raw_codec::decode(in, t);
        double tolerance = 0.0;
        if (in.size() < sizeof tolerance) return detail::bad_size(name_, in.size(), sizeof tolerance);
        std::memcpy(&tolerance, in.data(), sizeof tolerance);
        const auto codes = in.subspan(sizeof tolerance);
        if (tolerance == -1.0) return raw_codec::decode(codes, t);
        if (!(tolerance >= 0.0) || !std::isfinite(tolerance) || t.size() == 0)
            return detail::bad_codes(name_, "the tolerance is out of range");
        const auto field = detail::zfp_field_of(t);
        const auto stream = opened(tolerance);
        const std::size_t most = zfp_stream_maximum_size(stream.get(), field.get());
        if (codes.size() > most) return detail::bad_size(name_, codes.size(), most);
        std::vector<std::byte> padded(most + 64);
        std::copy(codes.begin(), codes.end(), padded.begin());
        const detail::zfp_handle<bitstream> bits(stream_open(padded.data(), padded.size()));
        zfp_stream_set_bit_stream(stream.get(), bits.get());
        const std::size_t read = zfp_decompress(stream.get(), field.get());
        if (read != codes.size()) return detail::bad_size(name_, codes.size(), read);
        return {};
    }

  private:
    [[nodiscard]] static detail::zfp_handle<zfp_stream> opened(double tolerance) {
        detail::zfp_handle<zfp_stream> made(zfp_stream_open(nullptr));
        if (tolerance > 0.0) zfp_stream_set_accuracy(made.get(), tolerance);
        else zfp_stream_set_reversible(made.get());
        return made;
    }

    double error_;
    std::string name_;
};
static_assert(codec<zfp_codec>);

}  // namespace dispart
