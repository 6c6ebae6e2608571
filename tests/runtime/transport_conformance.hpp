#pragma once
// What every transport must do, whatever it is made of: run over each of them by <transport>_test.cpp.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "runtime/timing.hpp"

namespace dispart::test {

inline std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
    std::vector<std::byte> made(size);
    for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>((i * 31 + i / 251 + seed) & 255U);
    return made;
}

template <class Connection>
result<void> send_bytes(Connection& to, std::uint16_t kind, std::span<const std::byte> payload,
                        deadline until) {
    const std::array<std::span<const std::byte>, 1> buffers{payload};
    return to.send(kind, buffers, until);
}

inline bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// A listener and both ends of one connection to it.
template <transport Transport>
struct connected_pair {
    Transport carrier{};
    std::optional<typename Transport::listener> listener{};
    std::optional<typename Transport::connection> client{};
    std::optional<typename Transport::connection> server{};

    connected_pair() {
        auto listening = carrier.listen("");
        REQUIRE(listening);
        listener.emplace(std::move(*listening));
        auto dialled = carrier.connect(listener->address(), within(2s));
        REQUIRE(dialled);
        client.emplace(std::move(*dialled));
        auto accepted = listener->accept(within(2s));
        REQUIRE(accepted);
        server.emplace(std::move(*accepted));
    }
};

template <class Transport>
void frames_arrive_in_order() {
    connected_pair<Transport> pair;
    std::thread sender([&] {
        for (unsigned i = 0; i < 2000; ++i) {
            const auto payload = pattern(i % 97, i);
            CHECK(send_bytes(*pair.client, static_cast<std::uint16_t>(i), payload, within(5s)));
        }
    });
    for (unsigned i = 0; i < 2000; ++i) {
        const auto got = pair.server->receive(within(5s));
        REQUIRE(got);
        REQUIRE(got->kind == i);
        REQUIRE(same(got->payload.bytes(), pattern(i % 97, i)));
    }
    sender.join();
}

