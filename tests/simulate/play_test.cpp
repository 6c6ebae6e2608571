#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/play.hpp"
#include "simulate/laws.hpp"

using namespace dispart;

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

/// Work of random shape: every item waits for some of those before it.
workload random_work(random_source& random, std::size_t devices, std::size_t items, bool with_memory) {
    workload work;
    for (std::size_t i = 0; i < items; ++i) {
        work_item item{.device = random.index(devices), .amount = random.uniform(0.0, 2.0)};
        if (random.chance(0.4)) {
            item.peer = random.index(devices);
            item.amount = random.uniform(0.0, 100.0);
        } else if (with_memory) {
            item.memory = random.uniform(0.0, 10.0);
        }
        if (random.chance(0.3)) item.earliest = random.uniform(0.0, 20.0);
        if (random.chance(0.1)) item.amount = 0.0;
        const auto added = work.add(item);
        for (int tries = 0; tries < 2; ++tries)
            if (i > 0 && random.chance(0.5))
                work.order.emplace_back(static_cast<std::uint32_t>(random.index(i)), added);
    }
    return work;
}

platform random_star(random_source& random, std::size_t devices) {
    std::vector<tree_node> nodes{{.inside = random.chance(0.5) ? random.uniform(20.0, 200.0) : unlimited}};
    std::vector<std::size_t> places;
    for (device_id d = 0; d < devices; ++d) {
        places.push_back(nodes.size());
        nodes.push_back({.parent = random.index(nodes.size()),
                         .up = random.uniform(5.0, 100.0),
                         .down = random.uniform(5.0, 100.0),
                         .latency = random.chance(0.5) ? random.uniform(0.0, 0.3) : 0.0});
    }
    auto made = tree_platform(nodes, places);
    for (device_id d = 0; d < devices; ++d) made.processors[d] = 1 + random.index(3);
    return made;
}

}  // namespace

TEST_CASE("play: a chain takes the sum of its computations and transfers") {
    const auto machines = star_platform(2, 100.0, 0.25);
    workload work;
    work.add({.device = 0, .amount = 2.0});
    work.add({.device = 0, .peer = 1, .amount = 300.0});
    work.add({.device = 1, .amount = 1.5});
    work.order = {{0, 1}, {1, 2}};
    const auto out = play(machines, work, {.trace = true});
    REQUIRE(out);
    CHECK(out->end[1] == doctest::Approx(2.0 + 3.0 + 0.5));
    CHECK(out->makespan == doctest::Approx(7.0));
    REQUIRE(out->trace.events.size() == 3);
    CHECK(out->trace.events[1].what == activity::transfer);
    CHECK(out->trace.events[1].end.value == doctest::Approx(5.5));
    CHECK(out->trace.events[1].size.value == 300.0);
}

TEST_CASE("play: two processors work on two tasks at a time, if the memory allows it") {
    auto machines = star_platform(1, 1.0, 0.0);
    machines.processors[0] = 2;
    workload work;
    for (int i = 0; i < 4; ++i) work.add({.device = 0, .amount = 1.0, .memory = 6.0});
    CHECK(play(machines, work)->makespan == doctest::Approx(2.0));
    machines.memory[0] = 10.0;
    const auto tight = play(machines, work);
    CHECK(tight->makespan == doctest::Approx(4.0));
    CHECK(tight->devices[0].peak_memory == doctest::Approx(6.0));
    CHECK(tight->devices[0].longest_queue == 3);
    machines.memory[0] = 5.0;
    CHECK(play(machines, work).error().code == errc::infeasible);
}

TEST_CASE("play: the queue is first come, first served, or by number") {
    const auto machines = star_platform(1, 1.0, 0.0);
    workload work;
    work.add({.device = 0, .amount = 5.0});
    work.add({.device = 0, .amount = 1.0, .earliest = 2.0});
    work.add({.device = 0, .amount = 1.0, .earliest = 1.0});
    CHECK(play(machines, work)->begin == std::vector<double>{0.0, 6.0, 5.0});
    CHECK(play(machines, work, {.order = queue_order::lowest_id})->begin == std::vector<double>{0.0, 5.0, 6.0});
}

TEST_CASE("play: no processor idles while work waits, Little's law, links carry what they can, on random "
          "workloads") {
    random_source random(17);
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const std::size_t devices = 1 + random.index(8);
        const auto machines = random_star(random, devices);
        const auto work = random_work(random, devices, 1 + random.index(120), false);
        const play_options options{.order = random.chance(0.5) ? queue_order::fifo : queue_order::lowest_id,
                                   .trace = true};
        const auto out = play(machines, work, options);
        REQUIRE(out);
        CHECK(out->unfinished == 0);
        test::check_laws(machines, work, *out);
        test::check_links(machines, work, *out);
        const auto again = play(machines, work, options);
        CHECK(again->end == out->end);
        CHECK(again->trace.events == out->trace.events);
    }
}

