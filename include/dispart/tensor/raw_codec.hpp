#pragma once
/// \file
/// The codec that copies: little-endian elements as they lie in memory.

#include <bit>
#include <cstring>

#include "dispart/tensor/concepts.hpp"

namespace dispart {

static_assert(std::endian::native == std::endian::little,
              "dispart's wire and file formats are little-endian");

/// Lossless, any dtype, one memory copy each way.
struct raw_codec {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "raw"; }
    [[nodiscard]] static constexpr double max_relative_error() noexcept { return 0.0; }

    /// Appends `t.size_bytes()` bytes. Never fails.
    [[nodiscard]] static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        const auto from = t.bytes();
        out.insert(out.end(), from.begin(), from.end());
        return {};
    }

    /// Errors: parse_error unless `in` has exactly `t.size_bytes()` bytes.
    [[nodiscard]] static result<void> decode(std::span<const std::byte> in, tensor& t) {
        if (in.size() != t.size_bytes())
            return fail(errc::parse_error, "raw",
                        std::to_string(in.size()) + " bytes for a tensor of " + std::to_string(t.size_bytes()));
        if (!in.empty()) std::memcpy(t.bytes().data(), in.data(), in.size());
        return {};
    }
};
static_assert(codec<raw_codec>);

}  // namespace dispart
