#pragma once
/// \file
/// One call of gRPC that carries bytes both ways. Messages are short: a first byte says what they are. A side sends data only
/// while the other has granted it room, so that no write of gRPC's waits for a reader; and it ends by a goodbye that is
/// answered, so that nothing that was sent before is dropped with the call.

#include <grpc/grpc.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/clock.hpp"
#include "dispart/run/identity.hpp"

namespace dispart::detail {

inline constexpr const char* grpc_method = "/dispart.Transport/Bytes";
inline constexpr std::size_t grpc_chunk = std::size_t{512} << 10;  ///< bytes of data in a message
inline constexpr std::size_t grpc_window = std::size_t{4} << 20;   ///< bytes that may wait for their reader
inline constexpr std::size_t grpc_longest = grpc_chunk + 64;       ///< bytes of a message

/// HTTP/2's own window beside ours: as large, and not searched for by pings, which costs a third of the throughput.
/// \param set takes an argument's name and value
template <class Set>
void grpc_flow_control(Set set) {
    set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(grpc_window));
    set(GRPC_ARG_HTTP2_BDP_PROBE, 0);
}

/// What a message is, by its first byte.
enum class grpc_word : std::uint8_t { welcome, data, credit, goodbye };

/// What waits in a completion queue.
struct grpc_event {
    grpc_event() = default;
    grpc_event(const grpc_event&) = delete;
    grpc_event& operator=(const grpc_event&) = delete;
    virtual ~grpc_event() = default;
    virtual void happened(bool ok) = 0;
};

/// A message that arrived: pieces of gRPC's memory, of which the first bytes are used up.
struct grpc_message {
    std::vector<grpc::Slice> pieces{};
    std::size_t piece = 0;
    std::size_t used = 0;  ///< of that piece
    std::size_t left = 0;  ///< bytes in all

    grpc_message() = default;
    explicit grpc_message(const grpc::ByteBuffer& from) : left(from.Length()) {
        if (!from.Dump(&pieces).ok()) pieces.clear(), left = 0;
    }

    /// Moves as many bytes as fit.
    std::size_t take(std::span<std::byte> to) {
        std::size_t taken = 0;
        while (taken < to.size() && left > 0) {
            const grpc::Slice& from = pieces[piece];
            const std::size_t count = std::min(to.size() - taken, from.size() - used);
            if (count > 0) std::memcpy(to.data() + taken, from.begin() + used, count);
            taken += count, used += count, left -= count;
            if (used == from.size()) ++piece, used = 0;
        }
        return taken;
    }
};

/// A message of one piece, whose bytes behind the first are still to be filled in.
class grpc_draft {
  public:
    grpc_draft(grpc_word word, std::size_t size) : piece_(grpc_slice_malloc(size + 1)) {
        *start() = static_cast<std::byte>(word);
    }
    grpc_draft(const grpc_draft&) = delete;
    grpc_draft& operator=(const grpc_draft&) = delete;
    ~grpc_draft() { grpc_slice_unref(piece_); }

    [[nodiscard]] std::span<std::byte> bytes() noexcept {
        return std::span(start(), GRPC_SLICE_LENGTH(piece_)).subspan(1);
    }
    [[nodiscard]] grpc::ByteBuffer message() const {
        const grpc::Slice piece(piece_, grpc::Slice::ADD_REF);
        return {&piece, 1};
    }

  private:
    // A short one's bytes lie in the object itself.
    [[nodiscard]] std::byte* start() noexcept {
        return reinterpret_cast<std::byte*>(GRPC_SLICE_START_PTR(piece_));
    }
    grpc_slice piece_;
};

/// The state of a call, whichever side began it. The thread of a completion queue moves it on; it lives until its last
/// operation has come back, whoever has let go of it before.
class grpc_link : public std::enable_shared_from_this<grpc_link> {
  public:
    grpc_link() = default;
    grpc_link(const grpc_link&) = delete;
    grpc_link& operator=(const grpc_link&) = delete;
    virtual ~grpc_link() = default;

    // --- of the threads that use the connection

