#pragma once
/// \file
/// Takes TLS callers. One thread shakes hands with all of them at once, so that one who says nothing, or little, costs
/// a descriptor for a while and delays nobody.

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dispart/run/asio/tcp_socket.hpp"
#include "dispart/run/queue.hpp"
#include "dispart/run/tls/detail/tls_connection.hpp"

namespace dispart {

/// What callers may cost before they have proved who they are.
struct tls_limits {
    seconds handshake{5.0};                ///< who has not shaken hands by then is dropped
    std::size_t half_open = 256;           ///< callers that have not shaken hands yet
    std::size_t half_open_per_host = 128;  ///< of one address; of too many the oldest goes
    std::size_t accepted = 64;             ///< that wait for `accept`; who comes after them is dropped
};

namespace detail {

/// The byte that the accepting side sends once it has accepted the caller, so that the caller knows.
inline constexpr std::byte tls_accepted{0x2b};

/// A caller in the middle of its handshake.
struct half_open {
    boost::asio::ip::tcp::socket socket;
    boost::asio::ip::tcp::endpoint from;
    tls_session session;
    deadline until;
};

/// A file descriptor that another thread can make readable.
class waker {
  public:
    waker() : handle_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    waker(const waker&) = delete;
    waker& operator=(const waker&) = delete;
    ~waker() {
        if (handle_ >= 0) ::close(handle_);
    }
    [[nodiscard]] int handle() const noexcept { return handle_; }
    void wake() const noexcept {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(handle_, &one, sizeof one));
    }

  private:
    int handle_;
};

}  // namespace detail

/// Waits for TLS callers. `accept` also tells who was turned away and why, as `refused` naming the caller: call again.
class tls_listener {
  public:
    using connection = tls_connection;

    /// What the listener is made from.
    struct setting {
        std::shared_ptr<tls_context> credentials{};
        std::shared_ptr<boost::asio::io_context> context{};
        tls_limits limits{};
        std::size_t max_frame = 0;
        std::uint64_t rekey_after = 0;
    };

    tls_listener(setting given, boost::asio::ip::tcp::acceptor acceptor, std::string address)
        : state_(std::make_unique<state>(std::move(given), std::move(acceptor), std::move(address))) {}
    tls_listener(tls_listener&&) noexcept = default;
    tls_listener& operator=(tls_listener&&) noexcept = default;
    ~tls_listener() = default;

    [[nodiscard]] result<connection> accept(deadline until) { return state_->accept(until); }
    [[nodiscard]] std::string address() const { return state_->address; }
    void close() noexcept {
        if (state_) state_->close();
    }

  private:
    struct state {
        state(setting given, boost::asio::ip::tcp::acceptor open, std::string name)
            : with(std::move(given))
            , acceptor(std::move(open))
            , address(std::move(name))
            , met(std::max<std::size_t>(with.limits.accepted, 1))
            , thread([this] { serve(); }) {}
        state(const state&) = delete;
        state& operator=(const state&) = delete;
        ~state() {
            close();
            thread.join();
        }

        result<connection> accept(deadline until) {
            auto next = closed ? result<result<connection>>(fail(errc::cancelled, {}, {})) : met.pop(until);
            if (next) return std::move(*next);
            if (next.error().code == errc::timeout)
                return fail(errc::timeout, address, "nobody connected in time");
            return fail(errc::cancelled, address, "the listener is closed");
        }

        void close() noexcept {
            if (closed.exchange(true)) return;
            ::shutdown(acceptor.native_handle(), SHUT_RDWR);
            met.close();
            bell.wake();
        }

        // --- the thread that shakes hands

        void serve() {
            while (!closed) {
                try {
                    wait();
                    if (closed) return;
                    take_callers();
                    for (auto it = callers.begin(); it != callers.end();)
                        it = serve(*it) ? callers.erase(it) : ++it;
                } catch (const std::exception&) {  // no memory: the oldest caller makes room
                    if (!callers.empty()) callers.pop_front();
                }
            }
        }

        /// Waits until somebody calls, a caller says something, or the patience with one ends.
        void wait() {
            deadline until = deadline_in(seconds(3600.0));
            polled.assign({{acceptor.native_handle(), POLLIN, 0}, {bell.handle(), POLLIN, 0}});
            for (auto& each : callers) {
                polled.push_back({each.socket.native_handle(), POLLIN, 0});
                until = std::min(until, each.until);
            }
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
            const auto within = std::clamp<std::int64_t>(left.count(), 0, 1000 * 3600);
            ::poll(polled.data(), polled.size(), static_cast<int>(within));
        }

