#pragma once
/// \file
/// What the machine says about itself, and how fast its memory copies.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "dispart/calibrate/profile.hpp"
#include "dispart/core/units.hpp"
#include "dispart/run/kernels/simd/isa.hpp"

namespace dispart {

namespace detail {

/// The first `model name` of a text like /proc/cpuinfo; empty where there is none.
inline std::string processor_name(std::istream& facts) {
    for (std::string line; std::getline(facts, line);) {
        const auto colon = line.find(':');
        if (!line.starts_with("model name") || colon == std::string::npos) continue;
        const auto first = line.find_first_not_of(" \t", colon + 1);
        return first == std::string::npos ? "" : line.substr(first);
    }
    return "";
}

inline bytes physical_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? bytes(static_cast<double>(pages) * static_cast<double>(size)) : bytes(0.0);
}

}  // namespace detail

/// This machine's processor, cores, memory and the instruction set that kernels use. Unknown ones are empty or 0.
[[nodiscard]] inline machine_facts local_machine() {
    std::ifstream cpuinfo("/proc/cpuinfo");
    return {.processor = detail::processor_name(cpuinfo),
            .instruction_set = to_string(kernels::best_isa()),
            .cores = std::thread::hardware_concurrency(),
            .memory = detail::physical_memory()};
}

/// Bytes read plus bytes written per second by copying a block larger than caches, the best of several runs.
/// Precondition: size > 0 and runs > 0.
/// Source: McCalpin, "Memory bandwidth and machine balance in current high performance computers", IEEE TCCA Newsletter,
/// 1995 (the copy kernel of STREAM).
[[nodiscard]] inline bytes_per_second copy_bandwidth(std::size_t size = std::size_t{64} << 20,
                                                     std::size_t runs = 8) {
    DISPART_EXPECTS(size > 0 && runs > 0);
    std::vector<char> from(size, 1), to(size, 2);
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < runs; ++k) {
        const auto begin = std::chrono::steady_clock::now();
        std::memcpy(to.data(), from.data(), size);
        const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        best = std::min(best, std::max(spent, 1e-9));
        from[k % size] = to[(k * 7919) % size];  // the copy must happen
    }
    return bytes(2.0 * static_cast<double>(size)) / seconds(best);
}

}  // namespace dispart
