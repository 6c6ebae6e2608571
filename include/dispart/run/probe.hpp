#pragma once
/// \file
/// Measures a link as the runtime sees it: through the transport, between a prober and a worker.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "dispart/run/handshake.hpp"
#include "dispart/run/held_value.hpp"
#include "dispart/run/messages.hpp"
#include "dispart/run/processor.hpp"

namespace dispart {

/// Settings of `probe_link`.
struct probe_options {
    std::string from = "prober";   ///< this side's name
    std::size_t round_trips = 50;  ///< of an empty message
    std::size_t size = 1 << 20;    ///< bytes of a large message
    std::size_t messages = 32;     ///< large ones, sent without waiting for answers
    seconds within{30.0};          ///< for the whole measurement
};

/// What a link does from this side to the other.
struct link_measurement {
    seconds latency{};             ///< half the median round trip of an empty message
    bytes_per_second bandwidth{};  ///< of large messages, one after the other
};

/// Answers every PROBE and PROCESSOR of a connection until the peer leaves, is silent for ten seconds, or `stopping()` is true.
template <connection_handle Connection>
void echo_probes(Connection& from, held_value<processor_share>& meter, const std::function<bool()>& stopping) {
    from.set_frame_limit(std::size_t{64} << 20);
    for (int silent = 0; silent < 50 && !stopping(); ++silent) {
        const auto received = from.receive(deadline_in(seconds(0.2)));
        if (!received && received.error().code == errc::timeout) continue;
        if (!received) return;
        silent = -1;
        if (received->kind == static_cast<std::uint16_t>(message_kind::processor)) {
            const auto seen = meter.read();
            const share_message share{static_cast<std::uint32_t>(seen.of_core * 1e6),
                                      static_cast<std::int64_t>(seen.period.value * 1e9)};
            if (!send_message(from, share, deadline_in(seconds(10.0)))) return;
        } else if (received->kind != static_cast<std::uint16_t>(message_kind::probe) ||
                   !from.send(static_cast<std::uint16_t>(message_kind::probe_echo), {},
                              deadline_in(seconds(10.0)))) {
            return;
        }
    }
}

namespace detail {

template <connection_handle Connection>
result<void> send_probe(Connection& to, std::span<const std::byte> payload, deadline until) {
    const std::array<std::span<const std::byte>, 1> buffers{payload};
    return to.send(static_cast<std::uint16_t>(message_kind::probe), buffers, until);
}

template <connection_handle Connection>
result<void> await_echo(Connection& from, deadline until) {
    DISPART_TRY(const frame received, from.receive(until));
    if (received.kind == static_cast<std::uint16_t>(message_kind::probe_echo)) return {};
    return fail(errc::protocol_error, from.peer(), "the answer to PROBE is no PROBE_ECHO");
}

/// Runs an action that returns a result<void> and takes its time.
template <class Action>
result<double> timed(Action action) {
    const auto begin = std::chrono::steady_clock::now();
    DISPART_CHECK(action());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace detail

/// Measures the link to a worker that is not busy measuring for others; deployments go on meanwhile and share the link.
/// Errors: those of the transport and of `introduce`; timeout. Precondition: the counts and the size are positive.
template <transport Transport>
[[nodiscard]] result<link_measurement> probe_link(Transport& carrier, const std::string& address,
                                                  const probe_options& options = {}) {
    DISPART_EXPECTS(options.round_trips > 0 && options.messages > 0 && options.size > 0);
    const deadline until = deadline_in(options.within);
    DISPART_TRY(auto connection, carrier.connect(address, until));
    const hello_message hello{.role = connection_role::probe, .from = options.from, .to = address};
    DISPART_CHECK(introduce(connection, hello, until));

    std::vector<double> trips(options.round_trips);
    for (double& each : trips) {
        const auto trip = [&]() -> result<void> {
            DISPART_CHECK(detail::send_probe(connection, {}, until));
            return detail::await_echo(connection, until);
        };
        DISPART_TRY(each, detail::timed(trip));
    }
    std::nth_element(trips.begin(), trips.begin() + static_cast<std::ptrdiff_t>(trips.size() / 2),
                     trips.end());
    const double round_trip = trips[trips.size() / 2];

    const std::vector<std::byte> payload(options.size);
    DISPART_TRY(const double spent, detail::timed([&]() -> result<void> {
                    for (std::size_t i = 0; i < options.messages; ++i)
                        DISPART_CHECK(detail::send_probe(connection, payload, until));
                    for (std::size_t i = 0; i < options.messages; ++i)
                        DISPART_CHECK(detail::await_echo(connection, until));
                    return {};
                }));
    const double sent = static_cast<double>(options.size) * static_cast<double>(options.messages);
    return link_measurement{seconds(round_trip / 2),
                            bytes_per_second(sent / std::max(spent - round_trip / 2, 1e-9))};
}

/// How much of a core a worker gets; it computes for half a second to find out, at most every five seconds.
/// Errors: those of the transport and of `introduce`; timeout; protocol_error.
template <transport Transport>
[[nodiscard]] result<processor_share> probe_processor(Transport& carrier, const std::string& address,
                                                      const probe_options& options = {}) {
    const deadline until = deadline_in(options.within);
    DISPART_TRY(auto connection, carrier.connect(address, until));
    const hello_message hello{.role = connection_role::probe, .from = options.from, .to = address};
    DISPART_CHECK(introduce(connection, hello, until));
    DISPART_CHECK(connection.send(static_cast<std::uint16_t>(message_kind::processor), {}, until));
    DISPART_TRY(const frame received, connection.receive(until));
    DISPART_TRY(const auto share, message_in<share_message>(received));
    if (share.millionths == 0 || share.millionths > 1'000'000 || share.period < 0)
        return fail(errc::protocol_error, connection.peer(), "a share of a core that cannot be");
    return processor_share{share.millionths * 1e-6, seconds(static_cast<double>(share.period) * 1e-9)};
}

}  // namespace dispart
