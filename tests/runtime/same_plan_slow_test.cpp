// One plan over every transport and on every backend that this build has; those of optional components included.
#ifdef DISPART_WITH_MPI
#include "dispart/run/mpi/mpi_transport.hpp"
#endif
#ifdef DISPART_WITH_GRPC
#include "dispart/run/grpc/grpc_transport.hpp"
#endif
#ifdef DISPART_WITH_ONEDNN
#include "dispart/run/onednn/onednn_backend.hpp"
#endif

#include "dispart/run/xtensor_backend.hpp"
#include "runtime/same_plan.hpp"

using namespace dispart;

namespace {

std::vector<test::named_carrier> every_carrier() {
    auto made = test::own_carriers();
#ifdef DISPART_WITH_MPI
    static int argc = 0;
    static char** argv = nullptr;
    static mpi_session session(argc, argv);
    made.emplace_back("MPI", any_transport(mpi_transport(session.node())));
#endif
#ifdef DISPART_WITH_GRPC
    made.emplace_back("gRPC", any_transport(grpc_transport::make().value()));
#endif
    return made;
}

}  // namespace

TEST_CASE("one plan gives equal outputs over every transport, and the same on every backend") {
    const auto carriers = every_carrier();
    for (const auto& each : carriers) MESSAGE(each.first);
    for (const char* network : {"resnet50", "mobilenet_v2"}) {
        CAPTURE(network);
        const test::one_plan p(network);
        same_on(p, carriers, eigen_backend{});
        same_on(p, carriers, xtensor_backend{});
#ifdef DISPART_WITH_ONEDNN
        same_on(p, carriers, onednn_backend{});
#endif
    }
}
