#pragma once
/// \file
/// The two ends of an edge between stages: a bounded queue, a connection, and the thread between them, so that
/// transfers overlap with computing.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "dispart/run/handshake.hpp"
#include "dispart/run/queue.hpp"
#include "dispart/run/recorder.hpp"
#include "dispart/run/tensor_message.hpp"

namespace dispart {

/// Told of the error that ended an edge, once, by the edge's own thread.
using error_handler = std::function<void(error)>;

/// Bytes that may be held at a time, by all who share it. From any thread.
class byte_quota {
  public:
    explicit byte_quota(std::size_t most) : left_(most) {}

    /// Whether there was room for so many; if so, they are taken.
    [[nodiscard]] bool take(std::size_t count) noexcept {
        std::size_t left = left_;
        while (left >= count)
            if (left_.compare_exchange_weak(left, left - count)) return true;
        return false;
    }
    void give_back(std::size_t count) noexcept { left_ += count; }

  private:
    std::atomic<std::size_t> left_;
};

/// What an edge's end has to know.
struct edge_settings {
    std::uint32_t edge = 0;
    std::string peer{};                            ///< device at the other end, for messages
    std::size_t depth = 1;                         ///< messages that the queue holds
    std::size_t tensors = 0;                       ///< in each message
    std::size_t max_bytes = std::size_t{1} << 30;  ///< of a message
    std::string codec = "raw";                     ///< of the end that sends
    seconds send_within{60.0};                     ///< longest that sending one message may take
    byte_quota* quota = nullptr;  ///< of messages that wait at the receiving end; outlives the edge
};

namespace detail {

/// What both ends share: the connection and its thread.
template <connection_handle Connection>
class edge_end {
  public:
    edge_end(edge_settings settings, error_handler report)
        : settings_(std::move(settings))
        , report_(std::move(report)) {}

    /// Starts to carry. Errors: refused where the end has a connection already, or was stopped.
    template <class Pump>
    result<void> attach(Connection connection, Pump pump) {
        const std::scoped_lock lock(mutex_);
        if (connection_ || stopping_)
            return fail(errc::refused, settings_.peer, "edge " + std::to_string(settings_.edge) + " is taken");
        connection_.emplace(std::move(connection));
        thread_ = thread([this, pump] {
            const auto outcome = guarded(pump);
            if (!outcome && !stopping_.exchange(true)) report_(named(outcome.error()));
            const std::scoped_lock ending(mutex_);
            ended_ = true;
            changed_.notify_all();
        });
        return {};
    }

    [[nodiscard]] bool attached() {
        const std::scoped_lock lock(mutex_);
        return connection_.has_value();
    }

    void stop() {
        stopping_ = true;
        const std::scoped_lock lock(mutex_);
        if (connection_) connection_->close();
    }

    /// Waits until the thread has nothing more to do, if there is one.
    void wait(deadline until) {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, until, [this] { return ended_ || !connection_; });
    }

    void join() {
        if (thread_.joinable()) thread_.join();
    }

    [[nodiscard]] const edge_settings& settings() const noexcept { return settings_; }
    /// Only for the edge's own thread.
    [[nodiscard]] Connection& connection() { return *connection_; }
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }

  private:
    template <class Pump>
    static result<void> guarded(const Pump& pump) {
        try {
            return pump();
        } catch (const std::exception& e) {
            return fail(errc::callback_failed, {}, e.what());
        } catch (...) {
            return fail(errc::callback_failed, {}, "something that is no std::exception was thrown");
        }
    }

    [[nodiscard]] error named(error e) const {
        e.offender = settings_.peer;
        e.message = "edge " + std::to_string(settings_.edge) + ": " + e.message;
        return e;
    }

    edge_settings settings_;
    error_handler report_;
    std::mutex mutex_{};
    condition changed_{};
    bool ended_ = false;
    std::optional<Connection> connection_{};
    std::atomic<bool> stopping_ = false;
    thread thread_{};
};

}  // namespace detail

