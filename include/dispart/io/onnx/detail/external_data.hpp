#pragma once
/// \file
/// Tensors whose elements lie in a file beside the model.

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dispart/io/file.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::io::detail {

/// TensorProto.external_data.
struct external_proto {
    std::string_view location{};
    std::string_view offset{};
    std::string_view length{};
};

/// Reads external elements from files under one folder.
class external_data {
  public:
    /// An empty folder means that there is none.
    explicit external_data(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Fills the tensor. Errors: invalid_argument without a folder; invalid_model where the location leaves the folder or
    /// the length is not the tensor's; limit_exceeded where tensors claim more bytes of a file than it has; not_found,
    /// io_error.
    [[nodiscard]] result<tensor> load(const std::string& name, dtype type, shape dims,
                                      const external_proto& where) {
        if (folder_.empty())
            return fail(errc::invalid_argument, name,
                        "its elements lie in another file, and no folder is known",
                        "load the model from a file, or set onnx_options::folder");
        DISPART_TRY(const auto path, path_of(name, where.location));
        DISPART_TRY(const std::uint64_t size, regular_file_size(path));
        const auto offset = number(where.offset, 0);
        if (!offset || *offset > size) return bad_range(name, path);
        const auto length = number(where.length, size - *offset);
        if (!length || *length > size - *offset) return bad_range(name, path);
        DISPART_TRY(const auto count, checked_elements(dims));
        if (static_cast<std::uint64_t>(count) * size_of(type) != *length)
            return fail(errc::invalid_model, name,
                        "a tensor of type " + std::string(to_string(type)) + " and shape " + to_string(dims) +
                            " cannot have " + std::to_string(*length) + " bytes of external data");
        if ((claimed_[path.string()] += *length) > size)
            return fail(errc::limit_exceeded, path.string(), "tensors claim more bytes than the file has");
        DISPART_TRY(auto filled, tensor::make(type, std::move(dims)));
        DISPART_CHECK(read_exactly(path, *offset, filled.bytes()));
        return filled;
    }

  private:
    [[nodiscard]] result<std::filesystem::path> path_of(const std::string& name,
                                                        std::string_view location) const {
        const std::filesystem::path relative{std::string(location)};
        bool leaves = relative.empty() || relative.has_root_path() || location.find('\0') != location.npos;
        for (const auto& step : relative) leaves |= step == "..";
        if (leaves)
            return fail(errc::invalid_model, name, "its external data lie outside the model's folder",
                        "the location must be a relative path without '..'");
        return folder_ / relative;
    }

    [[nodiscard]] static std::optional<std::uint64_t> number(std::string_view text, std::uint64_t fallback) {
        if (text.empty()) return fallback;
        std::uint64_t value = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
        return value;
    }

    [[nodiscard]] static tl::unexpected<error> bad_range(const std::string& name,
                                                         const std::filesystem::path& path) {
        return fail(errc::invalid_model, name, "its external data do not lie within " + path.string());
    }

    std::filesystem::path folder_;
    std::map<std::string, std::uint64_t> claimed_{};
};

}  // namespace dispart::io::detail
