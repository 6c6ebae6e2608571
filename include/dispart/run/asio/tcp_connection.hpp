#pragma once
/// \file
/// One TCP connection: frames over a non-blocking socket, every wait with a deadline.

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "dispart/run/protocol.hpp"

namespace dispart {

namespace detail {

/// Waits until a socket can be read or written (`events` as for poll), or has failed. Returns false at the deadline.
[[nodiscard]] inline bool wait_for_socket(int socket, short events, deadline until) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd entry{socket, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
        if (ready > 0) return true;
        if (ready == 0 && left <= 0) return false;
        if (ready < 0 && errno != EINTR) return true;  // the operation that follows will say what is wrong
    }
}

/// What remains to be written of a sequence of buffers; a ConstBufferSequence of Asio.
class unsent_buffers {
  public:
    unsent_buffers(boost::asio::const_buffer* first, boost::asio::const_buffer* last)
        : first_(first)
        , last_(last) {
        drop(0);
    }
    [[nodiscard]] const boost::asio::const_buffer* begin() const noexcept { return first_; }
    [[nodiscard]] const boost::asio::const_buffer* end() const noexcept { return last_; }
    [[nodiscard]] bool empty() const noexcept { return first_ == last_; }
    /// Takes written bytes, and buffers that have none left, off the front.
    void drop(std::size_t written) noexcept {
        while (first_ != last_ && written >= first_->size()) written -= (first_++)->size();
        if (first_ != last_) *first_ += written;
    }

  private:
    boost::asio::const_buffer* first_;
    boost::asio::const_buffer* last_;
};

}  // namespace detail

/// A connected socket that carries frames. Sends gather the caller's buffers without copying them; received bytes go
/// straight into the payload, whose memory grows with what really arrives, not with what a header claims.
class tcp_connection {
  public:
    using socket = boost::asio::ip::tcp::socket;