template <class Transport>
void both_directions_at_once() {
    connected_pair<Transport> pair;
    const auto pump = [](auto& connection, unsigned seed) {
        std::thread sender([&connection, seed] {
            for (unsigned i = 0; i < 20; ++i)
                CHECK(send_bytes(connection, 1, pattern(700'000, seed + i), within(10s)));
        });
        for (unsigned i = 0; i < 20; ++i) {
            const auto got = connection.receive(within(10s));
            CHECK(got);
            if (got) CHECK(same(got->payload.bytes(), pattern(700'000, 1 - seed + i)));
        }
        sender.join();
    };
    std::thread other([&] { pump(*pair.server, 1); });
    pump(*pair.client, 0);
    other.join();
}

template <class Transport>
void gathers_buffers_empty_and_large() {
    connected_pair<Transport> pair;
    const auto large = pattern(50'000'000, 7);
    std::vector<std::span<const std::byte>> pieces(200);  // more than one system call takes, some of them empty
    for (std::size_t i = 0; i < pieces.size(); ++i)
        if (i % 2 == 0) pieces[i] = std::span(large).subspan(i / 2 * 500'000, 500'000);
    std::thread sender([&] {
        CHECK(pair.client->send(1, {}, within(5s)));
        CHECK(pair.client->send(2, pieces, within(20s)));
        CHECK(send_bytes(*pair.client, 3, {}, within(5s)));
    });
    const auto nothing = pair.server->receive(within(5s));
    const auto all = pair.server->receive(within(20s));
    const auto again = pair.server->receive(within(5s));
    sender.join();
    REQUIRE((nothing && all && again));
    CHECK((nothing->kind == 1 && nothing->payload.empty()));
    CHECK((all->kind == 2 && same(all->payload.bytes(), large)));
    CHECK((again->kind == 3 && again->payload.empty()));
}

template <class Transport>
void payload_memory_is_aligned_and_used_again() {
    connected_pair<Transport> pair;
    const auto payload = pattern(300'000, 3);
    std::vector<const std::byte*> places;
    for (int i = 0; i < 8; ++i) {
        REQUIRE(send_bytes(*pair.client, 1, payload, within(5s)));
        const auto got = pair.server->receive(within(5s));
        REQUIRE(got);
        CHECK(same(got->payload.bytes(), payload));
        CHECK(reinterpret_cast<std::uintptr_t>(got->payload.bytes().data()) % tensor::alignment == 0);
        places.push_back(got->payload.bytes().data());
    }
    CHECK(places[7] == places[6]);
    // a payload that is still held is not overwritten
    REQUIRE(send_bytes(*pair.client, 1, payload, within(5s)));
    const auto held = pair.server->receive(within(5s));
    REQUIRE(send_bytes(*pair.client, 1, pattern(300'000, 4), within(5s)));
    const auto next = pair.server->receive(within(5s));
    REQUIRE((held && next));
    CHECK(same(held->payload.bytes(), payload));
    CHECK(same(next->payload.bytes(), pattern(300'000, 4)));
}

template <class Transport>
void backpressure_is_bounded() {
    connected_pair<Transport> pair;
    const auto payload = pattern(1'000'000, 1);
    std::size_t taken = 0;
    result<void> sent{};
    const double spent = seconds_of([&] {
        while (sent && taken < 100) {
            sent = send_bytes(*pair.client, 1, payload, within(150ms));
            if (sent) ++taken;
        }
    });
    REQUIRE(!sent);
    CHECK(sent.error().code == errc::timeout);
    CHECK(taken < 40);
    CHECK(spent < 5);
    CHECK(pair.client->send(1, {}, within(1s)).error().code == errc::peer_lost);  // unusable after an error
    std::size_t arrived = 0;
    result<frame> got = pair.server->receive(within(2s));
    for (; got; got = pair.server->receive(within(2s))) ++arrived;
    CHECK(got.error().code == errc::peer_lost);
    CHECK(arrived == taken);  // whole frames only
}

template <class Transport>
void every_wait_has_a_deadline() {
    connected_pair<Transport> pair;
    result<frame> got = fail(errc::cancelled, {}, {});
    const double waited = seconds_of([&] { got = pair.server->receive(within(100ms)); });
    CHECK(got.error().code == errc::timeout);
    CHECK((waited > 0.09 && waited < 2));
    CHECK(pair.server->receive(deadline{}).error().code == errc::timeout);
    CHECK(pair.listener->accept(within(50ms)).error().code == errc::timeout);
    // nothing was lost
    REQUIRE(send_bytes(*pair.client, 9, pattern(10, 1), within(1s)));
    got = pair.server->receive(within(1s));
    REQUIRE(got);
    CHECK(got->kind == 9);
}

template <class Transport>
void a_lost_peer_is_noticed() {
    connected_pair<Transport> pair;
    REQUIRE(send_bytes(*pair.client, 5, pattern(10, 1), within(1s)));
    pair.client.reset();
    const auto last = pair.server->receive(within(2s));
    REQUIRE(last);  // what it sent before still arrives
    CHECK(last->kind == 5);
    const auto gone = pair.server->receive(within(2s));
    CHECK(gone.error().code == errc::peer_lost);
    CHECK(!gone.error().offender.empty());
    result<void> sent{};
    for (int i = 0; i < 100 && sent; ++i) sent = send_bytes(*pair.server, 1, pattern(100'000, 1), within(1s));
    REQUIRE(!sent);
    CHECK(sent.error().code == errc::peer_lost);
}

template <class Transport>
void close_wakes_both_sides() {
    connected_pair<Transport> pair;
    std::array<std::optional<errc>, 2> why{};
    const auto wait = [](auto& connection, std::optional<errc>& into) {
        const auto got = connection.receive(within(20s));
        if (!got) into = got.error().code;
    };
    std::thread near([&] { wait(*pair.client, why[0]); });
    std::thread far([&] { wait(*pair.server, why[1]); });
    std::this_thread::sleep_for(30ms);
    const double spent = seconds_of([&] {
        pair.client->close();
        pair.client->close();
        near.join();
        far.join();
    });
    CHECK(why[0] == errc::peer_lost);
    CHECK(why[1] == errc::peer_lost);
    CHECK(spent < 5);
    CHECK(pair.client->send(1, {}, within(1s)).error().code == errc::peer_lost);
}

template <class Transport>
void close_wakes_a_blocked_sender() {
    connected_pair<Transport> pair;
    std::atomic<bool> closing = false;
    std::optional<errc> why;
    std::thread sender([&] {
        const auto payload = pattern(1'000'000, 1);
        result<void> sent{};
        while (sent) sent = send_bytes(*pair.client, 1, payload, within(20s));
        why = sent.error().code;
        CHECK(closing);
    });
    std::this_thread::sleep_for(100ms);
    closing = true;
    const double spent = seconds_of([&] {
        pair.client->close();
        sender.join();
    });
    CHECK(why == errc::peer_lost);
    CHECK(spent < 5);
}

template <class Transport>
void listeners_close_and_addresses_are_exclusive() {
    Transport carrier;
    auto first = carrier.listen("");
    REQUIRE(first);
    const std::string address = first->address();
    CHECK(carrier.listen(address).error().code == errc::io_error);
    std::optional<errc> why;
    std::thread acceptor([&] {
        const auto got = first->accept(within(20s));
        if (!got) why = got.error().code;
    });
    std::this_thread::sleep_for(30ms);
    const double spent = seconds_of([&] {
        first->close();
        acceptor.join();
    });
    CHECK(why == errc::cancelled);
    CHECK(spent < 5);
    CHECK(carrier.connect(address, within(1s)).error().code == errc::peer_lost);
    CHECK(carrier.listen(address));  // and the address is free again
}

template <class Transport>
void frames_over_the_limit_are_refused() {
    connected_pair<Transport> pair;
    pair.server->set_frame_limit(1000);
    REQUIRE(send_bytes(*pair.client, 1, pattern(1000, 1), within(1s)));
    REQUIRE(send_bytes(*pair.client, 1, pattern(1001, 1), within(1s)));
    CHECK(pair.server->receive(within(2s)));
    CHECK(pair.server->receive(within(2s)).error().code == errc::protocol_error);
    CHECK(pair.server->receive(within(2s)).error().code == errc::peer_lost);
    CHECK(pair.client->receive(within(2s)).error().code == errc::peer_lost);
}

/// One test case per property.
template <class Transport>
void conforms() {
    SUBCASE("frames arrive in order") { frames_arrive_in_order<Transport>(); }
    SUBCASE("both directions at once") { both_directions_at_once<Transport>(); }
    SUBCASE("gathers buffers, empty and large") { gathers_buffers_empty_and_large<Transport>(); }
    SUBCASE("payload memory is aligned and used again") {
        payload_memory_is_aligned_and_used_again<Transport>();
    }
    SUBCASE("backpressure is bounded") { backpressure_is_bounded<Transport>(); }
    SUBCASE("every wait has a deadline") { every_wait_has_a_deadline<Transport>(); }
    SUBCASE("a lost peer is noticed") { a_lost_peer_is_noticed<Transport>(); }
    SUBCASE("close wakes both sides") { close_wakes_both_sides<Transport>(); }
    SUBCASE("close wakes a blocked sender") { close_wakes_a_blocked_sender<Transport>(); }
    SUBCASE("listeners close, addresses are exclusive") {
        listeners_close_and_addresses_are_exclusive<Transport>();
    }
    SUBCASE("frames over the limit are refused") { frames_over_the_limit_are_refused<Transport>(); }
}

}  // namespace dispart::test
