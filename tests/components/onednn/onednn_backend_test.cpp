#include "dispart/run/onednn/onednn_backend.hpp"

#include <doctest/doctest.h>

#include "runtime/backend_conformance.hpp"

using namespace dispart;

TEST_CASE("the oneDNN backend conforms") { test::backends::conforms(onednn_backend{}); }

TEST_CASE("it is oneDNN that computes, and its threads are counted") {
    const auto m = test::backends::zoo_net("squeezenet", 64);
    const auto own = eigen_backend::load(m);
    const auto other = onednn_backend{}.load(m);
    REQUIRE((own.has_value() && other.has_value()));
    CHECK(own->memory().value != other->memory().value);  // weights are packed otherwise
    CHECK(onednn_backend{0}.load(m).error().code == errc::invalid_argument);
    auto two = onednn_backend{2}.load(m);
    REQUIRE(two.has_value());
    const auto inputs = test::backends::random_inputs(m, 3);
    test::backends::check_close(test::backends::run(*two, inputs), test::backends::reference(m, inputs));
}
