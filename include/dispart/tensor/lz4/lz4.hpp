#pragma once
/// \file
/// Compression by LZ4 (component dispart::lz4): fast, and worth it where bytes repeat, as zeros behind a Relu do.

#include <lz4.h>

#include <cstddef>
#include <string>

#include "dispart/tensor/stacked_codec.hpp"

namespace dispart {

/// LZ4's block format. At most 2 GB at a time.
struct lz4_compressor {
    int acceleration = 1;  ///< larger: faster and less dense

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "lz4"; }

    /// Errors: limit_exceeded beyond LZ4_MAX_INPUT_SIZE.
    [[nodiscard]] result<void> compress(std::span<const std::byte> in, std::vector<std::byte>& out) const {
        if (in.size() > LZ4_MAX_INPUT_SIZE)
            return fail(errc::limit_exceeded, "lz4", "more than 2 GB in one tensor");
        const int size = static_cast<int>(in.size());
        const std::size_t before = out.size();
        const int room = LZ4_compressBound(size);
        auto* to = detail::append(out, static_cast<std::size_t>(room));
        const int made = LZ4_compress_fast(reinterpret_cast<const char*>(in.data()),
                                           reinterpret_cast<char*>(to), size, room, acceleration);
        out.resize(before + static_cast<std::size_t>(made));
        return {};
    }

    /// Errors: parse_error.
    [[nodiscard]] static result<void> decompress(std::span<const std::byte> in, std::span<std::byte> out) {
        if (in.size() > LZ4_MAX_INPUT_SIZE || out.size() > LZ4_MAX_INPUT_SIZE)
            return detail::bad_codes(name(), "it is too large");
        std::byte nothing{};  // LZ4 wants an address even where nothing is expected
        auto* to = out.empty() ? &nothing : out.data();
        const int made =
            LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(to),
                                static_cast<int>(in.size()), static_cast<int>(out.size()));
        if (made < 0 || static_cast<std::size_t>(made) != out.size())
            return detail::bad_codes(name(), "it is corrupt or of another size");
        return {};
    }
};
static_assert(byte_compressor<lz4_compressor>);

/// LZ4 behind a codec; alone: lossless, any element type.
template <codec Values = raw_codec>
using lz4_codec = stacked_codec<Values, lz4_compressor>;
static_assert(codec<lz4_codec<>>);

}  // namespace dispart
