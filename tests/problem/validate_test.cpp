#include "dispart/problem/validate.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>

#include "dispart/core/random.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

std::string offender_after(const std::function<void(instance&)>& change) {
    random_source random(7);
    instance p = test::random_instance(random);
    change(p);
    const auto checked = validate(p);
    if (checked) return "";
    CHECK(checked.error().code == errc::invalid_argument);
    CHECK_FALSE(checked.error().message.empty());
    return checked.error().offender;
}

}  // namespace

TEST_CASE("random instances are valid") {
    random_source random(6);
    for (int trial = 0; trial < 500; ++trial) {
        const auto checked = validate(test::random_instance(random, {.layers = 1 + random.index(12),
                                                                     .devices = 1 + random.index(4),
                                                                     .unreachable = 0.2,
                                                                     .places = true}));
        if (!checked) FAIL(to_string(checked.error()));
    }
}

TEST_CASE("each broken rule is found, and its owner named") {
    const double bad[] = {-1.0, std::numeric_limits<double>::quiet_NaN(),
                          std::numeric_limits<double>::infinity()};
    for (const double v : bad) {
        CHECK(offender_after([&](auto& p) { p.fixed_seconds(1, 1) = v; }) == "fixed_seconds");
        CHECK(offender_after([&](auto& p) { p.marginal_seconds(2, 0) = v; }) == "marginal_seconds");
        CHECK(offender_after([&](auto& p) { p.workspace_bytes(0, 2) = v; }) == "workspace_bytes");
        CHECK(offender_after([&](auto& p) { p.weight_bytes[3] = v; }) == "weight_bytes");
        CHECK(offender_after([&](auto& p) { p.tensor_bytes[3] = v; }) == "tensor_bytes");
        CHECK(offender_after([&](auto& p) { p.seconds_per_byte(0, 1) = v; }) == "seconds_per_byte");
        CHECK(offender_after([&](auto& p) { p.link_seconds_per_byte[0] = v; }) == "link_seconds_per_byte");
        CHECK(offender_after([&](auto& p) { p.queues.inputs = v; }) == "queues");
    }
    CHECK(offender_after([&](auto& p) { p.latency(0, 1) = -1.0; }) == "latency");
    CHECK(offender_after([&](auto& p) { p.latency(0, 1) = bad[2]; }).empty());
    CHECK(offender_after([&](auto& p) { p.memory_capacity[1] = bad[1]; }) == "memory_capacity");
    CHECK(offender_after([&](auto& p) { p.memory_capacity[1] = bad[2]; }).empty());
    CHECK(offender_after([&](auto& p) { p.latency(1, 1) = 1.0; }) == "device ");
    CHECK(offender_after([](auto& p) { p.layer_class[1] = 99; }) == "layer_class");
    CHECK(offender_after([](auto& p) { p.device_class[1] = 99; }) == "device_class");
    CHECK(offender_after([](auto& p) { p.allowed = xt::ones<std::uint8_t>({1, 1}); }) == "tables");
    CHECK(offender_after([](auto& p) { p.weight_bytes.pop_back(); }) == "weight_bytes");
    CHECK(offender_after([](auto& p) { p.memory_capacity.clear(); }) == "memory_capacity");
    CHECK(offender_after([](auto& p) { p.model_outputs.push_back(99); }) == "model_inputs, model_outputs");
    CHECK(offender_after([](auto& p) { p.source = 3; }) == "source, sink");
    CHECK(offender_after([](auto& p) { p.producer[1] = 4; }) == "layer ");
    CHECK(offender_after([](auto& p) { p.reads = p.writes; }) == "layer ");
    CHECK(offender_after([](auto& p) {
              p.consumers = csr(std::vector<std::vector<std::size_t>>(p.tensor_count()));
          }) == "layer ");
    CHECK(offender_after([](auto& p) { p.routes.push_back(std::vector<std::size_t>{0}); }) == "routes");
    CHECK(offender_after([](auto& p) {
              p.latency = xt::zeros<double>({2, 2});
          }) == "latency, seconds_per_byte");
    CHECK(offender_after([](auto& p) { p = instance(); }) == "device_class");
}
