// The parts that a service is made of, one by one: virtual time, the faulty network, ledger, watchdog, cache.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/run/fault_transport.hpp"
#include "dispart/run/request_ledger.hpp"
#include "dispart/run/roster.hpp"
#include "dispart/run/stage_cache.hpp"
#include "dispart/run/virtual_world.hpp"
#include "dispart/run/watchdog.hpp"

using namespace dispart;

namespace {

void pause_for(double s) { sleep_until(deadline_in(seconds(s))); }

/// What three threads wrote down, with the virtual time in milliseconds.
std::string diary_of(std::uint64_t seed) {
    std::string diary;
    virtual_world world(seed);
    const auto began = world.now();
    CHECK(world.run([&] {
        std::vector<thread> all;
        for (const char name : {'a', 'b', 'c'})
            all.emplace_back([&diary, name, began] {
                for (int i = 0; i < 3; ++i) {
                    diary += name;
                    diary += std::to_string((clock_now() - began) / std::chrono::milliseconds(1)) + " ";
                    pause_for(1000.0);
                }
            });
        for (thread& each : all) each.join();
    }));
    return diary;
}

std::vector<tensor> some_inputs() { return {tensor::of<float>({1}, {1})}; }

}  // namespace

TEST_CASE("virtual world: hours pass at once, and a seed plays the same again") {
    CHECK(diary_of(1) == diary_of(1));
    std::set<std::string> different;
    for (std::uint64_t seed = 0; seed < 20; ++seed) different.insert(diary_of(seed));
    CHECK(different.size() > 5);
    CHECK(diary_of(3).find("a2000000") != std::string::npos);
}

TEST_CASE("virtual world: threads that wait for each other for ever are noticed; frozen ones stand still") {
    virtual_world stuck(1);
    std::mutex mutex;
    condition never;
    CHECK(!stuck.run([&] {
        std::unique_lock lock(mutex);
        never.wait(lock, [] { return false; });
    }));
    virtual_world world(1);
    int steps = 0, seen = 0;
    CHECK(world.run([&] {
        world.spawn_in(1, [&] {
            for (; steps < 5; ++steps) pause_for(1.0);
        });
        pause_for(1.5);
        world.freeze(1);
        pause_for(10.0);
        seen = steps;
        world.thaw(1);
    }));
    CHECK(seen == 1);
    CHECK(steps == 5);
}

