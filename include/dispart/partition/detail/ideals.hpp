#pragma once
/// \file
/// The exact search over downward-closed sets of blocks.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/partition/assignment.hpp"
#include "dispart/partition/detail/blocks.hpp"
#include "dispart/partition/detail/segments.hpp"
#include "dispart/partition/linearised.hpp"

namespace dispart::detail {

/// Downward-closed sets as bit sets, each once, with the best value for every count of devices used.
class ideal_table {
  public:
    ideal_table(std::size_t blocks, std::size_t width)
        : words_((blocks + 63) / 64)
        , width_(width)
        , slots_(1024, none) {}

    /// The set's number; made if it is new. \param hash the same for equal sets
    std::size_t find(const std::vector<std::uint64_t>& bits, std::uint64_t hash) {
        std::size_t at = hash & (slots_.size() - 1);
        for (; slots_[at] != none; at = (at + 1) & (slots_.size() - 1))
            if (hashes_[slots_[at]] == hash && std::equal(bits.begin(), bits.end(), row(slots_[at])))
                return slots_[at];
        slots_[at] = static_cast<std::uint32_t>(hashes_.size());
        bits_.insert(bits_.end(), bits.begin(), bits.end());
        hashes_.push_back(hash);
        value_.resize(value_.size() + width_, std::numeric_limits<double>::infinity());
        from_.resize(from_.size() + width_, 0);
        const std::size_t made = hashes_.size() - 1;
        if (hashes_.size() * 2 > slots_.size()) grow();
        return made;
    }

    [[nodiscard]] std::size_t size() const noexcept { return hashes_.size(); }
    [[nodiscard]] bool holds(std::size_t ideal, std::size_t block) const {
        return (bits_[ideal * words_ + block / 64] >> (block % 64) & 1U) != 0;
    }
    [[nodiscard]] std::uint64_t hash(std::size_t ideal) const { return hashes_[ideal]; }
    [[nodiscard]] std::vector<std::uint64_t> bits(std::size_t ideal) const {
        return {row(ideal), row(ideal) + static_cast<std::ptrdiff_t>(words_)};
    }
    [[nodiscard]] double& value(std::size_t ideal, std::size_t counts) {
        return value_[ideal * width_ + counts];
    }
    /// The set before the last segment * 2^20 + its copies * kinds + its kind.
    [[nodiscard]] std::uint64_t& from(std::size_t ideal, std::size_t counts) {
        return from_[ideal * width_ + counts];
    }

  private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    [[nodiscard]] std::vector<std::uint64_t>::const_iterator row(std::size_t ideal) const {
        return bits_.begin() + static_cast<std::ptrdiff_t>(ideal * words_);
    }
    void grow() {
        slots_.assign(slots_.size() * 2, none);
        for (std::uint32_t i = 0; i < hashes_.size(); ++i) {
            std::size_t at = hashes_[i] & (slots_.size() - 1);
            while (slots_[at] != none) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = i;
        }
    }

    std::size_t words_;
    std::size_t width_;
    std::vector<std::uint32_t> slots_;
    std::vector<std::uint64_t> bits_{};
    std::vector<std::uint64_t> hashes_{};
    std::vector<double> value_{};
    std::vector<std::uint64_t> from_{};
};

/// Dynamic programming over the downward-closed sets that a division better than the best known one can pass through.
///
/// Sets are visited by size. From each, the sets above it are grown block by block, as long as one device can take the
/// difference; a set is kept where the devices left can take what is above it. Nothing is stored per pair of sets.
class ideal_search {
  public:
    /// \param replicates a segment may go to several devices of a kind, which take turns
    ideal_search(const block_problem& p, const device_counts& counts, stop_watch& watch,
                 bool replicates = false)
        : p_(p)
        , counts_(counts)
        , watch_(watch)
        , segment_(p.problem, counts.work())
        , table_(p.problem.size(), counts.size()) {
        for (std::size_t b = 0; b < p.problem.size(); ++b) keys_.push_back(mix64(b));
        double dearest = 0.0;
        for (const machine_kind& kind : p.problem.kinds)
            most_copies_.push_back(replicates ? kind.devices.size() : 1);
        for (std::size_t k = 0; k < p.problem.kinds.size(); ++k)
            dearest = std::max(dearest, counts.price(k) * p.problem.kinds[k].seconds_per_byte);
        const double bytes = std::accumulate(p.problem.bytes.begin(), p.problem.bytes.end(), 0.0);
        slack_ = 1e-11 * (counts.total_work() + bytes * dearest);
        for (std::size_t c = 0; c < counts.size(); ++c) {
            left_.push_back(counts.left(c));
            left_per_byte_.push_back(counts.left_per_byte(c));
            for (std::size_t k = 0; k < p.problem.kinds.size(); ++k)
                room_.push_back(p.problem.kinds[k].devices.size() - counts.used(c, k));
        }
    }

