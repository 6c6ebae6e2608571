#pragma once
/// \file
/// The coordinator's side of one control connection: brings a stage to its worker and watches over it.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/codecs.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/deployment.hpp"
#include "dispart/run/handshake.hpp"
#include "dispart/run/recorder.hpp"
#include "dispart/run/run_board.hpp"

namespace dispart {

/// Settings of a `coordinator`.
struct coordinator_options {
    std::string name = "coordinator";
    std::string listen{};  ///< where results come in; empty: an unused address of this machine
    codec_table codecs{};
    std::size_t max_window = 64;   ///< largest number of requests in flight
    seconds connect_within{10.0};  ///< to reach every worker; who is not there yet is tried again
    seconds load_within{120.0};    ///< to load the stages; counts from the last part of one that has arrived
    seconds request_within{60.0};  ///< to answer a request once the one before was answered
    seconds heartbeat{0.5};        ///< between pings
    seconds patience{2.0};         ///< silence after which a worker counts as lost
    std::uint64_t number = 0;      ///< of the deployment (`owner_of`, `epoch_of`); 0: drawn
    run_board::witness on_failure{};  ///< told of everything that fails, by any thread; must not call back
};

/// How far a worker has come.
enum class remote_state { connecting, loading, ready, started, ended };

/// One stage at its worker. A thread of its own connects, deploys, pings and listens; what it learns is on the board.
template <transport Transport>
class remote_stage {
  public:
    using connection = typename Transport::connection;

    /// What a remote stage is made from; everything outlives it.
    struct setting {
        Transport* carrier = nullptr;
        const deployment* plan = nullptr;
        const coordinator_options* options = nullptr;
        run_board* board = nullptr;
        std::uint64_t number = 0;    ///< of the deployment
        std::string sink_address{};  ///< where the coordinator listens
        part_id index = 0;           ///< of the stage
    };

    explicit remote_stage(setting given) : with_(std::move(given)), thread_([this] { serve(); }) {}
    remote_stage(const remote_stage&) = delete;
    remote_stage& operator=(const remote_stage&) = delete;
    ~remote_stage() {
        stop();
        thread_.join();
    }

    [[nodiscard]] const std::string& device() const { return host_of(stage().device).name; }

    // --- read under the board's lock
    [[nodiscard]] remote_state state() const noexcept { return state_; }
    [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }  ///< number of the last PONG
    [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }  ///< parts of the model
    [[nodiscard]] std::uint64_t finished() const noexcept { return finished_; }    ///< requests computed
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }      ///< spans lost
    [[nodiscard]] std::int64_t clock_offset() const noexcept { return offset_; }   ///< its clock minus ours
    [[nodiscard]] std::int64_t round_trip() const noexcept {
        return round_trip_;
    }  ///< of the best clock comparison
    [[nodiscard]] std::uint64_t memory() const noexcept {
        return memory_;
    }  ///< its process may have; 0: unknown
    [[nodiscard]] std::vector<span_record> take_spans() { return std::exchange(spans_, {}); }

    /// Tells the worker to open its outgoing edges; a failure is on the board.
    void start() { tell(start_message{}); }
    /// Tells the worker to end the deployment.
    void shut_down() {
        with_.board->update([this] { closing_ = true; });
        tell(shutdown_message{});
    }
    /// Asks for the spans until now; returns the number that `answered()` will reach. Errors: as the connection's.
    result<std::uint64_t> ask() {
        const std::scoped_lock lock(send_mutex_);
        if (!control_) return 0;
        DISPART_CHECK(send_message(*control_, ping_message{++asked_, nanoseconds_now()}, patience()));
        return asked_;
    }
    /// Ends the connection; from any thread.
    void stop() {
        with_.board->update([this] { closing_ = true; });
        const std::scoped_lock lock(made_mutex_);  // not send_mutex_: a send may be stuck, and closing ends it
        stopped_ = true;
        if (control_) control_->close();
    }

  private:
    /// Spans that are kept for a report, whatever the worker tells.
    static constexpr std::size_t most_spans = std::size_t{1} << 21;
    /// A part of a model has to arrive within the patience, and each is answered. As many as 1 MiB may be unanswered, and
    /// fewer where answers take a quarter of the patience.
    static constexpr std::size_t part_size = std::size_t{16} << 10;
    static constexpr std::uint64_t most_ahead = 64;

