#pragma once
/// \file
/// The two sides of a call: the one that dials and the one that is dialled.

#include <grpc/grpc.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "dispart/run/grpc/detail/grpc_link.hpp"

namespace dispart::detail {

/// A call that this side makes, over a channel of its own.
class grpc_dialled final : public grpc_link {
  public:
    explicit grpc_dialled(std::shared_ptr<grpc::Channel> channel)
        : channel_(std::move(channel))
        , stub_(channel_) {}

    void start(grpc::CompletionQueue& queue) {
        const std::scoped_lock lock(mutex_);
        call_ = stub_.PrepareCall(&context_, grpc_method, &queue);
        expect();
        call_->StartCall(&start_);
    }
    [[nodiscard]] std::shared_ptr<const grpc::AuthContext> proof() const { return context_.auth_context(); }

  private:
    void read(grpc::ByteBuffer* into, grpc_event* then) override { call_->Read(into, then); }
    void write(const grpc::ByteBuffer& message, grpc_event* then) override { call_->Write(message, then); }
    void hang_up(grpc_event* then) override { call_->WritesDone(then); }
    void finish(grpc::Status* into, grpc_event* then) override { call_->Finish(into, then); }
    void cancel() override { context_.TryCancel(); }
    [[nodiscard]] bool began_it() const override { return true; }
    [[nodiscard]] bool exists() const override { return true; }

    std::shared_ptr<grpc::Channel> channel_;
    grpc::GenericStub stub_;
    grpc::ClientContext context_{};
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_{};
};

/// A call that somebody makes to this side.
class grpc_taken final : public grpc_link {
  public:
    /// What happens when the call has come; or that none comes any more.
    using arrival = std::function<void(bool)>;
    explicit grpc_taken(arrival come) : come_(std::move(come)) {}

    void wait(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue) {
        const std::scoped_lock lock(mutex_);
        expect();
        service.RequestCall(&context_, &call_, &queue, &queue, &arrived_);
    }
    [[nodiscard]] std::shared_ptr<const grpc::AuthContext> proof() const { return context_.auth_context(); }
    [[nodiscard]] std::string peer() const { return context_.peer(); }
    [[nodiscard]] bool is_ours() const { return context_.method() == grpc_method; }

  private:
    struct arriving final : grpc_event {
        explicit arriving(grpc_taken& link) : of(link) {}
        void happened(bool ok) override {
            of.there_ = ok;
            const auto come = std::exchange(of.come_, {});
            const auto held = of.shared_from_this();
            of.start_.happened(ok);
            come(ok);
        }
        grpc_taken& of;
    };

    void read(grpc::ByteBuffer* into, grpc_event* then) override { call_.Read(into, then); }
    void write(const grpc::ByteBuffer& message, grpc_event* then) override { call_.Write(message, then); }
    void hang_up(grpc_event*) override {}
    void finish(grpc::Status*, grpc_event* then) override { call_.Finish(grpc::Status::OK, then); }
    void cancel() override { context_.TryCancel(); }
    [[nodiscard]] bool began_it() const override { return false; }
    [[nodiscard]] bool exists() const override { return there_; }

    arrival come_;
    bool there_ = false;  ///< before anybody else knows of the call
    arriving arrived_{*this};
    grpc::GenericServerContext context_{};
    grpc::GenericServerAsyncReaderWriter call_{&context_};
};

/// A server and the calls that wait to be accepted.
class grpc_host {
  public:
    struct setting {
        std::string address{};  ///< HOST:PORT
        std::shared_ptr<grpc::ServerCredentials> credentials{};
        seconds handshake{};
        seconds linger{};
        std::size_t waiting = 64;  ///< calls to accept; who comes after them is dropped
    };

    /// Listens at once; `port()` is 0 where that was not possible.
    explicit grpc_host(setting with) : with_(std::move(with)) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort(with_.address, with_.credentials, &port_);
        builder.RegisterAsyncGenericService(&service_);
        builder.SetMaxReceiveMessageSize(static_cast<int>(grpc_longest));
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
        builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1);
        builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                                   static_cast<int>(with_.handshake.value * 1000.0));
        grpc_flow_control([&](const char* what, int value) { builder.AddChannelArgument(what, value); });
        auto queue = builder.AddCompletionQueue();
        auto* const shared = queue.get();
        server_ = builder.BuildAndStart();
        if (!server_) port_ = 0;
        engine_ = std::make_unique<grpc_engine>(std::move(queue), with_.linger);
        if (server_) request(*shared);
    }
    grpc_host(const grpc_host&) = delete;
    grpc_host& operator=(const grpc_host&) = delete;
    ~grpc_host() {
        close();
        engine_->end_links();
        if (!server_) return;
        server_->Shutdown(std::chrono::system_clock::now());
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return deaf_; });
        lock.unlock();
        engine_->end_links();
    }

    [[nodiscard]] int port() const noexcept { return port_; }

    [[nodiscard]] result<std::shared_ptr<grpc_taken>> accept(deadline until) {
        std::unique_lock lock(mutex_);
        const bool in_time = changed_.wait_until(lock, until, [&] { return closed_ || !waiting_.empty(); });
        if (closed_) return fail(errc::cancelled, {}, "the listener is closed");
        if (!in_time) return fail(errc::timeout, {}, "nobody connected in time");
        auto taken = std::move(waiting_.front());
        waiting_.pop_front();
        return taken;
    }

    /// Listens no more; calls that were accepted go on.
    void close() {
        std::deque<std::shared_ptr<grpc_taken>> dropped;
        {
            const std::scoped_lock lock(mutex_);
            if (std::exchange(closed_, true)) return;
            dropped.swap(waiting_);
            changed_.notify_all();
        }
        for (const auto& each : dropped) each->close();
        if (server_) grpc_server_shutdown_and_notify(server_->c_server(), engine_->queue().cq(), &stopped_);
    }

  private:
    struct nothing final : grpc_event {
        void happened(bool) override {}
    };

    void request(grpc::ServerCompletionQueue& queue) {
        auto next = std::make_shared<grpc_taken>([this, &queue](bool ok) { come(ok, queue); });
        expected_ = next;
        next->wait(service_, queue);
    }

    void come(bool ok, grpc::ServerCompletionQueue& queue) {
        const auto link = std::move(expected_);
        if (!ok) {
            const std::scoped_lock lock(mutex_);
            deaf_ = true;
            changed_.notify_all();
            return;
        }
        engine_->keep(link);
        const bool taken = link->is_ours() && [&] {
            const std::scoped_lock lock(mutex_);
            if (closed_ || waiting_.size() >= with_.waiting) return false;
            waiting_.push_back(link);
            changed_.notify_all();
            return true;
        }();
        if (!taken) link->abort();
        request(queue);
    }

    setting with_;
    int port_ = 0;
    grpc::AsyncGenericService service_{};
    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::deque<std::shared_ptr<grpc_taken>> waiting_{};
    std::shared_ptr<grpc_taken> expected_{};  ///< of the engine's thread
    bool closed_ = false;
    bool deaf_ = false;  ///< no call comes any more
    nothing stopped_{};
    std::unique_ptr<grpc::Server> server_{};
    std::unique_ptr<grpc_engine> engine_{};
};

}  // namespace dispart::detail
