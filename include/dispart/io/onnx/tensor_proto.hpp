#pragma once
/// \file
/// ONNX's TensorProto to and from `tensor`: initialisers, attributes, and the .pb files of ONNX's test vectors.

#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "dispart/io/named_tensor.hpp"
#include "dispart/io/onnx/detail/external_data.hpp"
#include "dispart/io/onnx/detail/wire.hpp"
#include "dispart/model/onnx_types.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::io {

namespace detail {

/// TensorProto without its elements, which `fill_tensor` decodes from the same bytes.
struct tensor_proto {
    std::string_view name{};
    shape dims{};
    std::int64_t type = 0;
    std::size_t encoded_bytes = 0;  ///< of all element fields: no more elements than that can be there
    bool has_raw = false;
    bool has_segment = false;
    bool is_external = false;
    std::string_view raw{};
    external_proto external{};
};

inline void parse_external_entry(wire_reader r, external_proto& out) {
    std::string_view key;
    std::string_view value;
    while (r.next()) switch (r.field()) {
        case 1:
            key = r.text();
            break;
        case 2:
            value = r.text();
            break;
        default:
            r.skip();
        }
    if (key == "location") out.location = value;
    if (key == "offset") out.offset = value;
    if (key == "length") out.length = value;
}

[[nodiscard]] inline tensor_proto parse_tensor_header(wire_reader r) {
    tensor_proto t;
    while (r.next()) switch (r.field()) {
        case 1:
            r.integers([&](std::int64_t extent) { t.dims.push_back(extent); });
            break;
        case 2:
            t.type = r.integer();
            break;
        case 3:
            t.has_segment = true, r.skip();
            break;
        case 4:
        case 5:
        case 7:
        case 10:
        case 11:
            t.encoded_bytes += r.skip_counting();
            break;
        case 8:
            t.name = r.text();
            break;
        case 9:
            t.raw = r.bytes(), t.has_raw = true;
            break;
        case 13:
            parse_external_entry({r.bytes(), r.state()}, t.external);
            break;
        case 14:
            t.is_external = r.integer() == 1;
            break;
        default:
            r.skip();
        }
    return t;
}

/// Number of the field that holds a type's elements where they are not raw.
[[nodiscard]] constexpr std::uint32_t element_field(dtype type) noexcept {
    switch (type) {
    case dtype::f32:
        return 4;
    case dtype::f64:
        return 10;
    case dtype::i64:
        return 7;
    case dtype::u32:
    case dtype::u64:
        return 11;
    default:
        return 5;
    }
}

/// An element of an integer field as a T; the narrow and the 16-bit floating types lie in int32_data.
template <class T>
[[nodiscard]] T element_from(std::int64_t value) {
    if constexpr (sizeof(T) == 8) return static_cast<T>(value);
    const bool wide = std::is_same_v<T, std::uint32_t>;
    const std::int64_t seen = wide ? value : static_cast<std::int32_t>(value);
    if constexpr (std::is_same_v<T, bool>) {
        return seen != 0;
    } else if constexpr (std::is_class_v<T>) {
        return {element_from<std::uint16_t>(seen)};
    } else {
        if (!std::in_range<T>(seen)) throw malformed("an element is out of its type's range");
        return static_cast<T>(seen);
    }
}

template <class T>
void take_element_field(wire_reader& r, std::span<T> out, std::size_t& filled) {
    if constexpr (std::is_floating_point_v<T>) {
        const auto packed = r.fixed(sizeof(T));
        if (packed.size() > (out.size() - filled) * sizeof(T))
            throw malformed("more elements than the shape has");
        if (!packed.empty()) std::memcpy(out.data() + filled, packed.data(), packed.size());
        filled += packed.size() / sizeof(T);
    } else {
        r.integers([&](std::int64_t value) {
            if (filled == out.size()) throw malformed("more elements than the shape has");
            out[filled++] = element_from<T>(value);
        });
    }
}

/// Fills a tensor from its typed fields.
template <class T>
void fill_typed(wire_reader r, tensor& t) {
    const auto out = t.data<T>();
    std::size_t filled = 0;
    while (r.next()) {
        if (r.field() == element_field(dtype_of<T>)) take_element_field<T>(r, out, filled);
        else r.skip();
    }
    if (filled != out.size()) throw malformed("fewer elements than the shape has");
}

inline void fill_typed(wire_reader r, tensor& t) {
    switch (t.type()) {
    case dtype::f32:
        return fill_typed<float>(r, t);
    case dtype::f64:
        return fill_typed<double>(r, t);
    case dtype::f16:
        return fill_typed<f16_bits>(r, t);
    case dtype::bf16:
        return fill_typed<bf16_bits>(r, t);
    case dtype::i8:
        return fill_typed<std::int8_t>(r, t);
    case dtype::i16:
        return fill_typed<std::int16_t>(r, t);
    case dtype::i32:
        return fill_typed<std::int32_t>(r, t);
    case dtype::i64:
        return fill_typed<std::int64_t>(r, t);
    case dtype::u8:
        return fill_typed<std::uint8_t>(r, t);
    case dtype::u16:
        return fill_typed<std::uint16_t>(r, t);
    case dtype::u32:
        return fill_typed<std::uint32_t>(r, t);
    case dtype::u64:
        return fill_typed<std::uint64_t>(r, t);
    case dtype::boolean:
        return fill_typed<bool>(r, t);
    }
}

inline void fill_raw(std::string_view raw, tensor& t) {
    if (raw.empty()) return;
    std::memcpy(t.bytes().data(), raw.data(), raw.size());
    if (t.type() == dtype::boolean)
        for (auto& byte : t.bytes()) byte = byte == std::byte{0} ? byte : std::byte{1};
}

/// The header's type and shape, checked. Errors: unsupported type, shape_mismatch.
[[nodiscard]] inline result<dtype> tensor_type(const tensor_proto& t, const std::string& owner) {
    const auto type = dtype_from_onnx(t.type);
    if (!type)
        return fail(errc::unsupported, owner,
                    t.type == 8
                        ? "tensors of strings are not handled"
                        : "tensors of ONNX's data type " + std::to_string(t.type) + " are not handled");
    if (t.has_segment) return fail(errc::unsupported, owner, "tensors in segments are not handled");
    auto count = checked_elements(t.dims);
    if (!count) {
        count.error().offender = owner;
        count.error().message += " in the shape " + to_string(t.dims);
        return tl::unexpected(std::move(count).error());
    }
    return *type;
}

/// The tensor that `message` encodes and `header` was parsed from; `owner` names it in errors. Allocates no more than
/// eight times the bytes that are there. Throws as wire_reader does.
[[nodiscard]] inline result<tensor> decode_tensor(wire_reader message, tensor_proto header,
                                                  const std::string& owner, external_data& files) {
    DISPART_TRY(const dtype type, tensor_type(header, owner));
    if (header.is_external) return files.load(owner, type, std::move(header.dims), header.external);
    const auto count = static_cast<std::size_t>(elements(header.dims));
    const std::size_t there = header.has_raw ? header.raw.size() : header.encoded_bytes;
    const bool fits = header.has_raw ? there == count * size_of(type) : there >= count;
    if (!fits)
        return fail(errc::parse_error, owner,
                    std::to_string(there) + " bytes of data for a tensor of type " +
                        std::string(to_string(type)) + " and shape " + to_string(header.dims),
                    "the file may be truncated or damaged");
    DISPART_TRY(auto filled, tensor::make(type, std::move(header.dims)));
    if (header.has_raw) fill_raw(header.raw, filled);
    else fill_typed(message, filled);
    return filled;
}

/// Appends the tag and the length of a length-delimited field, whose bytes must follow.
inline void open_bytes(std::string& out, std::uint32_t field, std::size_t length) {
    protozero::write_varint(std::back_inserter(out), (std::uint64_t{field} << 3U) | 2U);
    protozero::write_varint(std::back_inserter(out), length);
}

/// A TensorProto without elements.
[[nodiscard]] inline std::string tensor_description(std::string_view name, dtype type, const shape& dims) {
    std::string out;
    protozero::pbf_writer writer(out);
    for (const auto extent : dims) writer.add_int64(1, extent);
    writer.add_int64(2, onnx_number(type));
    if (!name.empty()) writer.add_string(8, name.data(), name.size());
    return out;
}

/// A TensorProto up to where its `raw_size` raw bytes must follow.
[[nodiscard]] inline std::string tensor_head(std::string_view name, dtype type, const shape& dims,
                                             std::size_t raw_size) {
    auto out = tensor_description(name, type, dims);
    open_bytes(out, 9, raw_size);
    return out;
}

}  // namespace detail

