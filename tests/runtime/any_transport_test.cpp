#include "dispart/run/any_transport.hpp"

#include "dispart/run/in_process_transport.hpp"
#include "runtime/transport_conformance.hpp"

using namespace dispart;

namespace {

struct any_in_process : any_transport {
    any_in_process() : any_transport(in_process_transport{}) {}
};

}  // namespace

TEST_CASE("any_transport conforms as what is in it does") { test::conforms<any_in_process>(); }

TEST_CASE("any_transport: who proves nothing may be anybody") {
    const any_in_process carrier;
    CHECK(carrier.name() == "in-process");
    CHECK(carrier.identity().may_be("whoever"));
}
