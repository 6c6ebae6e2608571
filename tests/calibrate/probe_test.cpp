#include "dispart/calibrate/probe.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

#include "dispart/calibrate/profile.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

/// A machine whose layers obey a law exactly: 10 GFLOP/s, 1 GB/s, 2 us a call.
double lawful(const layer_work& work) {
    return 2e-6 + work.compute.value * 1e-10 + (work.input.value + work.output.value) * 1e-9;
}

struct lawful_executable {
    std::vector<seconds> times{};

    result<std::vector<tensor>> run(std::span<const tensor>) { return std::vector<tensor>{}; }
    result<std::vector<tensor>> run(std::span<const tensor>, const layer_observer& observer) {
        for (layer_id l = 0; l < times.size(); ++l) observer(l, times[l]);
        return std::vector<tensor>{};
    }
};

struct lawful_backend {
    std::string_view name() const { return "lawful"; }
    result<lawful_executable> load(const dispart::model& m) const {
        lawful_executable loaded;
        for (layer_id v = 0; v < num_vertices(m); ++v) loaded.times.push_back(seconds(lawful(work_of(m, v))));
        return loaded;
    }
};

}  // namespace

TEST_CASE("a machine that obeys the laws is predicted exactly, from the built-in models to another") {
    const machine_probe_options quick{
        .kind = "lawful", .layers = {.warm_up = 0, .least = 1, .budget = seconds(0.0)}, .memory = false};
    const auto measured = probe(lawful_backend{}, quick);
    if (!measured) FAIL(to_string(measured.error()));
    CHECK(measured->backend == "lawful");
    CHECK(measured->speed < 10_GFLOPS);
    CHECK(measured->speed > 5_GFLOPS);
    CHECK(measured->layer_overhead.value >= 2e-6);
    CHECK(measured->measured_at > 1.7e9);
    const auto fitted = fit(*measured);
    zoo::net other("other", {});
    auto t = other.image(3, 64);
    t = other.conv("c1", t, 40, {.kernel = 3, .pad = 1});
    t = other.conv("c2", t, 80, {.kernel = 3, .stride = 2, .pad = 1});
    t = other.conv("c3", t, 80, {.kernel = 3, .pad = 1, .group = 80});
    t = other.conv("c4", t, 30, {});
    t = other.builder().add("GlobalAveragePool", {t});
    other.builder().output(t);
    const auto built = std::move(other.builder()).build();
    REQUIRE(built);
    const device d{.name = "d", .speed = 1_GFLOPS};
    for (layer_id v = 0; v < num_vertices(*built); ++v) {
        const viewed_layer<> viewed(*built, v);
        CAPTURE((*built)[v].op);
        CHECK(fitted.compute(viewed.view(), d).value ==
              doctest::Approx(lawful(viewed.view().work)).epsilon(0.02));
    }
}

TEST_CASE("the built-in models have layers of every family that nets are made of") {
    const auto nets = probe_models();
    REQUIRE(nets);
    std::vector<std::size_t> seen(op_family_count, 0);
    for (const auto& net : *nets)
        for (layer_id v = 0; v < num_vertices(net); ++v)
            ++seen[static_cast<std::size_t>(family_of(viewed_layer<>(net, v).view()))];
    for (std::size_t f = 0; f < op_family_count; ++f) {
        const auto family = static_cast<op_family>(f);
        if (family == op_family::recurrent || family == op_family::conv_transpose ||
            family == op_family::other)
            continue;
        CAPTURE(to_string(family));
        CHECK(seen[f] >= 2);
    }
}

TEST_CASE("devices and links from measurements") {
    profile p;
    p.kind = "board";
    p.speed = 5_GFLOPS;
    p.memory_bandwidth = 3_GBps;
    p.layer_overhead = 4_us;
    p.machine.memory = 2_GiB;
    const device d = measured_device(p, "b1");
    CHECK(d.name == "b1");
    CHECK(d.speed == 5_GFLOPS);
    CHECK(d.memory_bandwidth == 3_GBps);
    CHECK(d.memory == 2_GiB);
    CHECK(d.labels.at("kind") == "board");
    p.kind = "*";
    CHECK(measured_device(p, "b1").labels.empty());
    const auto l = measured_link({1_ms, 5_MBps}, 1.7e9);
    CHECK(l.latency == 1_ms);
    CHECK(l.bandwidth == 5_MBps);
    CHECK(l.measured_at == 1.7e9);
}
