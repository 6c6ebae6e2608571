#pragma once
/// \file
/// What a node proves itself with: a certificate of the cluster's own authority, or a key that all nodes share. TLS 1.3
/// and nothing older, both sides always authenticated, nothing resumed, nothing sent before the handshake is over.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/run/identity.hpp"
#include "dispart/run/tls/detail/tls_session.hpp"

namespace dispart {

/// Files of a node, as `dispart keys` makes them in its folder.
inline constexpr std::string_view tls_authority_file = "ca.pem";
inline constexpr std::string_view tls_certificate_file = "node.pem";
inline constexpr std::string_view tls_key_file = "node.key";

/// The organisational unit in the certificate of a node that may deploy.
inline constexpr std::string_view tls_coordinator_unit = "coordinator";

/// Bytes of a pre-shared key; its file holds them as hexadecimal digits.
inline constexpr std::size_t tls_psk_bytes = 32;

namespace detail {

using pre_shared_key = std::array<unsigned char, tls_psk_bytes>;
using ssl_session_ptr = std::unique_ptr<SSL_SESSION, openssl_free<SSL_SESSION_free>>;
using general_names_ptr = std::unique_ptr<GENERAL_NAMES, openssl_free<GENERAL_NAMES_free>>;

/// Errors: not_found; refused for a secret that others can read.
[[nodiscard]] inline result<void> check_secret(const std::filesystem::path& file) {
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0)
        return fail(errc::not_found, file.string(), "there is no such file");
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail(errc::refused, file.string(), "others can read this secret", "chmod 600 it");
    return {};
}

/// The key in a file of 64 hexadecimal digits. Errors: those of `check_secret`; parse_error.
[[nodiscard]] inline result<pre_shared_key> read_psk(const std::filesystem::path& file) {
    DISPART_CHECK(check_secret(file));
    std::string digits;
    std::ifstream(file) >> digits;
    pre_shared_key key{};
    if (digits.size() != 2 * key.size() || digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        return fail(errc::parse_error, file.string(), "a pre-shared key is 64 hexadecimal digits",
                    "dispart keys --psk FILE makes one");
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i < key.size(); ++i)
        key[i] = static_cast<unsigned char>(value(digits[2 * i]) * 16 + value(digits[2 * i + 1]));
    return key;
}

inline constexpr std::string_view psk_identity = "dispart";
[[nodiscard]] inline const unsigned char* psk_bytes() {
    return reinterpret_cast<const unsigned char*>(psk_identity.data());
}

/// The session that stands for the key, as OpenSSL wants it; nothing when the key does not fit the handshake.
[[nodiscard]] inline ssl_session_ptr psk_session(SSL* of) {
    const auto* key = static_cast<const pre_shared_key*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(of)));
    static constexpr std::array<unsigned char, 2> aes_128_gcm_sha256{0x13, 0x01};
    const SSL_CIPHER* cipher = SSL_CIPHER_find(of, aes_128_gcm_sha256.data());
    ssl_session_ptr made(SSL_SESSION_new());
    if (!key || !cipher || !made || SSL_SESSION_set1_master_key(made.get(), key->data(), key->size()) != 1 ||
        SSL_SESSION_set_cipher(made.get(), cipher) != 1 ||
        SSL_SESSION_set_protocol_version(made.get(), TLS1_3_VERSION) != 1 ||
        SSL_SESSION_set1_id_context(made.get(), psk_bytes(), psk_identity.size()) != 1)
        return {};
    return made;
}

inline int offer_psk(SSL* of, const EVP_MD* wanted, const unsigned char** id, std::size_t* id_size,
                     SSL_SESSION** session) {
    *session = nullptr;
    if (wanted && EVP_MD_get_type(wanted) != NID_sha256) return 1;
    *session = psk_session(of).release();
    *id = psk_bytes();
    *id_size = psk_identity.size();
    return *session ? 1 : 0;
}

inline int find_psk(SSL* of, const unsigned char* id, std::size_t id_size, SSL_SESSION** session) {
    *session = nullptr;
    if (std::string_view(reinterpret_cast<const char*>(id), id_size) == psk_identity)
        *session = psk_session(of).release();
    return 1;
}

/// Names in a certificate: the subject alternative names that are host names, the node's own first.
[[nodiscard]] inline peer_identity identity_in(X509* certificate) {
    peer_identity made{.commands = false};
    const general_names_ptr names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* each = sk_GENERAL_NAME_value(names.get(), i);
        if (each->type != GEN_DNS) continue;
        made.names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(each->d.dNSName)),
                                static_cast<std::size_t>(ASN1_STRING_length(each->d.dNSName)));
    }
    if (made.names.empty()) made.names.emplace_back();  // a name that nobody has
    std::array<char, 64> unit{};
    const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationalUnitName,
                                               unit.data(), static_cast<int>(unit.size()));
    made.commands =
        size > 0 && std::string_view(unit.data(), static_cast<std::size_t>(size)) == tls_coordinator_unit;
    return made;
}

}  // namespace detail

