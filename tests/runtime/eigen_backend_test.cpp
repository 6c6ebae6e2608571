#include "dispart/run/eigen_backend.hpp"

#include <doctest/doctest.h>

#include "runtime/backend_conformance.hpp"

using namespace dispart;

TEST_CASE("the Eigen backend conforms") { test::backends::conforms(eigen_backend{}); }

TEST_CASE("memory is weights plus what lies between") {
    const auto m = test::backends::zoo_net("squeezenet", 64);
    double weights = 0.0;
    for (const auto& t : info(m).tensors)
        if (t.constant) weights += t.size_bytes();
    const auto loaded = eigen_backend::load(m);
    REQUIRE(loaded.has_value());
    CHECK(loaded->memory().value >= weights);
    CHECK(loaded->memory().value <= 1.2 * weights + loaded->arena().value + 1e6);
}
