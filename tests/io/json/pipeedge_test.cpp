#include "dispart/io/json/pipeedge.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "dispart/partition/chain_orders.hpp"
#include "dispart/problem/validate.hpp"
#include "support/corpus.hpp"

using namespace dispart;

namespace {

const char* small_chain = R"({"format": "chain/1", "name": "three", "input_bytes": 30,
  "layers": [{"time_s": {"slow": 4, "fast": 2}, "memory_bytes": 10, "output_bytes": 20},
             {"time_s": {"slow": 4, "fast": 2}, "memory_bytes": 10, "output_bytes": 10},
             {"time_s": {"slow": 6}, "memory_bytes": 10, "output_bytes": 1}],
  "devices": [{"type": "slow", "count": 1, "memory_bytes": 1000, "bandwidth_bytes_per_s": 5},
              {"type": "fast", "count": 2, "memory_bytes": MEMORY, "bandwidth_bytes_per_s": 10}]})";

std::string with_memory(const std::string& bytes) {
    std::string text = small_chain;
    return text.replace(text.find("MEMORY"), 6, bytes);
}

double period(const instance& problem) {
    const auto found = chain_orders_partitioner{}.solve(problem, objective::throughput);
    REQUIRE(found);
    CHECK(found->exact);
    return found->chain.value;
}

}  // namespace

TEST_CASE("the formats' rules for period and memory") {
    // two layers on a fast device: 4 s, sends 10 bytes at 10/s; the last one on the slow one: 6 s
    // memory: 2 * 10 of layers, one copy of the input and three of the output: 20 + 30 + 30, and more than that
    const auto roomy = io::parse_chain(with_memory("81"));
    REQUIRE(roomy);
    CHECK(roomy->name == "three");
    CHECK(validate(roomy->problem));
    CHECK(roomy->problem.device_count() == 4);
    const auto found = chain_orders_partitioner{}.solve(roomy->problem, objective::throughput);
    REQUIRE(found);
    CHECK(found->chain.value == 6);
    CHECK(found->chain.division.parts.size() == 2);
    // one layer on each fast device: 10 + 30 + 60 > 80 but 10 + 3 * 20 + 3 * 10 = 100 > 80: all on the slow one
    CHECK(period(io::parse_chain(with_memory("80"))->problem) == 14);
    CHECK(period(io::parse_chain(with_memory("101"))->problem) == 6);
}

TEST_CASE("bad files are refused by field") {
    CHECK(io::parse_chain("{}").error().code == errc::parse_error);
    CHECK(io::parse_chain(with_memory("-1")).error().offender == "devices[1].memory_bytes");
    auto text = with_memory("100");
    CHECK(io::parse_chain(text.replace(text.find("chain/1"), 7, "chain/9")).error().offender == "format");
    text = with_memory("100");
    const auto many = io::parse_chain(text.replace(text.find("\"count\": 2"), 10, "\"count\": 99999999999"));
    CHECK(many.error().code == errc::limit_exceeded);
    text = with_memory("100");
    CHECK(io::parse_chain(text.replace(text.find("\"fast\": 2"), 9, "\"fast\": -2")).error().code ==
          errc::parse_error);
}

TEST_CASE("the published profiles: the exact periods") {
    const auto corpus = test::corpus();
    if (!corpus) {
        MESSAGE("skipped: no corpus");
        return;
    }
    for (const char* name : {"vit_base_batch8", "vit_large_batch8"}) {
        const auto file = io::read_chain(*corpus / "chains" / (std::string(name) + ".json"));
        REQUIRE(file);
        REQUIRE(file->known_period_s > 0.0);
        CHECK(period(file->problem) == doctest::Approx(file->known_period_s).epsilon(5e-5));
        CHECK(file->published_tool_period_s > file->known_period_s);
    }
}