    /// The next message of data. Errors: timeout, peer_lost.
    [[nodiscard]] result<grpc_message> next(deadline until) {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return closed_ || !inbox_.empty() || heard_goodbye_ || read_over_; };
        if (!changed_.wait_until(lock, until, ready))
            return fail(errc::timeout, {}, "no message arrived in time");
        if (closed_) return fail(errc::peer_lost, {}, "the connection is closed");
        if (inbox_.empty()) return tl::unexpected(gone());
        grpc_message taken = std::move(inbox_.front());
        inbox_.pop_front();
        inbox_bytes_ -= taken.left;
        owed_ += taken.left;
        if (owed_ >= grpc_window / 4) grant();
        return taken;
    }

    [[nodiscard]] bool closed() const {
        const std::scoped_lock lock(mutex_);
        return closed_;
    }

    /// Waits until a message of data may be sent, and takes what it counts off the room. Errors: timeout, peer_lost.
    [[nodiscard]] result<void> reserve(std::size_t size, deadline until) {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return over() || (credit_ > 0 && outbox_.size() < 2); };
        const bool in_time = changed_.wait_until(lock, until, ready);
        if (over()) return tl::unexpected(gone());
        if (!in_time) return fail(errc::timeout, {}, "the peer did not take a message in time");
        credit_ -= static_cast<std::int64_t>(size);
        return {};
    }

    /// Sends what was reserved. Errors: peer_lost.
    [[nodiscard]] result<void> post(grpc::ByteBuffer message) {
        const std::scoped_lock lock(mutex_);
        if (over()) return tl::unexpected(gone());
        outbox_.push_back(std::move(message));
        pump();
        return {};
    }

    /// Ends the connection; what was posted still goes out.
    void close() {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(closed_, true)) return;
        if (opened_) say_goodbye();
        else cancel();
        changed_.notify_all();
    }

    /// Ends the connection at once.
    void abort() {
        const std::scoped_lock lock(mutex_);
        if (!finished_) cancel();
    }

    /// Waits until both sides may speak, or it is known that they never will; whether in time.
    bool wait_until_opened(deadline until) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, until, [&] { return opened_ || finished_; });
    }
    [[nodiscard]] bool opened() const {
        const std::scoped_lock lock(mutex_);
        return opened_;
    }
    /// Waits until no operation is left; whether in time.
    bool wait_until_finished(deadline until) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, until, [&] { return finished_; });
    }
    /// How the call ended, on the side that began it.
    [[nodiscard]] grpc::Status status() const {
        const std::scoped_lock lock(mutex_);
        return status_;
    }

  protected:
    // What the two sides of a call do differently. Under the lock; the event comes back by the completion queue.
    virtual void read(grpc::ByteBuffer* into, grpc_event* then) = 0;
    virtual void write(const grpc::ByteBuffer& message, grpc_event* then) = 0;
    virtual void finish(grpc::Status* into, grpc_event* then) = 0;
    /// The side that began the call has nothing more to say.
    virtual void hang_up(grpc_event* then) = 0;
    virtual void cancel() = 0;
    [[nodiscard]] virtual bool began_it() const = 0;

    /// An operation is about to be started. Precondition: the lock is held.
    void expect() {
        if (outstanding_++ == 0) alive_ = shared_from_this();
    }

    struct operation final : grpc_event {
        operation(grpc_link& link, void (grpc_link::*what)(bool)) : of(link), then(what) {}
        void happened(bool ok) override {
            const auto held = of.shared_from_this();
            const std::scoped_lock lock(of.mutex_);
            (of.*then)(ok);
            if (--of.outstanding_ == 0) of.alive_.reset(), of.finished_ = true;
            of.changed_.notify_all();
        }
        grpc_link& of;
        void (grpc_link::*then)(bool);
    };

    /// The call exists. The side that took it welcomes the other.
    void started(bool ok) {
        if (!ok) return ended();
        if (!began_it()) {
            opened_ = true;
            notes_.push_back(grpc_draft(grpc_word::welcome, 0).message());
            pump();
        }
        read_on();
    }

    mutable std::mutex mutex_{};
    operation start_{*this, &grpc_link::started};

  private:
    [[nodiscard]] bool over() const { return closed_ || heard_goodbye_ || read_over_; }
    [[nodiscard]] error gone() const {
        if (closed_) return {errc::peer_lost, {}, "the connection is closed", {}};
        if (heard_goodbye_) return {errc::peer_lost, {}, "the peer closed the connection", {}};
        const std::string why = status_.error_message();
        return {errc::peer_lost, {}, "the connection broke" + (why.empty() ? why : ": " + why), {}};
    }

    void read_on() {
        incoming_.Clear();
        expect();
        read(&incoming_, &read_);
    }

    /// Starts the next write, if there is one. The room that is granted goes ahead of data.
    void pump() {
        if (writing_ || read_over_ || hung_up_) return;
        auto& from = notes_.empty() ? outbox_ : notes_;
        if (!from.empty()) {
            writing_ = true;
            outgoing_ = std::move(from.front());
            from.pop_front();
            expect();
            write(outgoing_, &write_);
        } else if (began_it() && said_goodbye_ && heard_goodbye_) {
            hung_up_ = true;
            expect();
            hang_up(&hang_up_);
        }
    }

    void say_goodbye() {
        if (std::exchange(said_goodbye_, true)) return;
        if (heard_goodbye_) outbox_.clear();  // nobody reads it
        outbox_.push_back(grpc_draft(grpc_word::goodbye, 0).message());
        pump();
    }

    void grant() {
        grpc_draft note(grpc_word::credit, sizeof owed_);
        std::memcpy(note.bytes().data(), &owed_, sizeof owed_);
        owed_ = 0;
        notes_.push_back(note.message());
        pump();
    }

    void was_read(bool ok) {
        if (!ok) return ended();
        grpc_message message(incoming_);
        if (!heard(message)) cancel();
        read_on();
    }

    /// Whether the message is one that may be.
    bool heard(grpc_message& message) {
        std::byte first{};
        if (message.take({&first, 1}) != 1) return false;
        switch (static_cast<grpc_word>(first)) {
        case grpc_word::welcome:
            opened_ = true;
            return began_it();
        case grpc_word::data:
            if (heard_goodbye_ || inbox_bytes_ + message.left > grpc_window + grpc_chunk) return false;
            if (closed_ || message.left == 0) return true;
            inbox_bytes_ += message.left;
            inbox_.push_back(std::move(message));
            return true;
        case grpc_word::credit: {
            std::uint64_t more = 0;
            const auto bytes = std::as_writable_bytes(std::span(&more, 1));
            if (message.left != bytes.size() || message.take(bytes) != bytes.size() || more > grpc_window)
                return false;
            credit_ = std::min(credit_ + static_cast<std::int64_t>(more), std::int64_t{grpc_window});
            return true;
        }
        case grpc_word::goodbye:
            heard_goodbye_ = true;
            say_goodbye();
            pump();
            return true;
        }
        return false;
    }

    void was_written(bool ok) {
        writing_ = false;
        outgoing_.Clear();
        if (!ok) outbox_.clear(), notes_.clear();  // the read that is under way will say so
        if (read_over_) finish_once();
        else pump();
    }

    void was_hung_up(bool) {
        if (read_over_) finish_once();
    }

    void ended() {
        read_over_ = true;
        if (writing_) cancel();
        finish_once();
    }

    void finish_once() {
        if (finishing_ || writing_ || !exists()) return;
        finishing_ = true;
        expect();
        finish(&status_, &finish_);
    }

    void was_finished(bool) {}

  protected:
    /// Whether there is a call that can be finished.
    [[nodiscard]] virtual bool exists() const = 0;

  private:
    operation read_{*this, &grpc_link::was_read};
    operation write_{*this, &grpc_link::was_written};
    operation hang_up_{*this, &grpc_link::was_hung_up};
    operation finish_{*this, &grpc_link::was_finished};

    std::condition_variable changed_{};
    std::shared_ptr<grpc_link> alive_{};  ///< itself, while operations are under way
    std::size_t outstanding_ = 0;
    bool opened_ = false;
    bool closed_ = false;  ///< by this side's user
    bool said_goodbye_ = false;
    bool heard_goodbye_ = false;
    bool hung_up_ = false;
    bool read_over_ = false;
    bool finishing_ = false;
    bool finished_ = false;
    grpc::Status status_{};

    bool writing_ = false;
    grpc::ByteBuffer outgoing_{};
    std::deque<grpc::ByteBuffer> notes_{};
    std::deque<grpc::ByteBuffer> outbox_{};
    std::int64_t credit_ = grpc_window;

    grpc::ByteBuffer incoming_{};
    std::deque<grpc_message> inbox_{};
    std::size_t inbox_bytes_ = 0;
    std::uint64_t owed_ = 0;  ///< room that was taken up and is free again, not yet granted
};

