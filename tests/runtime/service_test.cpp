#include "dispart/run/service.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "runtime/fault_world.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

/// A service in a virtual world, and what it said.
struct scene {
    explicit scene(std::size_t workers, service_options with = {})
        : on(7, workers)
        , options(std::move(with)) {}

    /// Plays a scene once all workers have begun. \return whether nothing waited for ever
    template <class Play>
    bool play(Play script) {
        return on.world.run([&] {
            for (std::size_t i = 0; i < on.hosts.size(); ++i) on.start(i);
            {
                service<fault_transport> serving(
                    on.network.at("c"), on.hosts, [&](const roster_view& who) { return on.plan(who); },
                    [&](outcome o) {
                        answered_at[o.request] = test::virtual_seconds();
                        book.add(std::move(o));
                    },
                    options);
                script(serving);
            }
            for (std::size_t i = 0; i < on.hosts.size(); ++i) on.kill(i, false);
        });
    }

    /// A request every `gap` seconds.
    void stream(service<fault_transport>& to, request_id first, std::size_t count, double gap,
                double within = 60.0) {
        for (request_id r = first; r < first + count; ++r) {
            if (to.submit(r, test::fault_world::inputs_of(r), seconds(within))) ++taken;
            sleep_until(deadline_in(seconds(gap)));
        }
    }
    /// Longest time without an answer after this moment.
    [[nodiscard]] double silence_after(double moment) const {
        double last = moment, longest = 0.0;
        std::vector<double> times;
        for (const auto& [id, at] : answered_at) times.push_back(at);
        std::sort(times.begin(), times.end());
        for (const double at : times)
            if (at > moment) longest = std::max(longest, at - last), last = at;
        return longest;
    }
    void all_answered() const {
        CHECK(book.all.size() == taken);
        CHECK(book.count(outcome_kind::answered) == taken);
        CHECK(book.twice == 0);
        CHECK(book.wrong == 0);
    }

    test::fault_world on;
    service_options options;
    test::outcome_book book{};
    std::map<request_id, double> answered_at{};
    std::size_t taken = 0;
};

void rest(double s) { sleep_until(deadline_in(seconds(s))); }

}  // namespace

TEST_CASE("service: a stream is answered, in one deployment; telemetry names stages and edges") {
    scene it(3);
    std::size_t computed = 0, moved = 0;
    it.options.on_telemetry = [&](const service_telemetry& told) {
        for (const event& each : told.events.events) {
            computed += each.what == activity::compute ? 1 : 0;
            moved += each.what == activity::transfer ? 1 : 0;
        }
    };
    service_status now;
    CHECK(it.play([&](auto& serving) {
        it.stream(serving, 0, 50, 0.02);
        CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
        rest(0.5);
        now = serving.status();
    }));
    it.all_answered();
    CHECK(now.epoch == 1);
    CHECK(now.answered == 50);
    CHECK(computed == 150);
    CHECK(moved >= 150);
}

TEST_CASE("service: a worker that is killed, loses power, freezes or is cut off: service resumes within 3 s "
          "of its detection") {
    for (const int how : {0, 1, 2, 3, 4}) {
        CAPTURE(how);
        scene it(3);
        double at = 0.0;
        std::vector<std::string> lines;
        it.options.log = [&](const std::string& line) {
            if (!line.starts_with("serving"))
                lines.push_back(std::to_string(test::virtual_seconds() - at) + " " + line);
        };
        service_status now;
        CHECK(it.play([&](auto& serving) {
            it.stream(serving, 0, 20, 0.02);
            at = test::virtual_seconds();
            if (how <= 1) it.on.kill(1, how == 1);
            if (how == 2) it.on.world.freeze(2);
            if (how == 3) it.on.network.cut("c", "w1");
            if (how == 4) it.on.network.cut("w0", "w1");
            it.stream(serving, 20, 200, 0.02);
            CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
            now = serving.status();
        }));
        it.all_answered();
        CHECK(now.failures >= 1);
        CHECK(it.silence_after(at) < 4.0);
        REQUIRE(!lines.empty());
        CHECK(std::stod(lines.front()) < 2.0);  // detection
        INFO(lines.front());
        if (how == 4) CHECK(lines.front().find("edge") != std::string::npos);
        else CHECK(lines.front().find("w1") != std::string::npos);
    }
}

