#pragma once
/// \file
/// A hash table from ordered pairs of 32-bit ids to 32-bit ids.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dispart/core/random.hpp"

namespace dispart::detail {

/// Open addressing, linear probing, deletion by shifting back: contiguous, and no allocation per entry.
/// Source: Knuth, The Art of Computer Programming, vol. 3, 2nd ed. 1998, section 6.4, algorithm R.
class pair_index {
  public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    /// The value of a pair, or `none`. O(1) expected.
    [[nodiscard]] std::uint32_t find(std::uint32_t a, std::uint32_t b) const {
        return slots_[slot_of(key_of(a, b))].value;
    }
    /// Adds a pair that is not there. O(1) expected, amortised.
    void insert(std::uint32_t a, std::uint32_t b, std::uint32_t value) {
        if (2 * ++count_ > slots_.size()) grow();
        slots_[slot_of(key_of(a, b))] = {key_of(a, b), value};
    }
    /// Erases a pair that is there. O(1) expected.
    void erase(std::uint32_t a, std::uint32_t b) {
        const std::size_t mask = slots_.size() - 1;
        std::size_t hole = slot_of(key_of(a, b));
        for (std::size_t next = (hole + 1) & mask; slots_[next].value != none; next = (next + 1) & mask)
            if (((next - home(slots_[next].key)) & mask) >= ((next - hole) & mask)) {
                slots_[hole] = slots_[next];
                hole = next;
            }
        slots_[hole].value = none;
        --count_;
    }

  private:
    struct slot {
        std::uint64_t key = 0;
        std::uint32_t value = none;
    };

    static std::uint64_t key_of(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32U | b; }
    [[nodiscard]] std::size_t home(std::uint64_t key) const { return mix64(key) & (slots_.size() - 1); }
    /// Where the key is, or the free slot where it would go.
    [[nodiscard]] std::size_t slot_of(std::uint64_t key) const {
        std::size_t i = home(key);
        while (slots_[i].value != none && slots_[i].key != key) i = (i + 1) & (slots_.size() - 1);
        return i;
    }
    void grow() {
        std::vector<slot> old(2 * slots_.size());
        old.swap(slots_);
        for (const slot& s : old)
            if (s.value != none) slots_[slot_of(s.key)] = s;
    }

    std::vector<slot> slots_{64};
    std::size_t count_ = 0;
};

}  // namespace dispart::detail