/// A thread that moves the calls of one completion queue on.
class grpc_engine {
  public:
    grpc_engine(std::unique_ptr<grpc::CompletionQueue> queue, seconds linger)
        : queue_(std::move(queue))
        , linger_(linger)
        , thread_([this] { serve(); }) {}
    grpc_engine(const grpc_engine&) = delete;
    grpc_engine& operator=(const grpc_engine&) = delete;
    /// Waits for what the connections have sent, but not for ever.
    ~grpc_engine() {
        end_links();
        queue_->Shutdown();
        thread_.join();
    }

    [[nodiscard]] grpc::CompletionQueue& queue() noexcept { return *queue_; }

    void keep(const std::shared_ptr<grpc_link>& link) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(links_, [](const auto& each) { return each.expired(); });
        links_.push_back(link);
    }

    /// Closes all connections; returns when none has anything under way.
    void end_links() {
        std::vector<std::shared_ptr<grpc_link>> left;
        {
            const std::scoped_lock lock(mutex_);
            for (const auto& each : links_)
                if (auto link = each.lock()) left.push_back(std::move(link));
        }
        for (const auto& each : left) each->close();
        const auto until = deadline_in(linger_);
        for (const auto& each : left)
            if (!each->wait_until_finished(until)) each->abort();
        for (const auto& each : left) each->wait_until_finished(no_deadline());
    }

  private:
    void serve() {
        void* tag = nullptr;
        bool ok = false;
        while (queue_->Next(&tag, &ok)) static_cast<grpc_event*>(tag)->happened(ok);
    }

    std::unique_ptr<grpc::CompletionQueue> queue_;
    seconds linger_;
    std::mutex mutex_{};
    std::vector<std::weak_ptr<grpc_link>> links_{};
    std::thread thread_;
};

}  // namespace dispart::detail