TEST_CASE("service: a worker that returns is used again, and stages that workers have kept do not move") {
    scene it(2);
    std::size_t after_first = 0, before_third = 0, after_third = 0;
    service_status now;
    CHECK(it.play([&](auto& serving) {
        it.stream(serving, 0, 10, 0.02);
        after_first = it.on.network.sent("c", "w0");
        it.on.world.freeze(2);
        it.stream(serving, 10, 200, 0.02);
        CHECK(serving.status().members[1].second == member_state::lost);
        before_third = it.on.network.sent("c", "w0");
        it.on.world.thaw(2);
        it.stream(serving, 210, 200, 0.02);
        CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
        now = serving.status();
        after_third = it.on.network.sent("c", "w0");
    }));
    it.all_answered();
    CHECK(now.epoch == 3);
    CHECK(now.members[1].second == member_state::present);
    // a stage is 1,000 bytes and more; 200 requests of some 100 bytes, pings and orders are the rest
    CHECK(after_first > 1000);
    CHECK(before_third - after_first > 1000);  // the whole model was new to it
    CHECK(it.on.plans == 3);
}

TEST_CASE("service: workers join and leave while requests flow") {
    scene it(3);
    service_status before, now;
    CHECK(it.play([&](auto& serving) {
        CHECK(!serving.drain("nobody"));
        CHECK(serving.drain("w2"));
        it.stream(serving, 0, 100, 0.02);
        before = serving.status();
        serving.join(it.on.hosts[2]);
        it.stream(serving, 100, 100, 0.02);
        CHECK(serving.drain("w0"));
        it.stream(serving, 200, 100, 0.02);
        now = serving.status();
        CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
    }));
    it.all_answered();
    CHECK(before.stages.size() == 2);
    CHECK(now.stages.size() == 2);
    CHECK(now.stages.front().first == "w1");
    CHECK(now.failures == 0);
}

TEST_CASE("service: what nobody can serve is answered by the labelled fallback, or refused at its deadline") {
    scene it(1);
    SUBCASE("by the fallback") {
        it.options.fallback = [](request_id r,
                                 const std::vector<tensor>& inputs) -> result<std::vector<tensor>> {
            if (r == 25) throw std::runtime_error("no");
            tensor made(dtype::f32, inputs[0].dims());
            for (std::size_t i = 0; i < 4; ++i) made.data<float>()[i] = inputs[0].data<float>()[i] * 64;
            return std::vector<tensor>{made};
        };
        CHECK(it.play([&](auto& serving) {
            it.stream(serving, 0, 20, 0.02);
            it.on.kill(0, false);
            it.stream(serving, 20, 20, 0.02);
            it.on.start(0);
            rest(3.0);
            it.stream(serving, 40, 20, 0.02);
            CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
        }));
        CHECK(it.book.all.size() == 60);
        CHECK(it.book.twice + it.book.wrong == 0);
        CHECK(it.book.count(outcome_kind::fallback) >= 15);
        CHECK(it.book.all.at(30).reason.code == errc::infeasible);
        CHECK(it.book.all.at(25).how == outcome_kind::refused);
        CHECK(it.book.all.at(25).reason.code == errc::callback_failed);
        CHECK(it.book.all.at(59).how == outcome_kind::answered);
    }
    SUBCASE("refused") {
        CHECK(it.play([&](auto& serving) {
            it.on.kill(0, true);
            it.stream(serving, 0, 10, 0.02, 2.0);
            CHECK(serving.wait_until_idle(deadline_in(seconds(5.0))));
            // ids are taken once, an absent tensor never
            CHECK(serving.submit(3, test::fault_world::inputs_of(3)).error().code == errc::refused);
            CHECK(serving.submit(77, {tensor{}}).error().code == errc::invalid_argument);
        }));
        CHECK(it.book.all.size() == 10);
        for (const auto& [id, each] : it.book.all) {
            CHECK(each.how == outcome_kind::refused);
            CHECK(each.reason.code == errc::timeout);
            CHECK(each.took.value < 2.1);
        }
    }
    SUBCASE("the end of the service") {
        CHECK(it.play([&](auto& serving) {
            it.on.kill(0, true);
            it.stream(serving, 0, 10, 0.0);
        }));
        CHECK(it.book.count(outcome_kind::refused) == 10);
        CHECK(it.book.all.at(0).reason.code == errc::cancelled);
    }
}