    /// Takes over a connected socket, whose context `owner` keeps alive.
    tcp_connection(std::shared_ptr<void> owner, socket connected, std::string peer, std::size_t frame_limit)
        : state_(
              std::make_unique<state>(std::move(owner), std::move(connected), std::move(peer), frame_limit)) {
        boost::system::error_code ignored;
        state_->socket.non_blocking(true, ignored);
        state_->socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    }
    tcp_connection(tcp_connection&&) noexcept = default;
    tcp_connection& operator=(tcp_connection&&) noexcept = default;
    ~tcp_connection() = default;

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        std::uint64_t length = 0;
        for (const auto& each : buffers) length += each.size();
        const auto header = encode_header({kind, length});
        auto& list = state_->outgoing;
        list.assign(1, boost::asio::buffer(header));
        for (const auto& each : buffers) list.emplace_back(each.data(), each.size());
        const auto written = write_all(detail::unsent_buffers(list.data(), list.data() + list.size()), until);
        if (!written) close();
        return written;
    }

    [[nodiscard]] result<frame> receive(deadline until) {
        auto received = receive_frame(until);
        if (!received && received.error().code != errc::timeout) close();
        return received;
    }

    void set_frame_limit(std::size_t limit) noexcept { state_->frame_limit = limit; }

    void close() noexcept {
        if (!state_ || state_->closed.exchange(true)) return;
        boost::system::error_code ignored;
        state_->socket.shutdown(socket::shutdown_both, ignored);
    }

    [[nodiscard]] std::string peer() const { return state_->peer; }

  private:
    /// Memory that a header's word alone is good for; from there on it doubles as bytes arrive.
    static constexpr std::size_t trusted_bytes = std::size_t{1} << 20;

    struct state {
        state(std::shared_ptr<void> context_owner, tcp_connection::socket connected, std::string name,
              std::size_t limit)
            : owner(std::move(context_owner))
            , socket(std::move(connected))
            , peer(std::move(name))
            , frame_limit(limit) {}

        std::shared_ptr<void> owner;
        tcp_connection::socket socket;
        std::string peer;
        std::atomic<bool> closed = false;
        // of the thread that sends
        std::vector<boost::asio::const_buffer> outgoing{};
        // of the thread that receives
        std::size_t frame_limit;
        std::size_t trusted = trusted_bytes;  ///< grows to the largest frame that came in whole
        std::array<std::byte, frame_header_size> head{};
        frame_header header{};
        std::size_t received = 0;  ///< bytes of the current frame, its header included
        std::chrono::steady_clock::time_point begin{};
        buffer payload{};
        buffer_pool pool{};
    };

    [[nodiscard]] tl::unexpected<error> lost(std::string what) const {
        return fail(errc::peer_lost, state_->peer, std::move(what));
    }

    [[nodiscard]] static bool would_block(const boost::system::error_code& status) {
        return status == boost::asio::error::would_block || status == boost::asio::error::try_again ||
               status == boost::asio::error::interrupted;
    }

    result<void> write_all(detail::unsent_buffers unsent, deadline until) {
        while (!unsent.empty()) {
            if (state_->closed) return lost("the connection is closed");
            boost::system::error_code status;
            const std::size_t written = state_->socket.write_some(unsent, status);
            if (!status) {
                unsent.drop(written);
            } else if (!would_block(status)) {
                return lost("the connection broke: " + status.message());
            } else if (!detail::wait_for_socket(state_->socket.native_handle(), POLLOUT, until)) {
                return fail(errc::timeout, state_->peer, "the peer did not take a message in time");
            }
        }
        return {};
    }

    /// Reads at least one byte into `to`, which is not empty.
    result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        for (;;) {
            if (state_->closed) return lost("the connection is closed");
            boost::system::error_code status;
            const auto count = state_->socket.read_some(boost::asio::buffer(to.data(), to.size()), status);
            if (!status) return count;
            if (status == boost::asio::error::eof)
                return lost(state_->received > 0 ? "the peer closed the connection in the middle of a message"
                                                 : "the peer closed the connection");
            if (!would_block(status)) return lost("the connection broke: " + status.message());
            if (!detail::wait_for_socket(state_->socket.native_handle(), POLLIN, until))
                return fail(errc::timeout, state_->peer, "no message arrived in time");
        }
    }

    result<frame> receive_frame(deadline until) {
        DISPART_CHECK(receive_header(until));
        while (state_->received < frame_header_size + state_->header.length) {
            const std::size_t filled = state_->received - frame_header_size;
            DISPART_CHECK(make_room(filled));
            DISPART_TRY(const std::size_t count, read_some(state_->payload.bytes().subspan(filled), until));
            state_->received += count;
        }
        state_->trusted = std::max<std::size_t>(state_->trusted, state_->header.length);
        state_->received = 0;
        return frame{state_->header.kind, std::exchange(state_->payload, {}), state_->begin};
    }

    result<void> receive_header(deadline until) {
        while (state_->received < frame_header_size) {
            DISPART_TRY(const std::size_t count,
                        read_some(std::span(state_->head).subspan(state_->received), until));
            if (state_->received == 0) state_->begin = std::chrono::steady_clock::now();
            state_->received += count;
            DISPART_CHECK(named(check_magic(std::span(state_->head).first(state_->received))));
            if (state_->received < frame_header_size) continue;
            auto header = decode_header(state_->head, state_->frame_limit);
            DISPART_CHECK(named(header));
            state_->header = *header;
        }
        return {};
    }

    /// Puts the peer's name on an error.
    template <class T>
    result<void> named(const result<T>& checked) const {
        if (checked) return {};
        return fail(checked.error().code, state_->peer, checked.error().message, checked.error().hint);
    }

    /// Makes the payload larger than `filled` bytes, but not larger than the frame says.
    result<void> make_room(std::size_t filled) {
        if (filled < state_->payload.size()) return {};
        const auto length = static_cast<std::size_t>(state_->header.length);
        try {
            buffer larger = state_->pool.acquire(std::min(length, std::max(state_->trusted, filled * 2)));
            std::copy_n(state_->payload.bytes().data(), filled, larger.bytes().data());
            state_->payload = std::move(larger);
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, state_->peer,
                        "not enough memory for a message of " + std::to_string(length) + " bytes");
        }
        return {};
    }

    std::unique_ptr<state> state_;
};
static_assert(connection_handle<tcp_connection>);

}  // namespace dispart