/// The receiving end: reads a message only when there is room for it, so that a slow stage slows its senders.
template <connection_handle Connection>
class incoming_edge {
  public:
    incoming_edge(edge_settings settings, const codec_table& codecs, span_recorder& spans,
                  error_handler report)
        : queue_(settings.depth, true)
        , codecs_(&codecs)
        , spans_(&spans)
        , end_(std::move(settings), std::move(report)) {}
    incoming_edge(const incoming_edge&) = delete;
    incoming_edge& operator=(const incoming_edge&) = delete;
    ~incoming_edge() {
        stop();
        end_.join();
    }

    /// Takes the connection over which the messages come. Errors: refused where there is one already.
    result<void> attach(Connection connection) {
        connection.set_frame_limit(end_.settings().max_bytes);
        return end_.attach(std::move(connection), [this] { return receive_all(); });
    }
    [[nodiscard]] bool attached() { return end_.attached(); }
    [[nodiscard]] const edge_settings& settings() const noexcept { return end_.settings(); }

    /// The next request's tensors, in order of requests. Errors: timeout, cancelled at the end of the stream.
    /// \param into an earlier message, whose tensors have been let go; its memory is used again
    [[nodiscard]] result<void> next(tensor_message& into, deadline until) {
        DISPART_CHECK(queue_.pop_into(into, until));
        if (end_.settings().quota) end_.settings().quota->give_back(size_of(into));
        return {};
    }

    /// Ends the edge; from any thread.
    void stop() {
        end_.stop();
        queue_.close();
    }
    /// Waits for its thread, which a `stop` ends.
    void join() { end_.join(); }

  private:
    result<void> receive_all() {
        const auto closed = [this] { queue_.close(); };
        for (std::uint64_t request = 0; !end_.stopping(); ++request) {
            if (!queue_.wait_for_room(no_deadline())) return {};
            DISPART_TRY(const bool more, receive_one(request));
            if (!more) return closed(), result<void>{};
            DISPART_CHECK(book(arrived_));
            if (!queue_.push(arrived_, no_deadline())) return {};
        }
        return {};
    }

    [[nodiscard]] static std::size_t size_of(const tensor_message& message) {
        std::size_t total = 0;
        for (const tensor& each : message.tensors) total += each.size_bytes();
        return total;
    }

    /// Errors: limit_exceeded where too much waits already.
    result<void> book(const tensor_message& message) {
        byte_quota* quota = end_.settings().quota;
        if (!quota || quota->take(size_of(message))) return {};
        return fail(errc::limit_exceeded, end_.settings().peer,
                    "more bytes wait for the stage than it may keep waiting");
    }

    /// Into `arrived_`. \return false where the peer has finished
    result<bool> receive_one(std::uint64_t request) {
        const std::string& peer = end_.settings().peer;
        DISPART_TRY(const frame received, end_.connection().receive(no_deadline()));
        const std::int64_t end = nanoseconds_now();
        if (received.kind == static_cast<std::uint16_t>(message_kind::finish)) return false;
        if (received.kind != static_cast<std::uint16_t>(message_kind::tensors))
            return fail(errc::protocol_error, peer, "a message that is no TENSORS");
        DISPART_CHECK(reader_.read(received.payload, *codecs_, limits(), arrived_));
        if (arrived_.edge != end_.settings().edge || arrived_.tensors.size() != end_.settings().tensors)
            return fail(errc::protocol_error, peer, "tensors of another edge");
        if (arrived_.request != request)
            return fail(errc::protocol_error, peer,
                        "request " + std::to_string(arrived_.request) + " came, where " +
                            std::to_string(request) + " was due");
        spans_->record({span_kind::received, request, arrived_.edge, received.payload.size(),
                        nanoseconds_of(received.begin), end});
        return true;
    }

    [[nodiscard]] tensor_limits limits() const {
        return {.tensors = end_.settings().tensors, .bytes = end_.settings().max_bytes};
    }

    bounded_queue<tensor_message> queue_;
    const codec_table* codecs_;
    span_recorder* spans_;
    tensor_message_reader reader_{};
    tensor_message arrived_{};
    detail::edge_end<Connection> end_;
};

/// The sending end.
template <connection_handle Connection>
class outgoing_edge {
  public:
    /// Precondition: the codec outlives the edge.
    outgoing_edge(edge_settings settings, const any_codec& codec, span_recorder& spans, error_handler report)
        : queue_(settings.depth, true)
        , codec_(&codec)
        , spans_(&spans)
        , end_(std::move(settings), std::move(report)) {}
    outgoing_edge(const outgoing_edge&) = delete;
    outgoing_edge& operator=(const outgoing_edge&) = delete;
    ~outgoing_edge() {
        stop();
        end_.join();
    }

