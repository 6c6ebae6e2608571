#pragma once
/// \file
/// The transport over gRPC (component dispart::grpc): for networks that let HTTP/2 through and little else. One connection is one
/// call of `/dispart.Transport/Bytes`, both ways a stream, over an HTTP/2 connection of its own; no generated code.

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/run/asio/tcp_socket.hpp"
#include "dispart/run/framed_connection.hpp"
#include "dispart/run/grpc/detail/grpc_calls.hpp"
#include "dispart/run/tls/tls_context.hpp"

namespace dispart {

/// Settings of a `grpc_transport`.
struct grpc_options {
    std::filesystem::path folder{};  ///< of this node: ca.pem, node.pem, node.key; empty: no encryption
    /// Listen on, and dial, other addresses than loopback without a folder.
    bool allow_plaintext_off_machine = false;
    std::size_t max_frame = std::size_t{1}
                            << 30;  ///< bytes of a payload until `set_frame_limit` says otherwise
    seconds handshake{5.0};         ///< who has not shaken hands by then is dropped
    seconds linger{5.0};            ///< the last connection's end waits so long until all is sent
};

/// The bytes of a call. A message is one copy here, and one there into the memory that the frame stays in.
class grpc_stream {
  public:
    /// Takes over an open call, whose engine `owner` keeps alive.
    grpc_stream(std::shared_ptr<void> owner, std::shared_ptr<detail::grpc_link> link, peer_identity identity,
                std::string peer)
        : owner_(std::move(owner))
        , link_(std::move(link))
        , identity_(std::move(identity))
        , peer_(std::move(peer)) {}
    grpc_stream(const grpc_stream&) = delete;
    grpc_stream& operator=(const grpc_stream&) = delete;
    ~grpc_stream() { link_->close(); }

    [[nodiscard]] result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        if (message_.left == 0 || link_->closed()) {
            auto next = link_->next(until);
            if (!next) return named(std::move(next.error()));
            message_ = std::move(*next);
        }
        return message_.take(to);
    }

    [[nodiscard]] result<void> write_all(std::span<const std::span<const std::byte>> buffers, deadline until) {
        std::size_t left = 0;
        for (const auto& each : buffers) left += each.size();
        std::size_t which = 0, used = 0;
        while (left > 0) {
            const std::size_t size = std::min(left, detail::grpc_chunk);
            if (auto room = link_->reserve(size, until); !room) return named(std::move(room.error()));
            detail::grpc_draft draft(detail::grpc_word::data, size);
            for (std::size_t filled = 0; filled < size;) {
                const auto from = buffers[which].subspan(used);
                const std::size_t count = std::min(from.size(), size - filled);
                if (count > 0) std::memcpy(draft.bytes().data() + filled, from.data(), count);
                filled += count, used += count;
                if (used == buffers[which].size()) ++which, used = 0;
            }
            left -= size;
            auto posted = link_->post(draft.message());
            if (!posted) return named(std::move(posted.error()));
        }
        return {};
    }

    void close() { link_->close(); }
    [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
    /// Who the peer is by its certificate.
    [[nodiscard]] const peer_identity& identity() const noexcept { return identity_; }

  private:
    [[nodiscard]] tl::unexpected<error> named(error what) const {
        what.offender = peer_;
        return tl::unexpected(std::move(what));
    }

    std::shared_ptr<void> owner_;
    std::shared_ptr<detail::grpc_link> link_;
    peer_identity identity_;
    std::string peer_;
    detail::grpc_message message_{};  ///< of the thread that reads
};
static_assert(byte_stream<grpc_stream>);

/// A call that carries frames.
using grpc_connection = framed_connection<grpc_stream>;
static_assert(connection_handle<grpc_connection>);

namespace detail {

/// Who has shown this certificate; anybody where the connection is not encrypted.
[[nodiscard]] inline peer_identity grpc_identity(const std::shared_ptr<const grpc::AuthContext>& proof) {
    if (!proof) return {};
    const auto shown = proof->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (shown.empty()) return {};
    const std::unique_ptr<BIO, openssl_free<BIO_free_all>> text(
        BIO_new_mem_buf(shown.front().data(), static_cast<int>(shown.front().size())));
    const std::unique_ptr<X509, openssl_free<X509_free>> certificate(
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    return certificate ? identity_in(certificate.get()) : peer_identity{{std::string()}, false};
}

}  // namespace detail

/// Waits for calls.
class grpc_listener {
  public:
    using connection = grpc_connection;

    grpc_listener(std::shared_ptr<detail::grpc_host> host, std::string address, std::size_t max_frame)
        : host_(std::move(host))
        , address_(std::move(address))
        , max_frame_(max_frame) {}
    grpc_listener(grpc_listener&&) noexcept = default;
    grpc_listener& operator=(grpc_listener&& other) noexcept {
        close();
        host_ = std::move(other.host_);
        address_ = std::move(other.address_);
        max_frame_ = other.max_frame_;
        return *this;
    }
    ~grpc_listener() { close(); }

    [[nodiscard]] result<connection> accept(deadline until) {
        auto link = host_->accept(until);
        if (!link) return fail(link.error().code, address_, link.error().message);
        std::string peer = (*link)->peer();  // ipv4:127.0.0.1:41234
        peer.erase(0, peer.find(':') + 1);
        auto who = detail::grpc_identity((*link)->proof());
        return connection(max_frame_, host_, std::move(*link), std::move(who), std::move(peer));
    }
    [[nodiscard]] std::string address() const { return address_; }
    void close() {
        if (host_) host_->close();
    }