    [[nodiscard]] const deployed_stage& stage() const { return with_.plan->stages[with_.index]; }
    [[nodiscard]] const worker_host& host_of(device_id d) const { return with_.plan->hosts[d]; }
    [[nodiscard]] deadline patience() const { return deadline_in(with_.options->patience); }

    void serve() {
        result<void> outcome{};
        try {
            outcome = reach();
            if (outcome) outcome = transfer();
            if (outcome) outcome = attend();
        } catch (const std::exception& e) {
            outcome = fail(errc::limit_exceeded, device(), e.what());
        }
        const bool expected = with_.board->read([this] { return closing_; });
        if (!outcome && !expected) with_.board->report(evidence::lost_control, named(outcome.error()));
        with_.board->update([this] { state_ = remote_state::ended; });
    }

    [[nodiscard]] error named(error why) const {
        if (!why.offender.empty() && why.offender != device() &&
            why.offender != host_of(stage().device).address)
            why.message = why.offender + ": " + why.message;
        why.offender = device();
        return why;
    }

    // --- getting there

    /// Connects, and tries again while nobody listens or the worker is busy with the deployment before.
    result<void> reach() {
        const deadline until = deadline_in(with_.options->connect_within);
        std::optional<error> reason;  // says more than that the time is up
        for (;;) {
            auto greeted = greet(until);
            if (greeted) return greeted;
            const errc why = greeted.error().code;
            if (why != errc::timeout) reason = greeted.error();
            const bool passing = why == errc::peer_lost || why == errc::refused || why == errc::timeout;
            const bool closing = with_.board->read([this] { return closing_; });
            const auto next = clock_now() + std::chrono::milliseconds(20);
            if (!passing || closing || policy_refused_ || next > until) {
                if (reason) return tl::unexpected(*reason);
                return greeted;
            }
            sleep_until(next);
        }
    }

    result<void> greet(deadline until) {
        auto dialled = with_.carrier->connect(host_of(stage().device).address, std::min(until, patience()));
        policy_refused_ = !dialled && dialled.error().code == errc::refused;
        if (!dialled) return tl::unexpected(dialled.error());
        {
            const std::scoped_lock lock(send_mutex_, made_mutex_);
            if (stopped_) return fail(errc::cancelled, {}, "stopped");
            control_.emplace(std::move(*dialled));
        }
        control_->set_frame_limit(control_frame_limit);
        const auto called = identity_of(*control_);
        policy_refused_ = !called.may_be(device());
        const hello_message hello{.role = connection_role::control,
                                  .deployment = with_.number,
                                  .index = static_cast<std::uint32_t>(with_.index),
                                  .from = with_.options->name,
                                  .to = device(),
                                  .capabilities = with_.options->codecs.capabilities()};
        DISPART_TRY(const welcome_message welcome, introduce(*control_, hello, until));
        return check_codecs(welcome);
    }

    result<void> check_codecs(const welcome_message& welcome) const {
        for (const stage_edge& each : with_.plan->edges) {
            if (each.from != with_.index && each.to != with_.index) continue;
            const auto& known = welcome.capabilities;
            if (std::find(known.begin(), known.end(), "codec:" + each.codec) == known.end())
                return fail(errc::unsupported, device(), "the worker has no codec " + each.codec);
        }
        return {};
    }

    /// Brings the worker those shards of the model that it wants.
    result<void> transfer() {
        with_.board->update([this] { state_ = remote_state::loading; });
        const auto ordered = order();
        DISPART_CHECK(send(ordered));
        DISPART_TRY(const auto want, receive_message<want_message>(*control_, patience()));
        std::vector<std::span<const std::byte>> shards;
        std::span<const std::byte> rest = stage().model;
        for (const shard& each : ordered.shards) {
            shards.push_back(rest.first(static_cast<std::size_t>(each.length)));
            rest = rest.subspan(shards.back().size());
        }
        std::uint64_t ahead = 4;
        for (const std::uint32_t index : want.shards) {
            if (index >= shards.size())
                return fail(errc::protocol_error, device(), "it wants a shard that does not exist");
            DISPART_CHECK(send_shard(shards[index], ahead));
        }
        return {};
    }

