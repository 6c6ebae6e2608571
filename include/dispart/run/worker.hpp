#pragma once
/// \file
/// The process at one device: it listens, takes stages from a coordinator, computes, and passes results on.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "dispart/run/concepts.hpp"
#include "dispart/run/probe.hpp"
#include "dispart/run/reception.hpp"
#include "dispart/run/stage_session.hpp"

namespace dispart {

/// Serves deployments over a transport with a backend. Whatever a peer does ends that peer's connection or deployment,
/// not the worker: it takes the next one.
template <transport Transport, backend Backend>
class worker {
  public:
    /// Precondition: `options.decode` is set.
    worker(Transport carrier, Backend engine, worker_options options)
        : shared_{std::move(carrier), std::move(engine), std::move(options)} {
        DISPART_EXPECTS(shared_.options.decode != nullptr);
    }

    /// Serves callers of the listener until it is told to stop, or has served `options.deployments`.
    void serve(typename Transport::listener listener, std::stop_token stop = {}) {
        stopping_ = false;
        const std::stop_callback wake(stop, [this] {
            const std::scoped_lock lock(mutex_);
            changed_.notify_all();
        });
        const reception_options greeting{
            .name = shared_.options.name,
            .capabilities = shared_.options.codecs.capabilities(),
            .handshake = shared_.options.handshake,
            .turned_away = [this](const error& why) { shared_.log("turned away: " + to_string(why)); }};
        reception<typename Transport::listener> desk(
            std::move(listener), greeting, [this](const hello_message& hello) { return admit(hello); });
        shared_.log("listening on " + desk.address());
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop.stop_requested() || has_served_enough(); });
        stopping_ = true;  // and stays so until the desk, which admits, is gone
        for (const auto& each : tenants_) each->stage->stop();
        changed_.wait(lock, [&] { return active() == 0; });
        sweep();
    }

  private:
    using connection = typename Transport::connection;
    using session = stage_session<Transport, Backend>;
    using taker = std::function<void(connection)>;

    struct tenant {
        std::shared_ptr<session> stage;
        dispart::thread thread{};
        bool done = false;
    };

    [[nodiscard]] bool has_served_enough() const {
        return shared_.options.deployments > 0 && served_ >= shared_.options.deployments && active() == 0;
    }

    [[nodiscard]] std::size_t active() const {
        return static_cast<std::size_t>(
            std::count_if(tenants_.begin(), tenants_.end(), [](const auto& each) { return !each->done; }));
    }

    result<taker> admit(const hello_message& hello) {
        switch (hello.role) {
        case connection_role::control:
            return admit_control(hello);
        case connection_role::data:
            return admit_data(hello);
        default:
            return admit_probe();
        }
    }

    result<taker> admit_probe() {
        if (probes_ >= shared_.options.max_probes)
            return fail(errc::refused, shared_.options.name,
                        "enough others measure their links to this worker");
        return taker([this](connection from) {
            ++probes_;
            echo_probes(from, meter_, [this] {
                const std::scoped_lock lock(mutex_);
                return stopping_;
            });
            --probes_;
        });
    }

    /// Errors: refused while another deployment is served, or after a newer one of the same coordinator was, or while
    /// the worker stops. A newer one of the same coordinator ends the one before.
    result<void> check_free(const hello_message& hello) {
        if (stopping_) return fail(errc::refused, shared_.options.name, "the worker stops");
        if (owner_of(hello.deployment) == owner_of(newest_) && hello.deployment < newest_)
            return fail(errc::refused, shared_.options.name, "a newer deployment has been here");
        for (const auto& each : tenants_) {
            if (each->done || each->stage->deployment() == hello.deployment) continue;
            if (owner_of(each->stage->deployment()) == owner_of(hello.deployment)) each->stage->stop();
            return fail(errc::refused, shared_.options.name, "the worker is busy with another deployment");
        }
        if (active() >= shared_.options.max_stages)
            return fail(errc::refused, shared_.options.name, "the worker has as many stages as it may");
        return {};
    }

    result<taker> admit_control(const hello_message& hello) {
        if (!identity_of(shared_.carrier).may_be(hello.to))
            return fail(errc::refused, shared_.options.name, "this is a plan for another node, " + hello.to);
        const std::scoped_lock lock(mutex_);
        DISPART_CHECK(check_free(hello));
        return taker([this, hello](connection from) { open(hello, std::move(from)); });
    }

    result<taker> admit_data(const hello_message& hello) {
        const auto found = session_of(hello);
        if (!found)
            return fail(errc::refused, shared_.options.name,
                        "no edge " + std::to_string(hello.index) + " of that deployment is expected here");
        return taker([found, edge = hello.index](connection from) {
            static_cast<void>(found->attach(edge, std::move(from)));
        });
    }

    [[nodiscard]] std::shared_ptr<session> session_of(const hello_message& hello) {
        const std::scoped_lock lock(mutex_);
        for (const auto& each : tenants_)
            if (!each->done && each->stage->deployment() == hello.deployment &&
                each->stage->epoch() == hello.epoch && each->stage->expects(hello.index))
                return each->stage;
        return nullptr;
    }

    void open(const hello_message& hello, connection from) {
        std::unique_lock lock(mutex_);
        sweep();
        if (const auto free = check_free(hello); !free) {
            lock.unlock();
            return part_with(from, free.error());
        }
        newest_ = hello.deployment;
        auto& added = *tenants_.emplace_back(
            std::make_unique<tenant>(tenant{std::make_shared<session>(shared_, hello, std::move(from))}));
        try {
            added.thread = dispart::thread([this, &added] { host(added); });
        } catch (...) {
            tenants_.pop_back();
        }
    }

    void host(tenant& who) {
        shared_.log("a deployment began");
        const auto outcome = who.stage->run();
        shared_.log(outcome ? "a deployment ended" : "a deployment ended: " + to_string(outcome.error()));
        const std::scoped_lock lock(mutex_);
        who.done = true;
        if (active() == 0) ++served_;
        changed_.notify_all();
    }

    /// Forgets sessions that have ended; with the lock.
    void sweep() {
        tenants_.remove_if([](const std::unique_ptr<tenant>& each) {
            if (!each->done) return false;
            each->thread.join();
            return true;
        });
    }

    worker_context<Transport, Backend> shared_;
    std::mutex mutex_{};
    condition changed_{};
    std::list<std::unique_ptr<tenant>> tenants_{};
    std::atomic<std::size_t> probes_ = 0;
    held_value<processor_share> meter_{seconds(5.0), [] { return measure_processor_share(); }};
    std::size_t served_ = 0;
    std::uint64_t newest_ = 0;  ///< deployment that was served last
    bool stopping_ = false;
};

}  // namespace dispart
