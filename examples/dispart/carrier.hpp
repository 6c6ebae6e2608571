#pragma once
// How the command line's processes reach each other: TCP on this machine and TLS beyond it, unless told otherwise.

#include <string>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/run/any_transport.hpp"
#include "dispart/run/deployment.hpp"

namespace cli {

struct carrier_choice {
    std::string transport{};  // tcp, tls, grpc, mpi; empty: tls where there are keys, tcp otherwise
    std::string tls{};        // folder of this node's certificate
    std::string psk{};        // file of the key that all nodes share
    bool plaintext = false;   // beyond loopback, unencrypted
};

// The transports that this binary was built with.
std::vector<std::string> transport_names();

// The transport. Errors: unsupported for one that is not here; invalid_argument for keys that it cannot use, or lacks; whatever
// the keys' files fail with.
dispart::result<dispart::any_transport> make_carrier(const carrier_choice& choice);

// The name in this node's certificate, or the other one where it has none.
std::string node_name(const dispart::any_transport& carrier, const std::string& otherwise);

// Where to listen so that these workers can connect back: an unused port of this machine's address on their network.
dispart::result<std::string> listen_for(const carrier_choice& choice,
                                        const std::vector<dispart::worker_host>& hosts);

}  // namespace cli
