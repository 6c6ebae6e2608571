#pragma once
/// \file
/// How a connection begins: HELLO from whoever connected, WELCOME from whoever listened, or FAILURE with the reason.

#include <array>
#include <string>
#include <utility>

#include "dispart/run/concepts.hpp"
#include "dispart/run/identity.hpp"
#include "dispart/run/messages.hpp"

namespace dispart {

/// Largest frame of a connection whose peer has not introduced itself.
inline constexpr std::size_t handshake_frame_limit = std::size_t{64} << 10;

/// Largest frame of a control connection.
inline constexpr std::size_t control_frame_limit = std::size_t{2} << 20;

/// Sends one message. Errors: as the connection's.
template <class Message, connection_handle Connection>
[[nodiscard]] result<void> send_message(Connection& to, const Message& message, deadline until) {
    const auto payload = encode(message);
    const std::array<std::span<const std::byte>, 1> buffers{payload};
    return to.send(static_cast<std::uint16_t>(Message::kind), buffers, until);
}

/// The message in a frame. Errors: protocol_error where it is of another kind or damaged; what a FAILURE says.
template <class Message>
[[nodiscard]] result<Message> message_in(const frame& received) {
    DISPART_TRY(const message_kind kind, checked_kind(received.kind));
    if (kind == message_kind::failure && Message::kind != message_kind::failure) {
        DISPART_TRY(const auto failure, decode<failure_message>(received.payload.bytes()));
        return tl::unexpected(failure.to_error());
    }
    if (kind != Message::kind)
        return fail(errc::protocol_error, {},
                    std::string(to_string(kind)) + " came, where " + std::string(to_string(Message::kind)) +
                        " was due");
    return decode<Message>(received.payload.bytes());
}

/// Waits for one message. Errors: as the connection's, and those of `message_in`.
template <class Message, connection_handle Connection>
[[nodiscard]] result<Message> receive_message(Connection& from, deadline until) {
    DISPART_TRY(const frame received, from.receive(until));
    return message_in<Message>(received);
}

/// Introduces this side to a listener. Errors: as the connection's; what the other side's FAILURE says; protocol_error
/// where it chose a version that was not offered; refused where it is not whom HELLO is for.
template <connection_handle Connection>
[[nodiscard]] result<welcome_message> introduce(Connection& to, const hello_message& hello, deadline until) {
    DISPART_CHECK(check_called(hello, identity_of(to)));
    DISPART_CHECK(send_message(to, hello, until));
    DISPART_TRY(welcome_message welcome, receive_message<welcome_message>(to, until));
    if (welcome.version < hello.oldest || welcome.version > hello.newest)
        return fail(errc::protocol_error, hello.to,
                    "the peer chose protocol version " + std::to_string(welcome.version));
    return welcome;
}

/// Says why nothing more will come, and gives the peer a moment to read it before the connection closes: to close over
/// unread bytes can destroy what was sent.
template <connection_handle Connection>
void part_with(Connection& from, const error& why, seconds linger = seconds(0.2)) {
    const deadline until = deadline_in(linger);
    if (!send_message(from, failure_message::of(why), until)) return;
    while (from.receive(until)) {
    }
}

}  // namespace dispart
