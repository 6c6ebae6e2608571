#pragma once
/// \file
/// One TCP connection: frames over a non-blocking socket, every wait with a deadline.

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dispart/run/framed_connection.hpp"

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

/// Small messages leave at once. Large ones are spread over a round trip where they leave this machine: what the kernel
/// would send in one burst overflows short queues on the way, and each loss halves a connection's rate.
inline void settle(boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code status;
    socket.set_option(boost::asio::ip::tcp::no_delay(true), status);
#ifdef SO_MAX_PACING_RATE
    const bool stays_here = socket.remote_endpoint(status).address().is_loopback();
    const std::uint64_t any_rate =
        1'000'000'000'000;  // bytes per second; that there is one makes the kernel pace
    if (!status && !stays_here)
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_MAX_PACING_RATE, &any_rate, sizeof any_rate);
#endif
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

/// The bytes of a connected socket. Writes gather the caller's buffers without copying them.
class tcp_stream {
  public:
    using socket = boost::asio::ip::tcp::socket;

    /// Takes over a connected socket, whose context `owner` keeps alive.
    tcp_stream(std::shared_ptr<void> owner, socket connected, std::string peer)
        : owner_(std::move(owner))
        , socket_(std::move(connected))
        , peer_(std::move(peer)) {
        boost::system::error_code ignored;
        socket_.non_blocking(true, ignored);
        detail::settle(socket_);
    }

    [[nodiscard]] result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        for (;;) {
            if (closed_) return lost("the connection is closed");
            boost::system::error_code status;
            const auto count = socket_.read_some(boost::asio::buffer(to.data(), to.size()), status);
            if (!status) return count;
            if (status == boost::asio::error::eof) return lost("the peer closed the connection");
            if (!would_block(status)) return lost("the connection broke: " + status.message());
            wake_when_worth_it(to.size());
            if (!detail::wait_for_socket(socket_.native_handle(), POLLIN, until))
                return fail(errc::timeout, peer_, "no message arrived in time");
        }
    }

    [[nodiscard]] result<void> write_all(std::span<const std::span<const std::byte>> buffers, deadline until) {
        outgoing_.clear();
        for (const auto& each : buffers) outgoing_.emplace_back(each.data(), each.size());
        detail::unsent_buffers unsent(outgoing_.data(), outgoing_.data() + outgoing_.size());
        while (!unsent.empty()) {
            if (closed_) return lost("the connection is closed");
            boost::system::error_code status;
            const std::size_t written = socket_.write_some(unsent, status);
            if (!status) {
                unsent.drop(written);
            } else if (!would_block(status)) {
                return lost("the connection broke: " + status.message());
            } else if (!detail::wait_for_socket(socket_.native_handle(), POLLOUT, until)) {
                return fail(errc::timeout, peer_, "the peer did not take a message in time");
            }
        }
        return {};
    }

    void close() noexcept {
        if (closed_.exchange(true)) return;
        boost::system::error_code ignored;
        socket_.shutdown(socket::shutdown_both, ignored);
    }

    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }

  private:
    /// A reader that is woken for every few packets of a message spends its processor on that.
    void wake_when_worth_it(std::size_t missing) {
        const int wanted = static_cast<int>(std::min<std::size_t>(missing, std::size_t{1} << 16));
        if (wanted == wakes_at_) return;
        boost::system::error_code ignored;
        socket_.set_option(boost::asio::socket_base::receive_low_watermark(wanted), ignored);
        wakes_at_ = wanted;
    }

    [[nodiscard]] tl::unexpected<error> lost(std::string what) const {
        return fail(errc::peer_lost, peer_, std::move(what));
    }

    [[nodiscard]] static bool would_block(const boost::system::error_code& status) {
        return status == boost::asio::error::would_block || status == boost::asio::error::try_again ||
               status == boost::asio::error::interrupted;
    }

    std::shared_ptr<void> owner_;
    socket socket_;
    std::string peer_;
    std::atomic<bool> closed_ = false;
    int wakes_at_ = 1;  ///< bytes; of the thread that receives
    std::vector<boost::asio::const_buffer> outgoing_{};
};
static_assert(byte_stream<tcp_stream>);

/// A connected socket that carries frames.
using tcp_connection = framed_connection<tcp_stream>;
static_assert(connection_handle<tcp_connection>);

}  // namespace dispart
