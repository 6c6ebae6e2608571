#include "dispart/cluster/catalogue.hpp"

#include <doctest/doctest.h>

#include <set>

#include "dispart/cluster/builder.hpp"

using namespace dispart;

TEST_CASE("every machine of the catalogue is complete, named once and says where its figures are from") {
    std::set<std::string_view> names;
    for (const auto& machine : catalogue()) {
        CAPTURE(machine.name);
        CHECK(names.insert(machine.name).second);
        CHECK(machine.source.size() > 20);
        const auto made = catalogue_device(machine.name, "d");
        REQUIRE(made);
        CHECK(made->name == "d");
        CHECK(made->speed.value > 1e8);
        CHECK(made->memory_bandwidth.value > 1e8);
        CHECK(made->memory.value > 0.0);
        CHECK(made->busy_power.value > 0.0);
        CHECK(made->labels.at("model") == machine.name);
    }
    CHECK(names.size() >= 12);
}

TEST_CASE("figures are in SI units") {
    const auto a100 = catalogue_device("a100-sxm4-40gb");
    REQUIRE(a100);
    CHECK(a100->name == "a100-sxm4-40gb");
    CHECK(a100->speed.value == doctest::Approx(19.5e12));
    CHECK(a100->memory.value == 40.0 * 1024 * 1024 * 1024);
    CHECK(catalogue_link_of("gigabit-ethernet").value().bandwidth.value ==
          doctest::Approx(1e9 / 8 * 1448 / 1538).epsilon(0.001));
}

TEST_CASE("machines and links make a cluster") {
    cluster_builder builder("desk");
    const auto link = catalogue_link_of("gigabit-ethernet");
    REQUIRE(link);
    builder.device(*catalogue_device("raspberry-pi-4b", "pi")).device(*catalogue_device("stm32f746", "sensor"));
    const auto made = builder.link("pi", "sensor", *link).build();
    REQUIRE(made);
    CHECK((*made)[1].operators.size() > 10);
    CHECK((*made)[0].operators.empty());
}

TEST_CASE("an unknown name is refused with the names that there are") {
    const auto none = catalogue_device("cray-1");
    REQUIRE_FALSE(none);
    CHECK(none.error().code == errc::not_found);
    CHECK(none.error().hint.find("raspberry-pi-5") != std::string::npos);
    CHECK(catalogue_link_of("string").error().hint.find("pcie-4-x16") != std::string::npos);
}
