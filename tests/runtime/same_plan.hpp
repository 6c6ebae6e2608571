#pragma once
// One plan over whatever carries it and whatever computes it.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/run/any_transport.hpp"
#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/in_process_transport.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/spread.hpp"
#include "runtime/tls/keys.hpp"

namespace dispart::test {

/// A network, its division over three machines, and what it is asked.
struct one_plan {
    static constexpr std::size_t requests = 4;

    explicit one_plan(const std::string& network, std::int64_t image = 0)
        : net(simplified(zoo::make(network, {.image = image}))) {
        using namespace literals;
        cluster_builder machines("three");
        for (const char* name : {"a", "b", "c"})
            machines.device({.name = name, .speed = 10_GFLOPS, .memory_bandwidth = 10_GBps, .memory = 4_GiB});
        machines.mesh({"a", "b", "c"}, {.latency = 100_us, .bandwidth = 10_Gbps}).source("a").sink("a");
        const auto cluster = std::move(machines).build();
        REQUIRE(cluster);
        auto made = make_plan(net, *cluster, roofline{}, {.goal = objective::throughput});
        REQUIRE_MESSAGE(made.has_value(), made.error());
        REQUIRE(made->stages.size() == 3);
        division = std::move(made->division);
        for (std::uint64_t r = 0; r < requests; ++r) inputs.push_back(sample_inputs(net, r).value());
    }

    model net;
    partition division{};
    std::vector<std::vector<tensor>> inputs{};  // [request]
};

using named_carrier = std::pair<std::string, any_transport>;

/// What every build has.
[[nodiscard]] inline std::vector<named_carrier> own_carriers() {
    std::vector<named_carrier> made;
    made.emplace_back("in process", any_transport(in_process_transport()));
    made.emplace_back("TCP", any_transport(tcp_transport()));
    made.emplace_back("TLS", any_transport(with_key("psk")));
    return made;
}

/// The plan's outputs: three workers in threads of this process, stages that travel as ONNX.
template <backend Backend>
[[nodiscard]] std::vector<std::vector<tensor>> outputs_of(const one_plan& p, any_transport carrier,
                                                          const Backend& engine) {
    std::vector<worker_host> hosts;
    std::vector<std::jthread> threads;
    for (const char* name : {"a", "b", "c"}) {
        auto listener = carrier.listen("");
        REQUIRE_MESSAGE(listener.has_value(), listener.error());
        hosts.push_back({name, listener->address()});
        threads.emplace_back([carrier, engine, listener = std::move(*listener)](std::stop_token stop) mutable {
            const auto decode = [](std::span<const std::byte> bytes) {
                return io::read_onnx(bytes, {.simplify = false, .infer = false});
            };
            worker<any_transport, Backend>(carrier, engine, {.decode = decode}).serve(std::move(listener), stop);
        });
    }
    auto stages =
        make_deployment(p.net, p.division, hosts, [](const model& part) { return io::write_onnx(part); });
    REQUIRE_MESSAGE(stages.has_value(), stages.error());
    auto running = coordinator<any_transport>::deploy(carrier, std::move(*stages),
                                                      {.connect_within = seconds(60.0),
                                                       .load_within = seconds(300.0),
                                                       .request_within = seconds(300.0),
                                                       .patience = seconds(60.0)});
    REQUIRE_MESSAGE(running.has_value(), running.error());
    std::vector<std::vector<tensor>> made;
    const auto report = running->run(
        one_plan::requests, [&](request_id r) { return p.inputs[r]; },
        [&](request_id, std::vector<tensor> outputs) { made.push_back(std::move(outputs)); });
    REQUIRE_MESSAGE(report.has_value(), report.error());
    CHECK(running->shut_down());
    REQUIRE(made.size() == one_plan::requests);
    return made;
}

/// The largest difference from one backend's whole network, on whatever carries the plan; outputs are equal on all of it.
template <backend Backend>
void same_on(const one_plan& p, const std::vector<named_carrier>& carriers, const Backend& engine) {
    CAPTURE(engine.name());
    std::vector<std::vector<tensor>> first;
    for (const auto& [name, carrier] : carriers) {
        CAPTURE(name);
        const auto made = outputs_of(p, carrier, engine);
        for (std::size_t r = 0; r < made.size(); ++r) {
            CHECK(deviation(made[r], outputs_of(p.net, p.inputs[r])) < 1e-4);
            if (!first.empty()) CHECK(deviation(made[r], first[r]) == 0.0);
        }
        if (first.empty()) first = made;
    }
    CHECK(deviation(first[0], first[1]) > 1e-3);  // it does depend on what it is asked
}

}  // namespace dispart::test
