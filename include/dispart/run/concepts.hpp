#pragma once
/// \file
/// The customisation points of `run/`: backends, which compute, and transports, which carry.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/run/buffer.hpp"
#include "dispart/run/clock.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// Called after each layer of an execution with the layer's index (vertex of the loaded model) and the time it took.
/// Layers that a backend fuses into another one are reported with no time of their own.
using layer_observer = std::function<void(layer_id, seconds)>;

/// An executable is a loaded model (or stage of one): weights packed, buffers planned.
/// - `run(inputs) -> result<std::vector<tensor>>`: one request; inputs and outputs in the order of the model's info().
///   Errors: shape_mismatch where an input's type or shape is not the model's. Called by one thread at a time.
///   The outputs are the caller's: a later call does not overwrite them.
/// - `run(inputs, observer)`: the same, and reports each layer's time.
template <class E>
concept executable = requires(E& e, std::span<const tensor> inputs, const layer_observer& observer) {
    { e.run(inputs) } -> std::same_as<result<std::vector<tensor>>>;
    { e.run(inputs, observer) } -> std::same_as<result<std::vector<tensor>>>;
};

/// A backend turns a model into something that runs.
/// - `name()`: short, stable name
/// - `load(model) -> result<executable>`: errors: unsupported, naming the first layer it cannot run; invalid_model.
template <class B>
concept backend = requires(const B& b, const model& stage) {
    { b.name() } -> std::convertible_to<std::string_view>;
    { *b.load(stage) } -> executable;
};

/// One message between two peers: a kind, and a payload that the transport does not look into.
struct frame {
    std::uint16_t kind = 0;
    buffer payload{};
    std::chrono::steady_clock::time_point begin{};  ///< when its first byte arrived here
};

/// A connection carries frames in order, both ways, until one side closes it. One thread may send while another
/// receives. Every wait has a deadline; nothing throws.
/// - `send(kind, buffers, deadline)`: the buffers' bytes, one after the other, are the payload (gathered, not copied
///   together). Blocks while the peer does not read (backpressure). Errors: timeout, peer_lost, limit_exceeded.
///   After any error the connection is unusable.
/// - `receive(deadline)`: the next frame, in memory that the connection uses again once the frame and all views of it
///   are gone. Frames that the peer sent before it closed still arrive. Errors: timeout (nothing was lost: call
///   again), peer_lost, protocol_error (not our protocol, or a frame over the size limit), limit_exceeded (no memory);
///   after all but the first the connection is unusable.
/// - `set_frame_limit(bytes)`: a larger payload that arrives from now on is a protocol_error; called by the thread that
///   receives.
/// - `close()`: from any thread, any number of times; wakes the waiters on both sides with peer_lost.
/// - `peer()`: the other side, for messages.
template <class C>
concept connection_handle = requires(C& c, std::uint16_t kind,
                                     std::span<const std::span<const std::byte>> buffers, deadline until,
                                     std::size_t limit) {
    { c.send(kind, buffers, until) } -> std::same_as<result<void>>;
    { c.receive(until) } -> std::same_as<result<frame>>;
    c.set_frame_limit(limit);
    c.close();
    { c.peer() } -> std::convertible_to<std::string>;
};

/// A listener waits for peers.
/// - `accept(deadline)`: the next connection. Errors: timeout (call again), cancelled (after `close()`), io_error (this
///   connection could not be taken; call again).
/// - `address()`: what others pass to `connect` ("127.0.0.1:41234").
/// - `close()`: from any thread, any number of times; wakes `accept`.
template <class L>
concept listener_handle = requires(L& l, deadline until) {
    { l.accept(until) } -> std::same_as<result<typename L::connection>>;
    { l.address() } -> std::convertible_to<std::string>;
    l.close();
};

/// A transport makes connections. `T::connection` and `T::listener` are movable handles; they may outlive it.
/// - `listen(address)`: an empty address is an unused one that this machine alone can reach. Errors: invalid_argument,
///   refused (by policy), io_error (the address is taken, ...).
/// - `connect(address, deadline)`: errors: invalid_argument, refused (by policy), not_found (no such host), peer_lost
///   (nobody listens there, perhaps not yet), timeout.
template <class T>
concept transport = requires(T& t, const std::string& address, deadline until) {
    requires connection_handle<typename T::connection>;
    requires listener_handle<typename T::listener>;
    { t.listen(address) } -> std::same_as<result<typename T::listener>>;
    { t.connect(address, until) } -> std::same_as<result<typename T::connection>>;
    { t.name() } -> std::convertible_to<std::string_view>;
};

}  // namespace dispart
