#include "dispart/cost/kind.hpp"

#include <doctest/doctest.h>

using namespace dispart;

TEST_CASE("from the closest name to the most general") {
    CHECK(device_columns({.name = "a"}) == std::vector<std::string>{"a", "*"});
    CHECK(device_columns({.name = "a", .labels = {{"kind", "k"}}}) == std::vector<std::string>{"a", "k", "*"});
}
