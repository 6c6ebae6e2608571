#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "dispart/io/json/load.hpp"

using namespace dispart;

namespace {

result<io::load_file> load(const std::string& text) {
    return io::load_from_json(io::parse_json(text).value());
}

const std::vector<std::string> devices{"a", "b"};
const std::vector<std::string> links{"a -> b", "b -> a", "radio", "radio"};

result<std::vector<fault>> faults(const std::string& text) {
    return io::faults_from_json(io::parse_json(text).value(), devices, links);
}

}  // namespace

TEST_CASE("load files: pattern, rate, requests, jitter") {
    const auto read = load(R"({"requests": 50, "pattern": "poisson", "rate_per_s": 8, "seed": 3,
        "jitter": {"kind": "log_normal", "spread": 0.1, "layer_spread": 0.4}})");
    REQUIRE(read);
    CHECK(read->load.pattern == arrival_pattern::poisson);
    CHECK(read->load.rate == 8.0);
    CHECK(read->requests == 50);
    CHECK(read->variation.kind == jitter_kind::log_normal);
    CHECK(read->variation.spread == 0.1);
    CHECK(read->variation.seed == 3);
    CHECK(read->layer_spread == 0.4);
    CHECK(load(R"({"pattern": "trace", "times_s": [0, 1, 5]})")->requests == 3);
    CHECK_FALSE(load(R"({"pattern": "constant"})")->requests.has_value());
}

TEST_CASE("load files: errors say which field") {
    CHECK(load("{}").error().offender == "pattern");
    CHECK(load(R"({"pattern": "poison"})").error().hint == "did you mean 'poisson'?");
    CHECK(load(R"({"pattern": "constant", "rate": 3})").error().offender == "rate");
    CHECK(load(R"({"pattern": "constant", "requests": -3})").error().offender == "requests");
    CHECK(load(R"({"pattern": "constant", "jitter": {"spread": 1}})").error().offender == "jitter.kind");
}

TEST_CASE("fault files: devices and links by name, both ways of a connection together") {
    const auto read = faults(R"({"faults": [
        {"what": "dies", "device": "b", "at_s": 2, "until_s": "3500 ms"},
        {"what": "degrades", "link": "radio", "at_s": 1, "factor": 0.25}]})");
    REQUIRE(read);
    REQUIRE(read->size() == 3);
    CHECK((*read)[0].what == fault_kind::dies);
    CHECK((*read)[0].target == 1);
    CHECK((*read)[0].until == doctest::Approx(3.5));
    CHECK((*read)[1].target == 2);
    CHECK((*read)[2].target == 3);
    CHECK((*read)[2].factor == 0.25);
    CHECK((*read)[2].until == std::numeric_limits<double>::infinity());
}

TEST_CASE("fault files: errors say which field") {
    const auto offender = [](const std::string& one) {
        return faults("{\"faults\": [" + one + "]}").error().offender;
    };
    CHECK(offender(R"({"what": "dies", "device": "c", "at_s": 1})") == "faults[0].device");
    CHECK(offender(R"({"what": "dies", "link": "radio", "at_s": 1})") == "faults[0].device");
    CHECK(offender(R"({"what": "dies", "device": "a"})") == "faults[0].at_s");
    CHECK(offender(R"({"what": "slows", "device": "a", "at_s": 1})") == "faults[0].factor");
    CHECK(offender(R"({"what": "stalls", "device": "a", "at_s": 1, "factor": 2})") == "faults[0].factor");
    CHECK(offender(R"({"what": "degrades", "device": "a", "at_s": 1, "factor": 2})") == "faults[0].link");
    CHECK(offender(R"({"what": "vanishes", "device": "a", "at_s": 1})") == "faults[0].what");
    CHECK(offender(R"({"what": "dies", "device": "a", "at_s": 3, "until_s": 2})") == "fault 0");
    CHECK(offender(R"({"what": "dies", "device": "a", "at_s": -3})") == "fault 0");
}
