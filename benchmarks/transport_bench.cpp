// What encryption costs: frames over TCP and over TLS on loopback. 3 MB one way (an activation of VGG16 in f32), a small
// message there and back, and what it takes until a peer is connected.
#include <benchmark/benchmark.h>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/tls/tls_keys.hpp"
#include "dispart/run/tls/tls_transport.hpp"

namespace {

using namespace dispart;

struct key_folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("dispart-bench-" + std::to_string(::getpid()));
    key_folder() {
        if (!make_tls_authority(path) || !make_tls_node(path, {.name = "node"}) || !make_psk(path / "psk"))
            std::abort();
    }
    key_folder(const key_folder&) = delete;
    key_folder& operator=(const key_folder&) = delete;
    ~key_folder() { std::filesystem::remove_all(path); }
};

const std::filesystem::path& keys() {
    static const key_folder made;
    return made.path;
}

struct tcp {
    using transport = tcp_transport;
    static transport make() { return tcp_transport(); }
};
struct tls {
    using transport = tls_transport;
    static transport make() { return *tls_transport::make({.folder = keys() / "node"}); }
};
struct tls_psk {
    using transport = tls_transport;
    static transport make() { return *tls_transport::make({.psk = keys() / "psk"}); }
};

deadline soon() { return deadline_in(seconds(20.0)); }

result<void> send(auto& to, std::span<const std::byte> payload) {
    const std::array<std::span<const std::byte>, 1> buffers{payload};
    return to.send(1, buffers, soon());
}

template <class Carrier>
struct pair {
    typename Carrier::transport carrier = Carrier::make();
    typename Carrier::transport::listener listener = *carrier.listen("");
    typename Carrier::transport::connection near = *carrier.connect(listener.address(), soon());
    typename Carrier::transport::connection far = *listener.accept(soon());
};

template <class Carrier>
void throughput(benchmark::State& state) {
    pair<Carrier> ends;
    const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{7});
    std::jthread sink([&] {
        while (ends.far.receive(soon())) {
        }
    });
    for (auto _ : state)
        if (!send(ends.near, payload)) state.SkipWithError("not sent");
    ends.near.close();
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

template <class Carrier>
void round_trip(benchmark::State& state) {
    pair<Carrier> ends;
    const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{7});
    std::jthread echo([&] {
        while (const auto got = ends.far.receive(soon()))
            if (!send(ends.far, got->payload.bytes())) return;
    });
    for (auto _ : state)
        if (!send(ends.near, payload) || !ends.near.receive(soon())) state.SkipWithError("no answer");
    ends.near.close();
}

template <class Carrier>
void connecting(benchmark::State& state) {
    pair<Carrier> ends;
    for (auto _ : state) {
        const auto near = ends.carrier.connect(ends.listener.address(), soon());
        const auto far = ends.listener.accept(soon());
        if (!near || !far) state.SkipWithError("not connected");
    }
}

}  // namespace

BENCHMARK(throughput<tcp>)->Arg(3 << 20)->UseRealTime();
BENCHMARK(throughput<tls>)->Arg(3 << 20)->UseRealTime();
BENCHMARK(throughput<tls_psk>)->Arg(3 << 20)->UseRealTime();
BENCHMARK(round_trip<tcp>)->Arg(100)->UseRealTime();
BENCHMARK(round_trip<tls>)->Arg(100)->UseRealTime();
BENCHMARK(connecting<tcp>)->UseRealTime();
BENCHMARK(connecting<tls>)->UseRealTime();
BENCHMARK(connecting<tls_psk>)->UseRealTime();
