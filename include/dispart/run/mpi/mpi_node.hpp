#pragma once
/// \file
/// One thread of a process that makes all its calls of MPI: it carries the frames of every connection of the process, as a
/// kernel does for sockets. Small frames travel at once; for a large one the receiver first makes room, so that nothing
/// arrives that nobody waits for, and what a sender gives up never touches its buffers again.

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"

namespace dispart {

/// Settings of the transport over MPI.
struct mpi_options {
    std::size_t max_frame = std::size_t{1}
                            << 30;  ///< bytes of a payload until `set_frame_limit` says otherwise
    std::size_t inbox_bytes = std::size_t{4}
                              << 20;  ///< of a connection that wait to be received before its sender waits
};

namespace detail {

enum class mpi_word : std::uint32_t { dial, welcome, nobody, small, announce, clear, credit, close };

/// What two nodes tell each other. `to` names a connection (or a port) of the receiver, `from` one of the sender.
struct mpi_note {
    mpi_word word = mpi_word::close;
    std::uint32_t kind = 0;
    std::uint32_t to = 0;
    std::uint32_t from = 0;
    std::uint64_t value = 0;  ///< length of a frame, credits, or frames sent before the end
};
inline constexpr std::size_t mpi_small = 4096;     ///< payloads that travel with their note
inline constexpr std::uint32_t mpi_credits = 256;  ///< small frames that may wait unreceived
inline constexpr int mpi_note_tag = 1;
inline constexpr int mpi_payload_tag = 16;  ///< plus the receiver's connection

/// A connection's state, under its node's lock.
struct mpi_link {
    std::uint32_t id = 0;       ///< here
    std::uint32_t peer_id = 0;  ///< there
    int rank = -1;
    enum class phase { dialling, open, refused, over } state = phase::dialling;

    // --- receiving
    std::deque<frame> inbox{};
    std::size_t inbox_bytes = 0;
    struct pending {
        mpi_note note{};
        frame what{};  ///< complete where the note was `small`
    };
    std::deque<pending> announced{};  ///< frames that wait for room, or for those before them
    bool receiving = false;           ///< a payload is on its way
    std::uint64_t received = 0;
    std::uint64_t sent_by_peer = ~std::uint64_t{0};  ///< frames that come before the peer's end
    std::uint32_t taken = 0;                         ///< small frames, for which credit is due
    buffer_pool pool{};

    // --- sending
    std::uint32_t credits = mpi_credits;
    enum class outgoing { none, announced, flying, done } sending = outgoing::none;
    std::span<const std::span<const std::byte>> pieces{};
    std::uint64_t sent = 0;
    bool said_goodbye = false;
    bool abandoned = false;  ///< its handle is gone

    [[nodiscard]] bool ended() const { return state == phase::over || received >= sent_by_peer; }
};

/// The process's node. All public functions may be called by any thread.
class mpi_node {
  public:
    using lock_type = std::unique_lock<std::mutex>;

    explicit mpi_node(mpi_options options) : options_(options) {
        MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
        MPI_Comm_rank(comm_, &rank_);
        MPI_Comm_size(comm_, &size_);
        thread_ = std::thread([this] { serve(); });
    }
    mpi_node(const mpi_node&) = delete;
    mpi_node& operator=(const mpi_node&) = delete;
    ~mpi_node() {
        stopping_ = true;
        thread_.join();
        // The communicator lives until MPI_Finalize: freeing it is collective, and others may have left.
    }

    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }
    [[nodiscard]] lock_type lock() { return lock_type(mutex_); }

    /// Waits until `ready()`. Returns false when the deadline has passed. Precondition: the lock is held.
    template <class Ready>
    bool wait(lock_type& held, deadline until, Ready ready) {
        return changed_.wait_until(held, until, ready);
    }

    // --- under the lock

    void tell(int rank, mpi_note note, std::span<const std::span<const std::byte>> payload = {}) {
        std::vector<std::byte> bytes(sizeof note);
        std::memcpy(bytes.data(), &note, sizeof note);
        for (const auto& each : payload) bytes.insert(bytes.end(), each.begin(), each.end());
        to_send_.emplace_back(rank, std::move(bytes));
        ++work_;
    }

    std::shared_ptr<mpi_link> open_link(int rank) {
        auto made = std::make_shared<mpi_link>();
        made->id = ++last_id_;
        made->rank = rank;
        links_[made->id] = made;
        return made;
    }

