#pragma once
/// \file
/// What stages, edges and queues did, from spans: of the runtime, or of the simulator that predicts it.

#include <cstddef>
#include <map>
#include <utility>

#include "dispart/core/event.hpp"
#include "dispart/observe/ewma.hpp"

namespace dispart {

struct telemetry_options {
    double weight = 0.1;           ///< of a new value in the means
    double smallest_bytes = 4096;  ///< messages below say nothing about a link's rate
};

/// Means of what was seen, by place. Devices are those of the timelines; parts those of one deployment.
class telemetry {
  public:
    using place = std::pair<device_id, part_id>;
    using way = std::pair<device_id, device_id>;

    /// One kind of thing at one place.
    struct series {
        ewma value{};
        double total = 0.0;  ///< sum of all values
    };

    explicit telemetry(telemetry_options options = {}) : options_(options) {}

    void observe(const timeline& seen) {
        for (const event& each : seen.events) observe(each);
    }
    void observe(const event& seen) {
        const double took = (seen.end - seen.begin).value;
        switch (seen.what) {
        case activity::compute:
            return add(compute_, place{seen.device, seen.part}, took);
        case activity::wait:
            return add(wait_, place{seen.device, seen.part}, took);
        case activity::transfer:
            const way on{seen.device, seen.peer};
            add(message_, on, took);
            bytes_[on] += seen.size.value;
            if (seen.size.value >= options_.smallest_bytes)
                add(seconds_per_byte_, on, took / seen.size.value);
        }
    }

    /// Seconds of computing a request. [device, part]
    [[nodiscard]] const std::map<place, series>& compute() const noexcept { return compute_; }
    /// Seconds of waiting for an input or for room in a queue. [device, part]
    [[nodiscard]] const std::map<place, series>& wait() const noexcept { return wait_; }
    /// Seconds from sending a message to having it. [from, to]
    [[nodiscard]] const std::map<way, series>& message() const noexcept { return message_; }
    /// The same over its bytes, for messages that are large enough. [from, to]
    [[nodiscard]] const std::map<way, series>& seconds_per_byte() const noexcept { return seconds_per_byte_; }
    [[nodiscard]] double bytes_between(device_id from, device_id to) const {
        const auto found = bytes_.find({from, to});
        return found == bytes_.end() ? 0.0 : found->second;
    }

  private:
    template <class Key>
    void add(std::map<Key, series>& to, const Key& key, double value) {
        auto& each = to.try_emplace(key, series{ewma(options_.weight)}).first->second;
        each.value.add(value);
        each.total += value;
    }

    telemetry_options options_;
    std::map<place, series> compute_{};
    std::map<place, series> wait_{};
    std::map<way, series> message_{};
    std::map<way, series> seconds_per_byte_{};
    std::map<way, double> bytes_{};
};

}  // namespace dispart
