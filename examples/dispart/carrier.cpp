#include "dispart/carrier.hpp"

#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/tls/tls_transport.hpp"

namespace cli {

using namespace dispart;

result<any_transport> make_carrier(const carrier_choice& choice) {
    if (choice.tls.empty() && choice.psk.empty())
        return any_transport(tcp_transport({.allow_plaintext_off_machine = choice.plaintext}));
    DISPART_TRY(auto made, tls_transport::make({.folder = choice.tls, .psk = choice.psk}));
    return any_transport(std::move(made));
}

std::string node_name(const any_transport& carrier, const std::string& otherwise) {
    const auto names = carrier.identity().names;
    return names.empty() ? otherwise : names.front();
}

result<std::string> listen_for(const std::vector<worker_host>& hosts) {
    for (const auto& each : hosts) {
        if (each.address.empty()) continue;
        return address_towards(each.address.substr(each.address.find('@') + 1));  // npos + 1: all of it
    }
    return std::string();
}

}  // namespace cli
