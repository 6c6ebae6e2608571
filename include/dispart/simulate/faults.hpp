#pragma once
/// \file
/// What goes wrong and when: devices that die, stall or slow down, links that degrade; and how it ends.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// What happens to a device or link.
enum class fault_kind {
    dies,      ///< a device: what it computes, sends or is sent is lost and begins again when it has returned
    stalls,    ///< a device stops computing and goes on later where it was; transfers go on
    slows,     ///< a device computes at `factor` times its speed
    degrades,  ///< a link has `factor` times its capacity; 0 cuts it
};

/// One fault. Faults of one target may overlap: factors multiply, and it is dead while any says so.
struct fault {
    fault_kind what = fault_kind::dies;
    std::size_t target = no_id;                              ///< device_id; for `degrades` link_id
    double at = 0.0;                                         ///< seconds
    double until = std::numeric_limits<double>::infinity();  ///< seconds; infinite: for ever
    double factor = 1.0;  ///< of `slows` and `degrades`: 0.5 is half as fast
};

/// Errors: invalid_argument (a target that does not exist, a time or factor that is negative or not a number, an end
/// before the beginning), naming the fault.
[[nodiscard]] inline result<void> validate_faults(std::span<const fault> faults, std::size_t devices,
                                                  std::size_t links) {
    for (std::size_t i = 0; i < faults.size(); ++i) {
        const fault& f = faults[i];
        const bool of_link = f.what == fault_kind::degrades;
        const std::string name = "fault " + std::to_string(i);
        if (f.target >= (of_link ? links : devices))
            return fail(errc::invalid_argument, name,
                        of_link ? "there is no such link" : "there is no such device");
        if (!(f.at >= 0.0) || !(f.until >= f.at) || f.at == std::numeric_limits<double>::infinity())
            return fail(errc::invalid_argument, name, "it must begin at a time >= 0 and not end before that");
        if (!(f.factor >= 0.0) || f.factor == std::numeric_limits<double>::infinity())
            return fail(errc::invalid_argument, name, "its factor must be finite and >= 0");
    }
    return {};
}

/// Which faults are in force, as time goes on.
class fault_clock {
  public:
    /// Precondition: `validate_faults`. The faults must outlive the clock. O(n log n).
    explicit fault_clock(std::span<const fault> faults) : faults_(faults) {
        for (std::size_t i = 0; i < faults.size(); ++i) {
            changes_.push_back({faults[i].at, i, true});
            if (faults[i].until < infinity) changes_.push_back({faults[i].until, i, false});
        }
        std::stable_sort(changes_.begin(), changes_.end(),
                         [](const change& a, const change& b) { return a.at < b.at; });
    }

    /// When the next fault begins or ends; infinite where none will.
    [[nodiscard]] double next() const { return next_ < changes_.size() ? changes_[next_].at : infinity; }

    /// Takes the next change. \return the fault that has begun or ended
    const fault& step() {
        const change& now = changes_[next_++];
        if (now.begins) in_force_.push_back(now.which);
        else std::erase(in_force_, now.which);
        return faults_[now.which];
    }

    [[nodiscard]] bool alive(device_id d) const {
        return product(d, false, [](const fault& f) { return f.what == fault_kind::dies ? 0.0 : 1.0; }) > 0.0;
    }
    /// 0 while it is dead or stalls.
    [[nodiscard]] double speed(device_id d) const {
        return product(d, false, [](const fault& f) { return f.what == fault_kind::slows ? f.factor : 0.0; });
    }
    /// Of a link's capacity.
    [[nodiscard]] double capacity_factor(link_id l) const {
        return product(l, true, [](const fault& f) { return f.factor; });
    }

  private:
    static constexpr double infinity = std::numeric_limits<double>::infinity();
    struct change {
        double at;
        std::size_t which;
        bool begins;
    };

    /// Over the target's faults in force. O(faults in force).
    template <class Factor>
    [[nodiscard]] double product(std::size_t target, bool of_link, Factor factor) const {
        double all = 1.0;
        for (const std::size_t i : in_force_)
            if (faults_[i].target == target && (faults_[i].what == fault_kind::degrades) == of_link)
                all *= factor(faults_[i]);
        return all;
    }

    std::span<const fault> faults_;
    std::vector<std::size_t> in_force_;
    std::vector<change> changes_;
    std::size_t next_ = 0;
};

}  // namespace dispart