/// A node's credentials, ready for connections. Shared by them; of any number of threads.
class tls_context {
  public:
    /// Certificates from a folder (ca.pem, node.pem, node.key). Errors: not_found, parse_error; refused where the key
    /// can be read by others, or does not belong to the certificate.
    [[nodiscard]] static result<std::shared_ptr<tls_context>>
    from_certificates(const std::filesystem::path& folder) {
        DISPART_TRY(auto made, bare());
        const auto authority = folder / tls_authority_file, certificate = folder / tls_certificate_file,
                   key = folder / tls_key_file;
        for (const auto& each : {authority, certificate, key})
            if (!std::filesystem::is_regular_file(each))
                return fail(errc::not_found, each.string(), "there is no such file", "dispart keys makes it");
        DISPART_CHECK(detail::check_secret(key));
        SSL_CTX* context = made->context_.get();
        const auto bad = [](const std::filesystem::path& file) {
            return fail(errc::parse_error, file.string(), "OpenSSL does not understand this file");
        };
        if (SSL_CTX_load_verify_file(context, authority.c_str()) != 1) return bad(authority);
        if (SSL_CTX_use_certificate_file(context, certificate.c_str(), SSL_FILETYPE_PEM) != 1)
            return bad(certificate);
        if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
            if (ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH) return bad(key);
            return fail(errc::refused, key.string(), "this key does not belong to the certificate beside it");
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        made->identity_ = detail::identity_in(SSL_CTX_get0_certificate(context));
        return made;
    }

    /// The key in a file, which all nodes share. Errors: not_found, parse_error, refused where others can read it.
    [[nodiscard]] static result<std::shared_ptr<tls_context>> from_psk(const std::filesystem::path& file) {
        DISPART_TRY(auto made, bare());
        DISPART_TRY(made->key_.emplace(), detail::read_psk(file));
        SSL_CTX* context = made->context_.get();
        SSL_CTX_set_app_data(context, &*made->key_);
        SSL_CTX_set_psk_use_session_callback(context, detail::offer_psk);
        SSL_CTX_set_psk_find_session_callback(context, detail::find_psk);
        // No certificate is trusted: whoever does not prove to have the key is nobody.
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_session_id_context(context,
                                       reinterpret_cast<const unsigned char*>(detail::psk_identity.data()),
                                       detail::psk_identity.size());
        return made;
    }

    ~tls_context() {
        if (key_) OPENSSL_cleanse(key_->data(), key_->size());
    }
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    [[nodiscard]] SSL_CTX* native() const noexcept { return context_.get(); }
    /// Who this node is, by its certificate; with a pre-shared key, anybody.
    [[nodiscard]] const peer_identity& identity() const noexcept { return identity_; }
    [[nodiscard]] bool by_certificate() const noexcept { return !key_; }

    /// Who the peer of a completed handshake is. Errors: refused where it has proved nothing.
    [[nodiscard]] result<peer_identity> peer_of(const tls_session& session) const {
        X509* shown = SSL_get0_peer_certificate(session.native());
        const bool proved = by_certificate() ? shown && SSL_get_verify_result(session.native()) == X509_V_OK
                                             : SSL_session_reused(session.native()) == 1;
        if (!proved) return fail(errc::refused, {}, "it has proved nothing");
        return by_certificate() ? detail::identity_in(shown) : peer_identity{};
    }

    /// Accepts only a peer whose certificate is of this host, a name or an address.
    static void expect_host(const tls_session& session, const std::string& host) {
        X509_VERIFY_PARAM* check = SSL_get0_param(session.native());
        X509_VERIFY_PARAM_set_hostflags(check,
                                        X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1)
            X509_VERIFY_PARAM_set1_host(check, host.data(), host.size());
    }

  private:
    explicit tls_context(detail::ssl_context_ptr made) : context_(std::move(made)) {}

    [[nodiscard]] static result<std::shared_ptr<tls_context>> bare() {
        ERR_clear_error();
        detail::ssl_context_ptr made(SSL_CTX_new(TLS_method()));
        if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(made.get(), TLS1_3_VERSION) != 1)
            return fail(errc::unsupported, "TLS 1.3", "this OpenSSL has none");
        SSL_CTX_set_options(made.get(), SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_num_tickets(made.get(), 0);
        SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_max_cert_list(made.get(), 16 << 10);
        SSL_CTX_set_ciphersuites(made.get(), "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
        return std::shared_ptr<tls_context>(new tls_context(std::move(made)));
    }

    detail::ssl_context_ptr context_;
    std::optional<detail::pre_shared_key> key_{};
    peer_identity identity_{};
};

}  // namespace dispart
