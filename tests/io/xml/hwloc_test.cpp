#include "dispart/io/xml/hwloc.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace dispart;

namespace {

const std::string machine = R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" gp_index="1">
    <info name="HostName" value="node7"/><info name="Architecture" value="x86_64"/>
    <object type="Package" os_index="0"><info name="CPUModel" value="Intel Xeon"/>
      <object type="NUMANode" os_index="0" local_memory="17179869184"/>
      <object type="Core" os_index="0"><object type="PU" os_index="0"/><object type="PU" os_index="1"/></object>
      <object type="Core" os_index="1"><object type="PU" os_index="2"/><object type="PU" os_index="3"/></object>
      <object type="Bridge"><object type="PCIDev">
        <object type="OSDev" name="cuda0" subtype="CUDA" osdev_type="5"><info name="GPUModel" value="Tesla V100"/>
          <info name="CUDAGlobalMemorySize" value="33554432"/><info name="CUDAMultiProcessors" value="80"/>
          <info name="CUDACoresPerMP" value="64"/></object>
        <object type="OSDev" name="opencl0d0" subtype="OpenCL"/>
        <object type="OSDev" name="eth0"/></object></object>
    </object>
    <object type="Package" os_index="1"><object type="NUMANode" os_index="1" local_memory="17179869184"/>
      <object type="Core" os_index="2"/></object>
  </object>
</topology>)";

}  // namespace

TEST_CASE("cores, memory of all nodes, and a card behind its bus") {
    const auto g =
        io::parse_hwloc(machine, {.speed_per_core = flops_per_second(10e9), .accelerator_ghz = 1.5});
    if (!g) FAIL(to_string(g.error()));
    REQUIRE(num_vertices(*g) == 2);
    CHECK((*g)[0].name == "node7");
    CHECK((*g)[0].speed.value == 30e9);
    CHECK((*g)[0].memory == 32_GiB);
    CHECK((*g)[0].labels.at("model") == "Intel Xeon");
    CHECK((*g)[1].name == "node7/cuda0");
    CHECK((*g)[1].memory == 32_GiB);
    CHECK((*g)[1].speed.value == doctest::Approx(80 * 64 * 2 * 1.5e9));
    CHECK(num_edges(*g) == 2);
}

TEST_CASE("version 1 keeps the memory on the machine, and a machine without cores has processing units") {
    const auto g = io::parse_hwloc(
        R"(<topology><object type="Machine" local_memory="1024"><object type="PU"/><object type="PU"/></object></topology>)");
    REQUIRE(g);
    CHECK((*g)[0].name == "host");
    CHECK((*g)[0].memory.value == 1024.0);
    CHECK((*g)[0].speed.value == 32e9);
}

TEST_CASE("what is no topology is refused") {
    CHECK(io::parse_hwloc("<platform/>").error().offender == "topology");
    CHECK(io::parse_hwloc("<topology><object type='Machine'/></topology>").error().code == errc::parse_error);
    CHECK(io::parse_hwloc("{}").error().code == errc::parse_error);
    CHECK(io::parse_hwloc(machine.substr(0, 700)).error().code == errc::parse_error);
}
