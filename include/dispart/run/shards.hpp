#pragma once
/// \file
/// A stage's bytes as shards, so that a new plan moves only those that its worker has not seen: weights that stay where they
/// are are the same bytes, wherever in the new stage they stand.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/run/stage_cache.hpp"

namespace dispart {

/// One range of a stage's bytes: it follows the one before. A list of them is the manifest of a stage.
struct shard {
    std::uint64_t length = 0;
    content_id content{};

    friend bool operator==(const shard&, const shard&) = default;
    static void fields(auto& archive, auto& m) { archive(m.length, m.content); }
};

/// Lengths of shards, in bytes; the usual one is a power of two.
struct shard_lengths {
    std::size_t least = std::size_t{16} << 10;
    std::size_t usual = std::size_t{128} << 10;
    std::size_t most = std::size_t{1} << 20;
};

namespace detail {

/// [byte] what it adds to the rolling hash.
[[nodiscard]] inline const std::array<std::uint64_t, 256>& gear() {
    static const std::array<std::uint64_t, 256> table = [] {
        std::array<std::uint64_t, 256> made{};
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = mix64(i + 1);
        return made;
    }();
    return table;
}

/// Where the first shard of these bytes ends.
[[nodiscard]] inline std::size_t first_cut(std::span<const std::byte> from, const shard_lengths& how) {
    const std::size_t end = std::min(from.size(), how.most);
    const int bits = std::countr_zero(std::bit_floor(how.usual));
    std::uint64_t hash = 0;
    // the hash forgets a byte after 64 more, so that cuts depend on what is there alone
    for (std::size_t at = how.least > 64 ? how.least - 64 : 0; at < end; ++at) {
        hash = (hash << 1U) + gear()[std::to_integer<std::size_t>(from[at])];
        if (at >= how.least && (hash >> (64 - bits)) == 0) return at + 1;
    }
    return end;
}

}  // namespace detail

/// Cuts bytes where their content says, so that what was inserted or removed changes the shards next to it and no others.
/// O(bytes). Source: Muthitacharoen, Chen and Mazieres, "A low-bandwidth network file system", SOSP 2001, with the gear
/// hash of Xia et al., "Ddelta", Performance Evaluation 2014.
[[nodiscard]] inline std::vector<shard> shards_of(std::span<const std::byte> from,
                                                  const shard_lengths& how = {}) {
    std::vector<shard> made;
    while (!from.empty()) {
        const auto range = from.first(detail::first_cut(from, how));
        made.push_back({range.size(), content_of(range)});
        from = from.subspan(range.size());
    }
    return made;
}

}  // namespace dispart