        void take_callers() {
            for (int i = 0; i < 64; ++i) {
                boost::system::error_code status;
                boost::asio::ip::tcp::endpoint from;
                auto socket = acceptor.accept(*with.context, from, status);
                if (status == boost::asio::error::connection_aborted) continue;
                if (status == boost::asio::error::no_descriptors && !callers.empty()) {
                    callers.pop_front();
                    continue;
                }
                if (status) return;
                detail::close_on_exec(socket.native_handle());
                socket.non_blocking(true, status);
                make_room(from.address());
                callers.push_back({std::move(socket), from, tls_session(with.credentials->native(), true),
                                   deadline_in(with.limits.handshake)});
            }
        }

        /// Drops the oldest caller from this host where it has too many, and of the host with the most where all have.
        void make_room(const boost::asio::ip::address& host) {
            std::map<boost::asio::ip::address, std::size_t> count;
            for (const auto& each : callers) ++count[each.from.address()];
            const auto drop = [&](const boost::asio::ip::address& of) {
                const auto found = std::find_if(callers.begin(), callers.end(),
                                                [&](const auto& each) { return each.from.address() == of; });
                if (found != callers.end()) callers.erase(found);
            };
            if (count[host] >= std::max<std::size_t>(with.limits.half_open_per_host, 1)) return drop(host);
            if (callers.size() < std::max<std::size_t>(with.limits.half_open, 1)) return;
            const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
            drop(std::max_element(count.begin(), count.end(), fewer)->first);
        }

        /// Goes on with a caller's handshake; whether the caller is done with, one way or the other.
        bool serve(detail::half_open& caller) {
            auto agreed = advance(caller);
            if (agreed && !*agreed) {
                if (std::chrono::steady_clock::now() < caller.until) return false;
                agreed = fail(errc::refused, {}, "it did not shake hands in time");
            }
            const std::string name = to_string(caller.from);
            result<connection> outcome = agreed ? introduce(caller, name) : tl::unexpected(agreed.error());
            if (!outcome && outcome.error().code == errc::peer_lost) return true;  // it thought better of it
            if (!outcome) outcome.error() = {errc::refused, name, outcome.error().message, {}};
            static_cast<void>(met.push(std::move(outcome), deadline{}));
            return true;
        }

        /// Whether the handshake is complete. Errors: refused, protocol_error, peer_lost.
        result<bool> advance(detail::half_open& caller) {
            for (;;) {
                std::size_t count = 0;
                const int handle = caller.socket.native_handle();
                const auto said =
                    detail::read_once(handle, caller.session.room(detail::tls_record + 512), count);
                if (said == detail::socket_state::blocked) return false;
                if (said != detail::socket_state::ready) return fail(errc::peer_lost, {}, "it left");
                caller.session.arrived(count);
                auto agreed = caller.session.shake_hands();
                auto& answer = caller.session.output();  // or the alert that says why not
                const auto told = detail::write_all(handle, answer, deadline{});
                answer.clear();
                if (!agreed) return agreed;
                if (!told) return fail(errc::peer_lost, {}, "it does not listen");
                if (*agreed) return true;
            }
        }

        /// Makes the connection of a caller that has proved who it is, and tells it so.
        result<connection> introduce(detail::half_open& caller, const std::string& name) {
            DISPART_TRY(peer_identity who, with.credentials->peer_of(caller.session));
            DISPART_CHECK(caller.session.write(std::span(&detail::tls_accepted, 1)));
            auto& answer = caller.session.output();
            DISPART_CHECK(detail::write_all(caller.socket.native_handle(), answer, deadline{}));
            answer.clear();
            return connection(with.max_frame, owner(), std::move(caller.socket), std::move(caller.session),
                              std::move(who), name, with.rekey_after);
        }

        [[nodiscard]] std::shared_ptr<void> owner() const {
            return std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(
                with.context, with.credentials);
        }

        setting with;
        boost::asio::ip::tcp::acceptor acceptor;
        std::string address;
        std::atomic<bool> closed = false;
        detail::waker bell{};
        bounded_queue<result<connection>> met;
        // of the thread
        std::list<detail::half_open> callers{};
        std::vector<pollfd> polled{};
        std::thread thread;
    };

    std::unique_ptr<state> state_;
};
static_assert(listener_handle<tls_listener>);

}  // namespace dispart
