#include "dispart/cluster/validate.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>

using namespace dispart;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

/// Three devices in a line, in both directions.
cluster line() {
    cluster g;
    for (const char* name : {"a", "b", "c"}) add_vertex(device{.name = name, .speed = 1_GFLOPS}, g);
    for (const auto& [from, to] : {std::pair(0, 1), {1, 0}, {1, 2}, {2, 1}})
        add_edge(static_cast<device_id>(from), static_cast<device_id>(to), dispart::link{.bandwidth = 1_MBps},
                 g);
    return g;
}

/// The error after a change, as `offender: message`.
std::string complaint(const std::function<void(cluster&)>& change) {
    cluster g = line();
    change(g);
    const auto checked = validate(g);
    if (checked) return "";
    CHECK(checked.error().code == errc::invalid_cluster);
    return checked.error().offender + ": " + checked.error().message;
}

bool mentions(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a good cluster passes") {
    CHECK(complaint([](cluster&) {}).empty());
}

TEST_CASE("each field of a device is checked, and named") {
    const auto refused = [](const char* field, const std::function<void(device&, double)>& set, double bad) {
        const std::string text = complaint([&](cluster& g) { set(g[1], bad); });
        CAPTURE(text);
        CHECK(mentions(text, "device b"));
        CHECK(mentions(text, field));
    };
    for (const double bad : {not_a_number, inf, -1.0}) {
        refused(
            "speed", [](device& d, double v) { d.speed.value = v; }, bad);
        refused(
            "memory_bandwidth", [](device& d, double v) { d.memory_bandwidth.value = v; }, bad);
        refused(
            "layer_overhead", [](device& d, double v) { d.layer_overhead.value = v; }, bad);
        refused(
            "memory", [](device& d, double v) { d.memory.value = v; }, bad);
        refused(
            "reserve", [](device& d, double v) { d.reserve.value = v; }, bad);
        refused(
            "storage", [](device& d, double v) { d.storage.value = v; }, bad);
        refused(
            "busy_power", [](device& d, double v) { d.busy_power.value = v; }, bad);
        refused(
            "idle_power", [](device& d, double v) { d.idle_power.value = v; }, bad);
        refused(
            "price_per_hour", [](device& d, double v) { d.price_per_hour.value = v; }, bad);
        refused(
            "slowdown", [](device& d, double v) { d.slowdown = v; }, bad);
    }
    refused(
        "speed", [](device& d, double v) { d.speed.value = v; }, 0.0);
    refused(
        "slowdown", [](device& d, double v) { d.slowdown = v; }, 0.5);
    refused(
        "reserve", [](device& d, double v) { d.memory.value = d.reserve.value = v; }, 5.0);
}

TEST_CASE("each field of a link is checked, and the link is named") {
    const auto refused = [](const char* field, const std::function<void(dispart::link&, double)>& set,
                            double bad) {
        const std::string text = complaint([&](cluster& g) { set(g[edge(1, 2, g).first], bad); });
        CAPTURE(text);
        CHECK(mentions(text, "link b -> c"));
        CHECK(mentions(text, field));
    };
    for (const double bad : {not_a_number, inf, -1.0}) {
        refused(
            "bandwidth", [](dispart::link& l, double v) { l.bandwidth.value = v; }, bad);
        refused(
            "latency", [](dispart::link& l, double v) { l.latency.value = v; }, bad);
        refused(
            "energy_per_byte", [](dispart::link& l, double v) { l.energy_per_byte.value = v; }, bad);
        refused(
            "price_per_byte", [](dispart::link& l, double v) { l.price_per_byte.value = v; }, bad);
        refused(
            "measured_at", [](dispart::link& l, double v) { l.measured_at = v; }, bad);
    }
    refused(
        "bandwidth", [](dispart::link& l, double v) { l.bandwidth.value = v; }, 0.0);
}

TEST_CASE("structure: names, loops, computing devices, connections") {
    CHECK(mentions(complaint([](cluster& g) { g[2].name = "a"; }), "device a: two devices"));
    CHECK(mentions(complaint([](cluster& g) { g[2].name = ""; }), "no name"));
    CHECK(mentions(complaint([](cluster& g) { add_edge(1, 1, dispart::link{.bandwidth = 1_MBps}, g); }),
                   "link b -> b"));
    CHECK(mentions(complaint([](cluster& g) { g[0].computes = g[1].computes = g[2].computes = false; }),
                   "computes"));
    CHECK(mentions(complaint([](cluster& g) { g = cluster(); }), "computes"));
    CHECK(mentions(complaint([](cluster& g) { info(g).source = 9; }), "source or sink"));
    CHECK(mentions(complaint([](cluster& g) { clear_vertex(2, g); }), "device c"));
    CHECK(mentions(complaint([](cluster& g) { info(g).source = 0, remove_edge(1, 2, g); }),
                   "device c: no route"));
    CHECK(mentions(complaint([](cluster& g) { info(g).sink = 0, remove_edge(2, 1, g); }),
                   "device c: no route"));
    CHECK(complaint([](cluster& g) { remove_edge(2, 1, g); }).empty());  // one-way is fine without a sink
    CHECK(complaint([](cluster& g) { g[1].computes = false, g[1].speed = {}; }).empty());
}
