#pragma once
/// \file
/// Shards on disk, so that a worker that is started again need not receive them again.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/run/stage_cache.hpp"

namespace dispart {

/// A folder with one file for each content, under its id. A file that is not what its name says is removed. When there are
/// too many bytes, those that were written longest ago go. From any thread; one process at a time.
class shard_folder {
  public:
    /// Makes the folder where it is missing. Errors: io_error.
    [[nodiscard]] static result<std::shared_ptr<shard_folder>> open(const std::filesystem::path& folder,
                                                                    std::size_t most_bytes) {
        std::error_code problem;
        std::filesystem::create_directories(folder, problem);
        if (problem) return fail(errc::io_error, folder.string(), problem.message());
        auto made = std::shared_ptr<shard_folder>(new shard_folder(folder, most_bytes));
        const std::scoped_lock lock(made->mutex_);
        DISPART_CHECK(made->look());
        made->make_room(0);
        return made;
    }

    /// The content, or nullptr. O(bytes): it is read and checked.
    [[nodiscard]] stage_cache::content find(const content_id& id) const {
        const auto path = path_of(id);
        std::error_code missing;
        const auto size = std::filesystem::file_size(path, missing);
        if (missing) return nullptr;
        std::vector<std::byte> read(static_cast<std::size_t>(size));
        std::ifstream file(path, std::ios::binary);
        file.read(reinterpret_cast<char*>(read.data()), static_cast<std::streamsize>(read.size()));
        if (file && content_of(read) == id)
            return std::make_shared<const std::vector<std::byte>>(std::move(read));
        std::filesystem::remove(path, missing);
        return nullptr;
    }

    /// Writes a content, unless it is there. A failure to write is no failure: it is received again the next time.
    void keep(const content_id& id, const std::vector<std::byte>& content) {
        const std::scoped_lock lock(mutex_);
        const auto path = path_of(id);
        std::error_code ignored;
        if (content.size() > most_bytes_ || std::filesystem::exists(path, ignored)) return;
        make_room(content.size());
        const auto unfinished = std::filesystem::path(path).concat(".part");
        std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
        file.write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
        file.close();
        if (!file) {
            std::filesystem::remove(unfinished, ignored);
            return;
        }
        std::filesystem::rename(unfinished, path, ignored);
        if (ignored) return;
        files_.emplace_back(path, content.size());
        bytes_ += content.size();
    }

    [[nodiscard]] std::size_t size_bytes() const {
        const std::scoped_lock lock(mutex_);
        return bytes_;
    }

  private:
    shard_folder(std::filesystem::path folder, std::size_t most_bytes)
        : folder_(std::move(folder))
        , most_bytes_(most_bytes) {}

    [[nodiscard]] std::filesystem::path path_of(const content_id& id) const {
        std::array<char, 48> name{};
        std::snprintf(name.data(), name.size(), "%016llx%016llx.shard",
                      static_cast<unsigned long long>(id.high), static_cast<unsigned long long>(id.low));
        return folder_ / name.data();
    }

    /// What is there, the oldest first.
    result<void> look() {
        std::vector<std::pair<std::filesystem::file_time_type, std::size_t>> order;
        std::error_code problem;
        std::vector<std::pair<std::filesystem::path, std::size_t>> found;
        for (const auto& each : std::filesystem::directory_iterator(folder_, problem)) {
            if (each.path().extension() != ".shard") continue;
            order.emplace_back(each.last_write_time(problem), found.size());
            found.emplace_back(each.path(), static_cast<std::size_t>(each.file_size(problem)));
        }
        if (problem) return fail(errc::io_error, folder_.string(), problem.message());
        std::sort(order.begin(), order.end());
        for (const auto& [time, i] : order) {
            bytes_ += found[i].second;
            files_.push_back(std::move(found[i]));
        }
        return {};
    }

    void make_room(std::size_t wanted) {
        std::error_code ignored;
        std::size_t gone = 0;
        for (; gone < files_.size() && bytes_ + wanted > most_bytes_; ++gone) {
            std::filesystem::remove(files_[gone].first, ignored);
            bytes_ -= files_[gone].second;
        }
        files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(gone));
    }

    std::filesystem::path folder_;
    std::size_t most_bytes_;
    mutable std::mutex mutex_{};
    std::vector<std::pair<std::filesystem::path, std::size_t>> files_{};  ///< the oldest first
    std::size_t bytes_ = 0;
};

}  // namespace dispart