TEST_CASE("service: a request that breaks every worker is refused, and harms no other") {
    scene it(2);
    CHECK(it.play([&](auto& serving) {
        for (request_id r = 0; r < 30; ++r) {
            auto inputs = test::fault_world::inputs_of(r);
            if (r == 11) inputs = {tensor::of<float>({4}, {-1, 0, 0, 0})};
            if (r == 13) inputs.push_back(inputs[0]);
            CHECK(serving.submit(r, std::move(inputs)));
        }
        CHECK(serving.wait_until_idle(deadline_in(seconds(20.0))));
        CHECK(serving.status().members[0].second == member_state::present);
        CHECK(serving.status().members[1].second == member_state::present);
    }));
    CHECK(it.book.count(outcome_kind::answered) == 28);
    CHECK(it.book.all.at(11).reason.code == errc::shape_mismatch);
    CHECK(it.book.all.at(13).reason.code == errc::invalid_argument);
    CHECK(it.book.wrong + it.book.twice == 0);
}

TEST_CASE("service: a link that is there 30 % of the time, and a host that loses power: each request has one "
          "outcome") {
    scene it(2);
    it.options.fallback = [](request_id, const std::vector<tensor>& inputs) -> result<std::vector<tensor>> {
        tensor made(dtype::f32, inputs[0].dims());
        for (std::size_t i = 0; i < 4; ++i) made.data<float>()[i] = inputs[0].data<float>()[i] * 64;
        return std::vector<tensor>{made};
    };
    CHECK(it.play([&](auto& serving) {
        bool over = false;
        thread weather([&] {  // a two-state Markov chain, every 0.2 s: up -> down 0.7, down -> up 0.3
            random_source draw(5);
            for (bool up = true; !over; rest(0.2)) {
                up = draw.chance(0.3);
                for (const char* host : {"w0", "w1"}) {
                    if (up) it.on.network.heal("c", host);
                    else it.on.network.cut("c", host);
                }
            }
        });
        it.stream(serving, 0, 100, 0.1, 8.0);
        it.on.kill(0, true);
        it.stream(serving, 100, 100, 0.1, 8.0);
        CHECK(serving.wait_until_idle(deadline_in(seconds(10.0))));
        over = true;
        weather.join();
    }));
    CHECK(it.book.all.size() == 200);
    CHECK(it.book.twice + it.book.wrong == 0);
    for (const auto& [id, each] : it.book.all) CHECK(each.took.value < 8.1);
    CHECK(it.book.count(outcome_kind::answered) + it.book.count(outcome_kind::fallback) > 150);
}