TEST_CASE("fault network: rates, delays, cuts, deaths") {
    virtual_world world(1);
    fault_network network({.latency = seconds(0.01), .bandwidth = bytes_per_second(1e6)});
    const std::vector<std::byte> payload(100'000);
    const std::span<const std::byte> view(payload);
    const std::span<const std::span<const std::byte>> message(&view, 1);
    CHECK(world.run([&] {
        auto listener = network.at("b").listen("b");
        REQUIRE(listener);
        auto here = network.at("a").connect("b", deadline_in(seconds(1.0)));
        auto there = listener->accept(deadline_in(seconds(1.0)));
        REQUIRE((here && there));
        const auto since = [begin = clock_now()] {
            return std::chrono::duration<double>(clock_now() - begin).count();
        };
        for (int i = 0; i < 3; ++i) CHECK(here->send(5, message, deadline_in(seconds(1.0))));
        for (int i = 1; i <= 3; ++i) {
            const auto got = there->receive(deadline_in(seconds(5.0)));
            REQUIRE(got);
            CHECK(got->payload.size() == 100'000);
            CHECK(since() == doctest::Approx(0.1 * i + 0.01));
        }
        network.cut("a", "b");
        CHECK(here->send(5, message, deadline_in(seconds(1.0))));
        CHECK(there->receive(deadline_in(seconds(3.0))).error().code == errc::timeout);
        CHECK(network.at("a").connect("b", deadline_in(seconds(1.0))).error().code == errc::timeout);
        network.heal("a", "b");
        CHECK(there->receive(deadline_in(seconds(0.5))));
        CHECK(here->send(5, message, deadline_in(seconds(1.0))));
        network.kill("a");
        CHECK(there->receive(deadline_in(seconds(3.0))).error().code == errc::peer_lost);
        CHECK(here->send(5, message, deadline_in(seconds(1.0))).error().code == errc::peer_lost);
        CHECK(network.sent("a", "b") == 500'000);
        network.revive("a");
        auto again = network.at("a").connect("b", deadline_in(seconds(1.0)));
        auto seen = listener->accept(deadline_in(seconds(1.0)));
        REQUIRE((again && seen));
        network.kill("a", true);  // without a word
        CHECK(seen->receive(deadline_in(seconds(3.0))).error().code == errc::timeout);
        CHECK(network.at("b").connect("a", deadline_in(seconds(1.0))).error().code == errc::timeout);
    }));
}

TEST_CASE("ledger: ids, order, deadlines, one outcome each") {
    id_set ids;
    std::set<request_id> plain;
    random_source draw(1);
    for (int i = 0; i < 3000; ++i) {
        const auto id = static_cast<request_id>(draw.integer(0, 999));
        CHECK(ids.insert(id) == plain.insert(id).second);
        const auto asked = static_cast<request_id>(draw.integer(0, 1001));
        CHECK(ids.contains(asked) == plain.contains(asked));
    }
    for (request_id id = 0; id < 1000; ++id) ids.insert(id);
    CHECK(ids.gaps() == 1);

    request_ledger ledger(3);
    for (const request_id id : {5, 2, 9}) CHECK(ledger.add(id, some_inputs(), deadline_in(seconds(100.0))));
    CHECK(ledger.add(7, some_inputs(), no_deadline()).error().code == errc::limit_exceeded);
    CHECK(ledger.add(5, some_inputs(), no_deadline()).error().code == errc::refused);
    CHECK(ledger.hand_out() == request_id{2});
    CHECK(ledger.hand_out() == request_id{5});
    CHECK(ledger.take_back() == 2);
    CHECK(ledger.hand_out() == request_id{2});
    CHECK(ledger.hand_out() == request_id{5});
    const auto late = ledger.end(2, outcome_kind::refused, {errc::timeout, "r", "late", {}});
    CHECK(late.attempts == 2);
    CHECK(!ledger.answer_oldest({}, 1));  // 2 has had its outcome
    const auto answer = ledger.answer_oldest({}, 4);
    REQUIRE(answer);
    CHECK(answer->request == 5);
    CHECK(answer->epoch == 4);
    CHECK(ledger.dropped() == 1);
    CHECK(ledger.add(2, some_inputs(), no_deadline()).error().code == errc::refused);
    CHECK(ledger.open_count() == 1);
    CHECK(!ledger.overdue());
    CHECK(ledger.add(10, some_inputs(), clock_now()));
    CHECK(ledger.overdue() == request_id{10});
}

TEST_CASE("watchdog: replicas are due for their own requests only") {
    virtual_world world(1);
    deployment plan{
        .hosts = {{"a", "a"}, {"b", "b"}},
        .stages = {{0, {}, 1, 1, 0}, {1, {}, 1, 1, 1}},
        .edges = {{no_id, 0, {0}, {0}}, {no_id, 1, {0}, {0}}, {0, no_id, {0}, {0}}, {1, no_id, {0}, {0}}},
        .inputs = 1,
        .outputs = 1,
        .turns = 2};
    REQUIRE(validate(plan));
    CHECK(world.run([&] {
        watchdog dog(plan, {.edge_within = seconds(1.0), .stage_within = seconds(5.0)});
        const std::vector<detail::placed_spans> done{
            {0, {{span_kind::received, 0, 0, 0, 0, 0}, {span_kind::compute, 0, 0, 0, 0, 0}}},
            {no_id, {{span_kind::received, 0, 2, 0, 0, 0}}}};
        dog.observe(done);
        CHECK(!dog.check(1, 1));
        pause_for(10.0);
        CHECK(!dog.check(1, 1));  // request 1 was not handed over
        CHECK(!dog.check(2, 1));
        pause_for(1.5);
        const auto edge = dog.check(2, 1);
        REQUIRE(edge);
        CHECK(edge->edge == 1);
        CHECK(edge->request == 1);
    }));
    plan.edges[2].from = 1;
    CHECK(validate(plan).error().offender == "sink");
    plan.edges[2] = {0, 1, {0}, {0}};
    CHECK(validate(plan).error().offender == "edge 2");
}

TEST_CASE("watchdog: names the edge or the stage that stands still") {
    virtual_world world(1);
    deployment plan{.hosts = {{"a", "a"}, {"b", "b"}},
                    .stages = {{0, {}, 1, 1}, {1, {}, 1, 1}},
                    .edges = {{no_id, 0, {0}, {0}}, {0, 1, {0}, {0}}, {1, no_id, {0}, {0}}},
                    .inputs = 1,
                    .outputs = 1};
    const auto span = [](span_kind what, std::uint64_t request, std::uint32_t edge = 0) {
        return span_record{what, request, edge, 0, 0, 0};
    };
    CHECK(world.run([&] {
        watchdog dog(plan, {.edge_within = seconds(1.0), .stage_within = seconds(5.0)});
        CHECK(!dog.check(0, 0));
        pause_for(10.0);
        CHECK(!dog.check(0, 0));  // nothing to do is not stuck
        const auto observe = [&](part_id stage, std::vector<span_record> spans) {
            const std::vector<detail::placed_spans> places{{stage, std::move(spans)}};
            dog.observe(places);
        };
        observe(0, {span(span_kind::received, 0, 0), span(span_kind::compute, 0)});
        CHECK(!dog.check(1, 0));
        pause_for(1.5);
        const auto edge = dog.check(1, 0);
        REQUIRE(edge);
        CHECK(edge->edge == 1);
        CHECK(to_string(edge->to_error()) == "timeout: b: request 0 is stuck on edge 1 from a to b");
        observe(1, {span(span_kind::received, 0, 1)});
        CHECK(!dog.check(1, 0));
        pause_for(3.0);
        CHECK(!dog.check(1, 0));
        pause_for(3.0);
        const auto stage = dog.check(1, 0);
        REQUIRE(stage);
        CHECK(stage->edge == no_id);
        CHECK(stage->to == "b");
        observe(1, {span(span_kind::compute, 0)});
        observe(no_id, {span(span_kind::received, 0, 2)});
        CHECK(!dog.check(1, 1));
        // a stage that is busy with the message before does not make its edge stuck
        observe(0, {span(span_kind::received, 2, 0), span(span_kind::compute, 2)});
        observe(1, {span(span_kind::received, 1, 1)});
        CHECK(!dog.check(3, 1));
        pause_for(2.0);
        CHECK(!dog.check(3, 1));
    }));
}

TEST_CASE("stage cache: by content, the unused longest goes first; ids tell apart what differs in a bit") {
    const auto bytes_of = [](std::size_t size, int fill) {
        return std::make_shared<const std::vector<std::byte>>(size, static_cast<std::byte>(fill));
    };
    stage_cache cache(250);
    std::vector<content_id> ids;
    for (int i = 0; i < 3; ++i) {
        const auto content = bytes_of(100, i);
        ids.push_back(content_of(*content));
        cache.keep(ids.back(), content);
        cache.keep(ids.back(), content);
        if (i == 1) CHECK(cache.find(ids[0]) != nullptr);
    }
    CHECK(cache.find(ids[0]) != nullptr);
    CHECK(cache.find(ids[1]) == nullptr);
    CHECK(cache.size_bytes() == 200);
    const auto large = bytes_of(300, 9);
    cache.keep(content_of(*large), large);
    CHECK(cache.find(content_of(*large)) == nullptr);

    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::size_t made = 0;
    const auto note = [&](const std::vector<std::byte>& content) {
        const auto id = content_of(content);
        seen.emplace(id.high, id.low);
        ++made;
    };
    for (std::size_t size = 0; size < 70; ++size) {
        std::vector<std::byte> content(size);
        note(content);
        for (std::size_t bit = 0; bit < size * 8; ++bit) {
            content[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
            note(content);
            content[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        }
    }
    CHECK(seen.size() == made);
}

TEST_CASE("roster: states, patience with who fails again and again, broken pairs for a while") {
    virtual_world world(1);
    CHECK(world.run([] {
        roster all({{"a", "1"}, {"b", "2"}, {"c", "3"}}, seconds(1.0));
        CHECK(all.view().present.size() == 3);
        all.lose("b", "silent");
        CHECK(all.due().empty());
        CHECK(!all.view().has("b"));
        pause_for(1.1);
        REQUIRE(all.due().size() == 1);
        all.find_again("b");
        CHECK(all.view().has("b"));
        all.lose("b", "again");
        pause_for(1.1);
        CHECK(all.due().empty());  // twice as long
        pause_for(1.0);
        CHECK(all.due().size() == 1);
        all.part("a", "c");
        CHECK(all.view().broken.size() == 1);
        pause_for(9.0);
        CHECK(all.view().broken.empty());
        CHECK(all.drain("a"));
        CHECK(!all.drain("z"));
        all.lose("a", "gone");  // it leaves anyway
        CHECK(all.members()[0].state == member_state::draining);
        all.join({"a", "9"});
        CHECK(all.view().has("a"));
        CHECK(all.remove("a"));
        CHECK(!all.has("a"));
    }));
}
