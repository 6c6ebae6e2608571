#include "dispart/run/asio/tcp_transport.hpp"

#include <boost/asio/write.hpp>

#include <string_view>

#include "runtime/transport_conformance.hpp"

using namespace dispart;
using namespace std::chrono_literals;
using test::within;

namespace {

/// A peer that knows nothing of our protocol.
class stranger {
  public:
    explicit stranger(const std::string& address) : socket_(context_) {
        socket_.connect(*resolve(address, false));
    }
    void say(std::string_view text) { boost::asio::write(socket_, boost::asio::buffer(text)); }
    void say(std::span<const std::byte> text) {
        boost::asio::write(socket_, boost::asio::buffer(text.data(), text.size()));
    }

  private:
    boost::asio::io_context context_{};
    boost::asio::ip::tcp::socket socket_;
};

struct accepted_stranger {
    tcp_transport carrier{};
    tcp_listener listener = *carrier.listen("");
    stranger who{listener.address()};
    tcp_connection connection = *listener.accept(within(2s));
};

}  // namespace

TEST_CASE("tcp_transport conforms") { test::conforms<tcp_transport>(); }

TEST_CASE("tcp_transport: only loopback without permission") {
    tcp_transport carrier;
    for (const char* address : {"0.0.0.0:0", "192.0.2.1:4000", "example.org:80", "[::]:0", "8.8.8.8:53"}) {
        CAPTURE(address);
        CHECK(carrier.listen(address).error().code == errc::refused);
        CHECK(carrier.connect(address, within(1s)).error().code == errc::refused);
    }
    CHECK(carrier.listen("localhost:0"));
    CHECK(carrier.listen("127.0.0.9:0"));
    tcp_transport open({.allow_plaintext_off_machine = true});
    CHECK(open.listen("0.0.0.0:0"));
}

TEST_CASE("tcp_transport: addresses that are none") {
    tcp_transport carrier;
    for (const char* address : {"nonsense", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000",
                                "127.0.0.1:-1", "127.0.0.1:8o", "::1:80", "[]:80", "[::1]"}) {
        CAPTURE(address);
        CHECK(carrier.listen(address).error().code == errc::invalid_argument);
        CHECK(carrier.connect(address, within(1s)).error().code == errc::invalid_argument);
    }
    const auto six = parse_address("[::1]:8080");
    REQUIRE(six);
    CHECK((six->host == "::1" && six->port == 8080));
}

TEST_CASE("tcp_transport: a stranger harms its own connection only") {
    SUBCASE("HTTP") {
        accepted_stranger it;
        it.who.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        const auto got = it.connection.receive(within(2s));
        CHECK(got.error().code == errc::protocol_error);
        CHECK(got.error().message.find("GET ") != std::string::npos);
        CHECK(it.carrier.connect(it.listener.address(), within(2s)));
        CHECK(it.listener.accept(within(2s)));
    }
    SUBCASE("one wrong byte is enough") {
        accepted_stranger it;
        it.who.say("\x16");
        CHECK(it.connection.receive(within(2s)).error().code == errc::protocol_error);
    }
    SUBCASE("silence, or the start of a header") {
        accepted_stranger it;
        CHECK(it.connection.receive(within(50ms)).error().code == errc::timeout);
        it.who.say("DS");
        CHECK(it.connection.receive(within(50ms)).error().code == errc::timeout);
    }
    SUBCASE("another framing version") {
        accepted_stranger it;
        auto header = encode_header({1, 0});
        header[4] = std::byte{9};
        it.who.say(header);
        const auto got = it.connection.receive(within(2s));
        CHECK(got.error().code == errc::protocol_error);
        CHECK(got.error().message.find("version 9") != std::string::npos);
    }
}

TEST_CASE("tcp_transport: a frame that trickles in is put together over several calls") {
    accepted_stranger it;
    const auto payload = test::pattern(50, 1);
    auto header = encode_header({7, payload.size()});
    std::vector<std::byte> all(header.begin(), header.end());
    all.insert(all.end(), payload.begin(), payload.end());
    result<frame> got = fail(errc::timeout, {}, {});
    for (const std::byte each : all) {
        REQUIRE(!got);
        it.who.say(std::span(&each, 1));
        got = it.connection.receive(within(20ms));
    }
    REQUIRE(got);
    CHECK((got->kind == 7 && test::same(got->payload.bytes(), payload)));
}

TEST_CASE("tcp_transport: a claimed length is not allocated before its bytes arrive") {
    accepted_stranger it;
    it.connection.set_frame_limit(std::size_t{1} << 62);
    it.who.say(encode_header({1, std::uint64_t{1} << 61}));
    it.who.say(test::pattern(100, 1));
    CHECK(it.connection.receive(within(100ms)).error().code == errc::timeout);
}

TEST_CASE("tcp_transport: a peer that dies in the middle of a message is lost") {
    tcp_transport carrier;
    auto listener = *carrier.listen("");
    std::optional<stranger> who(listener.address());
    auto connection = *listener.accept(within(2s));
    who->say(encode_header({1, 1000}));
    who->say(test::pattern(10, 1));
    who.reset();
    const auto got = connection.receive(within(2s));
    CHECK(got.error().code == errc::peer_lost);
    CHECK(got.error().message.find("middle") != std::string::npos);
}

TEST_CASE("tcp_transport: nobody listens, nobody answers") {
    tcp_transport carrier;
    auto listener = *carrier.listen("");
    const std::string address = listener.address();
    listener.close();
    CHECK(carrier.connect(address, within(1s)).error().code == errc::peer_lost);
}
