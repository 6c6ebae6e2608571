#pragma once
/// \file
/// A network inside one process whose hosts die, whose links have rates and delays and are cut: for tests of what the
/// runtime does then. In a `virtual_world` its time is simulated; outside of one it passes.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"

namespace dispart {

/// One direction between two hosts.
struct link_quality {
    seconds latency{0.0005};
    bytes_per_second bandwidth{125e6};
};

namespace detail {

/// One direction of a connection.
struct fault_channel {
    struct parcel {
        frame content{};
        deadline arrives{};
    };
    std::string from{};
    std::string to{};
    std::deque<parcel> parcels{};
    deadline end_arrives{};
    bool sender_closed = false;    ///< `end_arrives` says when the receiver sees it
    bool receiver_closed = false;  ///< the sender sees it at once, unless the link is cut
    bool muted = false;            ///< a host lost its power: nothing arrives any more, not even the end
    condition changed{};
};

struct fault_listener_state;

/// What all handles of one network share; under the mutex.
struct fault_hub {
    struct host {
        bool up = true;
        bool silent = false;
        std::uint64_t incarnation = 0;
    };
    struct link {
        link_quality quality{};
        bool cut = false;
        deadline free_at{};
        std::size_t sent = 0;  ///< bytes
    };

    std::mutex mutex{};
    link_quality usual{};
    std::map<std::string, host, std::less<>> hosts{};
    std::map<std::pair<std::string, std::string>, link> links{};
    std::map<std::string, std::shared_ptr<fault_listener_state>, std::less<>> listeners{};
    std::vector<std::weak_ptr<fault_channel>> channels{};
    std::size_t unnamed = 0;

    [[nodiscard]] link& between(const std::string& from, const std::string& to) {
        return links.try_emplace({from, to}, link{.quality = usual}).first->second;
    }
    [[nodiscard]] bool alive(const std::string& name, std::uint64_t incarnation) {
        const host& h = hosts[name];
        return h.up && h.incarnation == incarnation;
    }
    /// When bytes that are sent now will have arrived; they follow those that were sent before on this link.
    [[nodiscard]] deadline arrival(const std::string& from, const std::string& to, std::size_t size) {
        link& way = between(from, to);
        const seconds takes(from == to ? 0.0 : static_cast<double>(size) / way.quality.bandwidth.value);
        way.free_at = std::max(way.free_at, clock_now()) + (deadline_in(takes) - clock_now());
        return way.free_at + (deadline_in(way.quality.latency) - clock_now());
    }
    template <class Action>
    void each_channel(Action action) {
        std::erase_if(channels, [](const auto& weak) { return weak.expired(); });
        for (const auto& weak : channels)
            if (const auto channel = weak.lock()) {
                action(*channel);
                channel->changed.notify_all();
            }
    }
    void end(fault_channel& channel) {
        if (channel.sender_closed) return;
        channel.sender_closed = true;
        channel.end_arrives = arrival(channel.from, channel.to, 0);
        channel.changed.notify_all();
    }
};

}  // namespace detail

/// One end of a connection of a `fault_network`.
class fault_connection {
  public:
    using channel_pointer = std::shared_ptr<detail::fault_channel>;

    fault_connection(std::shared_ptr<detail::fault_hub> hub, std::uint64_t incarnation, channel_pointer out,
                     channel_pointer in)
        : hub_(std::move(hub))
        , incarnation_(incarnation)
        , out_(std::move(out))
        , in_(std::move(in)) {}
    fault_connection(fault_connection&&) = default;
    fault_connection& operator=(fault_connection&& other) noexcept {
        close();
        hub_ = std::move(other.hub_);
        incarnation_ = other.incarnation_;
        out_ = std::move(other.out_);
        in_ = std::move(other.in_);
        limit_ = other.limit_;
        return *this;
    }
    ~fault_connection() { close(); }

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        std::size_t size = 0;
        for (const auto& each : buffers) size += each.size();
        frame message{kind, buffer_pool(0).acquire(size), clock_now()};
        auto* place = message.payload.bytes().data();
        for (const auto& each : buffers) {
            if (!each.empty()) std::memcpy(place, each.data(), each.size());
            place += each.size();
        }
        std::unique_lock lock(hub_->mutex);
        const bool moves = out_->changed.wait_until(
            lock, until, [&] { return broken() || out_->parcels.size() < most_under_way; });
        if (broken()) return lost();
        if (!moves) {
            close_locked();
            return fail(errc::timeout, out_->to, "the peer did not take a message in time");
        }
        out_->parcels.push_back({std::move(message), hub_->arrival(out_->from, out_->to, size)});
        hub_->between(out_->from, out_->to).sent += size;
        out_->changed.notify_all();
        return {};
    }