  private:
    std::shared_ptr<detail::grpc_host> host_;
    std::string address_;
    std::size_t max_frame_;
};
static_assert(listener_handle<grpc_listener>);

/// Addresses are `HOST:PORT`, or with certificates `NODE@HOST:PORT`: the peer's certificate must be of NODE, or else of HOST. Port
/// 0 listens on an unused one. Copies share their credentials. gRPC's own log goes to standard error unless GRPC_VERBOSITY says
/// otherwise.
class grpc_transport {
  public:
    using connection = grpc_connection;
    using listener = grpc_listener;

    /// Errors: those of `tls_context::from_certificates` where a folder is given.
    [[nodiscard]] static result<grpc_transport> make(grpc_options options = {}) {
        grpc_transport made(std::move(options));
        if (made.options_.folder.empty()) return made;
        DISPART_TRY(made.context_, tls_context::from_certificates(made.options_.folder));
        const auto text = [&](std::string_view name) {
            std::ifstream in(made.options_.folder / name, std::ios::binary);
            return std::string(std::istreambuf_iterator<char>(in), {});
        };
        made.authority_ = text(tls_authority_file);
        made.certificate_ = text(tls_certificate_file);
        made.key_ = text(tls_key_file);
        return made;
    }

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "grpc"; }

    /// Who this node is by its certificate; anybody without one.
    [[nodiscard]] peer_identity identity() const { return context_ ? context_->identity() : peer_identity{}; }

    [[nodiscard]] result<listener> listen(const std::string& address) {
        const auto where = split_node(address.empty() ? "127.0.0.1:0" : address);
        DISPART_TRY(auto endpoint, resolve(where.place, plaintext_may_leave()));
        {  // gRPC would tell its log why not, but not its caller
            boost::asio::io_context context;
            DISPART_CHECK(detail::listen_on(context, endpoint, address));
        }
        auto host = std::make_shared<detail::grpc_host>(detail::grpc_host::setting{
            to_string(endpoint), server_credentials(), options_.handshake, options_.linger});
        if (host->port() == 0)
            return fail(errc::io_error, address, "cannot listen: gRPC does not get this address");
        endpoint.port(static_cast<std::uint16_t>(host->port()));
        std::string taken = to_string(endpoint);
        if (context_ && !identity().names.empty()) taken = identity().names.front() + "@" + taken;
        return listener(std::move(host), std::move(taken), options_.max_frame);
    }

    /// Returns when the other side has accepted the call. Errors also: refused, where one side did not accept the other's
    /// certificate; protocol_error, where something else answers.
    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        const auto where = split_node(address);
        DISPART_TRY(const auto parsed, parse_address(where.place));
        DISPART_TRY(const auto endpoint, resolve(where.place, plaintext_may_leave()));
        const std::string target = (endpoint.address().is_v6() ? "ipv6:" : "ipv4:") + to_string(endpoint);
        const auto link = std::make_shared<detail::grpc_dialled>(grpc::CreateCustomChannel(
            target, channel_credentials(), channel_arguments(where.node.empty() ? parsed.host : where.node)));
        engine_->keep(link);
        link->start(engine_->queue());
        const bool in_time = link->wait_until_opened(until);
        if (link->opened())
            return connection(options_.max_frame, engine_, link, detail::grpc_identity(link->proof()),
                              address);
        link->close();
        if (!in_time) return fail(errc::timeout, address, "the host did not answer in time");
        return tl::unexpected(why(link->status(), address));
    }

  private:
    explicit grpc_transport(grpc_options options)
        : options_(std::move(options))
        , engine_(std::make_shared<detail::grpc_engine>(std::make_unique<grpc::CompletionQueue>(),
                                                        options_.linger)) {}

    [[nodiscard]] bool plaintext_may_leave() const {
        return context_ || options_.allow_plaintext_off_machine;
    }

    [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> server_credentials() const {
        if (!context_) return grpc::InsecureServerCredentials();
        grpc::SslServerCredentialsOptions with(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
        with.pem_root_certs = authority_;
        with.pem_key_cert_pairs.push_back({key_, certificate_});
        return grpc::SslServerCredentials(with);
    }

    [[nodiscard]] std::shared_ptr<grpc::ChannelCredentials> channel_credentials() const {
        if (!context_) return grpc::InsecureChannelCredentials();
        return grpc::SslCredentials({authority_, key_, certificate_});
    }

    [[nodiscard]] grpc::ChannelArguments channel_arguments(const std::string& host) const {
        grpc::ChannelArguments made;
        made.SetMaxReceiveMessageSize(static_cast<int>(detail::grpc_longest));
        made.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection is not shared
        made.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
        made.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
        detail::grpc_flow_control([&](const char* what, int value) { made.SetInt(what, value); });
        if (context_) made.SetSslTargetNameOverride(host);
        return made;
    }

    /// Why a call came to nothing.
    [[nodiscard]] error why(const grpc::Status& status, const std::string& address) const {
        std::string said = status.error_message();
        const auto says = [&](std::string_view words) { return said.find(words) != std::string::npos; };
        if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED)
            return {errc::protocol_error, address, "it speaks gRPC, but is no dispart node", {}};
        const bool hung_up = says("Socket closed");
        const bool refused =
            context_ && (hung_up || says("handshake failed") || says("not in peer certificate"));
        constexpr std::string_view before = "last error: ";
        if (const auto last = said.find(before); last != std::string::npos)
            said.erase(0, last + before.size());
        if (hung_up) said = "it hung up: it may not accept this certificate, or not speak gRPC";
        if (refused) return {errc::refused, address, std::move(said), {}};
        return {errc::peer_lost, address, "cannot connect: " + said, {}};
    }

    grpc_options options_;
    std::shared_ptr<tls_context> context_{};  ///< checks the files, and knows the name in them
    std::string authority_{}, certificate_{}, key_{};
    std::shared_ptr<detail::grpc_engine> engine_;
};
static_assert(transport<grpc_transport>);

}  // namespace dispart
