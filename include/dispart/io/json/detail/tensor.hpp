#pragma once
/// \file
/// Tensors inside JSON: type, shape, and elements as a list or as a range of a raw file.

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/model/layer.hpp"
#include "dispart/tensor/half.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::io::detail {

static_assert(std::endian::native == std::endian::little, "raw elements are little-endian");

/// Calls `use` with a zero of the C++ type that stores the dtype.
template <class Use>
auto with_element_of(dtype type, Use use) {
    switch (type) {
    case dtype::f64:
        return use(double{});
    case dtype::f16:
        return use(f16_bits{});
    case dtype::bf16:
        return use(bf16_bits{});
    case dtype::i8:
        return use(std::int8_t{});
    case dtype::i16:
        return use(std::int16_t{});
    case dtype::i32:
        return use(std::int32_t{});
    case dtype::i64:
        return use(std::int64_t{});
    case dtype::u8:
        return use(std::uint8_t{});
    case dtype::u16:
        return use(std::uint16_t{});
    case dtype::u32:
        return use(std::uint32_t{});
    case dtype::u64:
        return use(std::uint64_t{});
    case dtype::boolean:
        return use(false);
    default:
        return use(float{});
    }
}

/// A number, or "nan", "inf", "-inf".
[[nodiscard]] inline result<void> read_element(const json& value, const std::string& path, double& out) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (!value.is_string()) return io::read_value(value, path, out);
    const auto& word = value.get_ref<const std::string&>();
    if (word != "nan" && word != "inf" && word != "-inf") return not_a(path, "a number, nan, inf or -inf");
    out = word == "nan" ? std::nan("") : word == "inf" ? infinity : -infinity;
    return {};
}
[[nodiscard]] inline result<void> read_element(const json& value, const std::string& path, float& out) {
    double wide = 0.0;
    DISPART_CHECK(read_element(value, path, wide));
    if (std::isfinite(wide) && std::abs(wide) > static_cast<double>(std::numeric_limits<float>::max()))
        return not_a(path, "in the range of f32");
    out = static_cast<float>(wide);
    return {};
}
template <class Half>
    requires std::same_as<Half, f16_bits> || std::same_as<Half, bf16_bits>
[[nodiscard]] result<void> read_element(const json& value, const std::string& path, Half& out) {
    float wide = 0.0F;
    DISPART_CHECK(read_element(value, path, wide));
    if constexpr (std::same_as<Half, f16_bits>) out = to_f16(wide);
    else out = to_bf16(wide);
    return {};
}
template <std::integral Integer>
[[nodiscard]] result<void> read_element(const json& value, const std::string& path, Integer& out) {
    return io::read_value(value, path, out);
}

template <class T>
[[nodiscard]] ordered_json element_to_json(const T& value) {
    if constexpr (std::same_as<T, f16_bits> || std::same_as<T, bf16_bits>) {
        return element_to_json(to_float(value));
    } else if constexpr (std::floating_point<T>) {
        if (std::isnan(value)) return "nan";
        if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
        return static_cast<double>(value);
    } else {
        return value;
    }
}

[[nodiscard]] inline ordered_json elements_to_json(const tensor& t) {
    if (!t.has_value()) return ordered_json::array();
    return with_element_of(t.type(), [&]<class T>(T) {
        ordered_json list = ordered_json::array();
        for (const T& x : t.data<T>()) list.push_back(element_to_json(x));
        return list;
    });
}

/// The listed elements. Errors: parse_error (not as many as the shape has, one that is no such number).
[[nodiscard]] inline result<tensor> listed_elements(const json& list, const std::string& path, dtype type,
                                                    const shape& dims) {
    DISPART_TRY(const auto count, checked_elements(dims));
    if (!list.is_array() || list.size() != static_cast<std::uint64_t>(count))
        return not_a(path, "a list of as many values as the shape has elements");
    DISPART_TRY(auto made, tensor::make(type, dims));
    DISPART_CHECK(with_element_of(type, [&]<class T>(T) -> result<void> {
        const auto out = made.data<T>();
        std::size_t next = 0;
        return read_items(list, path, [&](const json& item, const std::string& at) {
            return read_element(item, at, out[next++]);
        });
    }));
    return made;
}

