#pragma once
/// \file
/// Whole files in and out, with errors that name the file.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "dispart/core/result.hpp"

namespace dispart::io {

/// Part of a file: `length` bytes from `offset` on; the default is all of it.
struct file_range {
    static constexpr std::uint64_t to_end = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t offset = 0;
    std::uint64_t length = to_end;
};

namespace detail {

struct file_closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

[[nodiscard]] inline tl::unexpected<error> file_failure(const std::filesystem::path& path, const char* doing,
                                                        int code) {
    const errc kind = code == ENOENT || code == ENOTDIR ? errc::not_found : errc::io_error;
    return fail(kind, path.string(), std::string(doing) + ": " + std::generic_category().message(code));
}

[[nodiscard]] inline result<std::uint64_t> regular_file_size(const std::filesystem::path& path) {
    std::error_code problem;
    const auto status = std::filesystem::status(path, problem);
    if (problem) return file_failure(path, "cannot read the file", problem.value());
    if (!std::filesystem::is_regular_file(status))
        return fail(errc::io_error, path.string(), "not a regular file");
    const std::uint64_t size = std::filesystem::file_size(path, problem);
    if (problem) return file_failure(path, "cannot read the file", problem.value());
    return size;
}

[[nodiscard]] inline result<void> read_exactly(const std::filesystem::path& path, std::uint64_t offset,
                                               std::span<std::byte> out) {
    errno = 0;
    const file_handle file(std::fopen(path.c_str(), "rb"));
    if (!file) return file_failure(path, "cannot open the file", errno);
    std::setvbuf(file.get(), nullptr, _IONBF, 0);
    if (offset != 0 && std::fseek(file.get(), static_cast<long>(offset), SEEK_SET) != 0)
        return file_failure(path, "cannot seek in the file", errno);
    if (!out.empty() && std::fread(out.data(), 1, out.size(), file.get()) != out.size()) {
        if (std::ferror(file.get()) != 0) return file_failure(path, "cannot read the file", errno);
        return fail(errc::io_error, path.string(), "the file became shorter while it was read");
    }
    return {};
}

}  // namespace detail

/// The bytes of a regular file, or of a part of it. O(size).
/// Errors: not_found; io_error (no permission, not a regular file, ...); invalid_argument where the range does not lie
/// in the file; limit_exceeded where memory does not hold it.
[[nodiscard]] inline result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                                              file_range range = {}) {
    DISPART_TRY(const std::uint64_t size, detail::regular_file_size(path));
    if (range.offset > size || (range.length != file_range::to_end && range.length > size - range.offset))
        return fail(errc::invalid_argument, path.string(),
                    "bytes " + std::to_string(range.offset) + " and on are not all in the file of " +
                        std::to_string(size) + " bytes");
    const std::uint64_t length = range.length == file_range::to_end ? size - range.offset : range.length;
    try {
        std::vector<std::byte> bytes(length);
        DISPART_CHECK(detail::read_exactly(path, range.offset, bytes));
        return bytes;
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    return fail(errc::limit_exceeded, path.string(),
                "not enough memory for " + std::to_string(length) + " bytes");
}

/// The text of a regular file, as it is. Errors: as `read_file`.
[[nodiscard]] inline result<std::string> read_text(const std::filesystem::path& path) {
    DISPART_TRY(const auto bytes, read_file(path));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// Writes the pieces one after the other, replacing what the file held. On an error the file's content is undefined.
/// Errors: not_found where the folder does not exist; io_error (no permission, disk full, ...).
[[nodiscard]] inline result<void> write_file(const std::filesystem::path& path,
                                             std::span<const std::span<const std::byte>> pieces) {
    errno = 0;
    detail::file_handle file(std::fopen(path.c_str(), "wb"));
    if (!file) return detail::file_failure(path, "cannot open the file for writing", errno);
    for (const auto piece : pieces)
        if (!piece.empty() && std::fwrite(piece.data(), 1, piece.size(), file.get()) != piece.size())
            return detail::file_failure(path, "cannot write the file", errno);
    if (std::fclose(file.release()) != 0) return detail::file_failure(path, "cannot write the file", errno);
    return {};
}
[[nodiscard]] inline result<void> write_file(const std::filesystem::path& path,
                                             std::span<const std::byte> bytes) {
    return write_file(path, std::span<const std::span<const std::byte>>(&bytes, 1));
}

/// Writes the text as it is. Errors: as `write_file`.
[[nodiscard]] inline result<void> write_text(const std::filesystem::path& path, std::string_view text) {
    return write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace dispart::io