    [[nodiscard]] result<frame> receive(deadline until) {
        std::unique_lock lock(hub_->mutex);
        for (;;) {
            if (!hub_->alive(in_->to, incarnation_) || in_->receiver_closed) return lost();
            const deadline due = due_at();
            if (due <= clock_now()) break;
            if (until <= clock_now()) return fail(errc::timeout, in_->from, "no message arrived in time");
            in_->changed.wait_until(lock, std::min(until, due), [&] {
                return !hub_->alive(in_->to, incarnation_) || in_->receiver_closed || due_at() != due;
            });
        }
        if (in_->parcels.empty()) return lost();
        frame taken = std::move(in_->parcels.front().content);
        in_->parcels.pop_front();
        in_->changed.notify_all();
        if (taken.payload.size() <= limit_) return taken;
        close_locked();
        return fail(errc::protocol_error, in_->from, "a frame over the limit");
    }

    void set_frame_limit(std::size_t limit) noexcept { limit_ = limit; }

    void close() {
        if (!hub_ || !out_) return;
        const std::scoped_lock lock(hub_->mutex);
        close_locked();
    }

    [[nodiscard]] std::string peer() const { return out_->to; }

  private:
    static constexpr std::size_t most_under_way = 8;

    [[nodiscard]] tl::unexpected<error> lost() const {
        return fail(errc::peer_lost, in_->from, "the connection is closed");
    }
    [[nodiscard]] bool broken() {
        return !hub_->alive(out_->from, incarnation_) || out_->sender_closed ||
               (out_->receiver_closed && !out_->muted && !hub_->between(out_->from, out_->to).cut);
    }
    /// When the next frame, or the end, can be read.
    [[nodiscard]] deadline due_at() {
        if (in_->muted || hub_->between(in_->from, in_->to).cut) return deadline::max();
        if (!in_->parcels.empty()) return in_->parcels.front().arrives;
        return in_->sender_closed ? in_->end_arrives : deadline::max();
    }
    void close_locked() {
        in_->receiver_closed = true;
        hub_->end(*out_);
        in_->changed.notify_all();
        out_->changed.notify_all();
    }

    std::shared_ptr<detail::fault_hub> hub_;
    std::uint64_t incarnation_;
    channel_pointer out_;
    channel_pointer in_;
    std::size_t limit_ = std::size_t{1} << 30;
};
static_assert(connection_handle<fault_connection>);

namespace detail {
struct fault_listener_state {
    std::deque<fault_connection> pending{};
    bool closed = false;
    condition changed{};
};
}  // namespace detail

/// Waits for connections to an address of a `fault_network`.
class fault_listener {
  public:
    using connection = fault_connection;

    fault_listener(std::shared_ptr<detail::fault_hub> hub,
                   std::shared_ptr<detail::fault_listener_state> state, std::string address)
        : hub_(std::move(hub))
        , state_(std::move(state))
        , address_(std::move(address)) {}
    fault_listener(fault_listener&&) = default;
    fault_listener& operator=(fault_listener&&) = delete;
    ~fault_listener() { close(); }

    [[nodiscard]] result<connection> accept(deadline until) {
        std::unique_lock lock(hub_->mutex);
        state_->changed.wait_until(lock, until, [&] { return state_->closed || !state_->pending.empty(); });
        if (state_->closed) return fail(errc::cancelled, address_, "the listener is closed");
        if (state_->pending.empty()) return fail(errc::timeout, address_, "nobody connected in time");
        connection taken = std::move(state_->pending.front());
        state_->pending.pop_front();
        return taken;
    }

    [[nodiscard]] std::string address() const { return address_; }

    void close() {
        if (!hub_) return;
        std::deque<connection> turned_away;
        const std::scoped_lock lock(hub_->mutex);
        const auto found = hub_->listeners.find(address_);
        if (found != hub_->listeners.end() && found->second == state_) hub_->listeners.erase(found);
        state_->closed = true;
        state_->changed.notify_all();
    }

  private:
    std::shared_ptr<detail::fault_hub> hub_;
    std::shared_ptr<detail::fault_listener_state> state_;
    std::string address_;
};
static_assert(listener_handle<fault_listener>);

/// The network as one host of a `fault_network` sees it; addresses are `HOST` or `HOST/ANYTHING`.
class fault_transport {
  public:
    using connection = fault_connection;
    using listener = fault_listener;

    fault_transport(std::shared_ptr<detail::fault_hub> hub, std::string host, std::uint64_t incarnation)
        : hub_(std::move(hub))
        , host_(std::move(host))
        , incarnation_(incarnation) {}

    [[nodiscard]] static constexpr std::string_view name() noexcept { return "faulty"; }

