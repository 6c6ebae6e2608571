#pragma once
/// \file
/// A value that is measured when somebody asks for it, and holds for a while.

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "dispart/run/clock.hpp"

namespace dispart {

/// However often it is asked for, it is measured once in a while, by one thread at a time; who asks meanwhile waits for
/// that. From any thread.
template <class T>
class held_value {
  public:
    held_value(seconds holds, std::function<T()> measure) : holds_(holds), measure_(std::move(measure)) {}

    [[nodiscard]] T read() {
        const std::scoped_lock lock(mutex_);
        if (!seen_ || clock_now() >= until_) {
            seen_ = measure_();
            until_ = deadline_in(holds_);
        }
        return *seen_;
    }

  private:
    seconds holds_;
    std::function<T()> measure_;
    patient_mutex mutex_{};
    std::optional<T> seen_{};
    deadline until_{};
};

}  // namespace dispart
