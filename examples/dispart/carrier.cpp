#include "dispart/carrier.hpp"

#include <cstdlib>

#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/tls/tls_transport.hpp"

#ifdef DISPART_WITH_GRPC
#include "dispart/run/grpc/grpc_transport.hpp"
#endif
#ifdef DISPART_WITH_MPI
#include "dispart/run/mpi/mpi_transport.hpp"
#endif

namespace cli {

using namespace dispart;

namespace {

std::string name_of(const carrier_choice& choice) {
    if (!choice.transport.empty()) return choice.transport;
    return choice.tls.empty() && choice.psk.empty() ? "tcp" : "tls";
}

/// Errors: invalid_argument for keys that the transport cannot use, or lacks.
result<void> check_keys(const std::string& name, const carrier_choice& choice) {
    const bool keys = !choice.tls.empty() || !choice.psk.empty();
    if (name == "tls" && !keys)
        return fail(errc::invalid_argument, "--transport tls", "it needs --tls or --psk",
                    "dispart keys makes keys");
    if (name == "grpc" && !choice.psk.empty())
        return fail(errc::invalid_argument, "--psk", "gRPC knows certificates only", "use --tls");
    if ((name == "tcp" || name == "mpi") && keys)
        return fail(errc::invalid_argument, "--transport " + name,
                    "it encrypts nothing, and has no use for keys");
    return {};
}

#ifdef DISPART_WITH_GRPC
result<any_transport> over_grpc(const carrier_choice& choice) {
    ::setenv("GRPC_VERBOSITY", "NONE", 0);  // errors come back as values
    DISPART_TRY(auto made,
                grpc_transport::make({.folder = choice.tls, .allow_plaintext_off_machine = choice.plaintext}));
    return any_transport(std::move(made));
}
#endif

#ifdef DISPART_WITH_MPI
/// MPI begins here, once, and ends with the process.
result<any_transport> over_mpi() {
    static int argc = 0;
    static char** argv = nullptr;
    static mpi_session session(argc, argv);
    const auto node = session.node();
    if (!node) return fail(errc::unsupported, "mpi", "this MPI cannot be called by a thread of its own");
    return any_transport(mpi_transport(node));
}
#endif

}  // namespace

std::vector<std::string> transport_names() {
    std::vector<std::string> names{"tcp", "tls"};
#ifdef DISPART_WITH_GRPC
    names.emplace_back("grpc");
#endif
#ifdef DISPART_WITH_MPI
    names.emplace_back("mpi");
#endif
    return names;
}

result<any_transport> make_carrier(const carrier_choice& choice) {
    const std::string name = name_of(choice);
    DISPART_CHECK(check_keys(name, choice));
    if (name == "tcp") return any_transport(tcp_transport({.allow_plaintext_off_machine = choice.plaintext}));
    if (name == "tls") {
        DISPART_TRY(auto made, tls_transport::make({.folder = choice.tls, .psk = choice.psk}));
        return any_transport(std::move(made));
    }
#ifdef DISPART_WITH_GRPC
    if (name == "grpc") return over_grpc(choice);
#endif
#ifdef DISPART_WITH_MPI
    if (name == "mpi") return over_mpi();
#endif
    std::string known;
    for (const auto& each : transport_names()) known += (known.empty() ? "" : ", ") + each;
    return fail(errc::unsupported, name, "no transport of this name is here", known);
}

std::string node_name(const any_transport& carrier, const std::string& otherwise) {
    const auto names = carrier.identity().names;
    return names.empty() ? otherwise : names.front();
}

result<std::string> listen_for(const carrier_choice& choice, const std::vector<worker_host>& hosts) {
    if (name_of(choice) == "mpi") return std::string();  // an unused port of this rank
    for (const auto& each : hosts) {
        if (each.address.empty()) continue;
        return address_towards(split_node(each.address).place);
    }
    return std::string();
}

}  // namespace cli
