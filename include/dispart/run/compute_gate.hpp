#pragma once
/// \file
/// One stage computes at a time on a device that holds several.

#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

#include "dispart/run/clock.hpp"

namespace dispart {

/// Lets in one at a time; of those who wait, the oldest request first, then the lowest stage.
class compute_gate {
  public:
    /// Holds the gate until it is destroyed.
    class pass {
      public:
        explicit pass(compute_gate& gate) : gate_(&gate) {}
        pass(const pass&) = delete;
        pass& operator=(const pass&) = delete;
        ~pass() { gate_->leave(); }

      private:
        compute_gate* gate_;
    };

    /// Waits for its turn, which comes when those before have left.
    [[nodiscard]] pass enter(std::uint64_t request, std::uint64_t stage) {
        std::unique_lock lock(mutex_);
        const auto me = waiting_.emplace(request, stage);
        changed_.wait(lock, [&] { return !busy_ && waiting_.begin() == me; });
        waiting_.erase(me);
        busy_ = true;
        return pass(*this);
    }

  private:
    void leave() {
        const std::scoped_lock lock(mutex_);
        busy_ = false;
        changed_.notify_all();
    }

    std::mutex mutex_{};
    condition changed_{};
    std::multiset<std::pair<std::uint64_t, std::uint64_t>> waiting_{};
    bool busy_ = false;
};

}  // namespace dispart