    /// \param ahead parts that may be unanswered; becomes what the link bears
    result<void> send_shard(std::span<const std::byte> rest, std::uint64_t& ahead) {
        while (!rest.empty()) {
            const std::array<std::span<const std::byte>, 1> part{rest.first(std::min(part_size, rest.size()))};
            rest = rest.subspan(part[0].size());
            DISPART_CHECK(send_part(part));
            DISPART_TRY(const std::uint64_t number, ask());
            DISPART_CHECK(hear(number - std::min(number, ahead)));
            with_.board->update([&] { delivered_ = answered_; });
            const bool slow = static_cast<double>(delay_) * 4e-9 > with_.options->patience.value;
            ahead = slow ? std::max<std::uint64_t>(ahead / 2, 1) : std::min(ahead + 1, most_ahead);
        }
        return {};
    }

    result<void> send_part(std::span<const std::span<const std::byte>> part) {
        const std::scoped_lock lock(send_mutex_);
        return control_->send(static_cast<std::uint16_t>(message_kind::model_part), part, patience());
    }

    /// Takes what the worker has said, and waits until it has answered this ping: each answer shows that the parts before
    /// it have arrived, so that silence is told from a slow link, whose buffers would hold up what comes after the model.
    /// Errors: timeout.
    result<void> hear(std::uint64_t number) {
        for (;;) {
            const bool waits = answered_ < number;
            auto received = control_->receive(waits ? patience() : clock_now());
            if (!received && !waits && received.error().code == errc::timeout) return {};
            DISPART_CHECK(received);
            DISPART_TRY(const bool over, handle(*received));
            if (over) return fail(errc::protocol_error, device(), "it ended before it had its stage");
        }
    }

    [[nodiscard]] deploy_message order() const {
        const auto nanoseconds = [](seconds s) { return static_cast<std::int64_t>(s.value * 1e9); };
        deploy_message m{.model_bytes = stage().model.size(),
                         .shards = shards_of(stage().model),
                         .connect_within = nanoseconds(with_.options->connect_within),
                         .request_within = nanoseconds(with_.options->request_within),
                         .patience = nanoseconds(with_.options->patience)};
        for (std::size_t e = 0; e < with_.plan->edges.size(); ++e) {
            const stage_edge& each = with_.plan->edges[e];
            const auto number = static_cast<std::uint32_t>(e);
            const auto depth = static_cast<std::uint32_t>(each.depth);
            if (each.to == with_.index)
                m.incoming.push_back({number, end_name(each.from), ports(each.inputs), depth, each.max_bytes});
            if (each.from == with_.index)
                m.outgoing.push_back({number, end_name(each.to), end_address(each.to), ports(each.outputs),
                                      each.codec, depth});
        }
        return m;
    }

    [[nodiscard]] static std::vector<std::uint32_t> ports(const std::vector<std::size_t>& positions) {
        return {positions.begin(), positions.end()};
    }
    [[nodiscard]] std::string end_name(part_id s) const {
        return s == no_id ? with_.options->name : host_of(with_.plan->stages[s].device).name;
    }
    [[nodiscard]] std::string end_address(part_id s) const {
        return s == no_id ? with_.sink_address : host_of(with_.plan->stages[s].device).address;
    }

    // --- watching over it

    result<void> attend() {
        auto heard = clock_now();
        auto next_ping = heard;
        const deadline silence = patience();
        const auto patient = silence - heard;
        const auto pause = deadline_in(with_.options->heartbeat) - clock_now();
        for (;;) {
            if (clock_now() >= next_ping) {
                DISPART_CHECK(ask());
                next_ping = clock_now() + (round_trips_ < 8 ? std::chrono::milliseconds(5) : pause);
            }
            auto received = control_->receive(std::min(next_ping, heard + patient));
            const auto now = clock_now();
            if (received) {
                heard = now;
                DISPART_TRY(const bool over, handle(*received));
                if (over) return {};
            } else if (received.error().code != errc::timeout) {
                return fail(received.error().code, device(), received.error().message);
            } else if (now >= heard + patient) {
                return fail(errc::timeout, device(), "the worker fell silent");
            }
        }
    }

