#pragma once
/// \file
/// One TLS connection: frames in records over a non-blocking socket, every wait with a deadline.

#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "dispart/run/asio/tcp_connection.hpp"
#include "dispart/run/framed_connection.hpp"
#include "dispart/run/identity.hpp"
#include "dispart/run/tls/tls_context.hpp"

namespace dispart {

namespace detail {

/// Ciphertext that is read from a socket, and written to one, at a time.
inline constexpr std::size_t tls_batch = std::size_t{1} << 17;

/// What a socket had to say.
enum class socket_state { ready, blocked, ended, broken };

/// Reads once what is there into a session.
[[nodiscard]] inline socket_state read_once(int socket, std::span<std::byte> to, std::size_t& count) {
    const auto got = ::recv(socket, to.data(), to.size(), 0);
    count = got > 0 ? static_cast<std::size_t>(got) : 0;
    if (got > 0) return socket_state::ready;
    if (got == 0) return socket_state::ended;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? socket_state::blocked
                                                                     : socket_state::broken;
}

/// Writes all of it. Errors: timeout, peer_lost, in either case without naming the peer.
[[nodiscard]] inline result<void> write_all(int socket, std::span<const std::byte> from, deadline until) {
    while (!from.empty()) {
        const auto sent = ::send(socket, from.data(), from.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            from = from.subspan(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            return fail(errc::peer_lost, {}, "the connection broke: " + std::system_category().message(errno));
        } else if (!wait_for_socket(socket, POLLOUT, until)) {
            return fail(errc::timeout, {}, "the peer did not take a message in time");
        }
    }
    return {};
}

}  // namespace detail

/// The plaintext of a connection whose handshake is over. The thread that reads and the one that writes share the
/// session under a lock, but neither holds it while it waits.
class tls_stream {
  public:
    using socket = boost::asio::ip::tcp::socket;

    /// Takes over a socket and the session that was agreed on over it. \param owner keeps context and credentials alive
    /// \param rekey_after bytes after which the writing side takes new keys
    tls_stream(std::shared_ptr<void> owner, socket connected, tls_session agreed, peer_identity who,
               std::string peer, std::uint64_t rekey_after)
        : owner_(std::move(owner))
        , socket_(std::move(connected))
        , session_(std::move(agreed))
        , identity_(std::move(who))
        , peer_(std::move(peer))
        , rekey_after_(rekey_after) {
        SSL_clear_mode(session_.native(), SSL_MODE_RELEASE_BUFFERS);  // records follow: no allocation for each
        boost::system::error_code ignored;
        socket_.non_blocking(true, ignored);
        detail::settle(socket_);
    }

    [[nodiscard]] result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        for (;;) {
            if (closed_) return lost("the connection is closed");
            std::span<std::byte> room;
            {
                const std::scoped_lock lock(mutex_);
                auto count = session_.read(to);
                if (!count) return named(count.error());
                if (*count > 0) return *count;
                room = session_.room(detail::tls_batch / 2);
            }
            DISPART_TRY(const std::size_t arrived, read_socket(room, until));
            const std::scoped_lock lock(mutex_);
            session_.arrived(arrived);
        }
    }

    /// Small buffers share a record; large ones are encrypted from where they lie.
    [[nodiscard]] result<void> write_all(std::span<const std::span<const std::byte>> buffers, deadline until) {
        gathered_ = 0;
        for (std::span<const std::byte> rest : buffers) {
            while (!rest.empty()) {
                if (gathered_ == 0 && rest.size() >= detail::tls_record) {
                    DISPART_CHECK(seal(rest.first(detail::tls_record), until));
                    rest = rest.subspan(detail::tls_record);
                    continue;
                }
                const std::size_t count = std::min(rest.size(), gather_.size() - gathered_);
                std::copy_n(rest.data(), count, gather_.data() + gathered_);
                gathered_ += count;
                rest = rest.subspan(count);
                if (gathered_ == gather_.size()) DISPART_CHECK(seal_gathered(until));
            }
        }
        if (gathered_ > 0) DISPART_CHECK(seal_gathered(until));
        return flush(0, until);
    }

    void close() noexcept {
        if (closed_.exchange(true)) return;
        boost::system::error_code ignored;
        socket_.shutdown(socket::shutdown_both, ignored);
    }

    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
    [[nodiscard]] const peer_identity& identity() const noexcept { return identity_; }

  private:
    [[nodiscard]] tl::unexpected<error> lost(std::string what) const {
        return fail(errc::peer_lost, peer_, std::move(what));
    }
    [[nodiscard]] tl::unexpected<error> named(error why) const {
        why.offender = peer_;
        return tl::unexpected(std::move(why));
    }

    result<std::size_t> read_socket(std::span<std::byte> room, deadline until) {
        for (;;) {
            std::size_t count = 0;
            switch (detail::read_once(socket_.native_handle(), room, count)) {
            case detail::socket_state::ready:
                return count;
            case detail::socket_state::ended:
                return lost(closed_ ? "the connection is closed" : "the peer closed the connection");
            case detail::socket_state::broken:
                return lost("the connection broke: " + std::system_category().message(errno));
            case detail::socket_state::blocked:
                if (!detail::wait_for_socket(socket_.native_handle(), POLLIN, until))
                    return fail(errc::timeout, peer_, "no message arrived in time");
            }
        }
    }

    result<void> seal_gathered(deadline until) {
        return seal(std::span(gather_).first(std::exchange(gathered_, 0)), until);
    }

    /// Encrypts one record, and sends when there are enough of them.
    result<void> seal(std::span<const std::byte> plain, deadline until) {
        if (closed_) return lost("the connection is closed");
        {
            const std::scoped_lock lock(mutex_);
            sealed_ += plain.size();
            if (sealed_ >= rekey_after_) {
                session_.rekey();
                sealed_ = 0;
            }
            if (auto written = session_.write(plain); !written) return named(written.error());
            pending_ = session_.output().size();
        }
        return flush(detail::tls_batch, until);
    }

    /// Sends what is encrypted, if it is more than so much.
    result<void> flush(std::size_t more_than, deadline until) {
        if (pending_ <= more_than) return {};
        {
            const std::scoped_lock lock(mutex_);
            sending_.clear();
            std::swap(sending_, session_.output());
            pending_ = 0;
        }
        if (closed_) return lost("the connection is closed");
        auto sent = detail::write_all(socket_.native_handle(), sending_, until);
        if (!sent) return closed_ ? lost("the connection is closed") : named(sent.error());
        return {};
    }

    std::shared_ptr<void> owner_;
    socket socket_;
    std::mutex mutex_{};  ///< the session
    tls_session session_;
    peer_identity identity_;
    std::string peer_;
    std::atomic<bool> closed_ = false;
    // of the thread that writes
    std::uint64_t rekey_after_;
    std::uint64_t sealed_ = 0;  ///< bytes under the present keys
    std::size_t pending_ = 0;   ///< bytes of ciphertext that are not sent yet
    std::size_t gathered_ = 0;  ///< bytes of a record that is not full yet
    std::vector<std::byte> gather_ = std::vector<std::byte>(detail::tls_record);
    std::vector<std::byte> sending_{};
};
static_assert(byte_stream<tls_stream>);

/// A TLS connection that carries frames.
using tls_connection = framed_connection<tls_stream>;
static_assert(connection_handle<tls_connection>);

}  // namespace dispart
