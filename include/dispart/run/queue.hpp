#pragma once
/// \file
/// A bounded queue between threads: who produces too fast waits.

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/run/concepts.hpp"

namespace dispart {

/// First in, first out, at most `capacity` items; any number of producers and consumers. Allocates only when made.
template <class T>
class bounded_queue {
  public:
    /// Precondition: capacity > 0.
    explicit bounded_queue(std::size_t capacity) : ring_(capacity) { DISPART_EXPECTS(capacity > 0); }

    /// Waits for room. Errors: timeout, cancelled once the queue is closed; the item is then left with the caller.
    [[nodiscard]] result<void> push(T& item, deadline until) {
        std::unique_lock lock(mutex_);
        const auto room = [&] { return closed_ || count_ < ring_.size(); };
        if (!changed_.wait_until(lock, until, room)) return fail(errc::timeout, {}, "a queue stayed full");
        if (closed_) return fail(errc::cancelled, {}, "the queue was closed");
        ring_[(first_ + count_) % ring_.size()].emplace(std::move(item));
        ++count_;
        changed_.notify_all();
        return {};
    }
    [[nodiscard]] result<void> push(T&& item, deadline until) { return push(item, until); }

    /// Waits for an item. Errors: timeout, cancelled once the queue is closed and empty.
    [[nodiscard]] result<T> pop(deadline until) {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return closed_ || count_ > 0; };
        if (!changed_.wait_until(lock, until, ready)) return fail(errc::timeout, {}, "a queue stayed empty");
        if (count_ == 0) return fail(errc::cancelled, {}, "the queue was closed");
        T item = std::move(*ring_[first_]);
        ring_[first_].reset();
        first_ = (first_ + 1) % ring_.size();
        --count_;
        changed_.notify_all();
        return item;
    }

    /// Takes no more items, and wakes all waiters; what is in the queue can still be taken.
    void close() {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }

    [[nodiscard]] std::size_t size() const {
        const std::scoped_lock lock(mutex_);
        return count_;
    }

  private:
    mutable std::mutex mutex_{};
    std::condition_variable changed_{};
    std::vector<std::optional<T>> ring_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    bool closed_ = false;
};

}  // namespace dispart
