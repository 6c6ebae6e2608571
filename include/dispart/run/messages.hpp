#pragma once
/// \file
/// The protocol's messages as structs; `encode` and `decode` (wire.hpp) turn them into payloads and back. TENSORS has a
/// header of its own (tensor_message.hpp), and MODEL is bare bytes.
///
/// Times are nanoseconds of the sender's own steady clock. Edges and stages are indices into the deployment's lists.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/run/protocol.hpp"
#include "dispart/run/shards.hpp"
#include "dispart/tensor/dtype.hpp"

namespace dispart {

/// Element types that this library takes and sends: bit d is dtype number d.
inline constexpr std::uint32_t known_dtypes = (std::uint32_t{1} << dtype_count) - 1;

/// Whether a set of element types has this one.
[[nodiscard]] constexpr bool has_dtype(std::uint32_t set, dtype type) noexcept {
    return ((set >> static_cast<unsigned>(type)) & 1U) != 0;
}

/// What a connection is for.
enum class connection_role : std::uint8_t {
    control,  ///< the coordinator commands one stage of a worker
    data,     ///< one edge's tensors, from its origin to its destination
    probe,    ///< measurements of the link: every PROBE is answered
};
[[nodiscard]] constexpr connection_role wire_last(connection_role) noexcept { return connection_role::probe; }

/// The first message of whoever connected.
struct hello_message {
    static constexpr message_kind kind = message_kind::hello;
    std::uint16_t oldest = oldest_protocol;
    std::uint16_t newest = newest_protocol;
    connection_role role = connection_role::control;
    std::uint64_t deployment = 0;         ///< number that the coordinator drew for this deployment
    std::uint64_t epoch = 0;              ///< of the plan: counts what replaced the deployment's first one
    std::uint32_t index = 0;              ///< the stage commanded, or the edge carried
    std::string from{};                   ///< name of the sender's device
    std::string to{};                     ///< name under which it knows the receiver
    std::uint32_t dtypes = known_dtypes;  ///< element types that it takes
    std::vector<std::string> capabilities{};  ///< "codec:raw", ...

    static void fields(auto& archive, auto& m) {
        archive(m.oldest, m.newest, m.role, m.deployment, m.epoch, m.index, m.from, m.to, m.dtypes,
                m.capabilities);
    }
};

/// The answer to HELLO.
struct welcome_message {
    static constexpr message_kind kind = message_kind::welcome;
    std::uint16_t version = newest_protocol;
    std::string from{};
    std::vector<std::string> capabilities{};
    std::uint32_t dtypes = known_dtypes;

    static void fields(auto& archive, auto& m) { archive(m.version, m.from, m.capabilities, m.dtypes); }
};

/// An edge that ends at the deployed stage.
struct incoming_edge_info {
    std::uint32_t edge = 0;
    std::string from{};                   ///< name of the device that sends
    std::vector<std::uint32_t> inputs{};  ///< which of the stage's inputs its tensors are, in their order
    std::uint32_t depth = 1;              ///< messages that may wait for the stage
    std::uint64_t max_bytes = 0;          ///< largest message

    static void fields(auto& archive, auto& m) { archive(m.edge, m.from, m.inputs, m.depth, m.max_bytes); }
};

/// An edge that begins at the deployed stage.
struct outgoing_edge_info {
    std::uint32_t edge = 0;
    std::string to{};                      ///< name of the device that receives
    std::string address{};                 ///< where it listens
    std::vector<std::uint32_t> outputs{};  ///< which of the stage's outputs it carries
    std::string codec{};
    std::uint32_t depth = 1;  ///< messages that may wait to be sent

    static void fields(auto& archive, auto& m) {
        archive(m.edge, m.to, m.address, m.outputs, m.codec, m.depth);
    }
};

/// A deployment's number: whose it is, and the how many-eth of theirs.
inline constexpr unsigned epoch_bits = 24;
[[nodiscard]] constexpr std::uint64_t owner_of(std::uint64_t deployment) noexcept {
    return deployment >> epoch_bits;
}
[[nodiscard]] constexpr std::uint64_t epoch_of(std::uint64_t deployment) noexcept {
    return deployment & ((std::uint64_t{1} << epoch_bits) - 1);
}

/// One stage for one worker; those shards of its model that WANT names follow in MODEL frames, one after the other.
struct deploy_message {
    static constexpr message_kind kind = message_kind::deploy;
    std::uint64_t model_bytes = 0;
    std::vector<shard> shards{};  ///< of the model
    std::vector<incoming_edge_info> incoming{};
    std::vector<outgoing_edge_info> outgoing{};
    std::int64_t connect_within = 0;  ///< to reach the peers of the outgoing edges
    std::int64_t request_within = 0;  ///< longest that one message may take to be sent
    std::int64_t patience =
        0;  ///< silence after which the other side of the control connection counts as lost

