#pragma once
/// \file
/// Makes keys: an authority of the cluster's own, a certificate for each node, or a key that all nodes share. Only
/// whoever administers a cluster needs this header.

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/run/tls/tls_context.hpp"

namespace dispart {

/// Files of the authority, in the folder of whoever administers the cluster; the key never leaves it.
inline constexpr std::string_view tls_authority_key_file = "ca.key";

/// When certificates hold, in seconds from now.
struct tls_validity {
    std::int64_t from = -3600;  ///< clocks differ
    std::int64_t until = std::int64_t{365} * 86400;
};

/// A node that needs a certificate.
struct tls_node {
    std::string name{};                ///< as the cluster file calls the device
    std::vector<std::string> hosts{};  ///< names and addresses under which others dial it, besides its name
    bool coordinator = false;          ///< it may deploy stages to workers
};

namespace detail {

using key_ptr = std::unique_ptr<EVP_PKEY, openssl_free<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, openssl_free<X509_free>>;
using bignum_ptr = std::unique_ptr<BIGNUM, openssl_free<BN_free>>;

[[nodiscard]] inline tl::unexpected<error> no_key(std::string what) {
    return fail(errc::io_error, std::move(what), "OpenSSL could not make it");
}

/// A file that did not exist before, for its owner's eyes only. Errors: io_error.
template <class Write>
[[nodiscard]] result<void> write_secret(const std::filesystem::path& file, Write write) {
    const int handle = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (handle < 0)
        return fail(errc::io_error, file.string(), "the file exists, or cannot be made",
                    "keys are never overwritten: move it away, or choose another folder");
    std::FILE* out = ::fdopen(handle, "w");
    const bool written = out && write(out);
    const bool closed = out ? std::fclose(out) == 0 : ::close(handle) == 0;
    if (written && closed) return {};
    return fail(errc::io_error, file.string(), "the file could not be written");
}

[[nodiscard]] inline result<void> write_certificate(const std::filesystem::path& file, X509* certificate) {
    return write_secret(file, [&](std::FILE* out) { return PEM_write_X509(out, certificate) == 1; });
}
[[nodiscard]] inline result<void> write_key(const std::filesystem::path& file, EVP_PKEY* key) {
    return write_secret(file, [&](std::FILE* out) {
        return PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    });
}

/// What PEM_read_... makes of a file. Errors: not_found, parse_error.
template <class Pointer, class Read>
[[nodiscard]] result<Pointer> read_pem(const std::filesystem::path& file, Read read) {
    std::FILE* in = std::fopen(file.c_str(), "re");
    if (!in) return fail(errc::not_found, file.string(), "there is no such file");
    Pointer made(read(in, nullptr, nullptr, nullptr));
    std::fclose(in);
    if (!made) return fail(errc::parse_error, file.string(), "OpenSSL does not understand this file");
    return made;
}

[[nodiscard]] inline bool add_extension(X509* to, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, openssl_free<X509_EXTENSION_free>> made(
        X509V3_EXT_nconf_nid(nullptr, &context, what, value.c_str()));
    return made && X509_add_ext(to, made.get(), -1) == 1;
}

[[nodiscard]] inline bool add_name(X509_NAME* to, const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
}

/// A certificate with a random serial number that is not signed yet, or nothing.
[[nodiscard]] inline certificate_ptr draft(EVP_PKEY* key, const tls_validity& validity,
                                           const std::string& unit, const std::string& name) {
    certificate_ptr made(X509_new());
    const bignum_ptr serial(BN_new());
    const bool good =
        made && serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
        BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made.get())) &&
        X509_set_version(made.get(), 2) == 1 &&
        X509_time_adj_ex(X509_getm_notBefore(made.get()), 0, static_cast<long>(validity.from), nullptr) &&
        X509_time_adj_ex(X509_getm_notAfter(made.get()), 0, static_cast<long>(validity.until), nullptr) &&
        X509_set_pubkey(made.get(), key) == 1 && add_name(X509_get_subject_name(made.get()), "O", "dispart") &&
        add_name(X509_get_subject_name(made.get()), "OU", unit) &&
        add_name(X509_get_subject_name(made.get()), "CN", name);
    if (!good) made.reset();
    return made;
}

/// Whether a text can be a node or a host, and so a folder: letters, digits, dots, dashes, underlines, colons.
[[nodiscard]] inline result<void> check_name(const std::string& text) {
    static constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    if (!text.empty() && text.size() <= 63 && text.front() != '.' && text.front() != '-' &&
        text.find_first_not_of(allowed) == std::string::npos)
        return {};
    return fail(errc::invalid_argument, text, "this cannot be the name of a node or host",
                "letters, digits, dots, dashes and underlines, at most 63");
}