    /// A listener's queue of connections; nothing where the port is taken. \param port 0: an unused one
    struct port_state {
        std::uint32_t number = 0;
        std::deque<std::shared_ptr<mpi_link>> waiting{};
        bool closed = false;
    };
    std::shared_ptr<port_state> open_port(std::uint32_t port) {
        const bool any = port == 0;
        while (any && (port == 0 || ports_.contains(port))) port = 0x10001 + next_port_++;
        if (ports_.contains(port)) return nullptr;
        auto made = std::make_shared<port_state>();
        made->number = port;
        ports_[port] = made;
        return made;
    }
    void close_port(port_state& port) {
        if (port.closed) return;
        port.closed = true;
        ports_.erase(port.number);
        for (const auto& each : port.waiting) end(*each);
        changed_.notify_all();
    }

    /// Frames that wait get room, in order; the first large one ends this until it is there.
    void make_room(mpi_link& link) {
        while (!link.announced.empty() && !link.receiving && link.state == mpi_link::phase::open) {
            mpi_link::pending& next = link.announced.front();
            if (next.note.word == mpi_word::small) {
                deliver(link, std::move(next.what));
            } else {
                if (link.inbox_bytes >= options_.inbox_bytes) return;
                if (!acquire(link, next.note.value, next.what.payload)) return end(link);
                link.receiving = true;
                to_receive_.push_back({link.id, std::move(next.what)});
                ++work_;
            }
            link.announced.pop_front();
        }
    }

    /// Ends a connection, and tells the peer.
    void end(mpi_link& link) {
        if (!link.said_goodbye && (link.state == mpi_link::phase::open) &&
            link.sending != mpi_link::outgoing::flying) {
            link.said_goodbye = true;
            tell(link.rank, {mpi_word::close, 0, link.peer_id, link.id, link.sent});
        }
        link.state = mpi_link::phase::over;
        changed_.notify_all();
    }

    /// Begins to send a frame that needs room at the other side. Precondition: nothing else is being sent.
    void announce(mpi_link& link, std::uint32_t kind, std::uint64_t length,
                  std::span<const std::span<const std::byte>> pieces) {
        link.pieces = pieces;
        link.sending = mpi_link::outgoing::announced;
        tell(link.rank, {mpi_word::announce, kind, link.peer_id, link.id, length});
    }

    /// The connection's handle goes: its state follows when nothing more can arrive for it.
    void abandon(mpi_link& link) {
        end(link);
        link.abandoned = true;
        forget_if_over(link);
    }

  private:
    struct incoming {
        std::uint32_t link = 0;
        frame what{};
    };
    struct receiving {
        MPI_Request request = MPI_REQUEST_NULL;
        std::shared_ptr<mpi_link> link{};
        frame what{};
    };
    struct sending {
        MPI_Request request = MPI_REQUEST_NULL;
        std::shared_ptr<mpi_link> link{};  ///< of a payload,
        std::vector<std::byte> note{};     ///< or a note
        MPI_Datatype type = MPI_DATATYPE_NULL;
    };

    static constexpr std::uint64_t unknown = ~std::uint64_t{0};

    void forget_if_over(const mpi_link& link) {
        if (link.abandoned && !link.receiving && (link.sent_by_peer != unknown || link.peer_id == 0))
            links_.erase(link.id);
    }

    void deliver(mpi_link& link, frame what) {
        link.inbox_bytes += what.payload.size();
        link.inbox.push_back(std::move(what));
        ++link.received;
        changed_.notify_all();
    }

    [[nodiscard]] bool acquire(mpi_link& link, std::uint64_t size, buffer& into) const {
        if (size > options_.max_frame) return false;
        try {
            into = link.pool.acquire(size);
        } catch (const std::bad_alloc&) {
            return false;
        }
        return true;
    }

