// Every network of the zoo at its own size, divided into 2, 3 and 5 stages that travel as ONNX to workers of this process.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "dispart/io/onnx/read.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/in_process_transport.hpp"
#include "dispart/run/worker.hpp"
#include "runtime/spread.hpp"

using namespace dispart;

namespace {

/// So many parts with equally many consecutive layers each, part i on device i.
partition equal_stages(std::size_t layers, std::size_t count) {
    partition made;
    for (std::size_t i = 0; i < count; ++i) {
        made.parts.push_back({{}, i});
        for (layer_id l = i * layers / count; l < (i + 1) * layers / count; ++l)
            made.parts.back().layers.push_back(l);
    }
    return made;
}

/// A worker with the Eigen backend in each of so many threads.
class worker_threads {
  public:
    worker_threads(in_process_transport& carrier, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            auto listener = carrier.listen("").value();
            hosts.push_back({"w" + std::to_string(i), listener.address()});
            threads_.emplace_back([&carrier, listener = std::move(listener)](std::stop_token stop) mutable {
                const auto decode = [](std::span<const std::byte> bytes) {
                    return io::read_onnx(bytes, {.simplify = false, .infer = false});
                };
                worker<in_process_transport, eigen_backend>(carrier, eigen_backend{}, {.decode = decode})
                    .serve(std::move(listener), stop);
            });
        }
    }
    std::vector<worker_host> hosts{};

  private:
    std::vector<std::jthread> threads_{};
};

const coordinator_options patient{.connect_within = seconds(60.0),
                                  .load_within = seconds(300.0),
                                  .request_within = seconds(300.0),
                                  .patience = seconds(60.0)};

}  // namespace

TEST_CASE("every network of the zoo equals itself in 2, 3 and 5 stages") {
    for (const auto name : zoo::names()) {
        CAPTURE(name);
        in_process_transport carrier;
        const worker_threads workers(carrier, 5);  // of this network alone: workers keep stages that they had
        const auto whole = test::simplified(zoo::make(name));
        const auto inputs = sample_inputs(whole).value();
        const auto expected = test::outputs_of(whole, inputs);
        for (const std::size_t stages : {2U, 3U, 5U}) {
            CAPTURE(stages);
            auto plan = make_deployment(whole, equal_stages(num_vertices(whole), stages), workers.hosts,
                                        [](const model& part) { return io::write_onnx(part); });
            REQUIRE_MESSAGE(plan.has_value(), plan.error());
            auto running = coordinator<in_process_transport>::deploy(carrier, std::move(*plan), patient);
            REQUIRE_MESSAGE(running.has_value(), running.error());
            std::size_t results = 0;
            double worst = 0.0;
            const auto report = running->run(
                2, [&](request_id) { return inputs; },
                [&](request_id, const std::vector<tensor>& outputs) {
                    ++results;
                    worst = std::max(worst, test::deviation(outputs, expected));
                });
            REQUIRE_MESSAGE(report.has_value(), report.error());
            CHECK(running->shut_down());
            CHECK(results == 2);
            CHECK(worst < 1e-4);
            MESSAGE(name << " in " << stages << " stages: " << worst);
        }
    }
}
