#pragma once
/// \file
/// How much memory this process may have, as the system says now. Others on its machine come and go, limits change.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <limits>
#include <string>
#include <string_view>

#include "dispart/core/units.hpp"
#include "dispart/run/clock.hpp"

namespace dispart {

namespace detail {

inline constexpr double no_limit = std::numeric_limits<double>::infinity();

/// The number that follows a word; infinite where there is none.
[[nodiscard]] inline double number_after(std::istream&& text, std::string_view word) {
    double number = 0.0;
    for (std::string each; text >> each;)
        if (each == word && text >> number) return number;
    return no_limit;
}

/// The number that a file begins with; infinite where there is none ("max").
[[nodiscard]] inline double number_in(const std::string& file) {
    std::ifstream text(file);
    double number = 0.0;
    return text >> number ? number : no_limit;
}

/// What the control groups (versions 1 and 2) that this process is in, or those around them, allow.
/// \param groups as /proc/self/cgroup \param root where they are mounted
[[nodiscard]] inline double memory_of_groups(std::istream&& groups, const std::string& root) {
    double least = no_limit;
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string kinds = line.substr(first + 1, second - first - 1);
        std::string path = line.substr(second + 1);
        if (!kinds.empty() && kinds.find("memory") == std::string::npos) continue;
        const std::string base = kinds.empty() ? root : root + "/memory";
        const char* const file = kinds.empty() ? "/memory.max" : "/memory.limit_in_bytes";
        for (;; path.erase(path.rfind('/'))) {
            least = std::min(least, number_in(base + path + file));
            if (path.find('/') == std::string::npos) break;
        }
    }
    return least;
}

}  // namespace detail

/// Bytes that this process may have, with those that it has: the smallest of what its control groups allow, of its limit
/// RLIMIT_RSS (`ulimit -m`; `prlimit --rss` changes it while the process runs), and of what it has and the machine has left.
/// 0: unknown. Reads some files of /proc and /sys: some 50 microseconds.
[[nodiscard]] inline bytes memory_allowance() {
    if (detail::current_world != nullptr) return {};
    const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    double pages = 0.0;
    std::ifstream("/proc/self/statm") >> pages >> pages;  // the second number
    const double left = detail::number_after(std::ifstream("/proc/meminfo"), "MemAvailable:") * 1024.0;
    double least = std::min(pages * page + left,
                            detail::memory_of_groups(std::ifstream("/proc/self/cgroup"), "/sys/fs/cgroup"));
    rlimit own{};
    if (::getrlimit(RLIMIT_RSS, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        least = std::min(least, static_cast<double>(own.rlim_cur));
    return bytes(least == detail::no_limit ? 0.0 : least);
}

}  // namespace dispart