/// A range of a raw file beside the document. Errors: invalid_argument (no folder); parse_error (the file is elsewhere);
/// those of `read_file`.
[[nodiscard]] inline result<tensor> raw_elements(const std::filesystem::path& folder, const std::string& name,
                                                 std::uint64_t offset, const std::string& path, dtype type,
                                                 const shape& dims) {
    if (folder.empty())
        return fail(errc::invalid_argument, path, "its elements lie in a file, and no folder is known",
                    "read the model from a file, or set model_json_options::folder");
    if (name.empty() || name.find_first_of(std::string("/\\\0", 3)) != name.npos || name == "..")
        return fail(errc::parse_error, path, "the file must lie beside the model");
    DISPART_TRY(const auto count, checked_elements(dims));
    const auto length = static_cast<std::uint64_t>(count) * size_of(type);
    DISPART_TRY(const std::uint64_t size, regular_file_size(folder / name));
    if (offset > size || length > size - offset)
        return fail(errc::parse_error, path,
                    "its elements do not all lie in the file of " + std::to_string(size) + " bytes");
    DISPART_TRY(auto made, tensor::make(type, dims));
    DISPART_CHECK(read_exactly(folder / name, offset, made.bytes()));
    return made;
}

[[nodiscard]] inline result<void> read_type(const json& value, const std::string& path, dtype& out) {
    std::string name;
    DISPART_CHECK(io::read_value(value, path, name));
    const auto type = dtype_from_string(name);
    if (!type) return fail(errc::parse_error, path, "'" + name + "' is no element type", "f32, i64, ...");
    out = *type;
    return {};
}

/// Name (optional where `nameless`), type (default f32) and shape.
inline void get_description(json_object& in, tensor_info& out, bool nameless = false) {
    if (!nameless) in.get("name", out.name);
    in.with("type", false,
            [&](const json& item, const std::string& at) { return read_type(item, at, out.type); });
    in.with("shape", true, [&](const json& item, const std::string& at) -> result<void> {
        shape dims;
        DISPART_CHECK(io::read_value(item, at, dims));
        if (!checked_elements(dims)) return not_a(at, "a shape (negative, or too many elements)");
        out.dims = std::move(dims);
        return {};
    });
}

/// `values`, or `file` and `offset`; neither leaves the tensor without elements.
[[nodiscard]] inline result<void> get_elements(json_object& in, tensor_info& out,
                                               const std::filesystem::path& folder) {
    std::string file;
    std::uint64_t offset = 0;
    in.maybe("offset", offset);
    in.with("values", false, [&](const json& item, const std::string& at) -> result<void> {
        if (!out.dims) return {};
        DISPART_TRY(out.value, listed_elements(item, at, out.type, *out.dims));
        return {};
    });
    in.with("file", false, [&](const json& item, const std::string& at) -> result<void> {
        DISPART_CHECK(io::read_value(item, at, file));
        if (out.value.has_value()) return fail(errc::parse_error, at, "there are values already");
        if (!out.dims) return {};
        DISPART_TRY(out.value, raw_elements(folder, file, offset, at, out.type, *out.dims));
        return {};
    });
    return {};
}

[[nodiscard]] inline ordered_json description_to_json(const tensor_info& t) {
    return {{"name", t.name}, {"type", std::string(to_string(t.type))}, {"shape", t.dims.value_or(shape{})}};
}

/// A tensor without a name: {"type", "shape", "values"}.
[[nodiscard]] inline result<tensor> tensor_from_json(const json& value, const std::string& path) {
    json_object in(value, path);
    tensor_info about;
    get_description(in, about, true);
    DISPART_CHECK(get_elements(in, about, {}));
    DISPART_CHECK(in.finish());
    if (!about.value.has_value()) return fail(errc::parse_error, path + ".values", "the field is missing");
    return about.value;
}

[[nodiscard]] inline ordered_json tensor_to_json(const tensor& t) {
    return {{"type", std::string(to_string(t.type()))}, {"shape", t.dims()}, {"values", elements_to_json(t)}};
}

}  // namespace dispart::io::detail
