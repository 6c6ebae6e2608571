#pragma once
/// \file
/// TLS of one connection as a machine in memory: ciphertext in, plaintext out, and the other way round. It reads and
/// writes no socket, so that nothing in it ever waits.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"

namespace dispart {

namespace detail {

/// Frees what OpenSSL made.
template <auto Free>
struct openssl_free {
    template <class T>
    void operator()(T* made) const noexcept {
        Free(made);
    }
};
using ssl_ptr = std::unique_ptr<SSL, openssl_free<SSL_free>>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, openssl_free<SSL_CTX_free>>;

/// Largest plaintext of one record.
inline constexpr std::size_t tls_record = std::size_t{1} << 14;

/// Ciphertext on its way in and out.
struct tls_wires {
    std::vector<std::byte> in{};
    std::size_t begin = 0;  ///< of what came in and was not read yet
    std::size_t end = 0;
    std::vector<std::byte> out{};
};

inline int read_wire(BIO* bio, char* to, int size) {
    auto& wires = *static_cast<tls_wires*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t count = std::min(wires.end - wires.begin, static_cast<std::size_t>(std::max(size, 0)));
    if (count == 0) return BIO_set_retry_read(bio), -1;
    std::memcpy(to, wires.in.data() + wires.begin, count);
    wires.begin += count;
    return static_cast<int>(count);
}

inline int write_wire(BIO* bio, const char* from, int size) {
    auto& wires = *static_cast<tls_wires*>(BIO_get_data(bio));
    const auto* first = reinterpret_cast<const std::byte*>(from);
    wires.out.insert(wires.out.end(), first, first + std::max(size, 0));
    return size;
}

inline long control_wire(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

/// How OpenSSL reads and writes `tls_wires`; made once, for the life of the process.
inline const BIO_METHOD* wire_method() {
    static BIO_METHOD* const made = [] {
        BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dispart wires");
        BIO_meth_set_read(method, read_wire);
        BIO_meth_set_write(method, write_wire);
        BIO_meth_set_ctrl(method, control_wire);
        return method;
    }();
    return made;
}

/// What a reason of OpenSSL's means between two dispart nodes. Errors: refused, protocol_error.
[[nodiscard]] inline error tls_error_of(int reason, long verified) {
    const auto refused = [](std::string what) { return error{errc::refused, {}, std::move(what), {}}; };
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        switch (verified) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return refused("its certificate has expired");
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return refused("its certificate is not valid yet");
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return refused("its certificate is of another host");
        case X509_V_ERR_CERT_REVOKED:
            return refused("its certificate was revoked");
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return refused("its certificate is not of this cluster's authority");
        default:
            return refused(std::string("its certificate does not hold: ") +
                           X509_verify_cert_error_string(verified));
        }
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return refused("it showed no certificate");
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_BAD_PSK_IDENTITY:
        return refused("its pre-shared key is another one");
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CERTIFICATE_SET:
        return refused("it has no key that this node accepts");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return refused("it does not speak TLS 1.3");
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
        return {errc::protocol_error, {}, "it does not speak TLS", {}};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return refused("it asks for a certificate, and this node has none");
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return refused("it says that this node's certificate has expired");
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return refused("it says that this node's certificate is not of its cluster's authority");
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER:
        return refused("it says that this node's key is another one");
    default: {
        const char* words = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
        const bool alert = reason > SSL_AD_REASON_OFFSET;
        return {alert ? errc::refused : errc::protocol_error,
                {},
                (alert ? "it refused: " : "TLS failed: ") + std::string(words ? words : "no reason given"),
                {}};
    }
    }
}

}  // namespace detail

/// One side of a TLS connection. Not for several threads at a time.
class tls_session {
  public:
    /// \param context with the certificates or keys; \param server whether the other side connected to this one
    tls_session(SSL_CTX* context, bool server)
        : wires_(std::make_unique<detail::tls_wires>())
        , ssl_(SSL_new(context)) {
        if (!ssl_) throw std::bad_alloc();
        BIO* bio = BIO_new(detail::wire_method());
        if (!bio) throw std::bad_alloc();
        BIO_set_data(bio, wires_.get());
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
        server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    }

    [[nodiscard]] SSL* native() const noexcept { return ssl_.get(); }

    /// Goes on with the handshake as far as what came in allows; whether it is complete.
    /// Errors: refused (by either side's policy), protocol_error.
    [[nodiscard]] result<bool> shake_hands() {
        ERR_clear_error();
        const int status = SSL_do_handshake(ssl_.get());
        if (status == 1) return true;
        if (SSL_get_error(ssl_.get(), status) == SSL_ERROR_WANT_READ) return false;
        return failed();
    }

    /// Plaintext that came in; 0 where more has to come in first. Errors: as `shake_hands`; peer_lost at the end.
    [[nodiscard]] result<std::size_t> read(std::span<std::byte> to) {
        ERR_clear_error();
        std::size_t count = 0;
        const int status = SSL_read_ex(ssl_.get(), to.data(), to.size(), &count);
        if (status == 1) return count;
        const int why = SSL_get_error(ssl_.get(), status);
        if (why == SSL_ERROR_WANT_READ) return std::size_t{0};
        if (why == SSL_ERROR_ZERO_RETURN) return fail(errc::peer_lost, {}, "the peer closed the connection");
        return failed();
    }

    /// Encrypts one record's worth of plaintext, which is not empty. Errors: as `shake_hands`.
    [[nodiscard]] result<void> write(std::span<const std::byte> from) {
        ERR_clear_error();
        std::size_t count = 0;
        if (SSL_write_ex(ssl_.get(), from.data(), from.size(), &count) == 1) return {};
        return failed();
    }

    /// Takes new keys for what is sent from now on.
    void rekey() { SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED); }

    /// Where ciphertext that arrives is put, at least `least` bytes; then `arrived` says how many came.
    [[nodiscard]] std::span<std::byte> room(std::size_t least) {
        auto& w = *wires_;
        if (w.begin == w.end) w.begin = w.end = 0;
        if (w.in.size() - w.end < least && w.begin > 0) {
            std::memmove(w.in.data(), w.in.data() + w.begin, w.end - w.begin);
            w.end -= std::exchange(w.begin, 0);
        }
        if (w.in.size() - w.end < least) w.in.resize(w.end + least);
        return std::span(w.in).subspan(w.end);
    }
    void arrived(std::size_t count) noexcept { wires_->end += count; }

    /// Ciphertext to be sent; whoever sends it takes it out.
    [[nodiscard]] std::vector<std::byte>& output() noexcept { return wires_->out; }

  private:
    [[nodiscard]] tl::unexpected<error> failed() const {
        const auto code = ERR_get_error();
        const long verified = SSL_get_verify_result(ssl_.get());
        return tl::unexpected(detail::tls_error_of(ERR_GET_REASON(code), verified));
    }

    std::unique_ptr<detail::tls_wires> wires_;
    detail::ssl_ptr ssl_;
};

}  // namespace dispart