    /// Connects to the listener at the other end, introduces the edge, and starts to send. A listener that hangs up, as one
    /// does that is flooded with callers, is dialled again until the deadline, or the edge is stopped.
    /// Errors: those of the transport and of `introduce`.
    template <transport Transport>
    result<void> connect(Transport& carrier, const std::string& address, const hello_message& hello,
                         deadline until) {
        for (;;) {
            auto connected = try_to_connect(carrier, address, hello, until);
            const auto next = clock_now() + std::chrono::milliseconds(20);
            if (connected || connected.error().code != errc::peer_lost || end_.stopping() || next > until)
                return connected;
            sleep_until(next);
        }
    }
    [[nodiscard]] const edge_settings& settings() const noexcept { return end_.settings(); }

    /// Queues those of a request's tensors that the edge carries; waits for room. A message leaves its place only when it
    /// was sent. One thread pushes. Errors: timeout, cancelled once the edge has ended.
    /// Precondition: each of the ports is one of the tensors.
    template <class Port>
    [[nodiscard]] result<void> push(std::uint64_t request, std::span<const tensor> tensors,
                                    const std::vector<Port>& ports, deadline until) {
        next_.request = request;
        next_.edge = end_.settings().edge;
        next_.tensors.resize(ports.size());
        for (std::size_t i = 0; i < ports.size(); ++i) next_.tensors[i] = tensors[ports[i]];
        return queue_.push(next_, until);
    }

    /// Sends what is queued, says that no more will come, and waits until that is done.
    void finish(deadline until) {
        queue_.close();
        end_.wait(until);
    }

    /// Ends the edge at once; from any thread.
    void stop() {
        end_.stop();
        queue_.close();
    }
    /// Waits for its thread, which a `stop` ends.
    void join() { end_.join(); }

  private:
    template <transport Transport>
    result<void> try_to_connect(Transport& carrier, const std::string& address, const hello_message& hello,
                                deadline until) {
        DISPART_TRY(Connection connection, carrier.connect(address, until));
        DISPART_TRY(const welcome_message welcome, introduce(connection, hello, until));
        return end_.attach(std::move(connection), [this, taken = welcome.dtypes] { return send_all(taken); });
    }

    result<void> send_all(std::uint32_t dtypes) {
        for (;;) {
            const auto taken = queue_.take_into(sending_, no_deadline());
            if (end_.stopping()) return {};
            if (!taken) return say_finish();
            DISPART_CHECK(check_dtypes(sending_, dtypes));
            DISPART_CHECK(send_one(sending_));
            for (tensor& each : sending_.tensors) each.let_go();
            queue_.release();
        }
    }

    /// Errors: unsupported for an element type that the peer does not take.
    static result<void> check_dtypes(const tensor_message& message, std::uint32_t taken) {
        for (const tensor& each : message.tensors)
            if (!has_dtype(taken, each.type()))
                return fail(errc::unsupported, {}, "the peer takes no " + std::string(to_string(each.type())));
        return {};
    }

    /// A courtesy: the peer may have ended before.
    result<void> say_finish() {
        static_cast<void>(send_message(end_.connection(), finish_message{}, deadline_in(seconds(1.0))));
        return {};
    }

    result<void> send_one(const tensor_message& message) {
        const std::int64_t begin = nanoseconds_now();
        DISPART_TRY(const auto buffers,
                    writer_.write(message.request, message.edge, message.tensors, *codec_));
        DISPART_CHECK(end_.connection().send(static_cast<std::uint16_t>(message_kind::tensors), buffers,
                                             deadline_in(end_.settings().send_within)));
        spans_->record(
            {span_kind::sent, message.request, message.edge, writer_.size(), begin, nanoseconds_now()});
        return {};
    }

    bounded_queue<tensor_message> queue_;
    const any_codec* codec_;
    span_recorder* spans_;
    tensor_message_writer writer_{};
    tensor_message next_{};     ///< of the thread that pushes
    tensor_message sending_{};  ///< of the edge's own thread
    detail::edge_end<Connection> end_;
};

}  // namespace dispart
