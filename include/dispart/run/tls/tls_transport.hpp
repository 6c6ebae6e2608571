#pragma once
/// \file
/// The transport over TLS 1.3, by Asio and OpenSSL: both sides prove who they are, by certificates of the cluster's own
/// authority or by a key that all nodes share. See docs/security.md.

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "dispart/run/asio/tcp_socket.hpp"
#include "dispart/run/tls/detail/tls_connection.hpp"
#include "dispart/run/tls/detail/tls_listener.hpp"
#include "dispart/run/tls/tls_context.hpp"

namespace dispart {

/// Settings of a `tls_transport`. Exactly one of the two paths is given.
struct tls_options {
    std::filesystem::path folder{};  ///< of this node: ca.pem, node.pem, node.key
    std::filesystem::path psk{};     ///< file with the key that all nodes share
    tls_limits limits{};             ///< on callers that have not proved who they are
    std::size_t max_frame = std::size_t{1}
                            << 30;  ///< bytes of a payload until `set_frame_limit` says otherwise
    std::uint64_t rekey_after = std::uint64_t{1} << 35;  ///< bytes that are sent under one key
};

/// Addresses are `HOST:PORT` or `NODE@HOST:PORT`: the peer's certificate must be of NODE, or else of HOST. Port 0
/// listens on an unused one; `address()` of a listener names the node. Copies share the credentials.
class tls_transport {
  public:
    using connection = tls_connection;
    using listener = tls_listener;

    /// Errors: invalid_argument unless one kind of credentials is given; those of `tls_context`.
    [[nodiscard]] static result<tls_transport> make(tls_options options) {
        if (options.folder.empty() == options.psk.empty())
            return fail(errc::invalid_argument, "TLS", "either a folder of certificates or a pre-shared key");
        DISPART_TRY(auto credentials, options.psk.empty() ? tls_context::from_certificates(options.folder)
                                                          : tls_context::from_psk(options.psk));
        return tls_transport(std::move(options), std::move(credentials));
    }

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "tls"; }

    /// Who this node is by its certificate.
    [[nodiscard]] const peer_identity& identity() const noexcept { return credentials_->identity(); }
    /// The node's own name, or nothing with a pre-shared key.
    [[nodiscard]] std::string node() const {
        return identity().names.empty() ? std::string() : identity().names.front();
    }

    [[nodiscard]] result<listener> listen(const std::string& address) {
        const auto where = split_node(address.empty() ? "127.0.0.1:0" : address);
        DISPART_TRY(const auto endpoint, resolve(where.place, true));
        DISPART_TRY(auto acceptor, detail::listen_on(*context_, endpoint, address));
        boost::system::error_code ignored;
        const std::string taken = to_string(acceptor.local_endpoint(ignored));
        return listener({credentials_, context_, options_.limits, options_.max_frame, options_.rekey_after},
                        std::move(acceptor), node().empty() ? taken : node() + "@" + taken);
    }

    /// Returns when both sides have accepted each other. Errors also: refused, saying what was not accepted.
    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        const auto where = split_node(address);
        DISPART_TRY(const auto parsed, parse_address(where.place));
        DISPART_TRY(const auto endpoint, resolve(where.place, true));
        DISPART_TRY(auto socket, detail::dial(*context_, endpoint, address, until));
        tls_session session(credentials_->native(), false);
        if (credentials_->by_certificate())
            tls_context::expect_host(session, where.node.empty() ? parsed.host : where.node);
        auto agreed = agree(session, socket.native_handle(), until);
        if (agreed) {
            auto who = credentials_->peer_of(session);
            if (who)
                return connection(options_.max_frame, owner(), std::move(socket), std::move(session),
                                  std::move(*who), address, options_.rekey_after);
            agreed = tl::unexpected(who.error());
        }
        agreed.error().offender = address;
        return tl::unexpected(agreed.error());
    }

  private:
    tls_transport(tls_options options, std::shared_ptr<tls_context> credentials)
        : options_(std::move(options))
        , credentials_(std::move(credentials)) {}

    /// Shakes hands, and waits for the word that the other side has accepted this one.
    static result<void> agree(tls_session& session, int socket, deadline until) {
        std::array<std::byte, 1> word{};
        for (;;) {
            auto shaken = session.shake_hands();
            static_cast<void>(detail::write_all(socket, session.output(), until));
            session.output().clear();
            if (!shaken) return tl::unexpected(shaken.error());
            if (*shaken) {
                DISPART_TRY(const std::size_t count, session.read(word));
                if (count == 1 && word[0] == detail::tls_accepted) return {};
                if (count == 1)
                    return fail(errc::protocol_error, {}, "it speaks TLS, but is no dispart node");
            }
            DISPART_CHECK(receive(session, socket, until));
        }
    }

    static result<void> receive(tls_session& session, int socket, deadline until) {
        for (;;) {
            std::size_t count = 0;
            switch (detail::read_once(socket, session.room(detail::tls_record + 512), count)) {
            case detail::socket_state::ready:
                session.arrived(count);
                return {};
            case detail::socket_state::blocked:
                if (detail::wait_for_socket(socket, POLLIN, until)) continue;
                return fail(errc::timeout, {}, "it did not shake hands in time");
            default:
                return fail(errc::peer_lost, {}, "it hung up during the handshake");
            }
        }
    }

    [[nodiscard]] std::shared_ptr<void> owner() const {
        return std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(context_,
                                                                                         credentials_);
    }

    tls_options options_;
    std::shared_ptr<tls_context> credentials_;
    std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>();
};
static_assert(transport<tls_transport>);

}  // namespace dispart
