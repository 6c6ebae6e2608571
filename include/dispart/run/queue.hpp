#pragma once
/// \file
/// A bounded queue between threads: who produces too fast waits.

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/run/concepts.hpp"

namespace dispart {

/// First in, first out, at most `capacity` items; any number of producers and consumers. Allocates only when made.
///
/// A queue that keeps spares swaps: who pops into an item leaves the old one in its place, and who pushes gets one of those
/// back, so that the memory in them goes round.
template <class T>
class bounded_queue {
  public:
    /// Precondition: capacity > 0.
    explicit bounded_queue(std::size_t capacity, bool keeps_spares = false)
        : ring_(capacity)
        , keeps_spares_(keeps_spares) {
        DISPART_EXPECTS(capacity > 0);
    }

    /// Waits for room. Errors: timeout, cancelled once the queue is closed; the item is then left with the caller.
    [[nodiscard]] result<void> push(T& item, deadline until) {
        std::unique_lock lock(mutex_);
        DISPART_CHECK(room(lock, until));
        auto& place = ring_[(first_ + count_) % ring_.size()];
        if (place) std::swap(*place, item);
        else place.emplace(std::move(item));
        ++count_;
        changed_.notify_all();
        return {};
    }
    [[nodiscard]] result<void> push(T&& item, deadline until) { return push(item, until); }

    /// Waits until the next `push` will not have to, if nobody else pushes. Errors: as `push`.
    [[nodiscard]] result<void> wait_for_room(deadline until) {
        std::unique_lock lock(mutex_);
        return room(lock, until);
    }

    /// Waits for an item. Errors: timeout, cancelled once the queue is closed and empty.
    [[nodiscard]] result<T> pop(deadline until) {
        std::unique_lock lock(mutex_);
        DISPART_CHECK(item(lock, until));
        T taken = std::move(*ring_[first_]);
        drop_first();
        return taken;
    }

    /// As `pop`, into an item whose old content is left for who pushes, in a queue that keeps spares.
    [[nodiscard]] result<void> pop_into(T& to, deadline until) {
        std::unique_lock lock(mutex_);
        DISPART_CHECK(item(lock, until));
        std::swap(to, *ring_[first_]);
        drop_first();
        return {};
    }

    /// As `pop`, but the item's place stays occupied until `release()`: what is worked on still counts. For a single
    /// consumer, who takes the next one after that.
    [[nodiscard]] result<T> take(deadline until) {
        std::unique_lock lock(mutex_);
        DISPART_CHECK(item(lock, until));
        return std::move(*ring_[first_]);
    }
    /// As `take`, in the manner of `pop_into`.
    [[nodiscard]] result<void> take_into(T& to, deadline until) {
        std::unique_lock lock(mutex_);
        DISPART_CHECK(item(lock, until));
        std::swap(to, *ring_[first_]);
        return {};
    }

    /// Gives up the place of the item that was taken. Precondition: there is one.
    void release() {
        const std::scoped_lock lock(mutex_);
        DISPART_EXPECTS(count_ > 0);
        drop_first();
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
    [[nodiscard]] result<void> room(std::unique_lock<std::mutex>& lock, deadline until) {
        const auto free = [&] { return closed_ || count_ < ring_.size(); };
        if (!changed_.wait_until(lock, until, free)) return fail(errc::timeout, {}, "a queue stayed full");
        if (closed_) return fail(errc::cancelled, {}, "the queue was closed");
        return {};
    }

    [[nodiscard]] result<void> item(std::unique_lock<std::mutex>& lock, deadline until) {
        const auto ready = [&] { return closed_ || count_ > 0; };
        if (!changed_.wait_until(lock, until, ready)) return fail(errc::timeout, {}, "a queue stayed empty");
        if (count_ == 0) return fail(errc::cancelled, {}, "the queue was closed");
        return {};
    }

    void drop_first() {
        if (!keeps_spares_) ring_[first_].reset();
        first_ = (first_ + 1) % ring_.size();
        --count_;
        changed_.notify_all();
    }

    mutable std::mutex mutex_{};
    condition changed_{};
    std::vector<std::optional<T>> ring_;
    bool keeps_spares_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    bool closed_ = false;
};

}  // namespace dispart
