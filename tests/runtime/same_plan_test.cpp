#include "runtime/same_plan.hpp"

using namespace dispart;

// Over the other transports, and on the other backends: same_plan_slow_test.cpp.
TEST_CASE("one plan gives equal outputs over in-process, TCP and TLS") {
    same_on(test::one_plan("squeezenet", 64), test::own_carriers(), eigen_backend{});
}
