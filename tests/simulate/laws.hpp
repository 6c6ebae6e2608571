#pragma once
// What must hold of any playback without faults, whatever the workload: the laws of queues, checked from the times alone.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "dispart/simulate/play.hpp"

namespace dispart::test {

/// A computation's coming, beginning or end at its device.
struct turn {
    double at;
    int kind;  // 0: ends, 1: is ready, 2: begins, so that ends come first at one time
};

/// Nobody idles while work waits (only memory may hold it up), nobody does more than one thing per processor, and
/// Little's law: the integral of the queue's length is the sum of the waiting times; that of work in progress, of work.
inline void check_laws(const platform& on, const workload& work, const playback& out) {
    std::vector<std::vector<turn>> turns(on.device_count());
    std::vector<double> waited(on.device_count(), 0.0), busy(on.device_count(), 0.0);
    std::vector<bool> memory_binds(on.device_count(), false);
    for (std::size_t i = 0; i < work.items.size(); ++i) {
        const work_item& item = work.items[i];
        REQUIRE(out.ready[i] >= item.earliest);
        REQUIRE(out.begin[i] >= out.ready[i]);
        REQUIRE(out.end[i] >= out.begin[i]);
        if (item.is_transfer()) continue;
        CHECK(out.end[i] - out.begin[i] == doctest::Approx(item.amount).epsilon(1e-9));
        const bool instant = out.end[i] == out.begin[i];  // takes no processor from anybody
        for (const turn& t : {turn{out.ready[i], 1}, turn{out.begin[i], 2}, turn{out.end[i], 0}})
            if (!instant) turns[item.device].push_back(t);
        waited[item.device] += out.begin[i] - out.ready[i];
        busy[item.device] += item.amount;
        memory_binds[item.device] = memory_binds[item.device] || item.memory > 0.0;
    }
    for (const auto& [before, after] : work.order) CHECK(out.ready[after] >= out.end[before]);
    for (device_id d = 0; d < on.device_count(); ++d) {
        CAPTURE(d);
        CHECK(out.devices[d].busy == doctest::Approx(busy[d]).epsilon(1e-9));
        CHECK(out.devices[d].waited == doctest::Approx(waited[d]).epsilon(1e-9));
        std::sort(turns[d].begin(), turns[d].end(), [](const turn& a, const turn& b) {
            return a.at < b.at || (a.at == b.at && a.kind < b.kind);
        });
        std::size_t running = 0, waiting = 0, longest = 0;
        bool idle_and_waiting = false, too_many = false;
        for (std::size_t i = 0; i < turns[d].size(); ++i) {
            if (turns[d][i].kind == 0) --running;
            if (turns[d][i].kind == 1) ++waiting;
            if (turns[d][i].kind == 2) --waiting, ++running;
            if (i + 1 < turns[d].size() && turns[d][i + 1].at == turns[d][i].at) continue;
            too_many = too_many || running > on.processors[d];
            idle_and_waiting = idle_and_waiting || (waiting > 0 && running < on.processors[d]);
            longest = std::max(longest, waiting);
        }
        CHECK_FALSE(too_many);
        if (!memory_binds[d]) CHECK_FALSE(idle_and_waiting);
        CHECK(out.devices[d].longest_queue >= longest);
    }
}

/// Links carry what crosses them, and never more than they can.
inline void check_links(const platform& on, const workload& work, const playback& out) {
    std::vector<double> carried(on.link_capacity.size(), 0.0);
    std::vector<double> first(on.link_capacity.size(), std::numeric_limits<double>::infinity());
    std::vector<double> last(on.link_capacity.size(), 0.0);
    for (std::size_t i = 0; i < work.items.size(); ++i) {
        const work_item& item = work.items[i];
        if (!item.is_transfer() || item.device == item.peer) continue;
        simulated_route way;
        on.route(item.device, item.peer, way);
        double slowest = way.limit;
        for (const link_id l : way.links) {
            slowest = std::min(slowest, on.link_capacity[l]);
            carried[l] += item.amount;
            first[l] = std::min(first[l], out.begin[i]);
            last[l] = std::max(last[l], out.end[i]);
        }
        CHECK(out.end[i] - out.begin[i] >= (way.latency + item.amount / slowest) * (1.0 - 1e-9) - 1e-12);
    }
    for (link_id l = 0; l < carried.size(); ++l) {
        CHECK(out.link_bytes[l] == doctest::Approx(carried[l]).epsilon(1e-9));
        if (carried[l] > 0.0) CHECK(carried[l] <= on.link_capacity[l] * (last[l] - first[l]) * (1.0 + 1e-9));
    }
}

}  // namespace dispart::test
