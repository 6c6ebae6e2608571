#pragma once
/// \file
/// A transport that is chosen at run time: one type for all of them, at the price of a virtual call a frame.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/run/concepts.hpp"
#include "dispart/run/identity.hpp"

namespace dispart {

/// A connection of any transport.
class any_connection {
  public:
    template <connection_handle Connection>
        requires(!std::same_as<Connection, any_connection>)
    explicit any_connection(Connection made) : self_(std::make_unique<model<Connection>>(std::move(made))) {}

    [[nodiscard]] result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                                    deadline until) {
        return self_->send(kind, buffers, until);
    }
    [[nodiscard]] result<frame> receive(deadline until) { return self_->receive(until); }
    void set_frame_limit(std::size_t limit) { self_->set_frame_limit(limit); }
    void close() {
        if (self_) self_->close();
    }
    [[nodiscard]] std::string peer() const { return self_->peer(); }
    [[nodiscard]] peer_identity identity() const { return self_->identity(); }

  private:
    struct interface {
        interface() = default;
        interface(const interface&) = delete;
        interface& operator=(const interface&) = delete;
        virtual ~interface() = default;
        virtual result<void> send(std::uint16_t, std::span<const std::span<const std::byte>>, deadline) = 0;
        virtual result<frame> receive(deadline) = 0;
        virtual void set_frame_limit(std::size_t) = 0;
        virtual void close() = 0;
        [[nodiscard]] virtual std::string peer() const = 0;
        [[nodiscard]] virtual peer_identity identity() const = 0;
    };
    template <class Connection>
    struct model final : interface {
        explicit model(Connection made) : it(std::move(made)) {}
        result<void> send(std::uint16_t kind, std::span<const std::span<const std::byte>> buffers,
                          deadline until) override {
            return it.send(kind, buffers, until);
        }
        result<frame> receive(deadline until) override { return it.receive(until); }
        void set_frame_limit(std::size_t limit) override { it.set_frame_limit(limit); }
        void close() override { it.close(); }
        [[nodiscard]] std::string peer() const override { return it.peer(); }
        [[nodiscard]] peer_identity identity() const override { return identity_of(it); }
        Connection it;
    };

    std::unique_ptr<interface> self_;
};
static_assert(connection_handle<any_connection>);

/// A listener of any transport.
class any_listener {
  public:
    using connection = any_connection;

    template <listener_handle Listener>
        requires(!std::same_as<Listener, any_listener>)
    explicit any_listener(Listener made) : self_(std::make_unique<model<Listener>>(std::move(made))) {}

    [[nodiscard]] result<connection> accept(deadline until) { return self_->accept(until); }
    [[nodiscard]] std::string address() const { return self_->address(); }
    void close() {
        if (self_) self_->close();
    }

  private:
    struct interface {
        interface() = default;
        interface(const interface&) = delete;
        interface& operator=(const interface&) = delete;
        virtual ~interface() = default;
        virtual result<connection> accept(deadline) = 0;
        [[nodiscard]] virtual std::string address() const = 0;
        virtual void close() = 0;
    };
    template <class Listener>
    struct model final : interface {
        explicit model(Listener made) : it(std::move(made)) {}
        result<connection> accept(deadline until) override {
            DISPART_TRY(auto accepted, it.accept(until));
            return connection(std::move(accepted));
        }
        [[nodiscard]] std::string address() const override { return it.address(); }
        void close() override { it.close(); }
        Listener it;
    };

    std::unique_ptr<interface> self_;
};
static_assert(listener_handle<any_listener>);

/// Any transport; copies share it.
class any_transport {
  public:
    using connection = any_connection;
    using listener = any_listener;

    template <transport Transport>
        requires(!std::derived_from<Transport, any_transport>)
    explicit any_transport(Transport made) : self_(std::make_shared<model<Transport>>(std::move(made))) {}

    [[nodiscard]] std::string_view name() const { return self_->name(); }
    [[nodiscard]] peer_identity identity() const { return self_->identity(); }
    [[nodiscard]] result<listener> listen(const std::string& address) { return self_->listen(address); }
    [[nodiscard]] result<connection> connect(const std::string& address, deadline until) {
        return self_->connect(address, until);
    }

  private:
    struct interface {
        interface() = default;
        interface(const interface&) = delete;
        interface& operator=(const interface&) = delete;
        virtual ~interface() = default;
        [[nodiscard]] virtual std::string_view name() const = 0;
        [[nodiscard]] virtual peer_identity identity() const = 0;
        virtual result<listener> listen(const std::string&) = 0;
        virtual result<connection> connect(const std::string&, deadline) = 0;
    };
    template <class Transport>
    struct model final : interface {
        explicit model(Transport made) : it(std::move(made)) {}
        [[nodiscard]] std::string_view name() const override { return it.name(); }
        [[nodiscard]] peer_identity identity() const override { return identity_of(it); }
        result<listener> listen(const std::string& address) override {
            DISPART_TRY(auto made, it.listen(address));
            return listener(std::move(made));
        }
        result<connection> connect(const std::string& address, deadline until) override {
            DISPART_TRY(auto made, it.connect(address, until));
            return connection(std::move(made));
        }
        Transport it;
    };

    std::shared_ptr<interface> self_;
};
static_assert(transport<any_transport>);

}  // namespace dispart