/// Decodes a TensorProto, such as input_0.pb of ONNX's test vectors. O(bytes).
/// Errors: parse_error (not a TensorProto, or elements missing), unsupported (strings, complex numbers, 8-bit floats,
/// segments), shape_mismatch (negative or overflowing extents), limit_exceeded (no memory), invalid_argument (elements in
/// another file).
[[nodiscard]] inline result<named_tensor> read_tensor_proto(std::span<const std::byte> bytes) {
    return detail::parsing(
        detail::as_text(bytes), "TensorProto", [&](detail::wire_state& state) -> result<named_tensor> {
            const detail::wire_reader message(detail::as_text(bytes), state);
            const auto header = detail::parse_tensor_header(message);
            const std::string name(header.name);
            detail::external_data none{{}};
            DISPART_TRY(auto value,
                        detail::decode_tensor(message, header, name.empty() ? "tensor" : name, none));
            return named_tensor{name, std::move(value)};
        });
}

/// Encodes a tensor with raw_data, exactly. O(bytes).
[[nodiscard]] inline std::vector<std::byte> write_tensor_proto(const tensor& value,
                                                               std::string_view name = {}) {
    const auto head = detail::tensor_head(name, value.type(), value.dims(), value.size_bytes());
    const auto head_bytes = std::as_bytes(std::span(head));
    std::vector<std::byte> out;
    out.reserve(head.size() + value.size_bytes());
    out.insert(out.end(), head_bytes.begin(), head_bytes.end());
    out.insert(out.end(), value.bytes().begin(), value.bytes().end());
    return out;
}

}  // namespace dispart::io
