// dispart keys: makes the authority, the nodes' certificates, or a key that all nodes share.
#include <cstdio>
#include <filesystem>

#include "dispart/commands.hpp"
#include "dispart/run/tls/tls_keys.hpp"

namespace cli {

using namespace dispart;

namespace {

/// NAME or NAME=HOST,HOST...
tls_node node_of(const std::string& text, bool coordinator) {
    const auto sign = text.find('=');
    tls_node made{.name = text.substr(0, sign), .coordinator = coordinator};
    if (sign == std::string::npos) return made;
    for (std::size_t at = sign + 1; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        made.hosts.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return made;
}

result<void> make_nodes(const keys_arguments& given, ordered_json& made) {
    const std::filesystem::path folder = given.dir;
    if (!std::filesystem::exists(folder / tls_authority_file)) {
        DISPART_CHECK(make_tls_authority(folder));
        made.push_back((folder / tls_authority_file).string());
    }
    const tls_validity validity{.until = std::int64_t{given.days} * 86400};
    for (const bool coordinator : {true, false}) {
        for (const auto& text : coordinator ? given.coordinators : given.nodes) {
            const tls_node node = node_of(text, coordinator);
            DISPART_CHECK(make_tls_node(folder, node, validity));
            made.push_back((folder / node.name).string());
        }
    }
    return {};
}

}  // namespace

result<int> keys(const keys_arguments& given, bool as_json) {
    if (given.dir.empty() == given.psk.empty())
        return fail(errc::invalid_argument, "--dir, --psk", "exactly one of them is needed");
    if (given.days < 1 || given.days > 36500)
        return fail(errc::invalid_argument, "--days", "1 to 36500 days");
    ordered_json made = ordered_json::array();
    if (given.psk.empty()) {
        DISPART_CHECK(make_nodes(given, made));
    } else {
        DISPART_CHECK(make_psk(given.psk));
        made.push_back(given.psk);
    }
    if (as_json) {
        print_json({{"made", made}});
        return 0;
    }
    for (const auto& each : made) std::printf("made %s\n", each.get<std::string>().c_str());
    std::printf(given.psk.empty() ? "Bring each node its folder, and nothing else; ca.key stays here.\n"
                                  : "Every node needs this file; who has it may do everything.\n");
    return 0;
}

}  // namespace cli
