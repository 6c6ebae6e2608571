#pragma once
/// \file
/// Where the threads of a stage write down what they spent their time on.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "dispart/run/clock.hpp"
#include "dispart/run/messages.hpp"

namespace dispart {

/// Nanoseconds of the steady clock: the time in which spans and pings are expressed.
[[nodiscard]] inline std::int64_t nanoseconds_of(std::chrono::steady_clock::time_point t) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}
[[nodiscard]] inline std::int64_t nanoseconds_now() { return nanoseconds_of(clock_now()); }

/// Collects spans from any thread until somebody takes them; a span for which there is no room is counted.
class span_recorder {
  public:
    explicit span_recorder(std::size_t most_kept = std::size_t{1} << 20) : most_kept_(most_kept) {}

    void record(const span_record& span) {
        const std::scoped_lock lock(mutex_);
        if (kept_.spans.size() < most_kept_) kept_.spans.push_back(span);
        else ++kept_.dropped;
        if (span.what == span_kind::compute) ++kept_.finished;
    }

    /// The oldest spans, at most so many, and the counts so far.
    [[nodiscard]] stats_message take(std::size_t most = std::size_t{1} << 14) {
        const std::scoped_lock lock(mutex_);
        stats_message taken{kept_.finished, kept_.dropped, {}};
        if (kept_.spans.size() <= most) {
            taken.spans = std::exchange(kept_.spans, {});
            return taken;
        }
        const auto end = kept_.spans.begin() + static_cast<std::ptrdiff_t>(most);
        taken.spans.assign(kept_.spans.begin(), end);
        kept_.spans.erase(kept_.spans.begin(), end);
        return taken;
    }

  private:
    std::mutex mutex_{};
    stats_message kept_{};
    std::size_t most_kept_;
};

}  // namespace dispart
