#pragma once
/// \file
/// Reference files: what another engine computed from inputs that a rule fills.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/io/named_tensor.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::io {

/// Inputs to feed, and the outputs that a model is to give.
struct reference_case {
    std::string model{};          ///< file name of the model, as the reference has it
    std::string computed_with{};  ///< by which engine
    std::vector<named_tensor> inputs{};
    std::vector<named_tensor> outputs{};  ///< f32
};

/// Most elements of the inputs of a reference together.
inline constexpr std::int64_t max_reference_elements = std::int64_t{1} << 28;

/// A tensor filled by the rule of reference files: x = 16807 x mod (2^31 - 1) from x = 1 on (std::minstd_rand0), row-major;
/// an f32 element is 2x / (2^31 - 1) - 1, in (-1, 1), an i64 one x mod 2, an index into whatever there is two of.
/// Errors: shape_mismatch (negative, overflow), limit_exceeded (over `max_reference_elements`, or no memory), unsupported
/// (another type).
[[nodiscard]] inline result<tensor> reference_input(const shape& dims, dtype type = dtype::f32) {
    DISPART_TRY(const auto count, checked_elements(dims));
    if (count > max_reference_elements)
        return fail(errc::limit_exceeded, to_string(dims), "more than 2^28 elements");
    if (type != dtype::f32 && type != dtype::i64)
        return fail(errc::unsupported, std::string(to_string(type)), "the rule fills f32 and i64 tensors");
    DISPART_TRY(auto filled, tensor::make(type, dims));
    constexpr std::uint64_t modulus = 2147483647;
    std::uint64_t x = 1;
    const auto next = [&] { return x = x * 16807 % modulus; };
    if (type == dtype::i64)
        for (std::int64_t& element : filled.data<std::int64_t>())
            element = static_cast<std::int64_t>(next() % 2);
    else
        for (float& element : filled.data<float>())
            element = static_cast<float>(static_cast<double>(2 * next()) / static_cast<double>(modulus) - 1.0);
    return filled;
}

namespace detail {

/// Reads a field that must be there; fields that nobody asks for are passed over.
template <class T>
[[nodiscard]] result<void> read_field(const json& object, const std::string& path, const char* name, T& out) {
    const std::string at = path.empty() ? name : path + "." + name;
    if (!object.is_object()) return not_a(path.empty() ? "the document" : path, "an object");
    const auto found = object.find(name);
    if (found == object.end()) return fail(errc::parse_error, at, "the field is missing");
    return io::read_value(*found, at, out);
}

/// \param room elements that may still be filled
[[nodiscard]] inline result<named_tensor> read_reference_input(const json& item, const std::string& path,
                                                               std::int64_t& room) {
    named_tensor input;
    shape dims;
    DISPART_CHECK(read_field(item, path, "name", input.name));
    DISPART_CHECK(read_field(item, path, "shape", dims));
    DISPART_TRY(const auto count, checked_elements(dims));
    if (count > room) return fail(errc::limit_exceeded, path + ".shape", "the inputs are too many elements");
    room -= count;
    std::string type = "float32";
    if (item.contains("type")) DISPART_CHECK(read_field(item, path, "type", type));
    if (type != "float32" && type != "int64")
        return fail(errc::unsupported, path + ".type", "inputs are float32 or int64, not " + type);
    DISPART_TRY(input.value, reference_input(dims, type == "int64" ? dtype::i64 : dtype::f32));
    return input;
}

/// Raw little-endian f32 values, in a file beside the reference.
[[nodiscard]] inline result<tensor> read_reference_values(const std::filesystem::path& folder,
                                                          const std::string& file, const shape& dims) {
    if (file.empty() || file.find('/') != file.npos || file.find('\0') != file.npos || file == "..")
        return fail(errc::parse_error, file, "an output's file must lie beside the reference");
    DISPART_TRY(const auto count, checked_elements(dims));
    DISPART_TRY(const auto bytes, read_file(folder / file));
    if (bytes.size() != static_cast<std::uint64_t>(count) * sizeof(float))
        return fail(errc::parse_error, (folder / file).string(),
                    std::to_string(bytes.size()) + " bytes for an f32 tensor of shape " + to_string(dims));
    DISPART_TRY(auto values, tensor::make(dtype::f32, dims));
    if (!bytes.empty()) std::memcpy(values.bytes().data(), bytes.data(), bytes.size());
    return values;
}

[[nodiscard]] inline result<named_tensor> read_reference_output(const json& item, const std::string& path,
                                                                const std::filesystem::path& folder) {
    named_tensor output;
    shape dims;
    std::string file;
    DISPART_CHECK(read_field(item, path, "name", output.name));
    DISPART_CHECK(read_field(item, path, "shape", dims));
    DISPART_CHECK(read_field(item, path, "file", file));
    DISPART_TRY(output.value, read_reference_values(folder, file, dims));
    return output;
}

/// Reads an array field item by item: `read(item, path) -> result<T>`.
template <class T, class Read>
[[nodiscard]] result<void> read_list(const json& document, const char* name, std::vector<T>& out, Read read) {
    const auto found = document.find(name);
    if (found == document.end()) return fail(errc::parse_error, name, "the field is missing");
    return read_items(*found, name, [&](const json& item, const std::string& path) -> result<void> {
        DISPART_TRY(auto one, read(item, path));
        out.push_back(std::move(one));
        return {};
    });
}

}  // namespace detail

/// A reference from its document, with its inputs filled and its expected outputs read from the files of a folder.
/// Errors: those of `read_file`; parse_error (a field missing or of another kind, an output file of another size);
/// unsupported (another rule for the inputs); shape_mismatch, limit_exceeded (shapes; inputs of over
/// `max_reference_elements` in all). O(elements).
[[nodiscard]] inline result<reference_case> reference_from_json(const json& document,
                                                                const std::filesystem::path& folder) {
    reference_case made;
    std::string rule;
    DISPART_CHECK(detail::read_field(document, "", "model", made.model));
    DISPART_CHECK(detail::read_field(document, "", "input_rule", rule));
    if (document.contains("computed_with"))
        DISPART_CHECK(detail::read_field(document, "", "computed_with", made.computed_with));
    if (rule.find("minstd_rand0") == rule.npos)
        return fail(errc::unsupported, "input_rule", "the inputs follow a rule that is not known",
                    "known: std::minstd_rand0 from seed 1");
    std::int64_t room = max_reference_elements;
    DISPART_CHECK(
        detail::read_list(document, "inputs", made.inputs, [&](const json& item, const std::string& at) {
            return detail::read_reference_input(item, at, room);
        }));
    DISPART_CHECK(
        detail::read_list(document, "outputs", made.outputs, [&](const json& item, const std::string& at) {
            return detail::read_reference_output(item, at, folder);
        }));
    return made;
}

/// A reference file (NAME.ref.json); its outputs lie beside it. Errors: those of `read_json` and `reference_from_json`.
[[nodiscard]] inline result<reference_case> load_reference(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return reference_from_json(document, path.parent_path());
}

}  // namespace dispart::io
