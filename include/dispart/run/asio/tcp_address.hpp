#pragma once
/// \file
/// Addresses of TCP peers, and the rule which of them may be used without encryption.

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <charconv>
#include <string>
#include <string_view>

#include "dispart/core/result.hpp"

namespace dispart {

/// A host (a name, an IPv4 or an IPv6 address without brackets) and a port.
struct host_and_port {
    std::string host{};
    std::uint16_t port = 0;
};

/// `NODE@HOST:PORT` or `HOST:PORT`: whose certificate is expected, if anybody's, and where.
struct node_address {
    std::string node{};
    std::string place{};
};

/// O(length).
[[nodiscard]] inline node_address split_node(const std::string& address) {
    const auto at = address.find('@');
    if (at == std::string::npos) return {{}, address};
    return {address.substr(0, at), address.substr(at + 1)};
}

/// Splits `host:port` or `[ipv6]:port`. Errors: invalid_argument.
[[nodiscard]] inline result<host_and_port> parse_address(std::string_view text) {
    const auto bad = [&] {
        return fail(errc::invalid_argument, std::string(text), "not an address",
                    "write HOST:PORT, or [IPV6]:PORT");
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return bad();
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool bracketed = host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || (!bracketed && host.find(':') != std::string_view::npos)) return bad();
    host_and_port parsed{std::string(host), 0};
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
    if (status != std::errc{} || end != digits.data() + digits.size()) return bad();
    return parsed;
}

/// The endpoint of an address. Numeric hosts and `localhost` are understood at once; other names are looked up, which
/// takes as long as the system's resolver does, and only where plaintext may leave this machine. Errors:
/// invalid_argument, not_found, refused (an endpoint off this machine where that is not allowed).
[[nodiscard]] inline result<boost::asio::ip::tcp::endpoint> resolve(const std::string& address,
                                                                    bool allow_plaintext_off_machine) {
    namespace ip = boost::asio::ip;
    DISPART_TRY(const host_and_port parsed, parse_address(address));
    boost::system::error_code status;
    ip::address host = ip::make_address(parsed.host == "localhost" ? "127.0.0.1" : parsed.host, status);
    if (!status && (host.is_loopback() || allow_plaintext_off_machine))
        return ip::tcp::endpoint(host, parsed.port);
    if (!allow_plaintext_off_machine)
        return fail(errc::refused, address, "this connection is not encrypted and must stay on this machine",
                    "use a loopback address, or allow plaintext on a network that you trust");
    boost::asio::io_context context;
    const auto found = ip::tcp::resolver(context).resolve(parsed.host, std::to_string(parsed.port), status);
    if (status || found.empty())
        return fail(errc::not_found, address, "the host is unknown: " + status.message());
    return found.begin()->endpoint();
}

/// `127.0.0.1:41234` or `[::1]:41234`.
[[nodiscard]] inline std::string to_string(const boost::asio::ip::tcp::endpoint& endpoint) {
    const std::string host = endpoint.address().to_string();
    return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

}  // namespace dispart
