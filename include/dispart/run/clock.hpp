#pragma once
/// \file
/// Time, threads and waiting as the runtime uses them: the machine's own, or those of a world that stands in for them
/// (`virtual_world`), in which seconds of waiting take no time and every interleaving can be played again.

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "dispart/core/contracts.hpp"
#include "dispart/core/units.hpp"

namespace dispart {

/// Waits end by this time, with `timeout`.
using deadline = std::chrono::steady_clock::time_point;

/// What stands in for the machine's clock and threads. Its threads take turns: one runs until it parks or ends.
class thread_world {
  public:
    thread_world() = default;
    thread_world(const thread_world&) = delete;
    thread_world& operator=(const thread_world&) = delete;
    virtual ~thread_world() = default;

    [[nodiscard]] virtual deadline now() const = 0;
    /// Begins a thread; it belongs to its maker's group.
    virtual void spawn(std::function<void()> body) = 0;
    /// Lets others run until `wake(place)` is called or the time has come.
    virtual void park(const void* place, deadline until) = 0;
    virtual void wake(const void* place) = 0;
};

namespace detail {
inline thread_local thread_world* current_world = nullptr;
}

/// The time: of the machine's steady clock, or of the world that the caller lives in.
[[nodiscard]] inline deadline clock_now() {
    const auto* world = detail::current_world;
    return world ? world->now() : std::chrono::steady_clock::now();
}

/// The deadline that lies so far ahead; what is not between now and thirty years counts as one or the other.
[[nodiscard]] inline deadline deadline_in(seconds ahead) {
    const double within = ahead.value > 0 ? std::min(ahead.value, 1e9) : 0.0;
    return clock_now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                             std::chrono::duration<double>(within));
}

/// The deadline of a wait that somebody else ends, by closing what is waited for.
[[nodiscard]] inline deadline no_deadline() { return deadline_in(seconds(1e9)); }

/// Waits until then.
inline void sleep_until(deadline until) {
    auto* world = detail::current_world;
    if (!world) return std::this_thread::sleep_until(until);
    const char nobody_wakes_this = 0;
    while (world->now() < until) world->park(&nobody_wakes_this, until);
}

/// A condition variable; waits end when the predicate, evaluated under the lock, holds.
class condition {
  public:
    void notify_all() {
        if (auto* world = detail::current_world) world->wake(this);
        else machine_.notify_all();
    }

    template <class Predicate>
    void wait(std::unique_lock<std::mutex>& lock, Predicate holds) {
        if (!detail::current_world) return machine_.wait(lock, std::move(holds));
        while (!holds()) park(lock, no_deadline());
    }

    /// Whether the predicate holds in the end.
    template <class Predicate>
    bool wait_until(std::unique_lock<std::mutex>& lock, deadline until, Predicate holds) {
        if (!detail::current_world) return machine_.wait_until(lock, until, std::move(holds));
        while (!holds()) {
            if (clock_now() >= until) return false;
            park(lock, until);
        }
        return true;
    }

  private:
    void park(std::unique_lock<std::mutex>& lock, deadline until) {
        lock.unlock();
        detail::current_world->park(this, until);
        lock.lock();
    }

    std::condition_variable machine_{};
};

/// A mutex that may be held while its holder waits for something else. Lockable.
class patient_mutex {
  public:
    void lock() {
        std::unique_lock guard(mutex_);
        changed_.wait(guard, [this] { return !held_; });
        held_ = true;
    }
    [[nodiscard]] bool try_lock() {
        const std::scoped_lock guard(mutex_);
        return !std::exchange(held_, true);
    }
    void unlock() {
        const std::scoped_lock guard(mutex_);
        held_ = false;
        changed_.notify_all();
    }

  private:
    std::mutex mutex_{};
    condition changed_{};
    bool held_ = false;
};

/// A thread. As std::thread, it must be joined.
class thread {
  public:
    thread() = default;
    template <class Body>
        requires std::invocable<Body&>
    explicit thread(Body body) {
        auto* world = detail::current_world;
        if (!world) {
            machine_ = std::thread(std::move(body));
            return;
        }
        ended_ = std::make_shared<bool>(false);
        world->spawn([world, ended = ended_, shared = std::make_shared<Body>(std::move(body))]() mutable {
            (*shared)();
            shared.reset();
            *ended = true;
            world->wake(ended.get());
        });
    }
    thread(thread&& other) noexcept = default;
    thread& operator=(thread&& other) noexcept {
        DISPART_EXPECTS(!joinable());
        machine_ = std::move(other.machine_);
        ended_ = std::move(other.ended_);
        return *this;
    }
    ~thread() { DISPART_EXPECTS(!joinable()); }

    [[nodiscard]] bool joinable() const noexcept { return ended_ != nullptr || machine_.joinable(); }

    void join() {
        if (!ended_) return machine_.join();
        while (!*ended_) detail::current_world->park(ended_.get(), no_deadline());
        ended_.reset();
    }

  private:
    std::thread machine_{};
    std::shared_ptr<bool> ended_{};  ///< of a world's thread
};

}  // namespace dispart
