#include "dispart/io/json/units.hpp"

#include <doctest/doctest.h>

using namespace dispart;

TEST_CASE("quantities as people write them") {
    const auto size = [](const char* text) { return io::parse_quantity<unit::byte>(text).value().value; };
    CHECK(size("4 GiB") == 4294967296.0);
    CHECK(size("1.5MB") == 1.5e6);
    CHECK(size("1e3") == 1000.0);
    CHECK(size("7 B") == 7.0);
    CHECK(io::parse_quantity<unit::second>("2 ms")->value == doctest::Approx(2e-3));
    CHECK(io::parse_quantity<unit::second>("3 \u00b5s")->value == doctest::Approx(3e-6));
    CHECK(io::parse_quantity<unit::second>("3us")->value == doctest::Approx(3e-6));
    CHECK(io::parse_quantity<unit::byte_per_second>("100 Mbit/s")->value == doctest::Approx(12.5e6));
    CHECK(io::parse_quantity<unit::byte_per_second>("1 Gbps")->value == doctest::Approx(125e6));
    CHECK(io::parse_quantity<unit::byte_per_second>("20 GB/s")->value == doctest::Approx(20e9));
    CHECK(io::parse_quantity<unit::flop_per_second>("13.5 GFLOPS")->value == doctest::Approx(13.5e9));
    CHECK(io::parse_quantity<unit::watt>("500 mW")->value == doctest::Approx(0.5));
    CHECK(io::parse_quantity<unit::joule>("20 nJ")->value == doctest::Approx(20e-9));
    CHECK(io::parse_quantity<unit::money>("0.12")->value == 0.12);
}

TEST_CASE("what is no quantity is refused") {
    for (const char* text : {"", "GiB", "4 gib", "4 GiB ", "4  parsecs", "nan", "inf", "1e999", "1e308 TiB",
                             "--4", "4 s", "4 \xff"}) {
        const auto parsed = io::parse_quantity<unit::byte>(text);
        CAPTURE(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == errc::parse_error);
        CHECK(parsed.error().offender == text);
        CHECK_FALSE(parsed.error().hint.empty());
    }
}