TEST_CASE("play: memory is never exceeded") {
    random_source random(18);
    for (int round = 0; round < 30; ++round) {
        auto machines = random_star(random, 4);
        for (double& m : machines.memory) m = random.uniform(10.0, 20.0);
        const auto work = random_work(random, 4, 80, true);
        const auto out = play(machines, work);
        REQUIRE(out);
        test::check_laws(machines, work, *out);
        for (device_id d = 0; d < 4; ++d) {
            double most = 0.0;
            for (std::size_t i = 0; i < work.items.size(); ++i) {  // at the beginning of each: who runs then?
                if (work.items[i].is_transfer() || work.items[i].device != d) continue;
                double now = 0.0;
                for (std::size_t j = 0; j < work.items.size(); ++j)
                    if (!work.items[j].is_transfer() && work.items[j].device == d &&
                        out->begin[j] <= out->begin[i] && out->end[j] > out->begin[i])
                        now += work.items[j].memory;
                most = std::max(most, now);
            }
            CHECK(most <= machines.memory[d] * (1 + 1e-12));
            CHECK(out->devices[d].peak_memory >= most * (1 - 1e-12));
        }
    }
}

TEST_CASE("play: what dies begins again, what stalls goes on, what is slow takes longer") {
    const auto machines = star_platform(2, 100.0, 0.0);
    workload work;
    work.add({.device = 0, .amount = 4.0});
    work.add({.device = 0, .peer = 1, .amount = 400.0});
    work.order = {{0, 1}};
    const auto makespan = [&](std::vector<fault> faults) {
        return play(machines, work, {.faults = std::move(faults)})->makespan;
    };
    CHECK(makespan({}) == doctest::Approx(8.0));
    CHECK(makespan({{fault_kind::dies, 0, 3.0, 5.0}}) == doctest::Approx(5.0 + 8.0));
    CHECK(makespan({{fault_kind::dies, 1, 6.0, 9.0}}) == doctest::Approx(9.0 + 4.0));
    CHECK(makespan({{fault_kind::dies, 1, 1.0, 2.0}}) == doctest::Approx(8.0));
    CHECK(makespan({{fault_kind::stalls, 0, 3.0, 5.0}}) == doctest::Approx(10.0));
    CHECK(makespan({{fault_kind::stalls, 0, 5.0, 7.0}}) == doctest::Approx(8.0));
    CHECK(makespan({{fault_kind::slows, 0, 2.0, 4.0, 0.5}}) == doctest::Approx(9.0));
    CHECK(makespan({{fault_kind::degrades, 3, 4.0, 6.0, 0.25}}) == doctest::Approx(9.5));
    CHECK(makespan({{fault_kind::degrades, 7, 6.0, 8.0, 0.0}}) == doctest::Approx(10.0));
    // Two at a time: their factors multiply.
    CHECK(makespan({{fault_kind::slows, 0, 0.0, 4.0, 0.5}, {fault_kind::slows, 0, 2.0, 4.0, 0.5}}) ==
          doctest::Approx(10.5));
    const auto gone = play(machines, work, {.faults = {{fault_kind::dies, 1, 6.0}}});
    CHECK(gone->unfinished == 1);
    CHECK(gone->end[1] == unlimited);
    CHECK(gone->makespan == doctest::Approx(4.0));
}

