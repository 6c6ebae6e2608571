#include "dispart/run/protocol.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

TEST_CASE("frame header: 16 bytes, there and back") {
    const auto encoded = encode_header({.kind = 0x0102, .length = 0x030405060708});
    CHECK(static_cast<char>(encoded[0]) == 'D');
    CHECK(encoded[6] == std::byte{0x02});  // little-endian
    CHECK(encoded[8] == std::byte{0x08});
    const auto decoded = decode_header(encoded, ~std::uint64_t{0});
    REQUIRE(decoded);
    CHECK((decoded->kind == 0x0102 && decoded->length == 0x030405060708));
}

TEST_CASE("frame header: any other magic or version, and any length over the limit, is refused") {
    const auto good = encode_header({.kind = 1, .length = 100});
    CHECK(decode_header(good, 100));
    CHECK(decode_header(good, 99).error().code == errc::protocol_error);
    for (std::size_t i = 0; i < 6; ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto bad = good;
            bad[i] ^= static_cast<std::byte>(1U << bit);
            CAPTURE(i);
            CHECK(decode_header(bad, 100).error().code == errc::protocol_error);
        }
    }
}

TEST_CASE("magic: every start of it is fine, and what it is not is quoted") {
    const auto header = encode_header({});
    for (std::size_t size = 0; size <= 16; ++size) CHECK(check_magic(std::span(header).first(size)));
    const std::string http = "GET / HTTP/1.1";
    const auto refused = check_magic(std::as_bytes(std::span(http)));
    REQUIRE(!refused);
    CHECK(refused.error().message.find("\"GET \"") != std::string::npos);
    const std::string tls = "\x16\x03";
    CHECK(check_magic(std::as_bytes(std::span(tls))).error().message.find("\"..\"") != std::string::npos);
}

TEST_CASE("kinds: known numbers have names, others are refused") {
    CHECK(to_string(message_kind::hello) == "HELLO");
    CHECK(to_string(message_kind::probe_echo) == "PROBE_ECHO");
    CHECK(checked_kind(0) == message_kind::hello);
    CHECK(checked_kind(16) == message_kind::probe_echo);
    CHECK(checked_kind(17) == message_kind::want);
    CHECK(checked_kind(19) == message_kind::share);
    CHECK(to_string(message_kind::share) == "SHARE");
    CHECK(checked_kind(20).error().code == errc::protocol_error);
    CHECK(checked_kind(65535).error().code == errc::protocol_error);
}
