#pragma once
/// \file
/// Frames over a stream of bytes, whatever carries them: the receiving side puts frames together, checks headers before
/// it believes them, and gives memory to what really arrives.

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "dispart/run/protocol.hpp"

namespace dispart {

/// A stream of bytes, both ways. One thread may write while another reads; every wait has a deadline; nothing throws.
/// - `read_some(to, deadline)`: at least one byte into `to`, which is not empty; how many. Errors: timeout (nothing was
///   lost), peer_lost, refused (by either side's policy).
/// - `write_all(buffers, deadline)`: errors: timeout, peer_lost, refused.
/// - `close()`: from any thread, any number of times; wakes the waiters on both sides with peer_lost.
/// - `peer()`: the other side, for messages.
template <class S>
concept byte_stream = requires(S& s, std::span<std::byte> to,
                               std::span<const std::span<const std::byte>> buffers, deadline until) {
    { s.read_some(to, until) } -> std::same_as<result<std::size_t>>;
    { s.write_all(buffers, until) } -> std::same_as<result<void>>;
    s.close();
    { s.peer() } -> std::convertible_to<std::string>;
};

/// A stream that carries frames. Received bytes go straight into the payload, whose memory grows with what really
/// arrives, not with what a header claims.
template <byte_stream Stream>
class framed_connection {
  public:
    /// Makes the stream from the arguments.
    template <class... Arguments>
    explicit framed_connection(std::size_t frame_limit, Arguments&&... arguments)
        : state_(std::make_unique<state>(frame_limit, std::forward<Arguments>(arguments)...)) {}
    framed_connection(framed_connection&&) noexcept = default;
    framed_connection& operator=(framed_connection&&) noexcept = default;
    ~framed_connection() = default;

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        std::uint64_t length = 0;
        for (const auto& each : buffers) length += each.size();
        const auto header = encode_header({kind, length});
        auto& list = state_->outgoing;
        list.assign(1, header);
        list.insert(list.end(), buffers.begin(), buffers.end());
        auto written = state_->stream.write_all(list, until);
        if (!written) close();
        return written;
    }

    [[nodiscard]] result<frame> receive(deadline until) {
        auto received = receive_frame(until);
        if (!received && received.error().code != errc::timeout) close();
        return received;
    }

    void set_frame_limit(std::size_t limit) noexcept { state_->frame_limit = limit; }

    void close() noexcept {
        if (state_) state_->stream.close();
    }

    [[nodiscard]] std::string peer() const { return state_->stream.peer(); }

    /// Who the peer has proved to be, where the stream knows (see identity.hpp).
    [[nodiscard]] auto identity() const requires requires(const Stream& s) { s.identity(); }
    { return state_->stream.identity(); }

  private:
    /// Memory that a header's word alone is good for; from there on it doubles as bytes arrive.
    static constexpr std::size_t trusted_bytes = std::size_t{1} << 20;

    struct state {
        template <class... Arguments>
        explicit state(std::size_t limit, Arguments&&... arguments)
            : stream(std::forward<Arguments>(arguments)...)
            , frame_limit(limit) {}

        Stream stream;
        // of the thread that sends
        std::vector<std::span<const std::byte>> outgoing{};
        // of the thread that receives
        std::size_t frame_limit;
        std::size_t trusted = trusted_bytes;  ///< grows to the largest frame that came in whole
        std::array<std::byte, frame_header_size> head{};
        frame_header header{};
        std::size_t received = 0;  ///< bytes of the current frame, its header included
        std::chrono::steady_clock::time_point begin{};
        buffer payload{};
        buffer_pool pool{};
    };

    result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        auto count = state_->stream.read_some(to, until);
        if (!count && count.error().code == errc::peer_lost && state_->received > 0)
            count.error().message += " in the middle of a message";
        return count;
    }

    result<frame> receive_frame(deadline until) {
        DISPART_CHECK(receive_header(until));
        while (state_->received < frame_header_size + state_->header.length) {
            const std::size_t filled = state_->received - frame_header_size;
            DISPART_CHECK(make_room(filled));
            DISPART_TRY(const std::size_t count, read_some(state_->payload.bytes().subspan(filled), until));
            state_->received += count;
        }
        state_->trusted = std::max<std::size_t>(state_->trusted, state_->header.length);
        state_->received = 0;
        return frame{state_->header.kind, std::exchange(state_->payload, {}), state_->begin};
    }

    result<void> receive_header(deadline until) {
        while (state_->received < frame_header_size) {
            DISPART_TRY(const std::size_t count,
                        read_some(std::span(state_->head).subspan(state_->received), until));
            if (state_->received == 0) state_->begin = std::chrono::steady_clock::now();
            state_->received += count;
            DISPART_CHECK(named(check_magic(std::span(state_->head).first(state_->received))));
            if (state_->received < frame_header_size) continue;
            auto header = decode_header(state_->head, state_->frame_limit);
            DISPART_CHECK(named(header));
            state_->header = *header;
        }
        return {};
    }

    /// Puts the peer's name on an error.
    template <class T>
    result<void> named(const result<T>& checked) const {
        if (checked) return {};
        return fail(checked.error().code, peer(), checked.error().message, checked.error().hint);
    }

    /// Makes the payload larger than `filled` bytes, but not larger than the frame says.
    result<void> make_room(std::size_t filled) {
        if (filled < state_->payload.size()) return {};
        const auto length = static_cast<std::size_t>(state_->header.length);
        try {
            buffer larger = state_->pool.acquire(std::min(length, std::max(state_->trusted, filled * 2)));
            std::copy_n(state_->payload.bytes().data(), filled, larger.bytes().data());
            state_->payload = std::move(larger);
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, peer(),
                        "not enough memory for a message of " + std::to_string(length) + " bytes");
        }
        return {};
    }

    std::unique_ptr<state> state_;
};

}  // namespace dispart
