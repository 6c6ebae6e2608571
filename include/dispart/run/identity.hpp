#pragma once
/// \file
/// Who a peer has proved to be, and what it may therefore claim and ask for.

#include <algorithm>
#include <string>
#include <vector>

#include "dispart/run/messages.hpp"

namespace dispart {

/// What a transport that authenticates knows of a peer. Its connections say so through an optional member `identity()`,
/// and the transport itself, of this side, through one of its own; without them everything may be claimed.
struct peer_identity {
    std::vector<std::string> names{};  ///< it may call itself by these; empty: by any name
    bool commands = true;              ///< it may deploy stages to workers

    [[nodiscard]] bool may_be(const std::string& name) const {
        return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    }
};

/// The identity of a connection's peer, or of a transport; one that may do everything where it proves none.
template <class T>
[[nodiscard]] peer_identity identity_of(const T& of) {
    if constexpr (requires { of.identity(); }) return of.identity();
    else return {};
}

/// Errors: refused where the caller is not who HELLO says, or commands without being allowed to.
[[nodiscard]] inline result<void> check_claims(const hello_message& hello, const peer_identity& caller) {
    if (hello.role == connection_role::probe) return {};
    if (!caller.may_be(hello.from))
        return fail(errc::refused, hello.from,
                    "the caller goes by this name, but its certificate is of " + caller.names.front());
    if (hello.role == connection_role::control && !caller.commands)
        return fail(errc::refused, hello.from, "its certificate is of a worker, and workers do not deploy",
                    "make a certificate with `dispart keys --coordinator`");
    return {};
}

/// Errors: refused where the one who was called is not whom HELLO is for.
[[nodiscard]] inline result<void> check_called(const hello_message& hello, const peer_identity& called) {
    if (hello.role == connection_role::probe || called.may_be(hello.to)) return {};
    return fail(errc::refused, hello.to, "at its address is " + called.names.front() + ", by its certificate");
}

}  // namespace dispart
