#include "dispart/run/coordinator.hpp"

#include "dispart/run/in_process_transport.hpp"
#include "runtime/coordinator_conformance.hpp"

using namespace dispart;

TEST_CASE("coordinator and workers in one process") { test::runs_deployments<in_process_transport>(); }
