#pragma once
/// \file
/// A codec of tensors with a compressor of bytes behind it: int8 and LZ4, for example.

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "dispart/tensor/half_codec.hpp"

namespace dispart {

/// What `Values` encodes, compressed by `Compressor`; named "int8+lz4", and by the compressor alone where the values are raw.
/// Its error is that of `Values`.
template <codec Values, byte_compressor Compressor>
class stacked_codec {
  public:
    explicit stacked_codec(Values values = {}, Compressor compressor = {})
        : values_(std::move(values))
        , compressor_(std::move(compressor))
        , name_(std::string(values_.name() == raw_codec::name() ? std::string_view() : values_.name())) {
        name_ += (name_.empty() ? "" : "+") + std::string(compressor_.name());
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] double max_relative_error() const noexcept { return values_.max_relative_error(); }

    /// Appends the size of what was compressed (8 bytes) and the compressed bytes. Errors: of both.
    [[nodiscard]] result<void> encode(const tensor& t, std::vector<std::byte>& out) const {
        std::vector<std::byte> plain;
        DISPART_CHECK(values_.encode(t, plain));
        const std::uint64_t size = plain.size();
        std::memcpy(detail::append(out, sizeof size), &size, sizeof size);
        return compressor_.compress(plain, out);
    }

    /// Errors: parse_error; never takes more memory than twice the tensor's.
    [[nodiscard]] result<void> decode(std::span<const std::byte> in, tensor& t) const {
        std::uint64_t size = 0;
        if (in.size() < sizeof size) return detail::bad_size(name_, in.size(), sizeof size);
        std::memcpy(&size, in.data(), sizeof size);
        if (size > 2 * t.size_bytes() + 64) return detail::bad_codes(name_, "it would become too large");
        std::vector<std::byte> plain(size);
        DISPART_CHECK(compressor_.decompress(in.subspan(sizeof size), plain));
        return values_.decode(plain, t);
    }

  private:
    Values values_;
    Compressor compressor_;
    std::string name_;
};

}  // namespace dispart
