#pragma once
/// \file
/// The states of a chain search: found by what they have in common, kept while no other one is as good.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "dispart/core/random.hpp"

namespace dispart::detail {

/// What two states must have in common to be compared is their key: layers done, last device, and who holds the
/// tensors that earlier segments made. What they are compared by is `head`, `last` and one value per such tensor.
struct chain_state {
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint16_t nobody = std::numeric_limits<std::uint16_t>::max();
    /// A holder that can send all it holds to all that follow.
    static constexpr std::uint16_t anybody = nobody - 1;

    /// Latency: arrival of the last output. Serial: load of the source. Overlapped: bytes that the source sends to the
    /// sink's device, whose way the outputs of the source's device may share.
    double head = 0.0;
    double last = 0.0;                ///< latency: end of the last segment; serial: its load so far
    std::uint32_t cut = 0;            ///< layers done
    std::uint32_t parent = none;      ///< the state before
    std::uint32_t next = none;        ///< in its bucket
    std::uint32_t old_begin = 0;      ///< its first holder and value
    std::uint16_t old_count = 0;      ///< tensors that earlier segments hold
    std::uint16_t position = nobody;  ///< of the last segment's device
    bool generic = true;              ///< anybody holds the old tensors; they have no value
    bool dead = false;                ///< another one is as good
};

/// Arena of states with their holders and values. A state under construction has its own at the arena's end.
class chain_states {
  public:
    /// Forgets all states. `buckets`: number of buckets that are addressed by number; `most_looks`: see `look`.
    void clear(std::size_t buckets, std::size_t most, std::size_t most_looks) {
        most_ = most;
        looks_left_ = most_looks;
        complete_ = true;
        states_.clear();
        holders_.clear();
        values_.clear();
        hashed_.clear();
        numbered_.assign(buckets, chain_state::none);
    }

    [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }
    [[nodiscard]] chain_state& operator[](std::uint32_t id) { return states_[id]; }
    [[nodiscard]] const chain_state& operator[](std::uint32_t id) const { return states_[id]; }
    /// Counts a segment priced or two states compared; false when there were too many.
    [[nodiscard]] bool look() noexcept {
        if (looks_left_ == 0) return complete_ = false;
        --looks_left_;
        return true;
    }
    [[nodiscard]] std::size_t looks_left() const noexcept { return looks_left_; }
    /// Whether no state had to be dropped for lack of room or time.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// The first state of a numbered bucket; `next` leads on.
    [[nodiscard]] std::uint32_t& bucket(std::size_t number) { return numbered_[number]; }
    [[nodiscard]] std::uint32_t bucket(std::size_t number) const { return numbered_[number]; }
    /// The bucket of states with this state's key, and maybe others.
    [[nodiscard]] std::uint32_t& bucket_of(const chain_state& s) {
        std::uint64_t hash = mix64((static_cast<std::uint64_t>(s.cut) << 16U) + s.position);
        for (std::size_t t = 0; t < s.old_count; ++t) hash = mix64(hash ^ holders_[s.old_begin + t]);
        return hashed_.try_emplace(hash, chain_state::none).first->second;
    }

    [[nodiscard]] std::uint16_t holder(const chain_state& s, std::size_t tensor) const {
        if (tensor >= s.old_count) return s.position;
        return s.generic ? chain_state::anybody : holders_[s.old_begin + tensor];
    }
    [[nodiscard]] double value(const chain_state& s, std::size_t tensor) const {
        if (tensor >= s.old_count) return s.last;
        return s.generic ? 0.0 : values_[s.old_begin + tensor];
    }

    /// Begins the list of holders and values of a state under construction.
    void begin_old(chain_state& s) const { s.old_begin = static_cast<std::uint32_t>(holders_.size()); }
    void add_old(std::uint16_t holder, double value) {
        holders_.push_back(holder);
        values_.push_back(value);
    }
    /// Takes back the holders and values of a state that was not kept, or has no need of them.
    void drop_old(const chain_state& s) {
        holders_.resize(s.old_begin);
        values_.resize(s.old_begin);
    }

    /// Adds a state whatever there is.
    std::uint32_t add(const chain_state& s) {
        states_.push_back(s);
        return static_cast<std::uint32_t>(states_.size() - 1);
    }

    /// Adds a state to its bucket and returns true, unless there is one as good, or it takes the place of a worse one,
    /// or there is no room.
    bool keep(chain_state& s, std::uint32_t& first) {
        bool replaced = false;
        for (std::uint32_t id = first; id != chain_state::none; id = states_[id].next) {
            chain_state& other = states_[id];
            if (!look()) return false;
            if (other.dead || !same_key(other, s)) continue;
            if (is_as_good(other, s)) return false;
            if (!is_as_good(s, other)) continue;
            if (replaced) other.dead = true;
            else replace(other, s);
            replaced = true;
        }
        if (replaced) return false;
        if (states_.size() >= most_) return complete_ = false;
        s.next = first;
        first = add(s);
        return true;
    }

  private:
    [[nodiscard]] bool same_key(const chain_state& a, const chain_state& b) const {
        if (a.cut != b.cut || a.position != b.position || a.old_count != b.old_count || a.generic != b.generic)
            return false;
        for (std::size_t t = 0; t < a.old_count && !a.generic; ++t)
            if (holders_[a.old_begin + t] != holders_[b.old_begin + t]) return false;
        return true;
    }

    [[nodiscard]] bool is_as_good(const chain_state& a, const chain_state& b) const {
        if (a.head > b.head || a.last > b.last) return false;
        for (std::size_t t = 0; t < a.old_count && !a.generic; ++t)
            if (values_[a.old_begin + t] > values_[b.old_begin + t]) return false;
        return true;
    }

    void replace(chain_state& old, const chain_state& better) {
        for (std::size_t t = 0; t < old.old_count && !old.generic; ++t)
            values_[old.old_begin + t] = values_[better.old_begin + t];
        old.head = better.head;
        old.last = better.last;
        old.parent = better.parent;
    }

    std::size_t most_ = 0, looks_left_ = 0;
    bool complete_ = true;
    std::vector<chain_state> states_{};
    std::vector<std::uint16_t> holders_{};
    std::vector<double> values_{};
    std::vector<std::uint32_t> numbered_{};
    std::unordered_map<std::uint64_t, std::uint32_t> hashed_{};
};

}  // namespace dispart::detail