    void serve() {
        auto busy = std::chrono::steady_clock::now();
        for (;;) {
            const bool moved = step();
            const auto now = std::chrono::steady_clock::now();
            if (moved) busy = now;
            if (stopping_ && !moved && sends_.empty() && now - busy > std::chrono::milliseconds(20)) return;
            if (moved || work_.load() != 0) continue;
            // What is on its way moves only while both sides call MPI.
            const auto patience =
                std::chrono::microseconds(sends_.empty() && receives_.empty() ? 200 : 20'000);
            if (now - busy < patience) std::this_thread::yield();
            else
                std::this_thread::sleep_for(
                    std::chrono::microseconds(now - busy < std::chrono::seconds(1) ? 20 : 200));
        }
    }

    /// One round: what was asked for, what arrived, what was finished. \return whether anything happened
    bool step() {
        bool moved = post();
        int flag = 1;
        for (int rounds = 0; flag != 0 && rounds < 64; ++rounds) {
            MPI_Message message{};
            MPI_Status status{};
            MPI_Improbe(MPI_ANY_SOURCE, mpi_note_tag, comm_, &flag, &message, &status);
            if (flag != 0) take(message, status), moved = true;
        }
        moved = finish_receives() || moved;
        return finish_sends() || moved;
    }

    bool post() {
        if (work_.load() == 0) return false;
        std::deque<std::pair<int, std::vector<std::byte>>> notes;
        std::vector<incoming> wanted;
        std::vector<std::shared_ptr<mpi_link>> cleared;
        {
            const std::scoped_lock lock(mutex_);
            work_ = 0;
            notes.swap(to_send_);
            wanted.swap(to_receive_);
            cleared.swap(cleared_);
        }
        for (incoming& each : wanted) {  // first the receive, then the word that it is there
            const std::scoped_lock lock(mutex_);
            const auto found = links_.find(each.link);
            if (found == links_.end()) continue;
            if (found->second->received >= found->second->sent_by_peer) {  // it gave up meanwhile
                found->second->receiving = false;
                continue;
            }
            receives_.push_back({MPI_REQUEST_NULL, found->second, std::move(each.what)});
            receiving& r = receives_.back();
            const auto bytes = r.what.payload.bytes();
            MPI_Irecv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, r.link->rank,
                      mpi_payload_tag + static_cast<int>(each.link), comm_, &r.request);
            const mpi_note clear{mpi_word::clear, 0, r.link->peer_id, r.link->id, 0};
            std::vector<std::byte> note(sizeof clear);
            std::memcpy(note.data(), &clear, sizeof clear);
            notes.emplace_back(r.link->rank, std::move(note));
        }
        for (auto& [rank, bytes] : notes) {
            sends_.push_back({.note = std::move(bytes)});
            auto& s = sends_.back();
            MPI_Isend(s.note.data(), static_cast<int>(s.note.size()), MPI_BYTE, rank, mpi_note_tag, comm_,
                      &s.request);
        }
        for (auto& link : cleared) send_payload(link);
        return true;
    }

    /// The pieces as one message, gathered where they lie.
    void send_payload(const std::shared_ptr<mpi_link>& link) {
        std::vector<int> lengths;
        std::vector<MPI_Aint> places;
        for (const auto& each : link->pieces) {
            if (each.empty()) continue;
            lengths.push_back(static_cast<int>(each.size()));
            MPI_Aint place = 0;
            MPI_Get_address(each.data(), &place);
            places.push_back(place);
        }
        sends_.push_back({.link = link});
        auto& s = sends_.back();
        const int tag = mpi_payload_tag + static_cast<int>(link->peer_id);
        MPI_Type_create_hindexed(static_cast<int>(lengths.size()), lengths.data(), places.data(), MPI_BYTE,
                                 &s.type);
        MPI_Type_commit(&s.type);
        MPI_Isend(MPI_BOTTOM, 1, s.type, link->rank, tag, comm_, &s.request);
    }

    void take(MPI_Message message, const MPI_Status& status) {
        int count = 0;
        MPI_Get_count(&status, MPI_BYTE, &count);
        std::vector<std::byte> bytes(static_cast<std::size_t>(count));
        MPI_Mrecv(bytes.data(), count, MPI_BYTE, &message, MPI_STATUS_IGNORE);
        mpi_note note{};
        if (bytes.size() < sizeof note) return;
        std::memcpy(&note, bytes.data(), sizeof note);
        const std::scoped_lock lock(mutex_);
        heard(status.MPI_SOURCE, note, std::span<const std::byte>(bytes).subspan(sizeof note));
    }

    void heard(int source, const mpi_note& note, std::span<const std::byte> payload) {
        if (note.word == mpi_word::dial) return dialled(source, note);
        const auto found = links_.find(note.to);
        if (found == links_.end()) return;
        mpi_link& link = *found->second;
        switch (note.word) {
        case mpi_word::welcome:
            if (link.state == mpi_link::phase::dialling)
                link.peer_id = note.from, link.state = mpi_link::phase::open;
            break;
        case mpi_word::nobody:
            if (link.state == mpi_link::phase::dialling) link.state = mpi_link::phase::refused;
            break;
        case mpi_word::small:
        case mpi_word::announce:
            queue(link, note, payload);
            break;
        case mpi_word::clear:
            if (link.sending == mpi_link::outgoing::announced && link.state == mpi_link::phase::open) {
                link.sending = mpi_link::outgoing::flying;
                cleared_.push_back(found->second);
                ++work_;
            }
            break;
        case mpi_word::credit:
            link.credits += static_cast<std::uint32_t>(note.value);
            break;
        case mpi_word::close:
            link.sent_by_peer = note.value;
            cancel(link);
            forget_if_over(link);
            break;
        default:
            break;
        }
        changed_.notify_all();
    }

