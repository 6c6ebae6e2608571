#include "dispart/io/json/dnn_partitioning.hpp"

#include <doctest/doctest.h>

#include "dispart/partition/assignment.hpp"

using namespace dispart;

namespace {

const std::string small = R"({"maxSizePerFPGA": 100.0, "maxFPGAs": 2, "maxCPUs": 1, "extra": [1],
  "nodes": [
    {"id": 7, "supportedOnFpga": 1, "cpuLatency": 30, "fpgaLatency": 3, "isBackwardNode": 0, "size": 60},
    {"id": 5, "supportedOnFpga": true, "cpuLatency": 10, "fpgaLatency": 1.0, "isBackwardNode": false, "size": 10, "colorClass": 2},
    {"id": 6, "supportedOnFpga": false, "cpuLatency": 20, "fpgaLatency": 2, "isBackwardNode": 0, "size": 50, "colorClass": null}],
  "edges": [{"sourceId": 5, "destId": 7, "cost": 0.5}, {"sourceId": 5, "destId": 6, "cost": 0.5}, {"sourceId": 6, "destId": 7, "cost": 4}]})";

std::string with(const std::string& from, const std::string& to) {
    std::string text = small;
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("nodes become layers in topological order, edges of one node one tensor") {
    REQUIRE(io::is_dnn_partitioning(small));
    const auto read = io::read_dnn_partitioning(small);
    REQUIRE(read);
    const instance& p = read->problem;
    CHECK(read->layer_ids == std::vector<std::int64_t>{5, 6, 7});
    CHECK(p.tensor_bytes == std::vector<double>{0.5, 4.0});
    CHECK(p.device_count() == 3);
    CHECK(!p.is_allowed(1, 0));
    // On accelerators: 5 and 7; on the CPU: 6. The accelerator shares both tensors.
    const auto value = evaluate_assignment(p, {0, 2, 0}, objective::throughput);
    REQUIRE(value);
    CHECK(value->device_load[0] == doctest::Approx(1 + 3 + 0.5 + 4));
    CHECK(value->device_load[2] == doctest::Approx(20));
    // 5, then 6 on a CPU, then 7, each accelerator with what it receives and sends.
    const auto latency = evaluate_assignment(p, {0, 2, 1}, objective::latency);
    REQUIRE(latency);
    CHECK(latency->value == doctest::Approx((1 + 0.5) + 20 + (3 + 4.5)));
    CHECK(evaluate_assignment(p, {0, 2, 0}, objective::latency).error().code == errc::infeasible);
    CHECK(evaluate_assignment(p, {0, 0, 0}, objective::throughput).error().code == errc::infeasible);
}

TEST_CASE("broken files are named") {
    CHECK(io::read_dnn_partitioning("{").error().code == errc::parse_error);
    CHECK(io::read_dnn_partitioning("[]").error().code == errc::parse_error);
    CHECK(io::read_dnn_partitioning(with("\"id\": 7", "\"ID\": 7")).error().offender == "nodes[0].id");
    CHECK(io::read_dnn_partitioning(with("\"destId\": 6", "\"destId\": 9")).error().code ==
          errc::invalid_model);
    CHECK(io::read_dnn_partitioning(with("\"sourceId\": 6", "\"sourceId\": 7")).error().code ==
          errc::invalid_model);
    CHECK(io::read_dnn_partitioning(with("\"id\": 6", "\"id\": 7")).error().code == errc::invalid_model);
    CHECK(io::read_dnn_partitioning(with("\"fpgaLatency\": 3", "\"fpgaLatency\": -3")).error().code ==
          errc::invalid_argument);
    CHECK(io::read_dnn_partitioning(with("\"maxFPGAs\": 2", "\"maxFPGAs\": 1000000000000")).error().code ==
          errc::limit_exceeded);
}
