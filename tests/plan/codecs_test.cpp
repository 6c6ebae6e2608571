#include "dispart/plan/codecs.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/explain.hpp"
#include "dispart/plan/make_plan.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

/// As measured on one core (docs/codecs.md), on activations that are half zeros.
codec_options measured_codecs(double max_error = 1e-2) {
    return {.costs = {{},
                      {"f16", 8e-11, 3e-11, 0.5, 0x1p-11},
                      {"bf16", 8e-11, 4e-11, 0.5, 0x1p-8},
                      {"int8", 7e-11, 3e-11, 0.25, 3.94e-3},
                      {"mask", 3e-10, 4e-10, 0.53, 0.0},
                      {"int8+zstd", 1.1e-9, 3e-10, 0.14, 3.94e-3},
                      {"zfp-0.01", 3.6e-9, 3.1e-9, 0.37, 1e-2}},
            .max_relative_error = max_error};
}

/// Two fast machines behind one host, every link as fast as stated.
cluster behind_links(bytes_per_second rate) {
    cluster_builder builder("links");
    for (const char* name : {"a", "b"}) builder.device({.name = name, .speed = 40_GFLOPS});
    builder.forwarder("host");
    return builder.mesh({"a", "b", "host"}, {.latency = 1_ms, .bandwidth = rate})
        .source("host")
        .sink("host")
        .build()
        .value();
}

std::set<std::string> chosen(const plan& p) {
    std::set<std::string> names;
    for (const message& m : p.tasks.messages)
        if (!m.codec.empty()) names.insert(m.codec);
    return names;
}

}  // namespace

TEST_CASE("slow links get dense codecs, fast ones none that lose more than they win") {
    const auto net = zoo::make("resnet50", {.weights = false}).value();
    const auto period = [&](bytes_per_second rate, const codec_options& codecs) {
        const auto made = make_plan(net, behind_links(rate), roofline{}, {.codecs = codecs});
        REQUIRE_MESSAGE(made, to_string(made.error()));
        return *made;
    };
    const plan slow_raw = period(2.5_MBps, {});
    const plan slow = period(2.5_MBps, measured_codecs());
    CHECK(slow_raw.prediction.period_s >= 1.8 * slow.prediction.period_s);
    CHECK(chosen(slow).contains("int8+zstd"));
    CHECK(explain(slow).find("int8+zstd") != std::string::npos);
    CHECK(explain(slow_raw).find("ratio") == std::string::npos);
    for (const message& m : slow.tasks.messages) {
        if (m.codec.empty()) continue;
        CHECK(m.max_relative_error <= 1e-2);
        CHECK(m.bytes <= m.raw_bytes);
    }
    const plan fast_raw = period(1250_MBps, {});
    const plan fast = period(1250_MBps, measured_codecs());
    for (const auto& name : chosen(fast)) CHECK((name == "raw" || name == "f16" || name == "mask"));
    CHECK(fast.prediction.period_s <= fast_raw.prediction.period_s * 1.011);
    const plan exact = period(2.5_MBps, measured_codecs(0.0));
    for (const auto& name : chosen(exact)) CHECK((name == "raw" || name == "mask"));
}

TEST_CASE("the best codec of a link, by cost") {
    const auto codecs = measured_codecs().costs;
    CHECK(best_codec(codecs, 1.0 / 1e6, 1e-2)->name == "int8+zstd");
    CHECK(best_codec(codecs, 1.0 / 1e6, 1e-3)->name == "f16");
    CHECK(best_codec(codecs, 1.0 / 1e6, 0.0)->name == "mask");
    CHECK(best_codec(codecs, 1.0 / 1e11, 1e-2)->name == "raw");
    const std::span<const codec_cost> lossy = std::span<const codec_cost>(codecs).subspan(1, 1);
    CHECK(best_codec(lossy, 1e-6, 0.0) == nullptr);
}

TEST_CASE("options that cannot be kept are refused") {
    CHECK(validate(measured_codecs()));
    CHECK(validate(codec_options{}));
    CHECK(validate(codec_options{.costs = {{"f16", 0, 0, 0.5, 1e-3}}, .max_relative_error = 1e-4}).error().code ==
          errc::invalid_argument);
    CHECK(validate(codec_options{.costs = {{"f16", -1.0, 0, 0.5, 1e-3}}}).error().code ==
          errc::invalid_argument);
}

TEST_CASE("encoding and decoding take their time in evaluation and simulation alike") {
    instance network;
    network.device_class = {0, 0};
    network.latency = xt::zeros<double>({2, 2});
    network.seconds_per_byte = xt::zeros<double>({2, 2});
    network.seconds_per_byte(0, 1) = 1e-6;
    network.link_seconds_per_byte = {1e-6};
    network.routes = csr(std::vector<std::vector<std::size_t>>{{}, {0}, {}, {}});
    task_graph tasks;
    tasks.tasks = {{0, 0, 0.1}, {1, 1, 0.1}};
    tasks.messages = {{0, 1, {}, 1e6, 0, 1}, {1, no_id, {}, 0.0, 1, no_id}};
    apply_codec(tasks.messages[0], {"half", 0.25e-6, 0.125e-6, 0.5, 1e-3}, 1e6);
    CHECK(tasks.messages[0].bytes == 5e5);
    CHECK(detail::value_of(network, tasks, objective::throughput) == doctest::Approx(0.75));
    const auto alone = simulate(network, tasks);
    const auto stream = simulate(network, tasks, {.requests = 40});
    REQUIRE((alone && stream));
    CHECK(alone->first_latency().value == doctest::Approx(0.1 + 0.25 + 0.5 + 0.125 + 0.1));
    CHECK(stream->period().value == doctest::Approx(0.75));
}
