#include "dispart/io/json/profile.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/temporary.hpp"

using namespace dispart;

namespace {

profile small_profile() {
    profile p;
    p.kind = "board";
    p.backend = "eigen";
    p.machine = {"Fast CPU", "avx2", 4, 8_GiB};
    p.speed = 12.5_GFLOPS;
    p.memory_bandwidth = 9_GBps;
    p.layer_overhead = 3_us;
    p.measured_at = 1.7e9;
    p.samples = {
        {"Relu{}(f32[8])->f32[8]", op_family::elementwise, {flops(8), bytes(32), bytes(32), bytes(0)}, 5_us}};
    p.fusion.set("conv > elementwise/1", {3, 1});
    return p;
}

error wrong_profile(const std::string& text) {
    const auto read = io::parse_profile(text);
    REQUIRE_FALSE(read);
    return read.error();
}

}  // namespace

TEST_CASE("writing and reading give the same profile") {
    const test::temporary_folder folder;
    REQUIRE(io::write_profile(folder / "p.json", small_profile()));
    const auto read = io::read_profile(folder / "p.json");
    if (!read) FAIL(to_string(read.error()));
    CHECK(io::profile_to_json(*read) == io::profile_to_json(small_profile()));
    CHECK(read->samples[0].family == op_family::elementwise);
    CHECK(read->fusion.counts().at("conv > elementwise/1").separate == 1);
}

TEST_CASE("what is wrong is named") {
    CHECK(wrong_profile("{}").offender == "kind");
    CHECK(wrong_profile(R"({"kind": "x", "speed_flops": -1})").offender == "speed_flops");
    CHECK(wrong_profile(R"({"kind": "x", "samples": [{}]})").offender == "samples[0].signature");
    CHECK(wrong_profile(R"({"kind": "x", "samples": [{"signature": "s", "family": "sorcery"}]})").offender ==
          "samples[0].family");
    CHECK(wrong_profile(
              R"({"kind": "x", "samples": [{"signature": "s", "family": "view", "flops": 1, "input_bytes": 1,
                    "output_bytes": -1, "weight_bytes": 0, "seconds": 1}]})")
              .offender == "samples[0]");
    CHECK(wrong_profile(R"({"kind": "x", "fusion": {"a > b": {"fused": -1, "separate": 0}}})").offender ==
          "fusion.a > b.fused");
    CHECK(wrong_profile(R"({"kind": "x", "sample": []})").hint == "did you mean 'samples'?");
}
