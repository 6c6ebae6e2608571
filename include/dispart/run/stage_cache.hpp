#pragma once
/// \file
/// Stages that a worker has seen, by their content, so that a new plan moves only what is new.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace dispart {

/// 128 bits that tell contents apart. They guard against accidents; against an adversary, the transport does.
struct content_id {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend bool operator==(const content_id&, const content_id&) = default;
    static void fields(auto& archive, auto& m) { archive(m.high, m.low); }
};

namespace detail {

/// Both halves of a 64 x 64 bit product, added together.
[[nodiscard]] inline std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace detail

/// The id of these bytes; the same on every machine of the same byte order. O(bytes), several GB/s.
/// Source: the multiply-and-fold hashes of W. Yi ("wyhash", 2019), here in two lanes and by the plainest loop.
[[nodiscard]] inline content_id content_of(std::span<const std::byte> from) noexcept {
    static constexpr std::uint64_t k[4] = {0xa0761d6478bd642fULL, 0xe7037ed1a0b428dbULL,
                                           0x8ebc6af09c88c6e3ULL, 0x589965cc75374cc3ULL};
    std::uint64_t high = k[0] ^ from.size();
    std::uint64_t low = k[3];
    const auto take = [&](const std::byte* block) {
        std::uint64_t a = 0, b = 0;
        std::memcpy(&a, block, 8);
        std::memcpy(&b, block + 8, 8);
        high = detail::folded_product(a ^ k[0] ^ high, b ^ k[1]) + high;
        low = detail::folded_product(a ^ k[2], b ^ k[3] ^ low) ^ ((low << 23U) | (low >> 41U));
    };
    std::size_t at = 0;
    for (; at + 16 <= from.size(); at += 16) take(from.data() + at);
    std::byte rest[16]{};
    if (at < from.size()) std::memcpy(rest, from.data() + at, from.size() - at);
    take(rest);
    return {detail::folded_product(high ^ k[1], k[2]), detail::folded_product(low ^ k[0], k[3] ^ high)};
}

/// Keeps contents until there are too many bytes; then the one that was unused longest goes. From any thread.
class stage_cache {
  public:
    using content = std::shared_ptr<const std::vector<std::byte>>;

    explicit stage_cache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    /// The content, or nullptr. O(contents).
    [[nodiscard]] content find(const content_id& id) {
        const std::scoped_lock lock(mutex_);
        return find_locked(id);
    }

    /// Keeps a content, unless it is here already or alone over the limit.
    void keep(const content_id& id, content added) {
        const std::scoped_lock lock(mutex_);
        if (added->size() > most_bytes_ || find_locked(id)) return;
        bytes_ += added->size();
        kept_.emplace_front(id, std::move(added));
        while (bytes_ > most_bytes_) {
            bytes_ -= kept_.back().second->size();
            kept_.pop_back();
        }
    }

    [[nodiscard]] std::size_t size_bytes() const {
        const std::scoped_lock lock(mutex_);
        return bytes_;
    }

  private:
    content find_locked(const content_id& id) {
        for (auto it = kept_.begin(); it != kept_.end(); ++it) {
            if (it->first != id) continue;
            kept_.splice(kept_.begin(), kept_, it);
            return it->second;
        }
        return nullptr;
    }

    mutable std::mutex mutex_{};
    std::list<std::pair<content_id, content>> kept_{};  ///< used last first
    std::size_t bytes_ = 0;
    std::size_t most_bytes_;
};

}  // namespace dispart
