#include "dispart/io/json/instance.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace dispart;

TEST_CASE("an instance is read, and what is wrong with it is named") {
    const std::string text = R"({"format": "instance/1", "objective": "latency", "load": "serial",
      "layers": [{"name": "a", "seconds": {"pi": 2, "pc": 1}, "weight_bytes": 5}, {"seconds": {"pc": 3}}],
      "tensors": [{"bytes": 8, "to": [0]}, {"from": 0, "to": [1], "bytes": 4}, {"from": 1, "bytes": 1, "output": true}],
      "devices": [{"class": "pi", "memory_bytes": 100}, {"class": "pc"}],
      "links": [{"from": 0, "to": 1, "latency_s": 0.5, "seconds_per_byte": 0.25}], "source": 0, "sink": 1})";
    REQUIRE(io::is_instance(text));
    const auto read = io::read_instance(text);
    REQUIRE(read);
    const instance& p = read->problem;
    CHECK(read->goal == objective::latency);
    CHECK(p.load == load_model::serial);
    CHECK(p.compute(0, 0) == 2.0);
    CHECK(!p.is_allowed(1, 0));
    CHECK(p.transfer(0, 1, 4.0) == 1.5);
    CHECK(std::isinf(p.transfer(1, 0, 4.0)));
    CHECK(p.model_inputs == std::vector<tensor_id>{0});
    CHECK(p.model_outputs == std::vector<tensor_id>{2});
    const auto broken = [&](const std::string& from, const std::string& to) {
        std::string other = text;
        return io::read_instance(other.replace(other.find(from), from.size(), to)).error();
    };
    CHECK(broken("\"to\": [1]", "\"to\": [7]").code == errc::invalid_argument);
    CHECK(broken("\"serial\"", "\"odd\"").offender == "load");
    CHECK(broken("\"bytes\": 4", "\"byte\": 4").code == errc::parse_error);
    CHECK(broken("\"from\": 0, \"to\": [1]", "\"from\": 1, \"to\": [0]").code == errc::invalid_argument);
}
