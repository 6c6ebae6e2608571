// Real processes that die, freeze or were never ours.
#include "dispart/run/asio/tcp_transport.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <string>

#include "runtime/coordinator_conformance.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

/// A process that ends with this object. Made before any thread is.
class child {
  public:
    template <class Body>
    explicit child(Body body) {
        REQUIRE(::pipe(pipe_.data()) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        body([this](const std::string& word) {
            static_cast<void>(!::write(pipe_[1], (word + "\n").data(), word.size() + 1));
        });
        ::_exit(0);
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }

    void signal(int number) const { ::kill(pid_, number); }

    /// The next line that it said.
    [[nodiscard]] std::string hear() const {
        std::string word;
        for (char c = 0; ::read(pipe_[0], &c, 1) == 1 && c != '\n';) word += c;
        return word;
    }

  private:
    std::array<int, 2> pipe_{};
    pid_t pid_ = -1;
};

template <class Say>
void serve_toys(const Say& say, const shelf& models, const layer_hook& hook = {}) {
    tcp_transport carrier;
    auto listener = carrier.listen("");
    say(listener->address());
    worker<tcp_transport, toy_backend> serving(carrier, toy_backend{hook}, {.decode = models.decoder()});
    serving.serve(std::move(*listener));
}

/// The child's models are those that were there when it was made; so the plan comes first, addresses are filled in.
struct doomed_cluster {
    explicit doomed_cluster(const model& m, const layer_hook& hook = {})
        : plan(*make_deployment(m, in_stages({1, 1, 1}), {{"w0", ""}, {"doomed", ""}, {"w1", ""}},
                                models.encoder()))
        , spare(*make_deployment(chain(2), in_stages({1, 1}), {{"w0", ""}, {"w1", ""}}, models.encoder()))
        , doomed([&](const auto& say) { serve_toys(say, models, hook); })
        , rest(models, 2) {
        plan.hosts[0] = rest.hosts[0];
        plan.hosts[1].address = doomed.hear();
        plan.hosts[2] = rest.hosts[1];
        spare.hosts = rest.hosts;
    }

    /// The others are free, and serve on.
    void others_serve() {
        auto running = coordinator<tcp_transport>::deploy(rest.carrier, spare, impatient());
        INFO((running ? std::string() : to_string(running.error())));
        REQUIRE(running);
        CHECK(run_and_check(*running, chain(2), 3));
        CHECK(running->shut_down());
    }

