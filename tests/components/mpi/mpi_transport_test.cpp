#include "dispart/run/mpi/mpi_transport.hpp"

#include <doctest/doctest.h>

#include "runtime/coordinator_conformance.hpp"
#include "runtime/transport_conformance.hpp"

using namespace dispart;
using test::within;
using namespace std::chrono_literals;

namespace {

/// MPI for as long as the program runs.
detail::mpi_node& shared_node(std::shared_ptr<detail::mpi_node>* out) {
    static int argc = 0;
    static char** argv = nullptr;
    static mpi_session session(argc, argv);
    *out = session.node();
    return **out;
}

std::shared_ptr<detail::mpi_node> node() {
    std::shared_ptr<detail::mpi_node> made;
    shared_node(&made);
    return made;
}

/// Made like other transports, out of nothing.
struct mpi_of_this_test : mpi_transport {
    mpi_of_this_test() : mpi_transport(node()) {}
};

}  // namespace

TEST_CASE("the transport over MPI conforms") { test::conforms<mpi_of_this_test>(); }

TEST_CASE("deployments run over MPI") { test::runs_deployments<mpi_of_this_test>(); }

TEST_CASE("addresses are ranks and ports") {
    mpi_of_this_test carrier;
    CHECK(carrier.connect("nonsense", within(1s)).error().code == errc::invalid_argument);
    CHECK(carrier.connect("0:0", within(1s)).error().code == errc::invalid_argument);
    CHECK(carrier.connect("9999:1", within(1s)).error().code == errc::not_found);
    CHECK(carrier.listen("9999:1").error().code == errc::invalid_argument);
}

TEST_CASE("ranks: a plan runs under mpirun") {
    const auto here = node();
    if (here->size() < 2) {
        MESSAGE("one rank only: mpirun -np 4 shows more");
        return;
    }
    mpi_of_this_test carrier;
    test::shelf models;
    const auto workers = static_cast<std::size_t>(here->size()) - 1;
    const model m = test::chain(workers);
    // Every rank fills the shelf alike, as processes that inherit it would.
    std::vector<worker_host> hosts;
    for (std::size_t w = 1; w <= workers; ++w)
        hosts.push_back({"rank " + std::to_string(w), std::to_string(w) + ":7"});
    const auto plan =
        make_deployment(m, test::in_stages(std::vector<std::size_t>(workers, 1)), hosts, models.encoder());
    REQUIRE(plan);
    if (here->rank() > 0) {
        auto desk = carrier.listen(std::to_string(here->rank()) + ":7");
        REQUIRE(desk);
        worker<mpi_of_this_test, test::toy_backend>(
            carrier, {}, {.name = "worker", .decode = models.decoder(), .deployments = 1})
            .serve(std::move(*desk));
        return;
    }
    auto running = coordinator<mpi_of_this_test>::deploy(carrier, *plan);
    REQUIRE_MESSAGE(running, to_string(running.error()));
    CHECK(test::run_and_check(*running, m, 50));
    CHECK(running->shut_down());
}
