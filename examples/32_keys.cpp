// Closed to strangers: an authority of one's own, certificates for two nodes, and what somebody else hears who calls.
#include <array>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <span>
#include <string_view>

#include "dispart/run/tls/tls_keys.hpp"
#include "dispart/run/tls/tls_transport.hpp"

int main() {
    using namespace dispart;
    namespace fs = std::filesystem;

    const fs::path folder = fs::temp_directory_path() / "dispart-example-keys";
    fs::remove_all(folder);
    for (const char* cluster : {"ours", "theirs"}) {  // `dispart keys --dir ours --coordinator desk --node pi5`
        if (!make_tls_authority(folder / cluster)) return 1;
        if (!make_tls_node(folder / cluster, {.name = "desk", .coordinator = true})) return 1;
        if (!make_tls_node(folder / cluster, {.name = "pi5"})) return 1;
    }

    auto pi5 = tls_transport::make({.folder = folder / "ours" / "pi5"}).value();
    auto listener = pi5.listen("127.0.0.1:0").value();  // its address says the node's name: pi5@127.0.0.1:...
    const auto soon = [] { return deadline_in(seconds(5.0)); };

    auto desk = tls_transport::make({.folder = folder / "ours" / "desk"}).value();
    auto calling = desk.connect(listener.address(), soon()).value();
    auto called = listener.accept(soon()).value();
    std::cout << called.identity().names.front() << " calls, and may "
              << (called.identity().commands ? "deploy" : "not deploy") << '\n';

    const std::string_view words = "hello";
    const std::array<std::span<const std::byte>, 1> payload{std::as_bytes(std::span(words))};
    if (!calling.send(1, payload, soon())) return 1;
    std::cout << called.receive(soon())->payload.size() << " bytes arrived\n";

    auto stranger = tls_transport::make({.folder = folder / "theirs" / "desk"}).value();
    const auto refused = stranger.connect(listener.address(), soon());
    std::cout << "the stranger hears: " << refused.error().message << '\n';
    std::cout << "pi5 notes:          " << listener.accept(soon()).error().message << '\n';
    fs::remove_all(folder);
    return refused ? 1 : 0;
}
