// What lies between workers: slow links, listeners that are flooded, and complaints about neighbours.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "runtime/fault_world.hpp"

using namespace dispart;

namespace {

/// What a service said and answered while `script(serving)` ran in a virtual world.
struct link_scene {
    test::fault_world on;
    test::outcome_book book{};
    std::vector<std::string> lines{};
    service_status last{};

    link_scene(std::uint64_t seed, std::size_t workers) : on(seed, workers) {}

    template <class Script>
    bool play(Script script) {
        return on.world.run([&] {
            for (std::size_t i = 0; i < on.hosts.size(); ++i) on.start(i);
            {
                service<fault_transport> serving(
                    on.network.at("c"), on.hosts, [&](const roster_view& who) { return on.plan(who); },
                    [&](outcome o) { book.add(std::move(o)); },
                    {.log = [&](const std::string& line) { lines.push_back(line); }});
                script(serving);
                CHECK(serving.wait_until_idle(deadline_in(seconds(60.0))));
                last = serving.status();
            }
            for (std::size_t i = 0; i < on.hosts.size(); ++i) on.kill(i, false);
        });
    }
    static void send(service<fault_transport>& to, request_id first, std::size_t count) {
        for (request_id r = first; r < first + count; ++r) {
            CHECK(to.submit(r, test::fault_world::inputs_of(r)));
            sleep_until(deadline_in(seconds(0.02)));
        }
    }
    [[nodiscard]] bool said(const std::string& what) const {
        return std::any_of(lines.begin(), lines.end(),
                           [&](const auto& line) { return line.find(what) != std::string::npos; });
    }
};

}  // namespace

TEST_CASE("service: who ends, and is there again at once, leaves no pair of workers in disgrace") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        link_scene it(seed, 4);
        REQUIRE(it.play([&](auto& serving) {
            it.send(serving, 0, 10);
            it.on.kill(seed % 4, false);
            if (seed % 2 == 0) it.on.start(seed % 4);
            it.send(serving, 10, 10);
        }));
        REQUIRE(it.book.count(outcome_kind::answered) == 20);
        REQUIRE(it.last.failures >= 1);
        REQUIRE(!it.said("nothing gets through"));
        REQUIRE(it.last.stages.size() >= 3);
    }
}

TEST_CASE("service: a link that is cut between two workers is told from both") {
    link_scene it(3, 3);
    CHECK(it.play([&](auto& serving) {
        it.send(serving, 0, 10);
        it.on.network.cut("w0", "w1");
        it.send(serving, 10, 100);
    }));
    CHECK(it.said("nothing gets through between w0 and w1"));
    CHECK(!it.said("and w2"));
    CHECK(it.book.count(outcome_kind::answered) == 110);
}

TEST_CASE("service: a model takes as long as its link needs, where the link is slow but alive") {
    link_scene it(5, 2);
    it.on.weight_bytes = 20'000'000;  // 160 s at 1 Mbit/s; silence for 1.2 s counts as a loss
    for (const char* host : {"w0", "w1"})
        it.on.network.set("c", host, {.latency = seconds(0.02), .bandwidth = bytes_per_second(125e3)});
    CHECK(it.play([&](auto& serving) {
        for (request_id r = 0; r < 5; ++r)
            CHECK(serving.submit(r, test::fault_world::inputs_of(r), seconds(600.0)));
        CHECK(serving.wait_until_idle(deadline_in(seconds(500.0))));
    }));
    CHECK(it.last.failures == 0);
    CHECK(it.book.count(outcome_kind::answered) == 5);
    CHECK(it.on.network.sent("c", "w0") < 21'000'000);
}

TEST_CASE("service: versions of a model are rolled out while requests flow and a worker dies: each answer is "
          "of one") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        link_scene it(seed, 3);
        REQUIRE(it.play([&](auto& serving) {
            it.send(serving, 0, 20);
            for (it.on.version = 1; it.on.version < 4; ++it.on.version) {
                serving.plan_again();
                const request_id first = 100 * it.on.version;
                it.send(serving, first, 5);
                if (it.on.version == 2) it.on.kill(seed % 3, seed % 2 == 0);
                it.send(serving, first + 5, 50);
            }
            --it.on.version;
        }));
        REQUIRE(it.book.wrong + it.book.twice == 0);
        REQUIRE(it.book.count(outcome_kind::answered) == 185);
        std::map<std::string, std::size_t> by_version;
        for (const auto& [id, each] : it.book.all) ++by_version[each.version];
        REQUIRE(by_version.size() == 4);
        REQUIRE(it.book.all.at(354).version == "3");
        REQUIRE(by_version["0"] >= 20);
    }
}

TEST_CASE("service: a plan for other layers moves only the bytes that its worker has not seen") {
    link_scene it(1, 2);
    it.on.weight_bytes = 3'000'000;
    std::size_t before = 0;
    CHECK(it.play([&](auto& serving) {
        it.send(serving, 0, 5);
        before = it.on.network.sent("c", "w0");
        it.on.kill(1, false);
        it.send(serving, 5, 100);
    }));
    // w0 has three layers of six, and weights that stay the same bytes with six
    CHECK(before > 1'000'000);
    CHECK(it.on.network.sent("c", "w0") - before < 1'200'000);
    CHECK(it.book.count(outcome_kind::answered) == 105);
}

TEST_CASE("outgoing edge: a listener that hangs up is dialled again, one that refuses is not") {
    for (const bool refuses : {false, true}) {
        CAPTURE(refuses);
        virtual_world world(1);
        fault_network network;
        std::size_t calls = 0;
        result<void> connected{};
        CHECK(world.run([&] {
            auto listener = network.at("b").listen("b");
            REQUIRE(listener);
            thread flooded([&] {
                for (; calls < 3; ++calls) {
                    auto caller = listener->accept(deadline_in(seconds(5.0)));
                    if (!caller) return;
                    if (refuses) part_with(*caller, error{errc::refused, "b", "no", {}});
                    else caller->close();
                }
                auto caller = listener->accept(deadline_in(seconds(5.0)));
                if (!caller) return;
                CHECK(receive_message<hello_message>(*caller, deadline_in(seconds(1.0))));
                CHECK(send_message(*caller, welcome_message{1, "b", {}}, deadline_in(seconds(1.0))));
            });
            span_recorder spans;
            const any_codec raw{raw_codec{}};
            outgoing_edge<fault_connection> edge({.tensors = 1}, raw, spans, [](const error&) {});
            auto carrier = network.at("a");
            connected = edge.connect(carrier, "b", {.role = connection_role::data, .from = "a", .to = "b"},
                                     deadline_in(seconds(2.0)));
            flooded.join();
        }));
        CHECK(connected.has_value() == !refuses);
        if (refuses) CHECK(connected.error().code == errc::refused);
    }
}