    /// The best division that is better than `below`, if there is one; nothing is certain once the watch is over.
    [[nodiscard]] std::optional<block_division> solve(double below) {
        limit_ = below * (1.0 - 1e-12);
        const std::size_t n = p_.problem.size();
        bits_.assign((n + 63) / 64, 0);
        by_size_.assign(n + 1, {});
        table_.value(table_.find(bits_, 0), 0) = 0.0;
        by_size_[0].push_back(0);
        for (size_ = 0; size_ < n && !watch_.is_over(); ++size_) {
            for (const std::uint32_t ideal : by_size_[size_]) leave(ideal);
            by_size_[size_] = {};
        }
        return full_ == no_id ? std::nullopt : std::optional(read_back());
    }

    [[nodiscard]] std::size_t ideals() const noexcept { return table_.size(); }

  private:
    /// Devices of one kind that do a segment.
    struct turn {
        std::size_t kind;
        std::size_t copies;
    };

    /// Whether the devices not in use can do the rest in less than the limit each.
    [[nodiscard]] bool is_hopeful(std::size_t counts, double rest, double open) const {
        return rest + open * left_per_byte_[counts] <= limit_ * left_[counts] + slack_;
    }

    /// Grows all useful sets from one.
    void leave(std::size_t ideal) {
        bits_ = table_.bits(ideal);
        hash_ = table_.hash(ideal);
        std::vector<bool> below(p_.problem.size());
        double rest = 0.0;
        for (std::size_t b = 0; b < below.size(); ++b) {
            below[b] = table_.holds(ideal, b);
            if (!below[b]) rest += counts_.work()[b];
        }
        const segment_sums sums = segment_.start(below);
        from_ = ideal, from_rest_ = rest;
        best_left_ = 0.0;
        useful_.clear();
        for (std::size_t c = 0; c < counts_.size(); ++c) {
            if (!(table_.value(ideal, c) < limit_) || !is_hopeful(c, rest, sums.open)) continue;
            useful_.push_back(c);
            for (std::size_t k = 0; k < p_.problem.kinds.size(); ++k)
                if (counts_.has_room(c, k)) best_left_ = std::max(best_left_, left_[c + counts_.stride(k)]);
        }
        if (useful_.empty()) return;
        waiting_ = p_.before_count;
        ready_.clear();
        for (std::size_t b = 0; b < below.size(); ++b)
            if (below[b])
                for (const std::size_t next : p_.after[b]) --waiting_[next];
        for (std::size_t b = 0; b < below.size(); ++b)
            if (!below[b] && waiting_[b] == 0) ready_.push_back(b);
        grow(0, 1, sums);
    }

    /// Adds each block that is ready, from position `first` on, and then what may follow; earlier ones stay out, so that
    /// every set comes up once.
    void grow(std::size_t first, std::size_t added, const segment_sums& before) {
        for (std::size_t i = first; i < ready_.size(); ++i) {
            if (watch_.is_over() || watch_.step()) return;
            const std::size_t b = ready_[i];
            segment_sums sums = before;
            segment_.add(b, sums);
            if (can_grow(sums)) {
                const std::size_t ready = ready_.size();
                for (const std::size_t next : p_.after[b])
                    if (--waiting_[next] == 0) ready_.push_back(next);
                flip(b);
                if (from_rest_ - sums.work <= limit_ * best_left_ + slack_) arrive(added, sums);
                grow(i + 1, added + 1, sums);
                flip(b);
                for (const std::size_t next : p_.after[b]) ++waiting_[next];
                ready_.resize(ready);
            }
            segment_.remove(b);
        }
    }

    [[nodiscard]] bool can_grow(const segment_sums& sums) const {
        for (std::size_t k = 0; k < p_.problem.kinds.size(); ++k)
            if (segment_.fits(sums, k) &&
                segment_.least_load(sums, k) < limit_ * static_cast<double>(most_copies_[k]))
                return true;
        return false;
    }
    void flip(std::size_t b) {
        bits_[b / 64] ^= std::uint64_t{1} << (b % 64);
        hash_ ^= keys_[b];
    }

