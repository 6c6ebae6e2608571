#include "dispart/io/json/kubernetes.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {

const std::string nodes = R"({"apiVersion": "v1", "kind": "List", "items": [
  {"kind": "Node", "metadata": {"name": "worker-1", "labels": {"kubernetes.io/arch": "arm64", "zone": "a"}},
   "spec": {"podCIDR": "10.0.0.0/24"},
   "status": {"capacity": {"cpu": "4", "memory": "8052980Ki", "ephemeral-storage": "61255492Ki", "pods": "110"},
              "allocatable": {"cpu": "3920m", "memory": "7052980Ki"},
              "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]}},
  {"kind": "Node", "metadata": {"name": "gpu-1", "labels": {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}},
   "status": {"capacity": {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": "1"},
              "conditions": [{"type": "Ready", "status": "True"}]}},
  {"kind": "Node", "metadata": {"name": "down"},
   "status": {"capacity": {"cpu": "4", "memory": "1Gi"}, "conditions": [{"type": "Ready", "status": "Unknown"}]}},
  {"kind": "Node", "metadata": {"name": "cordoned"}, "spec": {"unschedulable": true},
   "status": {"capacity": {"cpu": "500m", "memory": "1Gi"}}}]})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("nodes that are ready and take pods, around one switch") {
    const auto g = io::parse_kubernetes(nodes);
    if (!g) FAIL(to_string(g.error()));
    REQUIRE(num_vertices(*g) == 3);
    CHECK((*g)[0].name == "worker-1");
    CHECK((*g)[0].speed.value == 32e9);
    CHECK((*g)[0].memory.value == 8052980.0 * 1024);
    CHECK((*g)[0].reserve.value == 1000000.0 * 1024);
    CHECK((*g)[0].storage.value == 61255492.0 * 1024);
    CHECK((*g)[0].labels.at("kubernetes.io/arch") == "arm64");
    CHECK((*g)[1].speed.value == 19.5e12);
    CHECK((*g)[1].memory == 40_GiB);
    CHECK_FALSE((*g)[2].computes);
    CHECK(num_edges(*g) == 4);
}

TEST_CASE("all nodes, where asked; a fraction of a core") {
    const auto g = io::parse_kubernetes(nodes, {.all = true});
    REQUIRE(g);
    CHECK(num_vertices(*g) == 5);
    CHECK((*g)[3].speed.value == 4e9);
}

TEST_CASE("what is not understood is named by its path") {
    CHECK(io::parse_kubernetes("{}").error().offender == "items");
    CHECK(io::parse_kubernetes("[]").error().offender == "items");
    CHECK(io::parse_kubernetes(replaced(nodes, "8052980Ki", "much")).error().offender ==
          "items[0].status.capacity.memory");
    CHECK(io::parse_kubernetes(replaced(nodes, "\"name\": \"worker-1\"", "\"name\": 7")).error().offender ==
          "items[0].metadata.name");
    CHECK(io::parse_kubernetes(R"({"items": []})").error().code == errc::invalid_cluster);
    CHECK(io::parse_kubernetes(replaced(nodes, "gpu-1", "worker-1")).error().code == errc::invalid_cluster);
}
