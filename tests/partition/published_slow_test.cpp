// The published placement instances against what is known of them. Prints a line for each.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/partition/place.hpp"
#include "support/corpus.hpp"

using namespace dispart;

namespace {

void line(const std::string& name, const char* what, const placement& found, double known) {
    std::printf("| %s | %s | %.6g | %.6g | %.6g | %s |\n", name.c_str(), what, found.value, known,
                found.bound, found.algorithm.c_str());
    std::fflush(stdout);
}

instance read(const std::filesystem::path& file) {
    return io::read_dnn_partitioning(io::read_text(file).value()).value().problem;
}

}  // namespace

TEST_CASE("published instances for throughput") {
    const auto data = test::corpus();
    if (!data) {
        MESSAGE("skipped: no corpus");
        return;
    }
    const auto known = io::read_json(*data / "dnn-partitioning/known.json").value();
    for (const auto& [name, values] : known["instances"].items()) {
        CAPTURE(name);
        const instance p = read(*data / "dnn-partitioning" / (name + ".json"));
        const auto contiguous = place_contiguous(p);
        REQUIRE(contiguous);
        line(name, "contiguous", *contiguous, values["contiguous"].get<double>());
        CHECK(contiguous->value == doctest::Approx(values["contiguous"].get<double>()).epsilon(1e-5));
        CHECK(contiguous->bound == contiguous->value);
        const auto free = place(p, objective::throughput);
        REQUIRE(free);
        const double best = values["best"].get<double>();
        line(name, "throughput", *free, best);
        CHECK(free->value <= best * (values["best_is_proven"].get<bool>() ? 1.001 : 1.005));
        CHECK(free->value <= contiguous->value * (1.0 + 1e-9));
        CHECK(free->value <= values["metis_default"].get<double>() * (1.0 + 1e-4));
        CHECK(free->bound <= best * (1.0 + 1e-5));
    }
}

TEST_CASE("published instances for latency") {
    const auto data = test::corpus();
    if (!data) {
        MESSAGE("skipped: no corpus");
        return;
    }
    const auto known = io::read_json(*data / "dnn-partitioning/known.json").value();
    for (const auto& [name, values] : known["latency"].items()) {
        CAPTURE(name);
        const instance p = read(*data / "dnn-partitioning/latency" / (name + ".json"));
        const auto found = place(p, objective::latency);
        REQUIRE(found);
        line(name, "latency", *found, values["best"].get<double>());
        CHECK(found->value <= values["best"].get<double>() * (1.0 + 1e-5));
    }
}