TEST_CASE("service: 10,000 seeded runs of random faults: every request is answered once, and rightly") {
#if defined(__SANITIZE_THREAD__)
    constexpr std::uint64_t runs = 0;  // it does not know coroutines
#elif defined(__SANITIZE_ADDRESS__)
    constexpr std::uint64_t runs = 500;
#else
    constexpr std::uint64_t runs = 10'000;
#endif
    std::size_t requests = 0, failures = 0;
    std::uint64_t seed = 0;
    double slowest = 0.0;
    const auto began = std::chrono::steady_clock::now();
    for (; seed < runs; ++seed) {
        // they take 15 s of an idle processor; a busy machine plays 1,000 of them, and what more a minute allows
        if (seed >= 1'000 && std::chrono::steady_clock::now() - began > std::chrono::minutes(1)) break;
        const auto run = test::play_random_faults(seed);
        CAPTURE(seed);
        REQUIRE(run.ended);
        REQUIRE(run.book.twice + run.book.wrong == 0);
        REQUIRE(run.book.count(outcome_kind::answered) == run.requests);
        requests += run.requests;
        failures += run.status.failures;
        slowest = std::max(slowest, run.slowest);
    }
    CHECK(slowest < 15.0);  // the faults themselves last up to 4 s, and up to 4 follow one another
    MESSAGE(seed << " runs, " << requests << " requests, " << failures
                 << " failed deployments, slowest answer " << slowest << " s");
}

TEST_CASE(
    "service: a coordinator that is started again goes on where its journal ends; a torn record is dropped") {
    const test::temporary_folder folder;
    const std::string path = (folder / "journal").string();
    std::size_t first_answers = 0;
    {
        auto journal = request_journal::open(path);
        REQUIRE(journal);
        CHECK(request_journal::open(path).error().code == errc::timeout);  // who stands by waits
        for (request_id r = 0; r < 10; ++r) CHECK((*journal)->taken(r, test::fault_world::inputs_of(r)));
        for (request_id r = 0; r < 4; ++r, ++first_answers) CHECK((*journal)->ended(r));
    }
    const auto whole = std::filesystem::file_size(path);
    for (const std::uintmax_t cut : {whole - 1, whole - 33, whole - 170}) {
        CAPTURE(cut);
        std::filesystem::resize_file(path, cut);
        auto journal = request_journal::open(path);
        REQUIRE(journal);
        CHECK((*journal)->has_seen(0));
        CHECK(!(*journal)->has_seen(10));
    }
    scene it(2);
    {
        auto journal = request_journal::open(path);
        REQUIRE(journal);
        it.options.journal = std::move(*journal);
    }
    CHECK(it.play([&](auto& serving) {
        CHECK(serving.submit(7, test::fault_world::inputs_of(7)).error().code == errc::refused);
        it.stream(serving, 20, 5, 0.01);
        CHECK(serving.wait_until_idle(deadline_in(seconds(20.0))));
    }));
    CHECK(it.book.count(outcome_kind::answered) == it.book.all.size());
    CHECK(it.book.wrong + it.book.twice == 0);
    CHECK(it.book.all.size() >= 6 + 5);  // what the torn records said had ended is answered again
    CHECK(it.book.all.size() <= 10 + 5);
    for (request_id r = 4; r < 9; ++r) CHECK(it.book.all.contains(r));
    it.options.journal = nullptr;
    auto after = request_journal::open(path);
    REQUIRE(after);
    CHECK((*after)->take_open().empty());
    std::ofstream(path) << "something else that is longer than a record's head";
    after = fail(errc::cancelled, {}, {});
    CHECK(request_journal::open(path).error().code == errc::parse_error);
}

TEST_CASE(
    "service: one that stands by takes over from a coordinator that hangs, which is fenced when it goes on") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const test::temporary_folder folder;
        const std::string path = (folder / "journal").string();
        test::fault_world on(seed, 2);
        test::outcome_book first, second;
        service_status of_first, of_second;
        std::size_t refused_at_once = 0;
        bool over = false;
        const auto plan = [&](const roster_view& who) { return on.plan(who); };
        const auto coordinator = [&](const std::string& host, test::outcome_book& book, deadline until) {
            service_options options;
            options.journal = std::move(request_journal::open(path, until).value());
            return std::make_unique<service<fault_transport>>(
                on.network.at(host), on.hosts, plan, [&](outcome o) { book.add(std::move(o)); }, options);
        };
        REQUIRE(on.world.run([&] {
            for (std::size_t i = 0; i < 2; ++i) on.start(i);
            on.world.spawn_in(3, [&] {
                auto serving = coordinator("c1", first, clock_now());
                for (request_id r = 0; r < 400; ++r) {
                    if (!serving->submit(r, test::fault_world::inputs_of(r))) ++refused_at_once;
                    rest(0.01);
                }
                CHECK(serving->wait_until_idle(deadline_in(seconds(60.0))));
                of_first = serving->status();
                serving = nullptr;
                over = true;
            });
            rest(0.5 + 0.037 * static_cast<double>(seed));
            on.world.freeze(3);
            auto serving = coordinator("c2", second, no_deadline());
            rest(0.1 * static_cast<double>(seed));
            on.world.thaw(3);
            for (request_id r = 1000; r < 1100; ++r) {
                CHECK(serving->submit(r, test::fault_world::inputs_of(r)));
                rest(0.01);
            }
            CHECK(serving->wait_until_idle(deadline_in(seconds(60.0))));
            of_second = serving->status();
            serving = nullptr;
            while (!over) rest(0.1);
            for (std::size_t i = 0; i < 2; ++i) on.kill(i, false);
        }));
        REQUIRE(of_first.superseded);
        REQUIRE(!of_second.superseded);
        REQUIRE(first.wrong + first.twice + second.wrong + second.twice == 0);
        REQUIRE(second.count(outcome_kind::answered) == second.all.size());
        REQUIRE(first.count(outcome_kind::answered) > 10);
        for (request_id r = 0; r < 400; ++r) {
            const auto here = first.all.find(r), there = second.all.find(r);
            const bool answered = here != first.all.end() && here->second.how == outcome_kind::answered;
            if (here == first.all.end()) continue;             // it was never taken
            REQUIRE(answered != (there != second.all.end()));  // by one of the two
            if (!answered) REQUIRE(here->second.reason.code == errc::cancelled);
        }
        REQUIRE(first.all.size() + refused_at_once == 400);
    }
}