    void dialled(int source, const mpi_note& note) {
        const auto port = ports_.find(note.to);
        if (port == ports_.end()) return tell(source, {mpi_word::nobody, 0, note.from, 0, 0});
        const auto link = open_link(source);
        link->peer_id = note.from;
        link->state = mpi_link::phase::open;
        port->second->waiting.push_back(link);
        tell(source, {mpi_word::welcome, 0, note.from, link->id, 0});
        changed_.notify_all();
    }

    void queue(mpi_link& link, const mpi_note& note, std::span<const std::byte> payload) {
        frame got{static_cast<std::uint16_t>(note.kind), {}, std::chrono::steady_clock::now()};
        if (note.word == mpi_word::small) {
            if (!acquire(link, payload.size(), got.payload)) return end(link);
            if (!payload.empty()) std::memcpy(got.payload.bytes().data(), payload.data(), payload.size());
        }
        link.announced.push_back({note, std::move(got)});
        make_room(link);
    }

    /// The peer has ended: what it announced and did not send is not waited for.
    void cancel(mpi_link& link) {
        while (!link.announced.empty() && link.announced.back().note.word == mpi_word::announce &&
               link.received + (link.receiving ? 1 : 0) + link.announced.size() > link.sent_by_peer)
            link.announced.pop_back();
        if (!link.receiving || link.received < link.sent_by_peer) return;
        for (receiving& each : receives_)
            if (each.link.get() == &link) MPI_Cancel(&each.request);
    }

    bool finish_receives() {
        bool moved = false;
        for (auto each = receives_.begin(); each != receives_.end();) {
            int done = 0;
            MPI_Status status{};
            MPI_Test(&each->request, &done, &status);
            if (done == 0) {
                ++each;
                continue;
            }
            int cancelled = 0;
            MPI_Test_cancelled(&status, &cancelled);
            const std::scoped_lock lock(mutex_);
            mpi_link& link = *each->link;
            link.receiving = false;
            if (cancelled == 0) {
                deliver(link, std::move(each->what));
                make_room(link);
            }
            forget_if_over(link);
            each = receives_.erase(each);
            changed_.notify_all();
            moved = true;
        }
        return moved;
    }

    bool finish_sends() {
        bool moved = false;
        for (auto each = sends_.begin(); each != sends_.end();) {
            int done = 0;
            MPI_Test(&each->request, &done, MPI_STATUS_IGNORE);
            if (done == 0) {
                ++each;
                continue;
            }
            if (each->type != MPI_DATATYPE_NULL) MPI_Type_free(&each->type);
            if (each->link) {
                const std::scoped_lock lock(mutex_);
                ++each->link->sent;
                each->link->sending = mpi_link::outgoing::done;
                if (each->link->state == mpi_link::phase::over) {
                    each->link->state = mpi_link::phase::open;  // closed meanwhile: say goodbye now
                    end(*each->link);
                }
                changed_.notify_all();
            }
            each = sends_.erase(each);
            moved = true;
        }
        return moved;
    }

    mpi_options options_;
    MPI_Comm comm_ = MPI_COMM_NULL;
    int rank_ = 0;
    int size_ = 1;

    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::map<std::uint32_t, std::shared_ptr<mpi_link>> links_{};
    std::map<std::uint32_t, std::shared_ptr<port_state>> ports_{};
    std::uint32_t last_id_ = 0;
    std::uint32_t next_port_ = 0;
    std::deque<std::pair<int, std::vector<std::byte>>> to_send_{};
    std::vector<incoming> to_receive_{};
    std::vector<std::shared_ptr<mpi_link>> cleared_{};
    std::atomic<std::uint32_t> work_ = 0;

    std::list<receiving> receives_{};  // of the node's own thread
    std::list<sending> sends_{};
    std::atomic<bool> stopping_ = false;
    std::thread thread_{};
};

}  // namespace detail

}  // namespace dispart