    static void fields(auto& archive, auto& m) {
        archive(m.model_bytes, m.shards, m.incoming, m.outgoing, m.connect_within, m.request_within,
                m.patience);
    }
};

/// The answer to DEPLOY.
struct want_message {
    static constexpr message_kind kind = message_kind::want;
    std::vector<std::uint32_t> shards{};  ///< of the model, that the worker does not have yet

    static void fields(auto& archive, auto& m) { archive(m.shards); }
};

/// The stage is loaded.
struct ready_message {
    static constexpr message_kind kind = message_kind::ready;
    std::int64_t load_time = 0;

    static void fields(auto& archive, auto& m) { archive(m.load_time); }
};

/// A request for a sign of life, and one side of a clock comparison.
struct ping_message {
    static constexpr message_kind kind = message_kind::ping;
    std::uint64_t number = 0;
    std::int64_t sent = 0;

    static void fields(auto& archive, auto& m) { archive(m.number, m.sent); }
};

/// The answer to PING; STATS of all that happened before come first.
struct pong_message {
    static constexpr message_kind kind = message_kind::pong;
    std::uint64_t number = 0;  ///< of the PING
    std::int64_t sent = 0;     ///< of the PING
    std::int64_t now = 0;      ///< the answering side's clock
    std::uint64_t memory = 0;  ///< bytes that its process may have, with those that it has; 0: unknown

    static void fields(auto& archive, auto& m) { archive(m.number, m.sent, m.now, m.memory); }
};

/// What a stage spent a span of time on.
enum class span_kind : std::uint8_t {
    compute,   ///< the stage ran
    input,     ///< it waited for an input
    output,    ///< it waited for room in a queue
    sent,      ///< a message was handed to the transport
    received,  ///< a message arrived, from its first byte to its last
};
[[nodiscard]] constexpr span_kind wire_last(span_kind) noexcept { return span_kind::received; }

/// One span on one stage.
struct span_record {
    span_kind what = span_kind::compute;
    std::uint64_t request = 0;
    std::uint32_t edge = 0;  ///< of a message
    std::uint64_t bytes = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t used_by_thread = 0;   ///< of `compute`: processor time that the span took
    std::int64_t used_by_process = 0;  ///< of `compute`: processor time of the whole process until its end

    static void fields(auto& archive, auto& m) {
        archive(m.what, m.request, m.edge, m.bytes, m.begin, m.end, m.used_by_thread, m.used_by_process);
    }
};

/// Telemetry since the last STATS.
struct stats_message {
    static constexpr message_kind kind = message_kind::stats;
    std::uint64_t finished = 0;  ///< requests that the stage has computed since it was deployed
    std::uint64_t dropped = 0;   ///< spans that there was no room to keep, since it was deployed
    std::vector<span_record> spans{};

    static void fields(auto& archive, auto& m) { archive(m.finished, m.dropped, m.spans); }
};

/// The answer to PROCESSOR.
struct share_message {
    static constexpr message_kind kind = message_kind::share;
    std::uint32_t millionths = 0;  ///< of a core
    std::int64_t period = 0;       ///< between two times that the process was held back

    static void fields(auto& archive, auto& m) { archive(m.millionths, m.period); }
};

/// An error, as the other side will see it.
struct failure_message {
    static constexpr message_kind kind = message_kind::failure;
    errc code = errc::protocol_error;
    std::string offender{};
    std::string message{};
    std::string hint{};

    static void fields(auto& archive, auto& m) { archive(m.code, m.offender, m.message, m.hint); }

    [[nodiscard]] static failure_message of(const error& e) {
        return {e.code, e.offender, e.message, e.hint};
    }
    [[nodiscard]] error to_error() const { return {code, offender, message, hint}; }
};

/// A message that says all by its kind: START, STARTED, FINISH, SHUTDOWN, BYE.
template <message_kind Kind>
struct bare_message {
    static constexpr message_kind kind = Kind;
    static void fields(auto&, auto&) {}
};

using start_message = bare_message<message_kind::start>;
using started_message = bare_message<message_kind::started>;
using finish_message = bare_message<message_kind::finish>;
using shutdown_message = bare_message<message_kind::shutdown>;
using bye_message = bare_message<message_kind::bye>;

/// The version that both ranges contain, the newest of them. Errors: protocol_error where there is none.
[[nodiscard]] inline result<std::uint16_t> common_version(std::uint16_t their_oldest,
                                                          std::uint16_t their_newest,
                                                          std::uint16_t our_oldest = oldest_protocol,
                                                          std::uint16_t our_newest = newest_protocol) {
    const std::uint16_t chosen = their_newest < our_newest ? their_newest : our_newest;
    if (chosen >= our_oldest && chosen >= their_oldest) return chosen;
    return fail(errc::protocol_error, {},
                "no common protocol version: " + std::to_string(their_oldest) + " to " +
                    std::to_string(their_newest) + " there, " + std::to_string(our_oldest) + " to " +
                    std::to_string(our_newest) + " here");
}

}  // namespace dispart
