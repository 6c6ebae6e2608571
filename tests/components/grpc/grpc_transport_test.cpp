#include "dispart/run/grpc/grpc_transport.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "dispart/run/asio/tcp_transport.hpp"
#include "runtime/coordinator_conformance.hpp"
#include "runtime/tls/keys.hpp"
#include "runtime/transport_conformance.hpp"

using namespace dispart;
using test::keys;
using test::within;
using namespace std::chrono_literals;

namespace {

/// Made like other transports, out of nothing.
struct grpc_in_the_clear : grpc_transport {
    grpc_in_the_clear() : grpc_transport(*make()) {}
};
grpc_transport grpc_node(const char* folder) {
    auto made = grpc_transport::make({.folder = keys() / folder, .handshake = seconds(0.5)});
    REQUIRE_MESSAGE(made.has_value(), made.error());
    return *made;
}
struct grpc_by_certificate : grpc_transport {
    grpc_by_certificate() : grpc_transport(grpc_node("home/gateway")) {}
};

/// Expects that the address is not reached, within two seconds and for this reason.
void turned_away(grpc_transport caller, const std::string& address, errc why, std::string_view says) {
    CAPTURE(address);
    const double spent = test::seconds_of([&] {
        const auto dialled = caller.connect(address, within(5s));
        REQUIRE(!dialled);
        INFO(to_string(dialled.error()));
        CHECK(dialled.error().code == why);
        CHECK(dialled.error().offender == address);
        CHECK(dialled.error().message.find(says) != std::string::npos);
    });
    CHECK(spent < 2);
}

}  // namespace

TEST_CASE("the transport over gRPC conforms") { test::conforms<grpc_in_the_clear>(); }

TEST_CASE("the transport over gRPC conforms with certificates") { test::conforms<grpc_by_certificate>(); }

TEST_CASE("deployments run over gRPC") { test::runs_deployments<grpc_in_the_clear>(); }

TEST_CASE("no deployment over gRPC of many is lost") {
    for (int i = 0; i < 50; ++i) {
        CAPTURE(i);
        test::shelf models;
        test::toy_cluster<grpc_in_the_clear> on(models, 3);
        const model m = test::chain(6);
        auto running = test::deployed(on, models, m, test::in_stages({2, 3, 1}));
        REQUIRE_MESSAGE(running.has_value(), running.error());
        REQUIRE(test::run_and_check(*running, m, 10));
        REQUIRE(running->shut_down());
    }
}

TEST_CASE("who is not of the cluster is turned away, and the next caller is taken") {
    auto at = grpc_node("home/gateway");
    auto listener = *at.listen("");
    const std::string address = listener.address();
    const std::string place = address.substr(address.find('@') + 1);
    CHECK(address.starts_with("gateway@127.0.0.1:"));
    turned_away(grpc_node("home/w0"), "w1@" + place, errc::refused, "w1 is not in peer certificate");
    turned_away(grpc_node("foreign/gateway"), address, errc::refused, "certificate verify failed");
    turned_away(grpc_node("home/stale"), address, errc::refused, "may not accept this certificate");
    turned_away(grpc_node("home/early"), address, errc::refused, "may not accept this certificate");
    turned_away(*grpc_transport::make(), place, errc::peer_lost, "hung up");
    auto clear = grpc_transport::make()->listen("");
    REQUIRE(clear);
    turned_away(grpc_node("home/w0"), clear->address(), errc::refused, "wrong version number");
    CHECK(listener.accept(within(50ms)).error().code == errc::timeout);  // none of them got through
    const auto near = grpc_node("home/w0").connect(address, within(2s));
    const auto far = listener.accept(within(2s));
    REQUIRE((near && far));
    CHECK(near->identity().names.front() == "gateway");
    CHECK(near->identity().commands);
    CHECK(far->identity().names.front() == "w0");
    CHECK(!far->identity().commands);
    CHECK(at.identity().names.front() == "gateway");
}

TEST_CASE("plaintext stays on this machine, and bad settings are named") {
    auto clear = *grpc_transport::make();
    CHECK(clear.listen("0.0.0.0:0").error().code == errc::refused);
    CHECK(clear.connect("192.0.2.1:7", within(1s)).error().code == errc::refused);
    CHECK(clear.connect("nonsense", within(1s)).error().code == errc::invalid_argument);
    CHECK(clear.connect("127.0.0.1:1", within(1s)).error().code == errc::peer_lost);
    CHECK(grpc_transport::make({.folder = keys() / "nowhere"}).error().code == errc::not_found);
    CHECK(grpc_transport::make({.allow_plaintext_off_machine = true})->listen("0.0.0.0:0"));
    tcp_transport plain;
    auto mute = plain.listen("");
    REQUIRE(mute);
    CHECK(clear.connect(mute->address(), within(300ms)).error().code == errc::timeout);
}

TEST_CASE("connections outlive their listener and their transport") {
    std::optional<grpc_connection> near, far;
    {
        auto carrier = *grpc_transport::make();
        auto listener = *carrier.listen("");
        near.emplace(*carrier.connect(listener.address(), within(2s)));
        far.emplace(*listener.accept(within(2s)));
    }
    const auto payload = test::pattern(5'000'000, 1);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(test::send_bytes(*near, 1, test::pattern(10, 2), within(2s)));
        REQUIRE(far->receive(within(2s)));
    }
    // and what was sent last arrives, though its sender is gone with all that was its own
    std::thread reader([&] {
        std::this_thread::sleep_for(200ms);
        for (int i = 0; i < 2; ++i) {
            const auto got = near->receive(within(5s));
            REQUIRE(got);
            CHECK(test::same(got->payload.bytes(), std::span(payload).first(1'000'000)));
        }
        CHECK(near->receive(within(5s)).error().code == errc::peer_lost);
    });
    for (int i = 0; i < 2; ++i)
        REQUIRE(test::send_bytes(*far, 1, std::span(payload).first(1'000'000), within(2s)));
    far.reset();
    reader.join();
}

TEST_CASE("who sends more than it was given room for is cut off") {
    grpc_in_the_clear carrier;
    auto listener = *carrier.listen("");
    detail::grpc_engine engine(std::make_unique<grpc::CompletionQueue>(), seconds(0.1));
    const auto link = std::make_shared<detail::grpc_dialled>(
        grpc::CreateChannel("ipv4:" + listener.address(), grpc::InsecureChannelCredentials()));
    engine.keep(link);
    link->start(engine.queue());
    REQUIRE((link->wait_until_opened(within(2s)) && link->opened()));
    auto far = listener.accept(within(2s));
    REQUIRE(far);
    result<void> sent{};
    std::size_t taken = 0;
    for (; sent && taken < 100; ++taken) {
        detail::grpc_draft draft(detail::grpc_word::data, detail::grpc_chunk);
        std::fill(draft.bytes().begin(), draft.bytes().end(), std::byte{0});
        sent = link->post(draft.message());
        std::this_thread::sleep_for(20ms);
    }
    REQUIRE(!sent);
    CHECK(sent.error().code == errc::peer_lost);
    CHECK(taken < 50);
}