    void arrive(std::size_t added, const segment_sums& sums) {
        std::size_t ideal = no_id;
        for (std::size_t k = 0; k < p_.problem.kinds.size(); ++k) {
            if (!segment_.fits(sums, k)) continue;
            for (std::size_t copies = 1; copies <= most_copies_[k]; ++copies) {
                const double load = segment_.load(sums, k) / static_cast<double>(copies);
                if (load < limit_) arrive(added, sums, {k, copies}, load, ideal);
            }
        }
    }
    /// The same on a number of devices of one kind. \param ideal the set, once it is made
    void arrive(std::size_t added, const segment_sums& sums, const turn& by, double load, std::size_t& ideal) {
        const std::size_t kinds = p_.problem.kinds.size();
        for (const std::size_t c : useful_) {
            if (room_[c * kinds + by.kind] < by.copies) continue;
            const std::size_t to = c + by.copies * counts_.stride(by.kind);
            const double value = std::max(load, table_.value(from_, c));
            if (value >= limit_ || !is_hopeful(to, from_rest_ - sums.work, sums.open)) continue;
            if (ideal == no_id) ideal = visit(added);
            if (value >= table_.value(ideal, to)) continue;
            table_.value(ideal, to) = value;
            table_.from(ideal, to) = (from_ << 20U) + by.copies * kinds + by.kind;
            if (size_ + added == p_.problem.size()) full_ = ideal, limit_ = value, full_counts_ = to;
        }
    }
    std::size_t visit(std::size_t added) {
        const std::size_t known = table_.size();
        const std::size_t ideal = table_.find(bits_, hash_);
        if (ideal == known) by_size_[size_ + added].push_back(static_cast<std::uint32_t>(ideal));
        return ideal;
    }

    [[nodiscard]] block_division read_back() {
        block_division out{table_.value(full_, full_counts_),
                           std::vector<device_id>(p_.problem.size(), no_id)};
        std::size_t c = full_counts_;
        for (std::size_t ideal = full_; ideal != 0;) {
            const std::size_t kinds = p_.problem.kinds.size();
            const std::uint64_t from = table_.from(ideal, c);
            const std::size_t below = from >> 20U, kind = (from & 0xFFFFFU) % kinds,
                              copies = (from & 0xFFFFFU) / kinds;
            const auto& devices = p_.problem.kinds[kind].devices;
            const auto end = devices.begin() + static_cast<std::ptrdiff_t>(counts_.used(c, kind));
            const device_id d = *(end - static_cast<std::ptrdiff_t>(copies));
            for (std::size_t b = 0; b < out.device.size(); ++b)
                if (table_.holds(ideal, b) && !table_.holds(below, b)) out.device[b] = d;
            if (copies > 1) out.taking_turns.emplace_back(end - static_cast<std::ptrdiff_t>(copies), end);
            ideal = below;
            c -= copies * counts_.stride(kind);
        }
        return out;
    }

    const block_problem& p_;
    const device_counts& counts_;
    stop_watch& watch_;
    segment_builder segment_;
    ideal_table table_;
    std::vector<std::uint64_t> keys_{};       ///< [block] whose exclusive or is a set's hash
    std::vector<double> left_{};              ///< [counts]
    std::vector<double> left_per_byte_{};     ///< [counts]
    std::vector<std::size_t> room_{};         ///< [counts * kinds + kind] devices not in use
    std::vector<std::size_t> most_copies_{};  ///< [kind]
    double limit_ = 0.0;                      ///< only what is better is of use
    double slack_ = 0.0;                      ///< what sums of work may be off by
    std::vector<std::vector<std::uint32_t>> by_size_{};
    std::size_t size_ = 0;

    std::size_t from_ = 0;  ///< the set that is left
    double from_rest_ = 0.0;
    double best_left_ = 0.0;
    std::vector<std::size_t> useful_{};  ///< its counts of devices that lead anywhere
    std::vector<std::uint64_t> bits_{};  ///< the set that is grown
    std::uint64_t hash_ = 0;
    std::vector<std::size_t> waiting_{};  ///< [block] direct predecessors that are not in the set
    std::vector<std::size_t> ready_{};    ///< blocks that may come next, or came and were left out

    std::size_t full_ = no_id;
    std::size_t full_counts_ = 0;
};

}  // namespace dispart::detail