    result<bool> handle(const frame& received) {
        DISPART_TRY(const message_kind kind, checked_kind(received.kind));
        switch (kind) {
        case message_kind::ready:
            return advance(remote_state::ready);
        case message_kind::started:
            return advance(remote_state::started);
        case message_kind::pong:
            return compare_clocks(received);
        case message_kind::stats:
            return keep(received);
        case message_kind::failure:
            return confess(received);
        case message_kind::bye:
            return true;
        default:
            return fail(errc::protocol_error, device(), std::string(to_string(kind)) + " was not expected");
        }
    }

    result<bool> advance(remote_state to) {
        with_.board->update([&] { state_ = to; });
        return false;
    }

    /// Times that a worker may give: so far from the edges of their type that differences do not overflow.
    [[nodiscard]] static bool is_time(std::int64_t t) noexcept {
        constexpr std::int64_t edge = std::int64_t{1} << 61;
        return t > -edge && t < edge;
    }

    [[nodiscard]] tl::unexpected<error> no_time() const {
        return fail(errc::protocol_error, device(), "a time that cannot be one");
    }

    result<bool> compare_clocks(const frame& received) {
        DISPART_TRY(const auto pong, message_in<pong_message>(received));
        const std::int64_t now = nanoseconds_now();
        if (pong.sent < 0 || pong.sent > now || !is_time(pong.now)) return no_time();
        delay_ = now - pong.sent;
        with_.board->update([&] {
            answered_ = std::max(answered_, pong.number);
            memory_ = pong.memory;
            ++round_trips_;
            if (delay_ >= round_trip_) return;
            round_trip_ = delay_;
            offset_ = pong.now - (pong.sent + round_trip_ / 2);
        });
        return false;
    }

    result<bool> keep(const frame& received) {
        DISPART_TRY(const auto stats, message_in<stats_message>(received));
        for (const span_record& each : stats.spans)
            if (!is_time(each.begin) || !is_time(each.end)) return no_time();
        with_.board->update([&] {
            const std::size_t room = most_spans - std::min(most_spans, spans_.size());
            const std::size_t kept = std::min(room, stats.spans.size());
            spans_.insert(spans_.end(), stats.spans.begin(),
                          stats.spans.begin() + static_cast<std::ptrdiff_t>(kept));
            not_kept_ += stats.spans.size() - kept;
            finished_ = stats.finished;
            dropped_ = stats.dropped + not_kept_;
        });
        return false;
    }

    /// A worker's failure is its own, unless it says that another one went away.
    result<bool> confess(const frame& received) {
        DISPART_TRY(const auto failure, message_in<failure_message>(received));
        const error why = failure.to_error();
        const auto& hosts = with_.plan->hosts;
        const bool lost = why.code == errc::peer_lost || why.code == errc::timeout;
        const bool neighbour =
            lost && why.offender != device() &&
            (why.offender == with_.options->name ||
             std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.name == why.offender; }));
        if (neighbour) with_.board->report(evidence::accusation, why, device());
        else with_.board->report(evidence::confession, named(why), device());
        return false;
    }

    // --- sending

    template <class Message>
    result<void> send(const Message& message) {
        const std::scoped_lock lock(send_mutex_);
        return send_message(*control_, message, patience());
    }

    template <class Message>
    void tell(const Message& message) {
        const std::scoped_lock lock(send_mutex_);
        if (control_) static_cast<void>(send_message(*control_, message, patience()));
    }

    setting with_;
    patient_mutex send_mutex_{};  ///< sending on control_
    std::mutex made_mutex_{};     ///< the making of control_
    std::optional<connection> control_{};
    bool stopped_ = false;
    std::uint64_t asked_ = 0;
    std::int64_t delay_ = 0;  ///< of the last PONG, ns
    bool policy_refused_ = false;

    // under the board's lock
    remote_state state_ = remote_state::connecting;
    bool closing_ = false;
    std::uint64_t answered_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t finished_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t not_kept_ = 0;
    std::uint64_t memory_ = 0;
    std::int64_t offset_ = 0;
    std::int64_t round_trip_ = std::int64_t{1} << 62;
    std::size_t round_trips_ = 0;
    std::vector<span_record> spans_{};

    thread thread_;
};

}  // namespace dispart
