#include "../../examples/own/backend.hpp"

#include <doctest/doctest.h>

#include "runtime/backend_conformance.hpp"

TEST_CASE("the backend of docs/extending/backend.md conforms") {
    dispart::test::backends::conforms(plain_backend{}, {.fuses = false});
}
