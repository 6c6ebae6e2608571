#pragma once
/// \file
/// Compression by Zstandard (component dispart::zstd): denser and slower than LZ4, for slow links.

#include <zstd.h>

#include <cstddef>
#include <string>

#include "dispart/tensor/stacked_codec.hpp"

namespace dispart {

/// One Zstandard frame.
struct zstd_compressor {
    int level = 1;  ///< 1 (fast) to 19 (dense)

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "zstd"; }

    /// Errors: limit_exceeded with Zstandard's reason.
    [[nodiscard]] result<void> compress(std::span<const std::byte> in, std::vector<std::byte>& out) const {
        const std::size_t before = out.size();
        const std::size_t room = ZSTD_compressBound(in.size());
        auto* to = detail::append(out, room);
        const std::size_t made = ZSTD_compress(to, room, in.data(), in.size(), level);
        if (ZSTD_isError(made) != 0) {
            out.resize(before);
            return fail(errc::limit_exceeded, "zstd", ZSTD_getErrorName(made));
        }
        out.resize(before + made);
        return {};
    }

    /// Errors: parse_error.
    [[nodiscard]] static result<void> decompress(std::span<const std::byte> in, std::span<std::byte> out) {
        if (in.empty()) return detail::bad_codes(name(), "nothing is there");
        const std::size_t made = ZSTD_decompress(out.data(), out.size(), in.data(), in.size());
        if (ZSTD_isError(made) != 0) return detail::bad_codes(name(), ZSTD_getErrorName(made));
        if (made != out.size()) return detail::bad_size(name(), made, out.size());
        return {};
    }
};
static_assert(byte_compressor<zstd_compressor>);

/// Zstandard behind a codec; alone: lossless, any element type.
template <codec Values = raw_codec>
using zstd_codec = stacked_codec<Values, zstd_compressor>;
static_assert(codec<zstd_codec<>>);

}  // namespace dispart
