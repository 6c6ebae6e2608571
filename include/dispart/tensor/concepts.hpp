#pragma once
/// \file
/// The customisation points of `tensor/`: codecs, which turn a tensor into bytes for the wire and back.

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// A codec encodes a tensor's elements (not its type and shape, which travel beside them) and decodes them again.
///
/// - `codec.name()`: short name, stable on the wire ("raw", "f16", ...).
/// - `codec.encode(t, out)`: appends the encoded elements of `t` to `out`; error `unsupported` for a dtype it cannot take.
/// - `codec.decode(in, t)`: fills the preallocated `t` from exactly `in`; error `parse_error` for any other input, of
///   any content and length: it must never read or write out of bounds.
/// - `codec.max_relative_error()`: bound on |decoded - original| / max|original|; 0 for lossless.
template <class C>
concept codec = requires(const C& c, const tensor& t, tensor& filled, std::vector<std::byte>& out,
                         std::span<const std::byte> in) {
    { c.name() } -> std::convertible_to<std::string_view>;
    { c.encode(t, out) } -> std::same_as<result<void>>;
    { c.decode(in, filled) } -> std::same_as<result<void>>;
    { c.max_relative_error() } -> std::convertible_to<double>;
};

/// A compressor of bytes, which `stacked_codec` puts behind a codec.
/// - `c.name()`: short name, stable on the wire ("lz4").
/// - `c.compress(in, out)`: appends; error `limit_exceeded` for more than it can take.
/// - `c.decompress(in, out)`: fills `out` entirely; error `parse_error` for any other input, as in `codec`.
template <class C>
concept byte_compressor = requires(const C& c, std::span<const std::byte> in, std::vector<std::byte>& out,
                                   std::span<std::byte> filled) {
    { c.name() } -> std::convertible_to<std::string_view>;
    { c.compress(in, out) } -> std::same_as<result<void>>;
    { c.decompress(in, filled) } -> std::same_as<result<void>>;
};

}  // namespace dispart
