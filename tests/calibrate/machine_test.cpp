#include "dispart/calibrate/machine.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace dispart;

TEST_CASE("the machine says something about itself") {
    const auto here = local_machine();
    CHECK(here.cores >= 1);
    CHECK(here.memory > 16_MiB);
    CHECK_FALSE(here.instruction_set.empty());
}

TEST_CASE("the processor's name is found where it stands") {
    std::istringstream text("processor\t: 0\nmodel name\t: Fast CPU\nmodel name\t: other\n");
    CHECK(detail::processor_name(text) == "Fast CPU");
    std::istringstream none("processor\t: 0\nmodel name\nmodel name:");
    CHECK(detail::processor_name(none).empty());
}

TEST_CASE("copying is faster than a network and slower than light") {
    const auto speed = copy_bandwidth(std::size_t{4} << 20, 3);
    CHECK(speed > 10_MBps);
    CHECK(speed < bytes_per_second(1e13));
}
