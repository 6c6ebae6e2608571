#pragma once
/// \file
/// The transport over MPI (component dispart::mpi): for plans that run under mpirun, where the ranks are the machines.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/run/mpi/mpi_node.hpp"

namespace dispart {

/// MPI from here to the end of its life; the first thing in `main` and the last that goes. Between the two all calls of MPI are
/// the transport's.
class mpi_session {
  public:
    mpi_session(int& argc, char**& argv) {
        int provided = 0;
        MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
        serialised_ = provided >= MPI_THREAD_SERIALIZED;
    }
    mpi_session(const mpi_session&) = delete;
    mpi_session& operator=(const mpi_session&) = delete;
    ~mpi_session() {
        node_.reset();
        MPI_Finalize();
    }

    /// The node of this process, made at the first call, which all ranks have to make. \return nullptr where this MPI cannot be
    /// called by another thread than `main`'s
    [[nodiscard]] std::shared_ptr<detail::mpi_node> node(const mpi_options& options = {}) {
        if (serialised_ && !node_) node_ = std::make_shared<detail::mpi_node>(options);
        return node_;
    }

  private:
    bool serialised_ = false;
    std::shared_ptr<detail::mpi_node> node_{};
};

/// One end of a connection between two ranks, or within one.
class mpi_connection {
  public:
    mpi_connection(std::shared_ptr<detail::mpi_node> node, std::shared_ptr<detail::mpi_link> link,
                   std::size_t limit)
        : node_(std::move(node))
        , link_(std::move(link))
        , limit_(limit) {}
    mpi_connection(mpi_connection&&) noexcept = default;
    mpi_connection& operator=(mpi_connection&& other) noexcept {
        if (this != &other) {
            leave();
            node_ = std::move(other.node_);
            link_ = std::move(other.link_);
            limit_ = other.limit_;
        }
        return *this;
    }
    ~mpi_connection() { leave(); }

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        std::size_t size = 0;
        for (const auto& each : buffers) size += each.size();
        auto held = node_->lock();
        detail::mpi_link& link = *link_;
        if (over()) return lost();
        if (size <= detail::mpi_small && link.credits > 0) {
            --link.credits;
            ++link.sent;
            node_->tell(link.rank, {detail::mpi_word::small, kind, link.peer_id, link.id, size}, buffers);
            return {};
        }
        using outgoing = detail::mpi_link::outgoing;
        node_->announce(link, kind, size, buffers);
        const auto ready = [&] {
            return link.sending == outgoing::done || (link.sending == outgoing::announced && over());
        };
        const bool in_time = node_->wait(held, until, ready);
        // What is on its way leaves our buffers soon: the other side has made room.
        if (link.sending == outgoing::flying) node_->wait(held, no_deadline(), ready);
        if (link.sending == outgoing::done) {
            link.sending = outgoing::none;
            return {};
        }
        link.sending = outgoing::none;
        const bool gone = over();
        node_->end(link);
        if (gone || in_time) return lost();
        return fail(errc::timeout, peer(), "the peer did not take a message in time");
    }

    [[nodiscard]] result<frame> receive(deadline until) {
        auto held = node_->lock();
        detail::mpi_link& link = *link_;
        using phase = detail::mpi_link::phase;
        const bool in_time = node_->wait(held, until, [&] {
            return link.state == phase::over || !link.inbox.empty() || link.received >= link.sent_by_peer;
        });
        if (link.state == phase::over || (in_time && link.inbox.empty())) {
            node_->end(link);
            return lost();
        }
        if (!in_time) return fail(errc::timeout, peer(), "no message arrived in time");
        frame got = std::move(link.inbox.front());
        link.inbox.pop_front();
        link.inbox_bytes -= got.payload.size();
        node_->make_room(link);
        if (got.payload.size() <= detail::mpi_small && ++link.taken == detail::mpi_credits / 4) {
            node_->tell(link.rank, {detail::mpi_word::credit, 0, link.peer_id, link.id, link.taken});
            link.taken = 0;
        }
        if (got.payload.size() <= limit_) return got;
        node_->end(link);
        return fail(errc::protocol_error, peer(),
                    "a frame of " + std::to_string(got.payload.size()) + " bytes, where at most " +
                        std::to_string(limit_) + " are allowed");
    }

    void set_frame_limit(std::size_t limit) noexcept { limit_ = limit; }

    void close() {
        if (!node_) return;
        const auto held = node_->lock();
        node_->end(*link_);
    }

    [[nodiscard]] std::string peer() const { return "rank " + std::to_string(link_->rank); }

