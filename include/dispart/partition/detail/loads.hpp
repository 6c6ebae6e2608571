#pragma once
/// \file
/// An assignment of atoms to devices whose loads follow each move.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/partition/detail/atoms.hpp"

namespace dispart::detail {

/// Quick draws for inner loops.
class fast_random {
  public:
    explicit fast_random(std::uint64_t seed) : state_(mix64(seed)) {}

    /// Uniform in 0..count-1 (to within count / 2^32). Precondition: 0 < count < 2^32.
    std::size_t index(std::size_t count) { return (next() >> 32U) * count >> 32U; }
    /// Uniform in (0, 1].
    double uniform() { return (static_cast<double>(next() >> 11U) + 1.0) * 0x1p-53; }

  private:
    std::uint64_t next() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_ * 0x2545f4914f6cdd1dULL;
    }
    std::uint64_t state_;
};

/// The load of every device, kept up to date. A move changes only the loads of the two devices that it concerns.
class device_loads {
  public:
    /// Precondition: every atom is allowed on its device. O(pins + nets * devices).
    device_loads(const atom_problem& p, std::vector<device_id> device)
        : p_(p)
        , devices_(p.device_count())
        , device_(std::move(device)) {
        kind_.resize(devices_);
        for (std::size_t k = 0; k < p.kinds.size(); ++k)
            for (const device_id d : p.kinds[k].devices) kind_[d] = k;
        recount();
    }

    [[nodiscard]] device_id of(std::size_t atom) const { return device_[atom]; }
    [[nodiscard]] const std::vector<device_id>& devices() const noexcept { return device_; }
    [[nodiscard]] std::size_t device_count() const noexcept { return devices_; }
    [[nodiscard]] double load(device_id d) const { return load_[d]; }
    [[nodiscard]] const std::vector<double>& loads() const noexcept { return load_; }
    [[nodiscard]] device_id busiest() const {
        return static_cast<device_id>(std::max_element(load_.begin(), load_.end()) - load_.begin());
    }

    /// Whether the device may hold the atom besides what it holds.
    [[nodiscard]] bool fits(std::size_t atom, device_id d) const {
        return p_.on(atom, kind_[d]) < std::numeric_limits<double>::infinity() &&
               weight_[d] + p_.weight[atom] <= p_.kinds[kind_[d]].capacity * (1.0 + 1e-12);
    }
    [[nodiscard]] double seconds(std::size_t atom, device_id d) const { return p_.on(atom, kind_[d]); }

    /// Moves an atom to another device. O(its nets).
    void move(std::size_t atom, device_id to) {
        const device_id from = device_[atom];
        double lost = 0.0, won = 0.0;  // bytes shared
        for (const std::size_t n : p_.nets[atom]) {
            std::uint32_t& left = count_[n * devices_ + from];
            std::uint32_t& come = count_[n * devices_ + to];
            const std::uint32_t whole = size_[n];
            // A device pays while it holds some of a net's atoms, but not all.
            if (left == whole) lost -= p_.bytes[n];
            else if (left == 1) lost += p_.bytes[n];
            if (come + 1 == whole) won -= p_.bytes[n];
            else if (come == 0) won += p_.bytes[n];
            --left;
            ++come;
        }
        load_[from] -= p_.on(atom, kind_[from]) + lost * p_.kinds[kind_[from]].seconds_per_byte;
        load_[to] += p_.on(atom, kind_[to]) + won * p_.kinds[kind_[to]].seconds_per_byte;
        weight_[from] -= p_.weight[atom];
        weight_[to] += p_.weight[atom];
        device_[atom] = to;
    }

    /// Starts anew from an assignment, without rounding errors.
    void reset(const std::vector<device_id>& device) {
        device_ = device;
        recount();
    }

  private:
    void recount() {
        size_.clear();
        count_.assign(p_.bytes.size() * devices_, 0);
        load_.assign(devices_, 0.0);
        weight_.assign(devices_, 0.0);
        for (std::size_t a = 0; a < p_.size(); ++a) {
            load_[device_[a]] += p_.on(a, kind_[device_[a]]);
            weight_[device_[a]] += p_.weight[a];
        }
        for (std::size_t n = 0; n < p_.bytes.size(); ++n) {
            size_.push_back(static_cast<std::uint32_t>(p_.pins[n].size()));
            for (const std::size_t a : p_.pins[n]) ++count_[n * devices_ + device_[a]];
            for (const std::size_t a : p_.pins[n]) {
                std::uint32_t& here = count_[n * devices_ + device_[a]];
                if (here == size_[n] || (here & seen) != 0) continue;
                load_[device_[a]] += p_.bytes[n] * p_.kinds[kind_[device_[a]]].seconds_per_byte;
                here |= seen;
            }
            for (const std::size_t a : p_.pins[n]) count_[n * devices_ + device_[a]] &= ~seen;
        }
    }

    static constexpr std::uint32_t seen = std::uint32_t{1} << 31U;

    const atom_problem& p_;
    std::size_t devices_;
    std::vector<device_id> device_;       ///< [atom]
    std::vector<std::size_t> kind_{};     ///< [device]
    std::vector<std::uint32_t> size_{};   ///< [net]
    std::vector<std::uint32_t> count_{};  ///< [net, device] atoms there
    std::vector<double> load_{};          ///< [device]
    std::vector<double> weight_{};        ///< [device]
};

}  // namespace dispart::detail
