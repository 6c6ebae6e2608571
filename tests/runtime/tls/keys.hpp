#pragma once
// Keys of a cluster that exists for the length of a test program.
#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <string>

#include "dispart/run/tls/tls_keys.hpp"
#include "dispart/run/tls/tls_transport.hpp"

namespace dispart::test {

/// An authority with some nodes, a foreign one with a node of the same name, and two pre-shared keys.
class key_store {
  public:
    key_store() {
        const auto home = folder / "home", foreign = folder / "foreign";
        REQUIRE(make_tls_authority(home));
        REQUIRE(make_tls_authority(foreign));
        REQUIRE(make_tls_node(home, {.name = "gateway", .hosts = {"127.0.0.1"}, .coordinator = true}));
        for (const char* name : {"w0", "w1", "w2"}) REQUIRE(make_tls_node(home, {.name = name}));
        REQUIRE(make_tls_node(foreign, {.name = "gateway", .hosts = {"127.0.0.1"}, .coordinator = true}));
        REQUIRE(make_tls_node(home, {.name = "stale", .coordinator = true}, {-1000, -10}));
        REQUIRE(make_tls_node(home, {.name = "early", .coordinator = true}, {1000, 2000}));
        for (const char* name : {"psk", "other.psk"}) REQUIRE(make_psk(folder / name));
    }
    key_store(const key_store&) = delete;
    key_store& operator=(const key_store&) = delete;
    ~key_store() { std::filesystem::remove_all(folder); }

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("dispart-keys-" + std::to_string(::getpid()));
};

/// Made by the first who asks.
inline const std::filesystem::path& keys() {
    static const key_store made;
    return made.folder;
}

/// The transport of a node, with limits that tests can reach.
inline tls_transport node(const std::string& name, tls_limits limits = {.handshake = seconds(0.5)}) {
    auto made = tls_transport::make({.folder = keys() / "home" / name, .limits = limits});
    REQUIRE(made);
    return *made;
}

inline tls_transport with_key(const std::string& file) {
    auto made = tls_transport::make({.psk = keys() / file, .limits = {.handshake = seconds(0.5)}});
    REQUIRE(made);
    return *made;
}

}  // namespace dispart::test