    shelf models{};
    deployment plan;
    deployment spare;
    child doomed;
    toy_cluster<tcp_transport> rest;
};

struct outcome {
    error why{};
    double noticed_after = 0;
    std::size_t results = 0;
};

/// Streams without end; sends the signal after some results, and returns how it ended.
outcome interrupted(doomed_cluster& on, const model& m, int signal) {
    outcome seen;
    auto running = coordinator<tcp_transport>::deploy(on.rest.carrier, on.plan, impatient());
    REQUIRE(running);
    std::chrono::steady_clock::time_point hit;
    const auto inputs = inputs_of(m, 0);
    const auto ended = running->run(
        100'000, [&](request_id) { return inputs; },
        [&](request_id r, const std::vector<tensor>& outputs) {
            ++seen.results;
            if (r == 0) CHECK(equal(outputs, expected(m, 0)));
            if (r != 10) return;
            hit = std::chrono::steady_clock::now();
            on.doomed.signal(signal);
        });
    seen.noticed_after = std::chrono::duration<double>(std::chrono::steady_clock::now() - hit).count();
    REQUIRE(!ended);
    seen.why = ended.error();
    return seen;
}

class http_stranger {
  public:
    explicit http_stranger(const std::string& address) : socket_(context_) {
        socket_.connect(*resolve(address, false));
    }
    void ask() {
        boost::asio::write(socket_, boost::asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    }
    /// Waits until the other side hangs up.
    bool is_dropped() {
        std::array<char, 64> any{};
        boost::system::error_code status;
        while (!status) socket_.read_some(boost::asio::buffer(any), status);
        return status.failed();
    }

  private:
    boost::asio::io_context context_{};
    boost::asio::ip::tcp::socket socket_;
};

}  // namespace

TEST_CASE("a worker that is killed while it transfers") {
    const model m = chain(3, {1'000'000});
    doomed_cluster on(m);
    const auto seen = interrupted(on, m, SIGKILL);
    CHECK(seen.why.code == errc::peer_lost);
    CHECK(seen.why.offender == "doomed");
    CHECK(seen.noticed_after < 2.0);
    CHECK(seen.results >= 10);
    on.others_serve();
}

TEST_CASE("a worker that is killed while it computes") {
    const model m = chain(3);
    doomed_cluster on(m, slow(20ms));
    const auto seen = interrupted(on, m, SIGKILL);
    CHECK(seen.why.code == errc::peer_lost);
    CHECK(seen.why.offender == "doomed");
    CHECK(seen.noticed_after < 2.0);
    on.others_serve();
}

TEST_CASE("a worker that freezes") {
    const model m = chain(3, {1'000'000});
    doomed_cluster on(m);
    const auto seen = interrupted(on, m, SIGSTOP);
    CHECK(seen.why.code == errc::timeout);
    CHECK(seen.why.offender == "doomed");
    CHECK(seen.noticed_after < 3.5);
    on.others_serve();
}

TEST_CASE("a worker that computes for ever is named by the request's deadline") {
    const model m = chain(3);
    doomed_cluster on(m, [](const layer&) -> result<void> {
        for (;;) std::this_thread::sleep_for(1s);
    });
    auto options = impatient();
    options.request_within = seconds(0.7);
    auto running = coordinator<tcp_transport>::deploy(on.rest.carrier, on.plan, options);
    REQUIRE(running);
    const auto ended = running->run(
        5, [&](request_id r) { return inputs_of(m, r); }, [](request_id, const auto&) {});
    REQUIRE(!ended);
    CHECK(ended.error().code == errc::timeout);
    CHECK(ended.error().offender == "doomed");
    on.others_serve();
}

TEST_CASE("a coordinator that is killed or freezes leaves its workers free") {
    for (const int number : {SIGKILL, SIGSTOP}) {
        CAPTURE(number);
        shelf models;
        const model m = chain(2);
        auto plan = *make_deployment(m, in_stages({1, 1}), {{"w0", ""}, {"w1", ""}}, models.encoder());
        std::array<int, 2> addresses{};
        REQUIRE(::pipe(addresses.data()) == 0);
        const child commander([&](const auto& say) {
            for (auto& each : plan.hosts)
                for (char c = 0; ::read(addresses[0], &c, 1) == 1 && c != '\n';) each.address += c;
            tcp_transport carrier;
            auto running = coordinator<tcp_transport>::deploy(carrier, plan, impatient());
            static_cast<void>(running->run(
                1'000'000, [&](request_id r) { return inputs_of(m, r); },
                [&](request_id r, const auto&) {
                    if (r == 20) say("going");
                }));
        });
        toy_cluster<tcp_transport> on(models, 2);
        for (std::size_t i = 0; i < 2; ++i) {
            plan.hosts[i].address = on.hosts[i].address;
            const std::string line = plan.hosts[i].address + "\n";
            REQUIRE(::write(addresses[1], line.data(), line.size()) == static_cast<ssize_t>(line.size()));
        }
        REQUIRE(commander.hear() == "going");
        commander.signal(number);
        const double spent = seconds_of([&] {
            auto options = impatient();
            options.connect_within = seconds(5.0);
            auto running = coordinator<tcp_transport>::deploy(on.carrier, plan, options);
            INFO((running ? std::string() : to_string(running.error())));
            REQUIRE(running);
            CHECK(run_and_check(*running, m, 3));
            CHECK(running->shut_down());
        });
        CHECK(spent < 4.0);
        ::close(addresses[0]);
        ::close(addresses[1]);
    }
}

TEST_CASE("strangers that speak HTTP, or nothing, at every port, while requests flow") {
    shelf models;
    toy_cluster<tcp_transport> on(models, 2);
    const model m = chain(2);
    auto options = impatient();
    {
        auto unused = on.carrier.listen("");
        options.listen = unused->address();
    }
    auto running = deployed(on, models, m, in_stages({1, 1}), options);
    REQUIRE(running);
    std::vector<std::unique_ptr<http_stranger>> strangers;
    for (const std::string& address : {on.hosts[0].address, on.hosts[1].address, options.listen}) {
        strangers.push_back(std::make_unique<http_stranger>(address));
        for (int i = 0; i < 20; ++i)
            strangers.push_back(std::make_unique<http_stranger>(address));  // these say nothing
    }
    for (const std::size_t i : {0U, 21U, 42U}) strangers[i]->ask();
    CHECK(run_and_check(*running, m, 50));
    for (const std::size_t i : {0U, 21U, 42U}) CHECK(strangers[i]->is_dropped());
    CHECK(strangers[1]->is_dropped());  // after the time for the handshake
    CHECK(run_and_check(*running, m, 50));
    CHECK(running->shut_down());
    still_serves(on, models, 2);
}

TEST_CASE("a thousand idle connections, and a deployment beside them") {
    shelf models;
    toy_cluster<tcp_transport> on(models, 2);
    std::vector<std::unique_ptr<http_stranger>> idle;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < 500; ++i)
        for (const auto& host : on.hosts) idle.push_back(std::make_unique<http_stranger>(host.address));
    const double spent = seconds_of([&] { still_serves(on, models, 2); });
    CHECK(spent < 3.0);
    CHECK(idle.front()->is_dropped());
}

TEST_CASE("an HTTP server where a worker should be") {
    shelf models;
    toy_cluster<tcp_transport> on(models, 1);
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor server(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    on.hosts.push_back({"web", to_string(server.local_endpoint())});
    const std::jthread serving([&] {
        auto caller = server.accept();
        boost::asio::write(caller, boost::asio::buffer(std::string("HTTP/1.1 400 Bad Request\r\n\r\n")));
        std::this_thread::sleep_for(100ms);
    });
    const auto refused = deployed(on, models, chain(2), in_stages({1, 1}));
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::protocol_error);
    CHECK(refused.error().offender == "web");
    on.hosts.pop_back();
    still_serves(on, models, 1);
}
