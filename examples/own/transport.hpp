// A transport of your own: any other one, with links that carry so many bytes a second.
#pragma once

#include <thread>

#include "dispart/run/concepts.hpp"

/// A connection that takes its time.
template <dispart::connection_handle Inner>
struct paced_connection : Inner {
    paced_connection(Inner inner, double bytes_per_second)
        : Inner(std::move(inner))
        , rate(bytes_per_second) {}

    dispart::result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                               dispart::deadline until) {
        std::size_t size = 0;
        for (const auto& each : buffers) size += each.size();
        const std::chrono::duration<double> takes(static_cast<double>(size) / rate);
        const auto ends = std::chrono::steady_clock::now() +
                          std::chrono::duration_cast<std::chrono::steady_clock::duration>(takes);
        DISPART_CHECK(Inner::send(kind, buffers, until));
        std::this_thread::sleep_until(ends);
        return {};
    }
    double rate;
};

template <dispart::listener_handle Inner>
struct paced_listener : Inner {
    using connection = paced_connection<typename Inner::connection>;
    paced_listener(Inner inner, double bytes_per_second) : Inner(std::move(inner)), rate(bytes_per_second) {}

    dispart::result<connection> accept(dispart::deadline until) {
        DISPART_TRY(auto made, Inner::accept(until));
        return connection(std::move(made), rate);
    }
    double rate;
};

/// The transport: what `worker` and `coordinator` take as a template argument.
template <dispart::transport Inner>
struct paced_transport {
    using listener = paced_listener<typename Inner::listener>;
    using connection = typename listener::connection;

    Inner inner{};
    double rate = 1e9;  // bytes per second of each direction of each connection

    static std::string_view name() { return "paced"; }
    dispart::result<listener> listen(const std::string& address) {
        DISPART_TRY(auto made, inner.listen(address));
        return listener(std::move(made), rate);
    }
    dispart::result<connection> connect(const std::string& address, dispart::deadline until) {
        DISPART_TRY(auto made, inner.connect(address, until));
        return connection(std::move(made), rate);
    }
};
