// A cluster whose nodes know each other, strangers at its ports, and members that overstep.
#include "runtime/coordinator_conformance.hpp"
#include "runtime/tls/keys.hpp"

#include "dispart/run/asio/tcp_transport.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

constexpr tls_limits patient{.handshake = seconds(2.0), .half_open = 64, .half_open_per_host = 64};

/// Workers w0 and w1, each with a certificate of its own.
struct known_cluster {
    shelf models{};
    toy_cluster<tls_transport> first{models, {layer_hook{}}, node("w0", patient)};
    toy_cluster<tls_transport> second{models, {layer_hook{}}, node("w1", patient)};

    [[nodiscard]] std::vector<worker_host> hosts() const {
        return {first.hosts[0], {"w1", second.hosts[0].address}};
    }

    [[nodiscard]] deployment plan() {
        auto made = make_deployment(chain(2), in_stages({1, 1}), hosts(), models.encoder());
        REQUIRE(made);
        return *made;
    }

    static coordinator_options as(const std::string& name) {
        auto options = impatient();
        options.name = name;
        options.connect_within = seconds(1.5);
        return options;
    }

    result<coordinator<tls_transport>> deploy(const tls_transport& by, const std::string& name,
                                              deployment what) {
        return coordinator<tls_transport>::deploy(by, std::move(what), as(name));
    }

    void serves() {
        auto running = deploy(node("gateway", patient), "gateway", plan());
        INFO((running ? std::string() : to_string(running.error())));
        REQUIRE(running);
        CHECK(run_and_check(*running, chain(2), 10));
        CHECK(running->shut_down());
    }

    error refuses(const tls_transport& by, const std::string& name, deployment what) {
        error why{};
        const double spent = seconds_of([&] {
            const auto running = deploy(by, name, std::move(what));
            REQUIRE(!running);
            why = running.error();
        });
        CHECK(spent < 3.0);
        return why;
    }

    /// The answer to a HELLO that claims what it likes.
    errc claims(const tls_transport& by, const hello_message& hello, std::string& words) {
        auto caller = tls_transport(by).connect(first.hosts[0].address, within(1s));
        REQUIRE(caller);
        REQUIRE(send_message(*caller, hello, within(1s)));
        const auto answer = receive_message<welcome_message>(*caller, within(1s));
        words = answer ? "" : answer.error().message;
        return answer ? errc::cancelled : answer.error().code;
    }
};

}  // namespace

TEST_CASE("a cluster over TLS: only its own deploy, under their own names, for the nodes they mean") {
    known_cluster on;
    on.serves();
    {  // a worker that would command
        const auto why = on.refuses(node("w2"), "w2", on.plan());
        CHECK(why.code == errc::refused);
        CHECK(why.message.find("workers do not deploy") != std::string::npos);
    }
    {  // a coordinator under another name
        const auto why = on.refuses(node("gateway"), "w2", on.plan());
        CHECK(why.code == errc::refused);
        CHECK(why.message.find("certificate is of gateway") != std::string::npos);
    }
    {  // a plan whose nodes are elsewhere: noticed by the coordinator
        auto wrong = on.plan();
        std::swap(wrong.hosts[0].address, wrong.hosts[1].address);
        const auto why = on.refuses(node("gateway"), "gateway", wrong);
        CHECK(why.code == errc::refused);
        CHECK(why.message.find("at its address is w") != std::string::npos);
    }
    std::string words;  // and by a worker, whatever the coordinator thinks
    CHECK(on.claims(node("gateway"), {.from = "gateway", .to = "w7"}, words) == errc::refused);
    CHECK(words.find("a plan for another node") != std::string::npos);
    CHECK(on.claims(node("w2"), {.role = connection_role::data, .from = "w1", .to = "w0"}, words) ==
          errc::refused);
    CHECK(words.find("certificate is of w2") != std::string::npos);
    on.serves();
}

TEST_CASE("a cluster over TLS: strangers at every port while requests flow") {
    known_cluster on;
    auto running = on.deploy(node("gateway", patient), "gateway", on.plan());
    REQUIRE(running);
    tcp_transport plain;
    std::vector<tcp_connection> idle;
    for (const auto& host : on.hosts()) {
        const std::string port = host.address.substr(host.address.find('@') + 1);
        for (int i = 0; i < 200; ++i) {
            auto caller = plain.connect(port, within(1s));
            if (!caller) continue;
            if (i % 4 == 0) static_cast<void>(send_message(*caller, hello_message{}, within(1s)));
            idle.push_back(std::move(*caller));
        }
        const auto foreign = tls_transport::make({.folder = keys() / "foreign" / "gateway"});
        CHECK(tls_transport(*foreign).connect(host.address, within(2s)).error().code == errc::refused);
    }
    CHECK(idle.size() > 300);
    CHECK(run_and_check(*running, chain(2), 50));
    CHECK(running->shut_down());
    on.serves();
}

TEST_CASE("a cluster with a pre-shared key") {
    shelf models;
    toy_cluster<tls_transport> on(models, {layer_hook{}, layer_hook{}}, with_key("psk"));
    still_serves(on, models, 2);
    toy_cluster<tls_transport> other(models, {layer_hook{}}, with_key("other.psk"));
    on.hosts[1].address = other.hosts[0].address;
    auto options = impatient();
    const auto refused = deployed(on, models, chain(2), in_stages({1, 1}), options);
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::refused);
    CHECK(refused.error().offender == "w1");
}
