#include "../../examples/own/transport.hpp"

#include <doctest/doctest.h>

#include "dispart/run/in_process_transport.hpp"
#include "runtime/transport_conformance.hpp"

namespace {

using paced = paced_transport<dispart::in_process_transport>;

}  // namespace

TEST_CASE("the transport of docs/extending/transport.md conforms") { dispart::test::conforms<paced>(); }

TEST_CASE("it keeps to its rate") {
    paced carrier{.rate = 10e6};
    auto desk = carrier.listen("");
    REQUIRE(desk);
    auto client = carrier.connect(desk->address(), dispart::test::within(std::chrono::seconds(1)));
    REQUIRE(client);
    const double spent = dispart::test::seconds_of([&] {
        CHECK(dispart::test::send_bytes(*client, 1, dispart::test::pattern(1'000'000, 1),
                                        dispart::test::within(std::chrono::seconds(5))));
    });
    CHECK(spent >= 0.1);
    CHECK(spent < 1.0);
}
