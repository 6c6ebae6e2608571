#include "dispart/run/messages.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace dispart;

namespace {

using payload = std::vector<std::byte>;

hello_message some_hello() {
    return {1, 3, connection_role::data, 77, 2, 5, "gateway", "worker", 7, {"codec:raw", "codec:f16"}};
}

deploy_message some_deploy() {
    deploy_message m{.model_bytes = 1'000'000,
                     .shards = {{400'000, {1, 2}}, {600'000, {3, 4}}},
                     .connect_within = 5,
                     .request_within = 6,
                     .patience = 7};
    m.incoming = {{0, "gateway", {0, 2}, 2, 4096}, {3, "b", {1}, 1, 1}};
    m.outgoing = {{4, "c", "127.0.0.1:4000", {0}, "raw", 2}};
    return m;
}

stats_message some_stats() {
    return {3, 1, {{span_kind::compute, 2, 0, 0, 100, 200, 70, 900}, {span_kind::sent, 2, 4, 1024, -5, 9}}};
}

/// Every way to cut the payload short, every single-bit error, and one byte too many: an error or a message, which then
/// encodes to the same bytes again; never anything else.
template <class Message>
void survives_damage(const payload& good) {
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK(decode<Message>(std::span(good).first(size)).error().code == errc::protocol_error);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        payload bad = good;
        bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto got = decode<Message>(bad);
        if (got) CHECK(encode(*got) == bad);
    }
    payload longer = good;
    longer.push_back(std::byte{0});
    CHECK(decode<Message>(longer).error().code == errc::protocol_error);
}

template <class Message>
void round_trips(const Message& message) {
    const payload encoded = encode(message);
    const auto decoded = decode<Message>(encoded);
    REQUIRE(decoded);
    CHECK(encode(*decoded) == encoded);
    survives_damage<Message>(encoded);
}

}  // namespace

TEST_CASE("messages: there and back, and damaged at every byte") {
    round_trips(some_hello());
    round_trips(welcome_message{2, "worker", {"codec:raw"}, 3});
    round_trips(some_deploy());
    round_trips(ready_message{123});
    round_trips(ping_message{1, -2});
    round_trips(pong_message{1, -2, 3});
    round_trips(some_stats());
    round_trips(share_message{200'000, 10'000'000});
    round_trips(failure_message{errc::timeout, "device", "is late", "wait"});
    round_trips(start_message{});
}

TEST_CASE("messages: what was said arrives") {
    const auto hello = decode<hello_message>(encode(some_hello()));
    REQUIRE(hello);
    CHECK(hello->role == connection_role::data);
    CHECK(hello->deployment == 77);
    CHECK(hello->epoch == 2);
    CHECK(hello->to == "worker");
    CHECK((has_dtype(hello->dtypes, dtype{2}) && !has_dtype(hello->dtypes, dtype{3})));
    CHECK(hello->capabilities == std::vector<std::string>{"codec:raw", "codec:f16"});
    const auto deploy = decode<deploy_message>(encode(some_deploy()));
    REQUIRE(deploy);
    CHECK(deploy->incoming[0].inputs == std::vector<std::uint32_t>{0, 2});
    CHECK(deploy->outgoing[0].address == "127.0.0.1:4000");
    CHECK(deploy->patience == 7);
    const error e{errc::infeasible, "a", "b", "c"};
    CHECK(decode<failure_message>(encode(failure_message::of(e)))->to_error() == e);
}

TEST_CASE("messages: texts that are too long are cut by the writer and refused by the reader") {
    const failure_message wordy{errc::timeout, {}, std::string(10'000, 'x'), {}};
    const auto cut = decode<failure_message>(encode(wordy));
    REQUIRE(cut);
    CHECK(cut->message == std::string(max_text, 'x'));
    payload forged{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
    const std::uint32_t size = max_text + 1;
    forged.resize(4 + 4);
    std::memcpy(forged.data() + 4, &size, 4);
    forged.resize(forged.size() + size);
    CHECK(decode<failure_message>(forged).error().message.find("text is too long") != std::string::npos);
}

TEST_CASE("messages: an oversized count is refused before anything is allocated for it") {
    payload forged = encode(stats_message{});
    const std::uint32_t count = 0xffffffffU;
    std::memcpy(forged.data() + 16, &count, 4);
    CHECK(decode<stats_message>(forged).error().message.find("count") != std::string::npos);
}

TEST_CASE("messages: enumerators beyond the last are refused") {
    payload forged = encode(some_hello());
    forged[4] = std::byte{3};
    CHECK(decode<hello_message>(forged).error().message.find("enumerator") != std::string::npos);
    forged = encode(failure_message{});
    forged[3] = std::byte{0x80};  // a negative code
    CHECK(!decode<failure_message>(forged));
}

TEST_CASE("versions: the newest that both speak, or a named error") {
    CHECK(common_version(1, 1, 1, 1) == 1);
    CHECK(common_version(1, 5, 2, 3) == 3);
    CHECK(common_version(2, 3, 1, 9) == 3);
    CHECK(common_version(4, 5, 1, 3).error().code == errc::protocol_error);
    CHECK(common_version(1, 1, 2, 3).error().code == errc::protocol_error);
    CHECK(common_version(5, 1, 1, 3).error().code == errc::protocol_error);  // a range turned round
}
