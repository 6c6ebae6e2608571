#include "dispart/calibrate/codecs.hpp"

#include <doctest/doctest.h>

#include "dispart/run/standard_codecs.hpp"

using namespace dispart;

TEST_CASE("codecs are measured on what they are given") {
    const std::vector<tensor> samples{activation_sample({1, 8, 32, 32}), activation_sample({4, 100})};
    const auto all = measure_codecs(standard_codecs(), samples, {.least = 2, .budget = seconds(0.0)});
    REQUIRE(all);
    CHECK(all->size() == 6);
    for (const auto& each : *all) {
        CAPTURE(each.cost.name);
        CHECK(each.observed_error <= each.cost.max_relative_error);
        const bool raw = each.cost.name == "raw";
        CHECK((each.cost.encode_seconds_per_byte > 0.0) == !raw);
        CHECK((each.cost.decode_seconds_per_byte > 0.0) == !raw);
        CHECK((each.cost.ratio < 0.75) == !raw);
    }
    CHECK((*all)[1].cost.ratio == doctest::Approx(0.5).epsilon(1e-3));
}
