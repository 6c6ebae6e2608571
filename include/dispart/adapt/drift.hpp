#pragma once
/// \file
/// Whether devices and links still are what the plan took them for.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/observe/telemetry.hpp"

namespace dispart {

/// How many times as long things take as was believed: 2 is half as fast. What was not seen is not in it.
struct drift_factors {
    std::map<device_id, double> device{};                         ///< of computing
    std::map<std::pair<device_id, device_id>, double> between{};  ///< of a byte, by ordered pair
    std::map<device_id, double> memory{};  ///< how many times as much of it there is as was believed

    [[nodiscard]] bool empty() const noexcept { return device.empty() && between.empty() && memory.empty(); }
};

/// Whether two say the same, within a share of each factor.
[[nodiscard]] inline bool says_the_same(const drift_factors& a, const drift_factors& b, double within) {
    const auto same = [within](const auto& x, const auto& y) {
        return std::equal(x.begin(), x.end(), y.begin(), y.end(), [within](const auto& one, const auto& other) {
            return one.first == other.first && std::abs(one.second / other.second - 1.0) <= within;
        });
    };
    return same(a.device, b.device) && same(a.between, b.between) && same(a.memory, b.memory);
}

struct drift_options {
    double enter = 0.25;  ///< relative change from which on something counts as drifted ...
    double leave = 0.10;  ///< ... until it is within this again
    double enter_memory =
        0.05;  ///< the same for memory, whose measurement has no noise, and which is no matter of degree
    double leave_memory = 0.02;
    std::size_t confirm = 2;  ///< probes in a row that must agree
    std::size_t fewest = 3;   ///< values in a probe that say anything
    double vaguest = 0.5;     ///< of a mean, as half of its 95 % interval over itself: beyond it says nothing
};

/// What was measured over what was believed, for each device and pair that both have seen often enough.
/// A device's factor is that of all its parts together.
[[nodiscard]] inline drift_factors compare(const telemetry& believed, const telemetry& measured,
                                           const drift_options& options = {}) {
    const auto sure = [&](const telemetry::series& s) {
        return s.value.count() >= options.fewest && s.value.mean() > 0.0 &&
               s.value.half_width() <= options.vaguest * s.value.mean();
    };
    drift_factors made;
    std::map<device_id, std::pair<double, double>> sums;  // measured, believed
    for (const auto& [place, seen] : measured.compute()) {
        const auto known = believed.compute().find(place);
        if (known == believed.compute().end() || !sure(seen) || known->second.value.mean() <= 0.0) continue;
        sums[place.first].first += seen.value.mean();
        sums[place.first].second += known->second.value.mean();
    }
    for (const auto& [device, sum] : sums) made.device[device] = sum.first / sum.second;
    for (const auto& [way, seen] : measured.seconds_per_byte()) {
        const auto known = believed.seconds_per_byte().find(way);
        if (known == believed.seconds_per_byte().end() || !sure(seen)) continue;
        if (known->second.value.mean() > 0.0)
            made.between[way] = seen.value.mean() / known->second.value.mean();
    }
    for (const auto& [device, seen] : measured.memory()) {
        const auto known = believed.memory().find(device);
        if (known != believed.memory().end() && sure(seen) && known->second.value.mean() > 0.0)
            made.memory[device] = seen.value.mean() / known->second.value.mean();
    }
    return made;
}

/// Remembers what has drifted: hysteresis, and agreement of several probes.
class drift_detector {
  public:
    explicit drift_detector(drift_options options = {}) : options_(options) {}

    /// Takes the factors of one probe. \return those of all that has drifted, as this probe saw them, if anything has
    std::optional<drift_factors> probe(const drift_factors& seen) {
        drift_factors found;
        judge(seen.device, devices_, found.device, options_.enter, options_.leave);
        judge(seen.between, between_, found.between, options_.enter, options_.leave);
        judge(seen.memory, memory_, found.memory, options_.enter_memory, options_.leave_memory);
        if (found.empty()) return std::nullopt;
        return found;
    }
    /// A plan was made with what is known now.
    void forget() {
        devices_.clear();
        between_.clear();
        memory_.clear();
    }

  private:
    struct state {
        std::size_t agreed = 0;  ///< probes in a row beyond `enter`, on one side
        bool slower = false;
        bool drifted = false;
    };

    template <class Key>
    void judge(const std::map<Key, double>& seen, std::map<Key, state>& states, std::map<Key, double>& found,
               double enter, double leave) {
        for (const auto& [key, factor] : seen) {
            state& it = states[key];
            const double change = std::max(factor, 1.0 / factor) - 1.0;
            const bool slower = factor > 1.0;
            if (change > enter) it.agreed = it.slower == slower ? it.agreed + 1 : 1;
            else it.agreed = 0;
            it.slower = slower;
            if (it.agreed >= options_.confirm) it.drifted = true;
            if (change < leave) it.drifted = false;
            if (it.drifted) found[key] = factor;
        }
    }

    drift_options options_;
    std::map<device_id, state> devices_{};
    std::map<std::pair<device_id, device_id>, state> between_{};
    std::map<device_id, state> memory_{};
};

}  // namespace dispart
