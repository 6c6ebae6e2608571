#pragma once
/// \file
/// A transport inside one process: bounded queues in memory, for tests, for simulation, and for several stages in one
/// program.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/run/concepts.hpp"
#include "dispart/run/queue.hpp"

namespace dispart {

/// Settings of an `in_process_transport`.
struct in_process_options {
    std::size_t frames = 4;    ///< that wait in each direction before `send` waits
    std::size_t backlog = 64;  ///< connections that wait for `accept`
    std::size_t max_frame = std::size_t{1}
                            << 30;  ///< bytes of a payload until `set_frame_limit` says otherwise
};

namespace detail {

/// One direction of a connection.
struct in_process_channel {
    explicit in_process_channel(std::size_t frames) : queue(frames) {}
    bounded_queue<frame> queue;
    buffer_pool pool{};
    std::atomic<bool> receiver_gone = false;
};

/// What the transport's copies share: who listens under which name.
template <class Connection>
struct in_process_hub {
    std::mutex mutex{};
    std::map<std::string, std::shared_ptr<bounded_queue<Connection>>, std::less<>> listeners{};
    std::size_t unnamed = 0;
};

}  // namespace detail

/// One end of an in-process connection.
class in_process_connection {
  public:
    in_process_connection(std::shared_ptr<detail::in_process_channel> out,
                          std::shared_ptr<detail::in_process_channel> in, std::string peer, std::size_t limit)
        : out_(std::move(out))
        , in_(std::move(in))
        , peer_(std::move(peer))
        , limit_(limit) {}
    in_process_connection(in_process_connection&&) = default;
    in_process_connection& operator=(in_process_connection&& other) noexcept {
        if (this != &other) {
            close();
            out_ = std::move(other.out_);
            in_ = std::move(other.in_);
            peer_ = std::move(other.peer_);
            limit_ = other.limit_;
        }
        return *this;
    }
    ~in_process_connection() { close(); }

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        std::size_t size = 0;
        for (const auto& each : buffers) size += each.size();
        frame message{kind, {}, clock_now()};
        try {
            message.payload = out_->pool.acquire(size);
        } catch (const std::bad_alloc&) {
            close();
            return fail(errc::limit_exceeded, peer_,
                        "not enough memory for a message of " + std::to_string(size) + " bytes");
        }
        auto* place = message.payload.bytes().data();
        for (const auto& each : buffers) {
            if (!each.empty()) std::memcpy(place, each.data(), each.size());
            place += each.size();
        }
        return sent(out_->queue.push(message, until));
    }

    [[nodiscard]] result<frame> receive(deadline until) {
        if (in_->receiver_gone) return lost();
        auto message = in_->queue.pop(until);
        if (!message && message.error().code == errc::timeout)
            return fail(errc::timeout, peer_, "no message arrived in time");
        if (!message || in_->receiver_gone) return lost();
        if (message->payload.size() <= limit_) return message;
        close();
        return fail(errc::protocol_error, peer_,
                    "a frame of " + std::to_string(message->payload.size()) + " bytes, where at most " +
                        std::to_string(limit_) + " are allowed");
    }

    void set_frame_limit(std::size_t limit) noexcept { limit_ = limit; }

    void close() {
        if (!out_) return;
        in_->receiver_gone = true;
        in_->queue.close();
        out_->queue.close();
    }

    [[nodiscard]] std::string peer() const { return peer_; }

  private:
    [[nodiscard]] tl::unexpected<error> lost() const {
        return fail(errc::peer_lost, peer_, "the connection is closed");
    }

    result<void> sent(result<void> pushed) {
        if (pushed) return pushed;
        close();
        if (pushed.error().code != errc::timeout) return lost();
        return fail(errc::timeout, peer_, "the peer did not take a message in time");
    }

    std::shared_ptr<detail::in_process_channel> out_;
    std::shared_ptr<detail::in_process_channel> in_;
    std::string peer_;
    std::size_t limit_;
};
static_assert(connection_handle<in_process_connection>);

/// Waits for connections to a name.
class in_process_listener {
  public:
    using connection = in_process_connection;
    using hub = detail::in_process_hub<in_process_connection>;

    in_process_listener(std::shared_ptr<hub> shared, std::shared_ptr<bounded_queue<connection>> pending,
                        std::string name)
        : hub_(std::move(shared))
        , pending_(std::move(pending))
        , name_(std::move(name)) {}
    in_process_listener(in_process_listener&&) = default;
    in_process_listener& operator=(in_process_listener&&) = delete;
    ~in_process_listener() { close(); }

    [[nodiscard]] result<connection> accept(deadline until) {
        auto accepted = pending_->pop(until);
        if (!accepted && accepted.error().code == errc::timeout)
            return fail(errc::timeout, name_, "nobody connected in time");
        if (!accepted) return fail(errc::cancelled, name_, "the listener is closed");
        return accepted;
    }

    [[nodiscard]] std::string address() const { return name_; }

    /// The name is free again; who waits to be accepted is turned away.
    void close() {
        if (!hub_) return;
        {
            const std::scoped_lock lock(hub_->mutex);
            const auto found = hub_->listeners.find(name_);
            if (found != hub_->listeners.end() && found->second == pending_) hub_->listeners.erase(found);
        }
        pending_->close();
        while (pending_->pop(deadline{})) {
        }
    }

  private:
    std::shared_ptr<hub> hub_;
    std::shared_ptr<bounded_queue<connection>> pending_;
    std::string name_;
};
static_assert(listener_handle<in_process_listener>);

/// Addresses are names, known to all copies of one transport and to nobody else.
class in_process_transport {
  public:
    using connection = in_process_connection;
    using listener = in_process_listener;

    explicit in_process_transport(in_process_options options = {}) : options_(options) {}

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "in-process"; }

    /// Errors: io_error where the name is taken.
    [[nodiscard]] result<listener> listen(const std::string& address) {
        const std::scoped_lock lock(hub_->mutex);
        const std::string chosen = address.empty() ? "unnamed-" + std::to_string(hub_->unnamed++) : address;
        auto pending = std::make_shared<bounded_queue<connection>>(options_.backlog);
        if (!hub_->listeners.try_emplace(chosen, pending).second)
            return fail(errc::io_error, chosen, "somebody else listens under this name");
        return listener(hub_, std::move(pending), chosen);
    }

    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        const auto pending = find(address);
        if (!pending) return fail(errc::peer_lost, address, "nobody listens under this name");
        auto there = std::make_shared<detail::in_process_channel>(options_.frames);
        auto back = std::make_shared<detail::in_process_channel>(options_.frames);
        const auto pushed =
            pending->push(connection(back, there, "a caller of " + address, options_.max_frame), until);
        if (pushed) return connection(std::move(there), std::move(back), address, options_.max_frame);
        if (pushed.error().code == errc::timeout)
            return fail(errc::timeout, address, "the connection was not taken in time");
        return fail(errc::peer_lost, address, "nobody listens under this name");
    }

  private:
    [[nodiscard]] std::shared_ptr<bounded_queue<connection>> find(const std::string& address) const {
        const std::scoped_lock lock(hub_->mutex);
        const auto found = hub_->listeners.find(address);
        return found == hub_->listeners.end() ? nullptr : found->second;
    }

    in_process_options options_;
    std::shared_ptr<in_process_listener::hub> hub_ = std::make_shared<in_process_listener::hub>();
};
static_assert(transport<in_process_transport>);

}  // namespace dispart