/// `DNS:pi5,IP:10.0.0.5`, the node's own name first. Errors: invalid_argument.
[[nodiscard]] inline result<std::string> alternative_names(const tls_node& node) {
    DISPART_CHECK(check_name(node.name));
    std::string all = "DNS:" + node.name;
    for (const std::string& each : node.hosts) {
        DISPART_CHECK(check_name(each));
        ASN1_OCTET_STRING* address = a2i_IPADDRESS(each.c_str());
        all += (address ? ",IP:" : ",DNS:") + each;
        ASN1_OCTET_STRING_free(address);
    }
    return all;
}

}  // namespace detail

/// Makes ca.pem and ca.key in a folder, and the folder. Errors: io_error where they exist or cannot be written.
[[nodiscard]] inline result<void> make_tls_authority(const std::filesystem::path& folder,
                                                     const tls_validity& validity = {
                                                         -3600, std::int64_t{3650} * 86400}) {
    std::error_code problem;
    if (std::filesystem::create_directories(folder, problem))
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, problem);
    const detail::key_ptr key(EVP_EC_gen("P-256"));
    if (!key) return detail::no_key("ca.key");
    const auto made = detail::draft(key.get(), validity, "authority", "dispart authority");
    const bool good =
        made && X509_set_issuer_name(made.get(), X509_get_subject_name(made.get())) == 1 &&
        detail::add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        detail::add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
        detail::add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash") &&
        X509_sign(made.get(), key.get(), EVP_sha256()) > 0;
    if (!good) return detail::no_key("ca.pem");
    DISPART_CHECK(detail::write_key(folder / tls_authority_key_file, key.get()));
    return detail::write_certificate(folder / tls_authority_file, made.get());
}

/// Makes a folder for a node, named as the node, in the authority's: ca.pem, node.pem, node.key, all that the node
/// needs. Errors: invalid_argument for a name; not_found, parse_error where there is no authority; io_error where the
/// node has its files already.
[[nodiscard]] inline result<void> make_tls_node(const std::filesystem::path& folder, const tls_node& node,
                                                const tls_validity& validity = {}) {
    DISPART_TRY(const std::string names, detail::alternative_names(node));
    DISPART_TRY(const auto authority,
                detail::read_pem<detail::certificate_ptr>(folder / tls_authority_file, PEM_read_X509));
    DISPART_TRY(const auto authority_key,
                detail::read_pem<detail::key_ptr>(folder / tls_authority_key_file, PEM_read_PrivateKey));
    const detail::key_ptr key(EVP_EC_gen("P-256"));
    if (!key) return detail::no_key(node.name);
    const auto made = detail::draft(
        key.get(), validity, node.coordinator ? std::string(tls_coordinator_unit) : "worker", node.name);
    X509* issuer = authority.get();
    const bool good = made && X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) == 1 &&
                      detail::add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                      detail::add_extension(made.get(), issuer, NID_key_usage, "critical,digitalSignature") &&
                      detail::add_extension(made.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
                      detail::add_extension(made.get(), issuer, NID_authority_key_identifier, "keyid") &&
                      detail::add_extension(made.get(), issuer, NID_subject_alt_name, names) &&
                      X509_sign(made.get(), authority_key.get(), EVP_sha256()) > 0;
    if (!good) return detail::no_key(node.name);
    const auto own = folder / node.name;
    std::error_code problem;
    if (std::filesystem::create_directories(own, problem))
        std::filesystem::permissions(own, std::filesystem::perms::owner_all, problem);
    DISPART_CHECK(detail::write_key(own / tls_key_file, key.get()));
    DISPART_CHECK(detail::write_certificate(own / tls_certificate_file, made.get()));
    return detail::write_certificate(own / tls_authority_file, issuer);
}

/// Makes a file with a pre-shared key. Errors: io_error where it exists or cannot be written.
[[nodiscard]] inline result<void> make_psk(const std::filesystem::path& file) {
    std::array<unsigned char, tls_psk_bytes> key{};
    if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) return detail::no_key(file.string());
    return detail::write_secret(file, [&](std::FILE* out) {
        for (const unsigned char each : key)
            if (std::fprintf(out, "%02x", static_cast<unsigned>(each)) != 2) return false;
        return std::fputc('\n', out) != EOF;
    });
}

}  // namespace dispart
