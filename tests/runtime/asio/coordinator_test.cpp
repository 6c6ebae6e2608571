#include "dispart/run/coordinator.hpp"

#include "dispart/run/asio/tcp_transport.hpp"
#include "runtime/coordinator_conformance.hpp"

using namespace dispart;

TEST_CASE("coordinator and workers over TCP") { test::runs_deployments<tcp_transport>(); }
