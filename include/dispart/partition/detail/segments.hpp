#pragma once
/// \file
/// The load of a growing set of blocks, on every kind of device at once.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/partition/detail/atoms.hpp"

namespace dispart::detail {

inline constexpr std::size_t most_kinds = 16;

/// Sums over a set of blocks; copied rather than undone, so that no rounding error builds up.
struct segment_sums {
    std::array<double, most_kinds> seconds{};  ///< [kind]
    double weight = 0.0;                       ///< bytes
    double work = 0.0;                         ///< priced seconds, see `device_counts`
    double touched = 0.0;                      ///< bytes of nets with a block in the set
    double whole = 0.0;                        ///< bytes of nets with all blocks in the set
    double shared_below =
        0.0;            ///< bytes of nets with a block in the set and one below: never less as the set grows
    double open = 0.0;  ///< bytes of nets with a block in the set or below, and one above
};

/// A set of blocks above a fixed lower set. Blocks are taken in and out as on a stack.
class segment_builder {
  public:
    segment_builder(const atom_problem& p, const std::vector<double>& work)
        : p_(p)
        , work_(work)
        , below_(p.bytes.size(), 0)
        , inside_(p.bytes.size(), 0) {}

    /// Empties the set; the lower set is that of the blocks with `is_below[b]`.
    template <class Flags>
    segment_sums start(const Flags& is_below) {
        segment_sums sums;
        for (std::size_t n = 0; n < below_.size(); ++n) {
            const auto pins = p_.pins[n];
            below_[n] = static_cast<std::uint32_t>(
                std::count_if(pins.begin(), pins.end(), [&](std::size_t b) { return is_below[b]; }));
            inside_[n] = 0;
            if (below_[n] > 0 && below_[n] < pins.size()) sums.open += p_.bytes[n];
        }
        return sums;
    }

    void add(std::size_t block, segment_sums& sums) {
        for (std::size_t k = 0; k < p_.kinds.size(); ++k) sums.seconds[k] += p_.on(block, k);
        sums.weight += p_.weight[block];
        sums.work += work_[block];
        for (const std::size_t n : p_.nets[block]) {
            const double size = p_.bytes[n];
            const std::uint32_t inside = ++inside_[n];
            const std::uint32_t done = inside + below_[n];
            if (inside == 1) sums.touched += size;
            if (inside == 1 && below_[n] > 0) sums.shared_below += size;
            if (done == 1) sums.open += size;
            if (done == p_.pins[n].size()) {
                sums.open -= size;
                if (inside == done) sums.whole += size;
            }
        }
    }
    void remove(std::size_t block) {
        for (const std::size_t n : p_.nets[block]) --inside_[n];
    }

    [[nodiscard]] double load(const segment_sums& s, std::size_t kind) const {
        return s.seconds[kind] + p_.kinds[kind].seconds_per_byte * (s.touched - s.whole);
    }
    /// No set that contains this one has a smaller load.
    [[nodiscard]] double least_load(const segment_sums& s, std::size_t kind) const {
        return s.seconds[kind] + p_.kinds[kind].seconds_per_byte * s.shared_below;
    }
    [[nodiscard]] bool fits(const segment_sums& s, std::size_t kind) const {
        return s.weight <= p_.kinds[kind].capacity * (1.0 + 1e-12);
    }

  private:
    const atom_problem& p_;
    const std::vector<double>& work_;
    std::vector<std::uint32_t> below_;   ///< [net] its blocks in the lower set
    std::vector<std::uint32_t> inside_;  ///< [net] its blocks in the set
};

/// How many devices of each kind are in use, as one number; and what the others can still do.
class device_counts {
  public:
    /// Prices make kinds comparable: the price of a kind is its speed, the largest being 1; a block's work is its least
    /// priced time, so that a device with load T does at most price * T of work.
    explicit device_counts(const atom_problem& p) : p_(p) {
        count_ = 1;
        double fastest = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < p.kinds.size(); ++k) {
            stride_.push_back(count_);
            count_ = std::min<std::size_t>(count_ * (p.kinds[k].devices.size() + 1), std::size_t{1} << 40U);
            double total = 0.0;
            for (std::size_t b = 0; b < p.size(); ++b)
                if (p.on(b, k) < std::numeric_limits<double>::infinity()) total += p.on(b, k);
            price_.push_back(total);
            if (total > 0.0) fastest = std::min(fastest, total);
        }
        for (double& price : price_) price = price > 0.0 ? std::min(1.0, fastest / price) : 1.0;
        for (std::size_t b = 0; b < p.size(); ++b) {
            double least = std::numeric_limits<double>::infinity();
            for (std::size_t k = 0; k < price_.size(); ++k) least = std::min(least, price_[k] * p.on(b, k));
            work_.push_back(least);
            total_work_ += least;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] std::size_t stride(std::size_t kind) const { return stride_[kind]; }
    [[nodiscard]] std::size_t used(std::size_t counts, std::size_t kind) const {
        return counts / stride_[kind] % (p_.kinds[kind].devices.size() + 1);
    }
    [[nodiscard]] bool has_room(std::size_t counts, std::size_t kind) const {
        return used(counts, kind) < p_.kinds[kind].devices.size();
    }
    [[nodiscard]] const std::vector<double>& work() const noexcept { return work_; }
    [[nodiscard]] double total_work() const noexcept { return total_work_; }
    [[nodiscard]] double price(std::size_t kind) const { return price_[kind]; }

    /// Work per second of load that the devices not yet in use can do.
    [[nodiscard]] double left(std::size_t counts) const {
        double sum = 0.0;
        for (std::size_t k = 0; k < price_.size(); ++k)
            sum += static_cast<double>(p_.kinds[k].devices.size() - used(counts, k)) * price_[k];
        return sum;
    }
    /// Work that a byte of an open net costs those devices at least.
    [[nodiscard]] double left_per_byte(std::size_t counts) const {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t k = 0; k < price_.size(); ++k)
            if (has_room(counts, k)) least = std::min(least, price_[k] * p_.kinds[k].seconds_per_byte);
        return least < std::numeric_limits<double>::infinity() ? least : 0.0;
    }

  private:
    const atom_problem& p_;
    std::size_t count_ = 0;
    std::vector<std::size_t> stride_{};  ///< [kind]
    std::vector<double> price_{};        ///< [kind]
    std::vector<double> work_{};         ///< [block]
    double total_work_ = 0.0;
};

}  // namespace dispart::detail