  private:
    [[nodiscard]] bool over() const {
        return link_->state == detail::mpi_link::phase::over || link_->sent_by_peer != ~std::uint64_t{0};
    }
    [[nodiscard]] tl::unexpected<error> lost() const {
        return fail(errc::peer_lost, peer(), "the connection is closed");
    }

    void leave() noexcept {
        if (!node_ || !link_) return;
        const auto held = node_->lock();
        node_->abandon(*link_);
    }

    std::shared_ptr<detail::mpi_node> node_;
    std::shared_ptr<detail::mpi_link> link_;
    std::size_t limit_;
};
static_assert(connection_handle<mpi_connection>);

/// Waits for other ranks at a port.
class mpi_listener {
  public:
    using connection = mpi_connection;

    mpi_listener(std::shared_ptr<detail::mpi_node> node, std::shared_ptr<detail::mpi_node::port_state> port,
                 std::size_t limit)
        : node_(std::move(node))
        , port_(std::move(port))
        , limit_(limit) {}
    mpi_listener(mpi_listener&&) noexcept = default;
    mpi_listener& operator=(mpi_listener&& other) noexcept {
        if (this != &other) {
            close();
            node_ = std::move(other.node_);
            port_ = std::move(other.port_);
            limit_ = other.limit_;
        }
        return *this;
    }
    ~mpi_listener() { close(); }

    [[nodiscard]] result<connection> accept(deadline until) {
        auto held = node_->lock();
        const bool in_time =
            node_->wait(held, until, [&] { return port_->closed || !port_->waiting.empty(); });
        if (port_->closed) return fail(errc::cancelled, address(), "the listener is closed");
        if (!in_time) return fail(errc::timeout, address(), "nobody connected in time");
        auto link = std::move(port_->waiting.front());
        port_->waiting.pop_front();
        return connection(node_, std::move(link), limit_);
    }

    [[nodiscard]] std::string address() const {
        return std::to_string(node_->rank()) + ":" + std::to_string(port_->number);
    }

    void close() {
        if (!node_ || !port_) return;
        const auto held = node_->lock();
        node_->close_port(*port_);
    }

  private:
    std::shared_ptr<detail::mpi_node> node_;
    std::shared_ptr<detail::mpi_node::port_state> port_;
    std::size_t limit_;
};
static_assert(listener_handle<mpi_listener>);

/// Addresses are `RANK:PORT`, ports any positive number; an empty address listens on an unused port of this rank.
/// A rank that dies takes the others with it, as MPI has it: peers that close their connections are noticed as with other
/// transports. Frames up to 4 KB travel at once, larger ones when the receiver has made room.
class mpi_transport {
  public:
    using connection = mpi_connection;
    using listener = mpi_listener;

    explicit mpi_transport(std::shared_ptr<detail::mpi_node> node, mpi_options options = {})
        : node_(std::move(node))
        , options_(options) {}

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "mpi"; }

    [[nodiscard]] result<listener> listen(const std::string& address) {
        std::uint32_t port = 0;
        if (!address.empty()) {
            DISPART_TRY(const auto where, parse(address));
            if (where.first != node_->rank())
                return fail(errc::invalid_argument, address, "it is the address of another rank");
            port = where.second;
        }
        const auto held = node_->lock();
        auto open = node_->open_port(port);
        if (!open) return fail(errc::io_error, address, "somebody listens there already");
        return listener(node_, std::move(open), options_.max_frame);
    }

    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        DISPART_TRY(const auto where, parse(address));
        if (where.first < 0 || where.first >= node_->size())
            return fail(errc::not_found, address, "there is no such rank");
        using phase = detail::mpi_link::phase;
        std::shared_ptr<detail::mpi_link> link;
        phase state{};
        {
            auto held = node_->lock();
            link = node_->open_link(where.first);
            node_->tell(where.first, {detail::mpi_word::dial, 0, where.second, link->id, 0});
            node_->wait(held, until, [&] { return link->state != phase::dialling; });
            state = link->state;
        }
        connection made(node_, std::move(link), options_.max_frame);
        if (state == phase::open) return made;
        if (state == phase::refused) return fail(errc::peer_lost, address, "nobody listens there");
        return fail(errc::timeout, address, "the rank did not answer in time");
    }

  private:
    [[nodiscard]] static result<std::pair<int, std::uint32_t>> parse(const std::string& address) {
        int rank = -1;
        unsigned port = 0;
        char behind = 0;
        if (std::sscanf(address.c_str(), "%d:%u%c", &rank, &port, &behind) != 2 || port == 0)
            return fail(errc::invalid_argument, address, "an address is RANK:PORT");
        return std::pair(rank, port);
    }

    std::shared_ptr<detail::mpi_node> node_;
    mpi_options options_;
};
static_assert(transport<mpi_transport>);

}  // namespace dispart
