#pragma once
/// \file
/// What stages, edges and queues did, from spans: of the runtime, or of the simulator that predicts it.

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

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

    /// A part of a timeline, which goes on where the one before ended. A message that was sent before the one before it had
    /// arrived is charged from then on: what it waited behind others is not the link's rate.
    void observe(const timeline& seen) {
        std::vector<event> ended = seen.events;
        std::stable_sort(ended.begin(), ended.end(),
                         [](const event& a, const event& b) { return a.end < b.end; });
        for (const event& each : ended) {
            if (each.what != activity::transfer) {
                observe(each);
                continue;
            }
            const auto [before, first] = arrived_.try_emplace({each.device, each.peer}, each.begin);
            observe(each, std::clamp(before->second, each.begin, each.end));
            before->second = std::max(before->second, each.end);
        }
    }
    void observe(const event& seen) { observe(seen, seen.begin); }

    /// Bytes of memory that a device has for what dispart puts there.
    void observe_memory(device_id device, double size) { add(memory_, device, size); }

    /// Seconds of computing a request. [device, part]
    [[nodiscard]] const std::map<place, series>& compute() const noexcept { return compute_; }
    /// Seconds of waiting for an input or for room in a queue. [device, part]
    [[nodiscard]] const std::map<place, series>& wait() const noexcept { return wait_; }
    /// Seconds from sending a message to having it. [from, to]
    [[nodiscard]] const std::map<way, series>& message() const noexcept { return message_; }
    /// The same over its bytes, for messages that are large enough. [from, to]
    [[nodiscard]] const std::map<way, series>& seconds_per_byte() const noexcept { return seconds_per_byte_; }
    /// Bytes of memory. [device]
    [[nodiscard]] const std::map<device_id, series>& memory() const noexcept { return memory_; }
    [[nodiscard]] double bytes_between(device_id from, device_id to) const {
        const auto found = bytes_.find({from, to});
        return found == bytes_.end() ? 0.0 : found->second;
    }

  private:
    /// \param since when a message's transfer began
    void observe(const event& seen, seconds since) {
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
                add(seconds_per_byte_, on, (seen.end - since).value / seen.size.value);
        }
    }

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
    std::map<way, seconds> arrived_{};  ///< when the last message had
    std::map<device_id, series> memory_{};
};

}  // namespace dispart
