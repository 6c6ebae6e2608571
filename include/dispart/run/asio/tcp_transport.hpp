#pragma once
/// \file
/// The transport over TCP, by Asio. Not encrypted: it stays on this machine unless told otherwise.

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "dispart/run/asio/tcp_address.hpp"
#include "dispart/run/asio/tcp_connection.hpp"
#include "dispart/run/asio/tcp_socket.hpp"
#include "dispart/run/concepts.hpp"

namespace dispart {

/// Settings of a `tcp_transport`.
struct tcp_options {
    /// Listen on, and dial, other addresses than loopback. Whoever can reach the port can then read and forge all traffic.
    bool allow_plaintext_off_machine = false;
    std::size_t max_frame = std::size_t{1}
                            << 30;  ///< bytes of a payload until `set_frame_limit` says otherwise
};

/// Waits for TCP connections.
class tcp_listener {
  public:
    using connection = tcp_connection;

    tcp_listener(std::shared_ptr<boost::asio::io_context> context, boost::asio::ip::tcp::acceptor acceptor,
                 std::size_t max_frame)
        : state_(std::make_unique<state>(std::move(context), std::move(acceptor), max_frame)) {
        boost::system::error_code ignored;
        const auto endpoint = state_->acceptor.local_endpoint(ignored);
        state_->address = to_string(endpoint);
    }
    tcp_listener(tcp_listener&&) noexcept = default;
    tcp_listener& operator=(tcp_listener&&) noexcept = default;
    ~tcp_listener() = default;

    [[nodiscard]] result<connection> accept(deadline until) {
        for (;;) {
            if (state_->closed) return fail(errc::cancelled, state_->address, "the listener is closed");
            boost::system::error_code status;
            boost::asio::ip::tcp::endpoint from;
            auto accepted = state_->acceptor.accept(*state_->context, from, status);
            if (!status) return taken(std::move(accepted), from);
            if (state_->closed || status == boost::asio::error::connection_aborted) continue;
            if (status != boost::asio::error::would_block && status != boost::asio::error::try_again)
                return fail(errc::io_error, state_->address,
                            "a connection was not taken: " + status.message());
            if (!detail::wait_for_socket(state_->acceptor.native_handle(), POLLIN, until))
                return fail(errc::timeout, state_->address, "nobody connected in time");
        }
    }

    [[nodiscard]] std::string address() const { return state_->address; }

    void close() noexcept {
        if (!state_ || state_->closed.exchange(true)) return;
        ::shutdown(state_->acceptor.native_handle(), SHUT_RDWR);
    }

  private:
    struct state {
        state(std::shared_ptr<boost::asio::io_context> shared, boost::asio::ip::tcp::acceptor open,
              std::size_t limit)
            : context(std::move(shared))
            , acceptor(std::move(open))
            , max_frame(limit) {}
        std::shared_ptr<boost::asio::io_context> context;
        boost::asio::ip::tcp::acceptor acceptor;
        std::size_t max_frame;
        std::string address{};
        std::atomic<bool> closed = false;
    };

    [[nodiscard]] connection taken(boost::asio::ip::tcp::socket accepted,
                                   const boost::asio::ip::tcp::endpoint& from) const {
        detail::close_on_exec(accepted.native_handle());
        return connection(state_->max_frame, state_->context, std::move(accepted), to_string(from));
    }

    std::unique_ptr<state> state_;
};
static_assert(listener_handle<tcp_listener>);

/// Addresses are `HOST:PORT`; port 0 listens on an unused one.
class tcp_transport {
  public:
    using connection = tcp_connection;
    using listener = tcp_listener;

    explicit tcp_transport(tcp_options options = {}) : options_(options) {}

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "tcp"; }

    [[nodiscard]] result<listener> listen(const std::string& address) {
        DISPART_TRY(const auto endpoint,
                    resolve(address.empty() ? "127.0.0.1:0" : address, options_.allow_plaintext_off_machine));
        DISPART_TRY(auto acceptor, detail::listen_on(*context_, endpoint, address));
        return listener(context_, std::move(acceptor), options_.max_frame);
    }

    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        DISPART_TRY(const auto endpoint, resolve(address, options_.allow_plaintext_off_machine));
        DISPART_TRY(auto socket, detail::dial(*context_, endpoint, address, until));
        return connection(options_.max_frame, context_, std::move(socket), address);
    }

  private:
    tcp_options options_;
    std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>();
};
static_assert(transport<tcp_transport>);

}  // namespace dispart
