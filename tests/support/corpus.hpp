#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "support/paths.hpp"

namespace dispart::test {

/// The folder of real models and published instances that some tests read, or nothing where it is absent.
/// The environment variable DISPART_CORPUS comes first, then the path that the build was configured with
/// (`cmake -DDISPART_CORPUS=path`). A test that needs it says that it was skipped: `MESSAGE("skipped: no corpus")`.
inline std::optional<std::filesystem::path> corpus() {
    const auto existing = [](const char* path) -> std::optional<std::filesystem::path> {
        std::error_code error;
        if (path == nullptr || *path == '\0' || !std::filesystem::is_directory(path, error))
            return std::nullopt;
        return std::filesystem::path(path);
    };
    if (auto found = existing(std::getenv("DISPART_CORPUS"))) return found;
    return existing(configured_corpus);
}

}  // namespace dispart::test
