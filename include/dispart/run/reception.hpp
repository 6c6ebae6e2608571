#pragma once
/// \file
/// Takes connections, each in a thread of its own until it is known who calls, so that one that says nothing, or
/// nonsense, delays nobody.

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/concepts.hpp"
#include "dispart/run/handshake.hpp"

namespace dispart {

/// Settings of a `reception`.
struct reception_options {
    std::string name{};                       ///< of this side, in WELCOME
    std::vector<std::string> capabilities{};  ///< of this side, in WELCOME
    seconds handshake{5.0};                   ///< a caller that has not introduced itself by then is dropped
    std::size_t most_pending = 64;  ///< callers that have not introduced themselves; of more the oldest goes
    std::function<void(const error&)> turned_away{};  ///< told who was, and why; called by several threads
};

/// Listens until it is destroyed. For each caller whose HELLO is in order, `admit(hello)` says who takes the connection
/// after WELCOME was sent, or why it is refused, which the caller is told. `admit` and what it returns are called by
/// several threads; what they throw turns the caller away. Of callers that their transport knows, HELLO must say who they
/// are (see identity.hpp).
template <listener_handle Listener>
class reception {
  public:
    using connection = typename Listener::connection;
    using taker = std::function<void(connection)>;
    using gatekeeper = std::function<result<taker>(const hello_message&)>;

    reception(Listener listener, reception_options options, gatekeeper admit)
        : listener_(std::move(listener))
        , options_(std::move(options))
        , admit_(std::move(admit))
        , thread_([this] { accept_all(); }) {}
    reception(const reception&) = delete;
    reception& operator=(const reception&) = delete;
    ~reception() {
        stopping_ = true;
        listener_.close();
        thread_.join();
        for (auto& each : guests_) each->hang_up();
        for (auto& each : guests_) each->thread.join();
    }

    [[nodiscard]] std::string address() const { return listener_.address(); }

  private:
    struct guest {
        explicit guest(connection c) : caller(std::move(c)) {}
        void hang_up() {
            const std::scoped_lock lock(mutex);
            caller.close();
        }
        connection leave() {
            const std::scoped_lock lock(mutex);
            return std::move(caller);
        }
        std::mutex mutex{};
        connection caller;
        dispart::thread thread{};
        std::atomic<bool> introduced = false;
        std::atomic<bool> done = false;
    };

    void accept_all() {
        while (!stopping_) {
            auto accepted = listener_.accept(deadline_in(seconds(1.0)));
            see_off();
            if (accepted) receive(std::move(*accepted));
            else if (accepted.error().code == errc::cancelled) return;
            else if (accepted.error().code == errc::refused) tell(accepted.error());
            else if (accepted.error().code != errc::timeout) sleep_until(deadline_in(seconds(0.02)));
        }
    }

    void see_off() {
        guests_.remove_if([](const std::unique_ptr<guest>& each) {
            if (!each->done) return false;
            each->thread.join();
            return true;
        });
    }

    void receive(connection accepted) {
        try {
            make_room();
            if (guests_.size() >= 4 * options_.most_pending) return;
            auto& added = *guests_.emplace_back(std::make_unique<guest>(std::move(accepted)));
            try {
                added.thread = dispart::thread([this, &added] { serve(added); });
            } catch (...) {
                guests_.pop_back();
            }
        } catch (...) {  // no memory for one more: the caller is turned away
        }
    }

    /// So many callers may be silent at a time; of more the one that has been so for longest is dropped.
    void make_room() {
        std::size_t silent = 0;
        guest* oldest = nullptr;
        for (const auto& each : guests_) {
            if (each->introduced || each->done) continue;
            if (!oldest) oldest = each.get();
            ++silent;
        }
        if (silent < options_.most_pending || !oldest) return;
        oldest->introduced = true;  // counts no more
        oldest->hang_up();
    }

    void tell(const error& why) const {
        try {
            if (options_.turned_away) options_.turned_away(why);
        } catch (...) {  // a log that fails is no reason to stop listening
        }
    }

    void serve(guest& who) {
        try {
            if (auto met = meet(who); !met && met.error().code != errc::peer_lost) {
                part_with(who.caller, met.error());
                if (met.error().offender.empty()) met.error().offender = who.caller.peer();
                tell(met.error());
            }
        } catch (...) {  // what `admit` or a taker threw
        }
        who.hang_up();
        who.done = true;
    }

    result<void> meet(guest& who) {
        const deadline until = deadline_in(options_.handshake);
        who.caller.set_frame_limit(handshake_frame_limit);
        DISPART_TRY(const hello_message hello, receive_message<hello_message>(who.caller, until));
        DISPART_TRY(const std::uint16_t version, common_version(hello.oldest, hello.newest));
        DISPART_CHECK(check_claims(hello, identity_of(who.caller)));
        DISPART_TRY(const taker take, admit_(hello));
        DISPART_CHECK(
            send_message(who.caller, welcome_message{version, options_.name, options_.capabilities}, until));
        who.introduced = true;
        take(who.leave());
        return {};
    }

    Listener listener_;
    reception_options options_;
    gatekeeper admit_;
    std::list<std::unique_ptr<guest>> guests_{};
    std::atomic<bool> stopping_ = false;
    dispart::thread thread_;
};

}  // namespace dispart