    [[nodiscard]] result<listener> listen(const std::string& address) {
        const std::scoped_lock lock(hub_->mutex);
        const std::string chosen = address.empty() ? host_ + "/" + std::to_string(hub_->unnamed++) : address;
        auto state = std::make_shared<detail::fault_listener_state>();
        if (!hub_->alive(host_, incarnation_) || !hub_->listeners.try_emplace(chosen, state).second)
            return fail(errc::io_error, chosen, "somebody else listens there, or the host is down");
        return listener(hub_, std::move(state), chosen);
    }

    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        const std::string there = address.substr(0, address.find('/'));
        if (!reach(there, until)) return fail(errc::timeout, address, "no answer");
        const std::scoped_lock lock(hub_->mutex);
        const auto found = hub_->listeners.find(address);
        if (!hub_->alive(host_, incarnation_) || !hub_->hosts[there].up || found == hub_->listeners.end())
            return fail(errc::peer_lost, address, "nobody listens there");
        const auto out = channel(host_, there);
        const auto back = channel(there, host_);
        found->second->pending.emplace_back(hub_, hub_->hosts[there].incarnation, back, out);
        found->second->changed.notify_all();
        return connection(hub_, incarnation_, out, back);
    }

  private:
    /// A round trip. \return false where none is possible before the deadline
    [[nodiscard]] bool reach(const std::string& there, deadline until) {
        for (;;) {
            seconds takes(0.05);
            bool possible = false;
            {
                const std::scoped_lock lock(hub_->mutex);
                const auto& way = hub_->between(host_, there);
                const auto& host = hub_->hosts[there];
                possible = !way.cut && !hub_->between(there, host_).cut && (host.up || !host.silent);
                if (possible) takes = way.quality.latency * 2.0;
            }
            if (deadline_in(takes) > until) {
                sleep_until(until);
                return false;
            }
            sleep_until(deadline_in(takes));
            if (possible) return true;
        }
    }

    [[nodiscard]] std::shared_ptr<detail::fault_channel> channel(const std::string& from,
                                                                 const std::string& to) {
        auto made = std::make_shared<detail::fault_channel>();
        made->from = from;
        made->to = to;
        hub_->channels.push_back(made);
        return made;
    }

    std::shared_ptr<detail::fault_hub> hub_;
    std::string host_;
    std::uint64_t incarnation_;
};
static_assert(transport<fault_transport>);

/// The network from above: who can do harm to it.
class fault_network {
  public:
    explicit fault_network(link_quality usual = {}) { hub_->usual = usual; }

    /// What a program that begins now on this host uses; a host is there as soon as it is named.
    [[nodiscard]] fault_transport at(const std::string& host) {
        const std::scoped_lock lock(hub_->mutex);
        return {hub_, host, hub_->hosts[host].incarnation};
    }

    /// Ends the host's programs: nothing that they still do has an effect, and what was under way is lost.
    /// \param silently the host lost its power: nobody is told
    void kill(const std::string& host, bool silently = false) {
        const std::scoped_lock lock(hub_->mutex);
        auto& dead = hub_->hosts[host];
        dead.up = false;
        dead.silent = silently;
        ++dead.incarnation;
        std::erase_if(hub_->listeners, [&](auto& each) {
            const bool own = each.first == host || each.first.starts_with(host + "/");
            if (own) {
                each.second->closed = true;
                each.second->changed.notify_all();
            }
            return own;
        });
        hub_->each_channel([&](detail::fault_channel& c) {
            if (c.from != host && c.to != host) return;
            c.muted = c.muted || silently;
            if (c.from == host) {
                c.parcels.clear();
                if (!silently) hub_->end(c);
            } else if (!silently) {
                c.receiver_closed = true;
            }
        });
    }
    /// The host is there again; its programs have to be started anew.
    void revive(const std::string& host) {
        const std::scoped_lock lock(hub_->mutex);
        hub_->hosts[host].up = true;
    }

    /// Holds up all that is under way between the two, and whatever comes, until `heal`; nobody is told.
    void cut(const std::string& a, const std::string& b) { set_cut(a, b, true); }
    void heal(const std::string& a, const std::string& b) { set_cut(a, b, false); }

    /// Bytes of payloads that were handed over so far.
    [[nodiscard]] std::size_t sent(const std::string& from, const std::string& to) {
        const std::scoped_lock lock(hub_->mutex);
        return hub_->between(from, to).sent;
    }

    void set(const std::string& from, const std::string& to, link_quality quality) {
        const std::scoped_lock lock(hub_->mutex);
        hub_->between(from, to).quality = quality;
    }

  private:
    void set_cut(const std::string& a, const std::string& b, bool cut) {
        const std::scoped_lock lock(hub_->mutex);
        hub_->between(a, b).cut = cut;
        hub_->between(b, a).cut = cut;
        hub_->each_channel([](detail::fault_channel&) {});
    }

    std::shared_ptr<detail::fault_hub> hub_ = std::make_shared<detail::fault_hub>();
};

}  // namespace dispart
