#pragma once
/// \file
/// How TCP sockets come to be: listening ones and connected ones, without waiting longer than told.

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "dispart/run/asio/tcp_address.hpp"
#include "dispart/run/asio/tcp_connection.hpp"

namespace dispart::detail {

inline void close_on_exec(int socket) { ::fcntl(socket, F_SETFD, FD_CLOEXEC); }

/// A socket that listens there and does not block. Errors: io_error.
[[nodiscard]] inline result<boost::asio::ip::tcp::acceptor>
listen_on(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& endpoint,
          const std::string& address) {
    boost::system::error_code status;
    boost::asio::ip::tcp::acceptor acceptor(context);
    acceptor.open(endpoint.protocol(), status);
    if (!status) close_on_exec(acceptor.native_handle());
    if (!status) acceptor.set_option(boost::asio::socket_base::reuse_address(true), status);
    if (!status) acceptor.bind(endpoint, status);
    if (!status) acceptor.listen(boost::asio::socket_base::max_listen_connections, status);
    if (!status) acceptor.non_blocking(true, status);
    if (status) return fail(errc::io_error, address, "cannot listen: " + status.message());
    return acceptor;
}

/// Asio's own synchronous connect would wait without end. Errors: peer_lost, timeout.
[[nodiscard]] inline result<void> establish(boost::asio::ip::tcp::socket& socket,
                                            const boost::asio::ip::tcp::endpoint& endpoint,
                                            const std::string& address, deadline until) {
    const auto lost = [&](int number) {
        const boost::system::error_code why(number, boost::system::system_category());
        return fail(errc::peer_lost, address, "cannot connect: " + why.message());
    };
    const int handle = socket.native_handle();
    if (::connect(handle, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) return {};
    if (errno != EINPROGRESS && errno != EINTR) return lost(errno);
    if (!wait_for_socket(handle, POLLOUT, until))
        return fail(errc::timeout, address, "the host did not answer in time");
    int number = 0;
    socklen_t size = sizeof number;
    ::getsockopt(handle, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number != 0) return lost(number);
    return {};
}

/// A connected socket that does not block. Errors: io_error, peer_lost, timeout.
[[nodiscard]] inline result<boost::asio::ip::tcp::socket> dial(boost::asio::io_context& context,
                                                               const boost::asio::ip::tcp::endpoint& endpoint,
                                                               const std::string& address, deadline until) {
    boost::system::error_code status;
    boost::asio::ip::tcp::socket socket(context);
    socket.open(endpoint.protocol(), status);
    if (!status) close_on_exec(socket.native_handle());
    if (!status) socket.non_blocking(true, status);
    if (status) return fail(errc::io_error, address, "no socket: " + status.message());
    DISPART_CHECK(establish(socket, endpoint, address, until));
    return socket;
}

}  // namespace dispart::detail

namespace dispart {

/// This machine's own address on the way to another, as `HOST:0`: where to listen so that the other can connect back.
/// Nothing is sent. Errors: those of `resolve`; io_error where no way leads there.
[[nodiscard]] inline result<std::string> address_towards(const std::string& address) {
    namespace ip = boost::asio::ip;
    DISPART_TRY(const auto there, resolve(address, true));
    boost::asio::io_context context;
    boost::system::error_code status;
    ip::udp::socket socket(context);
    socket.open(there.address().is_v6() ? ip::udp::v6() : ip::udp::v4(), status);
    if (!status) socket.connect({there.address(), there.port()}, status);
    const auto here = status ? ip::udp::endpoint{} : socket.local_endpoint(status);
    if (status) return fail(errc::io_error, address, "no way leads there: " + status.message());
    return to_string(ip::tcp::endpoint(here.address(), 0));
}

}  // namespace dispart
