#pragma once
/// \file
/// The wire protocol's frame: a header of 16 bytes, then the payload. See messages.hpp for what the payloads say.
///
/// | bytes | field |
/// |---|---|
/// | 0..3 | magic `DSPT` |
/// | 4..5 | version of this framing |
/// | 6..7 | kind of message |
/// | 8..15 | length of the payload |

#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "dispart/core/result.hpp"
#include "dispart/run/wire.hpp"

namespace dispart {

inline constexpr std::array<char, 4> frame_magic{'D', 'S', 'P', 'T'};
inline constexpr std::uint16_t framing_version = 1;
inline constexpr std::size_t frame_header_size = 16;

/// Versions of the messages that this library speaks; HELLO offers the range, WELCOME says which one it is.
inline constexpr std::uint16_t oldest_protocol = 1;
inline constexpr std::uint16_t newest_protocol = 1;

/// What a frame's payload is; the numbers appear on the wire.
enum class message_kind : std::uint16_t {
    hello,       ///< who I am and what I want; the first frame of whoever connected
    welcome,     ///< the answer to it
    deploy,      ///< control: a stage and its edges
    model_part,  ///< control: a piece of the stage's model
    ready,       ///< control: the stage is loaded, its incoming edges are open
    start,       ///< control: open the outgoing edges
    started,     ///< control: they are open
    tensors,     ///< data: what one edge carries for one request
    finish,      ///< data: no more of them; the connection will be closed
    ping,        ///< control: are you there, and what time is it?
    pong,        ///< control: the answer
    stats,       ///< control: what happened since the last one, by the worker's clock
    failure,     ///< an error, by name; the sender does nothing more on this connection
    shutdown,    ///< control: end the deployment
    bye,         ///< control: it has ended
    probe,       ///< data: bytes to measure a link with
    probe_echo,  ///< data: the answer
    want,        ///< control: whether the stage's model has to be sent
    processor,   ///< data: how much of a core do you get?
    share,       ///< data: the answer
};
[[nodiscard]] constexpr message_kind wire_last(message_kind) noexcept { return message_kind::share; }

namespace detail {
inline constexpr std::array<std::string_view, 20> message_names{
    "HELLO",   "WELCOME", "DEPLOY",     "MODEL", "READY",     "START",   "STARTED",
    "TENSORS", "FINISH",  "PING",       "PONG",  "STATS",     "FAILURE", "SHUTDOWN",
    "BYE",     "PROBE",   "PROBE_ECHO", "WANT",  "PROCESSOR", "SHARE"};
}  // namespace detail

/// The kind's name in messages and logs.
[[nodiscard]] constexpr std::string_view to_string(message_kind kind) noexcept {
    return detail::message_names[static_cast<std::size_t>(kind)];
}

/// The kind of a frame's number. Errors: protocol_error for one that is unknown.
[[nodiscard]] inline result<message_kind> checked_kind(std::uint16_t number) {
    if (number > static_cast<std::uint16_t>(wire_last(message_kind{})))
        return fail(errc::protocol_error, {}, "a frame of unknown kind " + std::to_string(number));
    return static_cast<message_kind>(number);
}

/// A frame's header.
struct frame_header {
    std::uint16_t kind = 0;
    std::uint64_t length = 0;
};

/// The 16 bytes of a header.
[[nodiscard]] inline std::array<std::byte, frame_header_size> encode_header(frame_header header) noexcept {
    std::array<std::byte, frame_header_size> out{};
    std::memcpy(out.data(), frame_magic.data(), 4);
    std::memcpy(out.data() + 4, &framing_version, 2);
    std::memcpy(out.data() + 6, &header.kind, 2);
    std::memcpy(out.data() + 8, &header.length, 8);
    return out;
}

/// Whether bytes that may still be incomplete can be the start of a header. Errors: protocol_error, quoting them.
[[nodiscard]] inline result<void> check_magic(std::span<const std::byte> start) {
    const std::size_t known = start.size() < 4 ? start.size() : 4;
    if (known == 0 || std::memcmp(start.data(), frame_magic.data(), known) == 0) return {};
    std::string quoted;
    for (const std::byte each : start.first(known)) {
        const auto letter = static_cast<unsigned char>(each);
        quoted += std::isprint(letter) != 0 ? static_cast<char>(letter) : '.';
    }
    return fail(errc::protocol_error, {},
                "the peer does not speak dispart's protocol: it began with \"" + quoted + "\"");
}

/// The header in 16 bytes. Errors: protocol_error for another magic or framing version, or a payload over the limit.
[[nodiscard]] inline result<frame_header> decode_header(std::span<const std::byte, frame_header_size> in,
                                                        std::uint64_t limit) {
    DISPART_CHECK(check_magic(in));
    frame_header header;
    std::uint16_t version = 0;
    std::memcpy(&version, in.data() + 4, 2);
    std::memcpy(&header.kind, in.data() + 6, 2);
    std::memcpy(&header.length, in.data() + 8, 8);
    if (version != framing_version)
        return fail(errc::protocol_error, {},
                    "the peer frames messages by version " + std::to_string(version) + ", not " +
                        std::to_string(framing_version));
    if (header.length > limit)
        return fail(errc::protocol_error, {},
                    "a frame of " + std::to_string(header.length) + " bytes, where at most " +
                        std::to_string(limit) + " are allowed");
    return header;
}

}  // namespace dispart
