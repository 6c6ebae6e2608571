#include "dispart/run/in_process_transport.hpp"

#include "runtime/transport_conformance.hpp"

using namespace dispart;

TEST_CASE("in_process_transport conforms") { test::conforms<in_process_transport>(); }

TEST_CASE("in_process_transport: names are known to copies of one transport only") {
    in_process_transport carrier;
    in_process_transport copy = carrier;
    auto listener = carrier.listen("here");
    REQUIRE(listener);
    CHECK(listener->address() == "here");
    CHECK(copy.connect("here", deadline_in(seconds(1))));
    CHECK(in_process_transport{}.connect("here", deadline_in(seconds(1))).error().code == errc::peer_lost);
}

TEST_CASE("in_process_transport: callers over the backlog wait until their deadline, and are dropped with "
          "the listener") {
    in_process_transport carrier({.backlog = 1});
    auto listener = carrier.listen("here");
    REQUIRE(listener);
    auto waiting = carrier.connect("here", deadline_in(seconds(1)));
    REQUIRE(waiting);
    CHECK(carrier.connect("here", deadline_in(seconds(0.05))).error().code == errc::timeout);
    listener->close();
    CHECK(waiting->receive(deadline_in(seconds(1))).error().code == errc::peer_lost);
}
