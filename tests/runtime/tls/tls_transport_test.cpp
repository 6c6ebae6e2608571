#include "dispart/run/tls/tls_transport.hpp"

#include <boost/asio/write.hpp>

#include <sys/resource.h>

#include <string_view>

#include "dispart/run/asio/tcp_transport.hpp"
#include "runtime/tls/keys.hpp"
#include "runtime/transport_conformance.hpp"

using namespace dispart;
using namespace std::chrono_literals;
using test::keys;
using test::within;

namespace {

struct by_certificate : tls_transport {
    by_certificate() : tls_transport(test::node("gateway")) {}
};
/// Takes new keys so often that every test does.
struct by_key : tls_transport {
    by_key() : tls_transport(*tls_transport::make({.psk = keys() / "psk", .rekey_after = 100'000})) {}
};

/// What the two sides say when the one dials the other.
struct refusal {
    error caller{};
    error listener{};
};

/// Expects that both sides say no within two seconds, and that the listener takes the next caller.
template <class Caller>
refusal refused(tls_transport at, Caller&& dial) {
    refusal seen;
    auto listener = *at.listen("");
    const double spent = test::seconds_of([&] {
        auto dialled = dial(listener.address());
        CHECK(!dialled);
        if (!dialled) seen.caller = dialled.error();
        auto accepted = listener.accept(within(2s));
        CHECK(!accepted);
        if (!accepted) seen.listener = accepted.error();
    });
    CHECK(spent < 2);
    CHECK(at.connect(listener.address(), within(2s)));
    CHECK(listener.accept(within(2s)));
    return seen;
}

refusal refused_by(tls_transport at, tls_transport caller) {
    return refused(std::move(at), [&](std::string address) {
        if (caller.node().empty()) address = address.substr(address.find('@') + 1);
        return caller.connect(address, within(2s));
    });
}

bool says(const error& e, std::string_view words) {
    INFO(to_string(e));
    const bool said = e.message.find(words) != std::string::npos;
    CHECK(said);
    return said;
}

tls_transport foreign() { return *tls_transport::make({.folder = keys() / "foreign" / "gateway"}); }

/// A socket without TLS of its own.
class bare_caller {
  public:
    explicit bare_caller(const std::string& address) : socket_(context_) {
        socket_.connect(*resolve(address.substr(address.find('@') + 1), true));
    }
    void say(std::span<const std::byte> bytes) {
        boost::system::error_code ignored;
        boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
    }
    void say(std::string_view text) { say(std::as_bytes(std::span(text))); }
    /// Bytes until the other side hangs up or is silent for so long; whether it hung up.
    bool is_dropped(std::chrono::milliseconds patience, std::vector<std::byte>* heard = nullptr) {
        std::array<std::byte, 4096> any{};
        for (;;) {
            if (!detail::wait_for_socket(socket_.native_handle(), POLLIN, within(patience))) return false;
            boost::system::error_code status;
            const auto count = socket_.read_some(boost::asio::buffer(any), status);
            if (status) return true;
            if (heard)
                heard->insert(heard->end(), any.begin(), any.begin() + static_cast<std::ptrdiff_t>(count));
        }
    }

  private:
    boost::asio::io_context context_{};
    boost::asio::ip::tcp::socket socket_;
};

/// Speaks TLS as the context says, and returns why the other side did not like it.
result<void> speak_tls(SSL_CTX* context, const std::string& address) {
    bare_caller socket(address);
    tls_session session(context, false);
    for (int i = 0; i < 3; ++i) {
        const auto shaken = session.shake_hands();
        socket.say(session.output());
        session.output().clear();
        if (!shaken) return tl::unexpected(shaken.error());
        std::vector<std::byte> heard;
        socket.is_dropped(300ms, &heard);
        std::copy(heard.begin(), heard.end(), session.room(heard.size()).begin());
        session.arrived(heard.size());
        std::array<std::byte, 1> word{};
        if (const auto count = session.read(word); !count) return tl::unexpected(count.error());
        else if (*count == 1) return {};
    }
    return fail(errc::timeout, {}, "no answer");
}

/// Both sides' sessions in memory, hands shaken.
struct session_pair {
    std::shared_ptr<tls_context> home = *tls_context::from_certificates(keys() / "home" / "gateway");
    tls_session client{home->native(), false};
    tls_session server{home->native(), true};

    session_pair() {
        for (int i = 0; i < 4; ++i) {
            REQUIRE(client.shake_hands());
            carry(client, server);
            REQUIRE(server.shake_hands());
            carry(server, client);
        }
        REQUIRE(*server.shake_hands());
    }
    static void give(tls_session& to, std::span<const std::byte> bytes) {
        std::copy(bytes.begin(), bytes.end(), to.room(bytes.size()).begin());
        to.arrived(bytes.size());
    }
    static void carry(tls_session& from, tls_session& to) {
        give(to, from.output());
        from.output().clear();
    }
    [[nodiscard]] std::vector<std::byte> sealed(std::span<const std::byte> plain) {
        REQUIRE(client.write(plain));
        return std::exchange(client.output(), {});
    }
};

}  // namespace

TEST_CASE("tls_transport conforms, with certificates") { test::conforms<by_certificate>(); }

TEST_CASE("tls_transport conforms, with a pre-shared key and new keys all the time") {
    test::conforms<by_key>();
}

TEST_CASE("tls_transport: each side knows who the other is") {
    auto server = test::node("w0");
    auto client = test::node("gateway");
    auto listener = *server.listen("");
    CHECK(listener.address().starts_with("w0@127.0.0.1:"));
    const auto dialled = client.connect(listener.address(), within(2s));
    const auto accepted = listener.accept(within(2s));
    REQUIRE((dialled && accepted));
    CHECK((dialled->identity().may_be("w0") && !dialled->identity().may_be("w1")));
    CHECK((accepted->identity().may_be("gateway") && !accepted->identity().may_be("w0")));
    CHECK((accepted->identity().commands && !dialled->identity().commands));
    CHECK(check_claims({.from = "gateway"}, accepted->identity()));
    CHECK(check_claims({.from = "w0"}, accepted->identity()).error().code == errc::refused);
    CHECK(check_claims({.from = "w0"}, dialled->identity()).error().message.find("deploy") !=
          std::string::npos);
    CHECK(check_claims({.role = connection_role::data, .from = "w0"}, dialled->identity()));
    const auto anybody = identity_of(test::with_key("psk"));
    CHECK((anybody.may_be("whoever") && anybody.commands));
}

TEST_CASE("tls_transport: certificates that do not hold are refused by name, on both sides") {
    SUBCASE("of a foreign authority") {
        const auto seen = refused_by(test::node("gateway"), foreign());
        CHECK(seen.caller.code == errc::refused);
        says(seen.caller, "not of this cluster's authority");
        CHECK(seen.listener.code == errc::refused);
        says(seen.listener, "authority");
    }
    SUBCASE("expired") {
        const auto seen = refused_by(test::node("gateway"), test::node("stale"));
        says(seen.caller, "expired");
        says(seen.listener, "its certificate has expired");
        CHECK(seen.listener.offender.starts_with("127.0.0.1:"));
    }
    SUBCASE("not valid yet") {
        says(refused_by(test::node("gateway"), test::node("early")).listener, "not valid yet");
    }
    SUBCASE("of another node than the one that was dialled") {
        const auto seen = refused(test::node("gateway"), [&](const std::string& address) {
            return test::node("gateway").connect("w1" + address.substr(address.find('@')), within(2s));
        });
        CHECK(seen.caller.code == errc::refused);
        says(seen.caller, "of another host");
    }
    SUBCASE("of another host, by address") {
        auto server = test::node("w0");  // its certificate names no address
        auto listener = *server.listen("");
        const std::string bare = listener.address().substr(3);
        says(test::node("gateway").connect(bare, within(2s)).error(), "of another host");
        auto reachable = test::node("gateway");
        auto good = *reachable.listen("");
        CHECK(test::node("w1").connect(good.address().substr(8), within(2s)));
    }
}

TEST_CASE("tls_transport: no certificate, TLS 1.2, another key, no key") {
    const auto strange = [](auto configure, const tls_transport& at = test::node("gateway")) {
        const detail::ssl_context_ptr context(SSL_CTX_new(TLS_method()));
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
        configure(context.get());
        return refused(at, [&](const std::string& address) { return speak_tls(context.get(), address); });
    };
    SUBCASE("no certificate") {
        const auto seen = strange([](SSL_CTX*) {});
        says(seen.listener, "it showed no certificate");
        says(seen.caller, "asks for a certificate");
    }
    SUBCASE("TLS 1.2, with a good certificate") {
        const auto seen = strange([](SSL_CTX* context) {
            SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
            SSL_CTX_use_certificate_file(context, (keys() / "home/w0/node.pem").c_str(), SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(context, (keys() / "home/w0/node.key").c_str(), SSL_FILETYPE_PEM);
        });
        says(seen.listener, "it does not speak TLS 1.3");
        says(seen.caller, "it does not speak TLS 1.3");
    }
    SUBCASE("another key") {
        const auto seen = refused_by(test::with_key("psk"), test::with_key("other.psk"));
        says(seen.listener, "its pre-shared key is another one");
        CHECK(seen.caller.code == errc::refused);
    }
    SUBCASE("a key where certificates are wanted, and the other way round") {
        CHECK(refused_by(test::node("gateway"), test::with_key("psk")).caller.code == errc::refused);
        says(refused_by(test::with_key("psk"), test::node("gateway")).listener,
             "no key that this node accepts");
    }
    SUBCASE("no key") {
        says(strange([](SSL_CTX*) {}, test::with_key("psk")).listener, "no key that this node accepts");
    }
}

TEST_CASE("tls_transport: who does not speak TLS") {
    const auto stranger = [](std::string_view words) {
        std::optional<bare_caller> caller;
        return refused(test::node("gateway"), [&](const std::string& address) -> result<void> {
            caller.emplace(address);
            caller->say(words);
            CHECK(caller->is_dropped(2s));
            return fail(errc::refused, {}, {});
        });
    };
    CHECK(stranger("GET / HTTP/1.1\r\nHost: x\r\n\r\n").listener.message == "it does not speak TLS");
    const auto header = encode_header({0, 100});
    const std::string_view ours(reinterpret_cast<const char*>(header.data()), header.size());
    CHECK(stranger(ours).listener.code == errc::refused);
    // and the other way round: a TCP listener, dialled with TLS
    tcp_transport plain;
    auto listener = *plain.listen("");
    std::jthread serving([&] {
        auto caller = listener.accept(within(2s));
        if (caller) CHECK(caller->receive(within(2s)).error().code == errc::protocol_error);
    });
    const auto dialled = test::node("gateway").connect(listener.address(), within(2s));
    REQUIRE(!dialled);
    CHECK(dialled.error().code == errc::peer_lost);
}

TEST_CASE("tls_transport: who is slow or silent is dropped in time and delays nobody") {
    auto at = test::node("gateway", {.handshake = seconds(0.4)});
    auto listener = *at.listen("");
    bare_caller silent(listener.address()), slow(listener.address());
    std::jthread trickling([&](const std::stop_token& stop) {
        const std::string_view hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        for (std::size_t i = 0; i < hello.size() && !stop.stop_requested(); ++i) {
            slow.say(hello.substr(i, 1));
            std::this_thread::sleep_for(60ms);
        }
    });
    const double spent = test::seconds_of([&] {
        CHECK(at.connect(listener.address(), within(2s)));
        CHECK(listener.accept(within(2s)));
    });
    CHECK(spent < 0.35);
    for (int i = 0; i < 2; ++i) says(listener.accept(within(2s)).error(), "did not shake hands in time");
    CHECK(silent.is_dropped(1s));
    CHECK(slow.is_dropped(1s));
}

TEST_CASE("tls_transport: a thousand idle connections harm nobody") {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    auto at = test::node("gateway", {.handshake = seconds(30.0), .half_open = 64, .half_open_per_host = 64});
    auto listener = *at.listen("");
    std::vector<std::unique_ptr<bare_caller>> idle;
    for (int i = 0; i < 1000; ++i) idle.push_back(std::make_unique<bare_caller>(listener.address()));
    const double spent = test::seconds_of([&] {
        CHECK(at.connect(listener.address(), within(2s)));
        CHECK(listener.accept(within(2s)));
    });
    CHECK(spent < 1);
    std::size_t kept = 0;
    for (auto& each : idle) kept += each->is_dropped(0ms) ? 0 : 1;
    CHECK(kept <= 64);
}

TEST_CASE("tls_session: records that are cut, changed or repeated carry nothing") {
    const auto plain = test::pattern(20, 1);
    std::vector<std::byte> got(100);
    session_pair whole;
    const auto record = whole.sealed(plain);
    session_pair::give(whole.server, record);
    REQUIRE(*whole.server.read(got) == plain.size());
    CHECK(test::same(std::span(got).first(plain.size()), plain));
    session_pair::give(whole.server, record);
    CHECK(whole.server.read(got).error().code == errc::protocol_error);  // repeated
    for (std::size_t i = 0; i < record.size(); ++i) {
        session_pair pair;
        auto bytes = pair.sealed(plain);
        session_pair::give(pair.server, std::span(bytes).first(i));
        REQUIRE(*pair.server.read(got) == 0);  // cut
        bytes[i] ^= std::byte{0x10};
        session_pair::give(pair.server, std::span(bytes).subspan(i));
        const auto changed = pair.server.read(got);
        CHECK((!changed || *changed == 0));
    }
}

TEST_CASE("tls_transport: credentials that cannot be used are named") {
    const auto code = [](tls_options options) {
        const auto made = tls_transport::make(std::move(options));
        return made ? errc::cancelled : made.error().code;
    };
    CHECK(code({}) == errc::invalid_argument);
    CHECK(code({.folder = keys(), .psk = keys()}) == errc::invalid_argument);
    CHECK(code({.folder = keys() / "nowhere"}) == errc::not_found);
    CHECK(code({.psk = keys() / "nowhere"}) == errc::not_found);
    CHECK(code({.psk = keys() / "home/w0/node.pem"}) == errc::parse_error);
    namespace fs = std::filesystem;
    const auto copy = keys() / "copy";
    fs::copy(keys() / "home" / "w0", copy);
    CHECK(code({.folder = copy}) == errc::cancelled);
    fs::permissions(copy / "node.key", fs::perms{0640});
    CHECK(code({.folder = copy}) == errc::refused);
    fs::remove(copy / "node.key");
    fs::copy(keys() / "home/w1/node.key", copy / "node.key");
    CHECK(code({.folder = copy}) == errc::refused);  // another node's key
    fs::remove(copy / "node.pem");
    fs::copy(keys() / "psk", copy / "node.pem");
    CHECK(code({.folder = copy}) == errc::parse_error);
}