TEST_CASE("play: faults lose no work and make none, on random workloads") {
    random_source random(19);
    for (int round = 0; round < 60; ++round) {
        const std::size_t devices = 2 + random.index(5);
        const auto machines = random_star(random, devices);
        const auto work = random_work(random, devices, 80, false);
        std::vector<fault> faults;
        for (int i = 0; i < 6; ++i) {
            const auto what = static_cast<fault_kind>(random.index(4));
            const double at = random.uniform(0.0, 30.0);
            const std::size_t most = what == fault_kind::degrades ? machines.link_capacity.size() : devices;
            faults.push_back(
                {what, random.index(most), at, at + random.uniform(0.0, 10.0), random.uniform(0.0, 1.0)});
        }
        const auto out = play(machines, work, {.faults = faults});
        REQUIRE(out);
        CHECK(out->unfinished == 0);
        std::vector<double> waited(devices, 0.0), least(devices, 0.0);
        std::vector<bool> restarts(devices, false), stops(devices, false);
        for (const fault& f : faults) {
            if (f.what == fault_kind::dies) restarts[f.target] = true;
            if (f.what == fault_kind::stalls) stops[f.target] = true;
        }
        const auto running_on = [&](device_id d, double at) {
            std::size_t count = 0;
            for (std::size_t i = 0; i < work.items.size(); ++i)
                count += !work.items[i].is_transfer() && work.items[i].device == d && out->begin[i] <= at &&
                         at < out->end[i];
            return count;
        };
        for (std::size_t i = 0; i < work.items.size(); ++i) {
            CHECK(out->end[i] < unlimited);
            if (work.items[i].is_transfer()) continue;
            CHECK(out->end[i] - out->begin[i] >= work.items[i].amount - 1e-9);
            const device_id d = work.items[i].device;
            least[d] += work.items[i].amount;
            waited[d] += out->begin[i] - out->ready[i];
            if (restarts[d] || stops[d]) continue;
            bool idle = false;  // while this one waits: all processors work from one end to the next
            for (std::size_t j = 0; j < work.items.size(); ++j)
                if (const double at = j == i ? out->ready[i] : out->end[j];
                    out->ready[i] <= at && at < out->begin[i])
                    idle = idle || running_on(d, at) < machines.processors[d];
            CHECK_FALSE(idle);
        }
        for (device_id d = 0; d < devices; ++d) {
            CHECK(out->devices[d].busy >= least[d] * (1 - 1e-9));
            // Little's law: of what begins again, only the last wait can be seen in the times
            if (restarts[d]) CHECK(out->devices[d].waited <= waited[d] + 1e-9 * (1 + waited[d]));
            else CHECK(out->devices[d].waited == doctest::Approx(waited[d]).epsilon(1e-9));
        }
        for (const auto& [before, after] : work.order) CHECK(out->ready[after] >= out->end[before]);
        CHECK(play(machines, work, {.faults = faults})->end == out->end);
    }
}

TEST_CASE("play: flows weighed by round trip share in inverse proportion to their latencies") {
    std::vector<tree_node> nodes{{.inside = 90.0}};
    for (const double latency : {0.5, 0.5, 1.0, 1.0}) nodes.push_back({.parent = 0, .latency = latency});
    const auto machines = tree_platform(nodes, {1, 2, 3, 4});
    workload work;
    work.add({.device = 0, .peer = 1, .amount = 120.0, .earliest = 1.0});  // latency 1
    work.add({.device = 2, .peer = 3, .amount = 90.0});                    // latency 2
    const auto out = play(machines, work, {.sharing = link_sharing::round_trip});
    // Both begin to send at 2, at 60 and 30 bytes per second; after 2 s the first is done, the second has 30 left.
    CHECK(out->end[0] == doctest::Approx(4.0));
    CHECK(out->end[1] == doctest::Approx(4.0 + 30.0 / 90.0));
    const auto narrow = play(machines, work, {.sharing = link_sharing::round_trip, .window = 20.0});
    CHECK(narrow->end[0] == doctest::Approx(2.0 + 12.0));
}

TEST_CASE("play: what cannot be is refused by name") {
    const auto machines = star_platform(2, 1.0, 0.0);
    const auto code = [&](const workload& work) { return play(machines, work).error().code; };
    CHECK(code({{{.device = 2, .amount = 1.0}}, {}}) == errc::invalid_argument);
    CHECK(code({{{.device = 0, .peer = 9, .amount = 1.0}}, {}}) == errc::invalid_argument);
    CHECK(code({{{.device = 0, .amount = -1.0}}, {}}) == errc::invalid_argument);
    CHECK(code({{{.device = 0, .amount = std::nan("")}}, {}}) == errc::invalid_argument);
    CHECK(code({{{.device = 0}}, {{0, 3}}}) == errc::invalid_argument);
    const workload circle{{{.device = 0}, {.device = 0}, {.device = 0}}, {{1, 2}, {2, 1}}};
    CHECK(play(machines, circle).error().offender == "item 1");
    const auto apart = tree_platform({{}, {}}, {0, 1});
    const workload across{{{.device = 0, .peer = 1, .amount = 1.0}}, {}};
    CHECK(play(apart, across).error().code == errc::infeasible);
    CHECK(play(apart, across).error().offender == "device 0 -> device 1");
    CHECK(play(machines, {}, {.faults = {{fault_kind::dies, 5}}}).error().code == errc::invalid_argument);
    CHECK(play(machines, {}, {.faults = {{fault_kind::slows, 0, 2.0, 1.0}}}).error().code ==
          errc::invalid_argument);
    CHECK(play(machines, {})->makespan == 0.0);
}
