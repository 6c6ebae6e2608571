#pragma once
/// \file
/// What a worker does for one stage of one deployment, from HELLO to BYE.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/codecs.hpp"
#include "dispart/run/compute_gate.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/edge.hpp"
#include "dispart/run/handshake.hpp"
#include "dispart/run/held_value.hpp"
#include "dispart/run/memory.hpp"
#include "dispart/run/processor.hpp"
#include "dispart/run/recorder.hpp"
#include "dispart/run/shard_folder.hpp"
#include "dispart/run/stage_cache.hpp"

namespace dispart {

/// Turns the bytes of a stage into a model; the application says how (`read_onnx`, as stages travel as ONNX files).
using model_decoder = std::function<result<model>(std::span<const std::byte>)>;

/// Settings of a `worker`.
struct worker_options {
    std::string name = "worker";  ///< in WELCOME and in the log; a deployment has its own names for devices
    model_decoder decode{};       ///< required
    codec_table codecs{};
    std::size_t max_model_bytes = std::size_t{1} << 30;    ///< of a stage
    std::size_t cached_bytes = std::size_t{1} << 30;       ///< of stages that are kept for later deployments
    std::shared_ptr<shard_folder> folder{};                ///< where they are kept on disk too
    std::size_t max_message_bytes = std::size_t{1} << 30;  ///< of an edge, whatever the coordinator says
    std::size_t max_queued_bytes = std::size_t{1} << 32;   ///< of messages that wait for a stage, together
    std::size_t max_stages = 64;                           ///< of one deployment
    std::size_t max_probes = 8;                            ///< connections that measure their link at a time
    seconds handshake{5.0};       ///< a caller that has not introduced itself by then is dropped
    seconds patience{5.0};        ///< silence of a coordinator that has not sent its own patience yet
    std::size_t deployments = 0;  ///< after so many the worker ends; 0: never
    std::function<bytes()> memory = memory_allowance;  ///< that this process may have; coordinators are told
    std::function<void(const std::string&)> log{};     ///< a line for people; called by one thread at a time
};

/// What all sessions of a worker share.
template <transport Transport, backend Backend>
struct worker_context {
    Transport carrier;
    Backend engine;
    worker_options options;
    compute_gate gate{};
    stage_cache cache{options.cached_bytes};
    held_value<bytes> memory{seconds(0.1), options.memory};
    std::mutex log_mutex{};

    /// A shard that was seen before, or nullptr.
    [[nodiscard]] stage_cache::content find(const content_id& id) {
        auto found = cache.find(id);
        if (found || !options.folder) return found;
        found = options.folder->find(id);
        if (found) cache.keep(id, found);
        return found;
    }
    void keep(const content_id& id, const stage_cache::content& added) {
        cache.keep(id, added);
        if (options.folder) options.folder->keep(id, *added);
    }

    void log(const std::string& line) {
        const std::scoped_lock lock(log_mutex);
        if (options.log) options.log(options.name + ": " + line);
    }
};

namespace detail {

inline constexpr std::size_t most_edges = 4096;
inline constexpr std::size_t most_depth = 1024;
inline constexpr std::size_t most_positions = 65536;

/// A duration out of a message, held within (0, a day].
[[nodiscard]] inline seconds checked_duration(std::int64_t nanoseconds) {
    const double value = static_cast<double>(nanoseconds) * 1e-9;
    return seconds(value < 0.001 ? 0.001 : value > 86400.0 ? 86400.0 : value);
}

/// Errors: limit_exceeded, protocol_error where a DEPLOY asks for what no worker will give.
[[nodiscard]] inline result<void> check_deploy(const deploy_message& m, std::size_t max_model_bytes) {
    const auto bad = [](std::string what) { return fail(errc::protocol_error, "DEPLOY", std::move(what)); };
    if (m.model_bytes > max_model_bytes)
        return fail(errc::limit_exceeded, "DEPLOY",
                    "a model of " + std::to_string(m.model_bytes) + " bytes, where at most " +
                        std::to_string(max_model_bytes) + " are allowed");
    std::uint64_t total = 0;
    for (const shard& each : m.shards) {
        if (each.length == 0 || each.length > m.model_bytes - total)
            return bad("the shards are not those of the model");
        total += each.length;
    }
    if (total != m.model_bytes) return bad("the shards are not those of the model");
    if (m.incoming.empty()) return bad("the stage has no incoming edge");
    if (m.incoming.size() > most_edges || m.outgoing.size() > most_edges) return bad("too many edges");
    for (const auto& each : m.incoming)
        if (each.depth == 0 || each.depth > most_depth || each.inputs.size() > most_positions)
            return bad("edge " + std::to_string(each.edge) + " is out of bounds");
    for (const auto& each : m.outgoing)
        if (each.depth == 0 || each.depth > most_depth || each.outputs.size() > most_positions)
            return bad("edge " + std::to_string(each.edge) + " is out of bounds");
    for (std::size_t i = 0; i < m.incoming.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (m.incoming[i].edge == m.incoming[j].edge) return bad("two edges have one number");
    return {};
}

/// Errors: protocol_error unless the edges feed every input once and read existing outputs.
[[nodiscard]] inline result<void> check_ports(const deploy_message& m, std::size_t inputs,
                                              std::size_t outputs) {
    std::vector<std::size_t> fed(inputs, 0);
    for (const auto& each : m.incoming)
        for (const auto port : each.inputs)
            if (port >= inputs || ++fed[port] > 1)
                return fail(errc::protocol_error, "DEPLOY",
                            "input " + std::to_string(port) + " is fed twice or unknown");
    for (std::size_t port = 0; port < inputs; ++port)
        if (fed[port] == 0)
            return fail(errc::protocol_error, "DEPLOY", "input " + std::to_string(port) + " is not fed");
    for (const auto& each : m.outgoing)
        for (const auto port : each.outputs)
            if (port >= outputs)
                return fail(errc::protocol_error, "DEPLOY", "output " + std::to_string(port) + " is unknown");
    return {};
}

}  // namespace detail

/// Serves one control connection: the thread that calls `run` obeys the coordinator and answers its pings; a second one
/// loads and computes; each edge has one more.
template <transport Transport, backend Backend>
class stage_session {
  public:
    using connection = typename Transport::connection;
    using context = worker_context<Transport, Backend>;

    stage_session(context& shared, const hello_message& hello, connection control)
        : shared_(shared)
        , hello_(hello)
        , control_(std::move(control))
        , patience_(shared.options.patience)
        , quota_(shared.options.max_queued_bytes) {
        control_.set_frame_limit(control_frame_limit);
    }
    stage_session(const stage_session&) = delete;
    stage_session& operator=(const stage_session&) = delete;
    ~stage_session() { wind_down(); }

    [[nodiscard]] std::uint64_t deployment() const noexcept { return hello_.deployment; }
    [[nodiscard]] std::uint64_t epoch() const noexcept { return hello_.epoch; }

    /// Whether this edge ends here and has no connection yet. From any thread.
    [[nodiscard]] bool expects(std::uint32_t edge) {
        const std::scoped_lock lock(edges_mutex_);
        auto* found = find(edge);
        return found && !found->attached();
    }

    /// Takes an edge's connection. Errors: refused where it is not expected. From any thread.
    result<void> attach(std::uint32_t edge, connection from) {
        const std::scoped_lock lock(edges_mutex_);
        auto* found = find(edge);
        if (!found) return fail(errc::refused, hello_.to, "no edge " + std::to_string(edge) + " ends here");
        return found->attach(std::move(from));
    }

    /// Returns when the deployment has ended, for whatever reason, and nothing of it runs any more.
    /// Errors: why it did not end by SHUTDOWN.
    result<void> run() {
        const auto outcome = guarded([this] { return obey(); });
        if (!outcome && outcome.error().code != errc::peer_lost) {
            report(outcome.error());
            linger();
        }
        wind_down();
        const std::scoped_lock lock(state_mutex_);
        if (failure_) return tl::unexpected(*failure_);
        return outcome;
    }

    /// Ends the session; from any thread.
    void stop() { control_.close(); }

  private:
    using executable =
        std::remove_cvref_t<decltype(*std::declval<const Backend&>().load(std::declval<const model&>()))>;
    using incoming = incoming_edge<connection>;
    using outgoing = outgoing_edge<connection>;

    // --- the control thread

    result<void> obey() {
        for (;;) {
            auto received = control_.receive(deadline_in(patience_));
            if (!received) {
                error why = std::move(received).error();
                why.offender = hello_.from;
                return tl::unexpected(std::move(why));
            }
            DISPART_TRY(const message_kind kind, checked_kind(received->kind));
            if (kind == message_kind::shutdown) return finish();
            DISPART_CHECK(obey(kind, *received));
            if (failed_for_long()) return {};
        }
    }

    /// Whether the coordinator was told of an error a while ago, and still has not ended the deployment.
    [[nodiscard]] bool failed_for_long() {
        const std::scoped_lock lock(state_mutex_);
        return failed_since_ && clock_now() > *failed_since_ + std::chrono::seconds(5);
    }

    /// Gives the coordinator a moment to read what it was told.
    void linger() {
        const deadline until = deadline_in(seconds(0.2));
        while (control_.receive(until)) {
        }
    }

    result<void> obey(message_kind kind, const frame& received) {
        switch (kind) {
        case message_kind::deploy:
            return deploy(received);
        case message_kind::model_part:
            return load_part(received);
        case message_kind::start:
            return start();
        case message_kind::ping:
            return answer(received);
        default:
            return fail(errc::protocol_error, hello_.from, std::string(to_string(kind)) + " was not expected");
        }
    }

    result<void> deploy(const frame& received) {
        DISPART_TRY(auto message, message_in<deploy_message>(received));
        if (deployed_) return fail(errc::protocol_error, hello_.from, "a second DEPLOY");
        DISPART_CHECK(detail::check_deploy(message, shared_.options.max_model_bytes));
        patience_ = detail::checked_duration(message.patience);
        const std::scoped_lock lock(edges_mutex_);
        plan_ = std::move(message);
        deployed_ = true;
        for (const auto& each : plan_.incoming) {
            const std::size_t limit =
                std::min<std::uint64_t>(each.max_bytes, shared_.options.max_message_bytes);
            edge_settings settings{.edge = each.edge,
                                   .peer = each.from,
                                   .depth = each.depth,
                                   .tensors = each.inputs.size(),
                                   .max_bytes = limit,
                                   .quota = &quota_};
            incoming_.push_back(
                std::make_unique<incoming>(std::move(settings), shared_.options.codecs, spans_, reporter()));
        }
        for (const auto& each : plan_.outgoing) {
            DISPART_TRY(const auto* codec, shared_.options.codecs.find(each.codec));
            edge_settings settings{.edge = each.edge,
                                   .peer = each.to,
                                   .depth = each.depth,
                                   .tensors = each.outputs.size(),
                                   .codec = each.codec,
                                   .send_within = detail::checked_duration(plan_.request_within)};
            outgoing_.push_back(std::make_unique<outgoing>(std::move(settings), *codec, spans_, reporter()));
        }
        return fetch();
    }

    /// Takes those shards of the model that were here before, and asks for the others.
    result<void> fetch() {
        for (std::size_t i = 0; i < plan_.shards.size(); ++i) {
            pieces_.push_back(shared_.find(plan_.shards[i].content));
            if (!pieces_.back()) missing_.shards.push_back(static_cast<std::uint32_t>(i));
        }
        DISPART_CHECK(say(missing_));
        if (missing_.shards.empty()) worker_ = thread([this] { work(); });  // READY must not overtake WANT
        return {};
    }

    result<void> load_part(const frame& received) {
        std::span<const std::byte> part = received.payload.bytes();
        while (!part.empty()) {
            if (!deployed_ || arrived_ == missing_.shards.size())
                return fail(errc::protocol_error, hello_.from, "a MODEL part that was not announced");
            const std::size_t index = missing_.shards[arrived_];
            const shard& due = plan_.shards[index];
            const auto taken =
                part.first(std::min(part.size(), static_cast<std::size_t>(due.length) - arriving_.size()));
            arriving_.insert(arriving_.end(), taken.begin(), taken.end());
            part = part.subspan(taken.size());
            if (arriving_.size() < due.length) return {};
            if (content_of(arriving_) != due.content)
                return fail(errc::protocol_error, hello_.from, "the model is not the one that was announced");
            pieces_[index] = std::make_shared<const std::vector<std::byte>>(std::exchange(arriving_, {}));
            shared_.keep(due.content, pieces_[index]);
            if (++arrived_ == missing_.shards.size()) worker_ = thread([this] { work(); });
        }
        return {};
    }

    /// The model of its shards, which are let go.
    [[nodiscard]] std::vector<std::byte> assemble() {
        std::vector<std::byte> whole;
        whole.reserve(static_cast<std::size_t>(plan_.model_bytes));
        for (const auto& each : std::exchange(pieces_, {}))
            whole.insert(whole.end(), each->begin(), each->end());
        return whole;
    }

    result<void> start() {
        const std::scoped_lock lock(state_mutex_);
        started_ = true;
        changed_.notify_all();
        return {};
    }

    result<void> answer(const frame& received) {
        DISPART_TRY(const auto ping, message_in<ping_message>(received));
        const std::int64_t now = nanoseconds_now();
        DISPART_CHECK(send_stats());
        const auto memory = static_cast<std::uint64_t>(std::clamp(shared_.memory.read().value, 0.0, 1e18));
        return say(pong_message{ping.number, ping.sent, now, memory});
    }

    /// The orderly end: what is queued is sent, edges say so, the last spans are told.
    result<void> finish() {
        const deadline until = deadline_in(seconds(2.0));
        for (auto& each : incoming_) each->stop();
        for (auto& each : outgoing_) each->finish(until);
        stop_computing();
        DISPART_CHECK(send_stats());
        DISPART_CHECK(say(bye_message{}));
        linger();
        return {};
    }

    result<void> send_stats() {
        for (;;) {
            const stats_message stats = spans_.take();
            DISPART_CHECK(say(stats));
            if (stats.spans.empty() || stats.spans.size() < (std::size_t{1} << 14)) return {};
        }
    }

    // --- the computing thread

    void work() {
        auto outcome = guarded([&]() -> result<void> {
            DISPART_TRY(executable loaded, load());
            DISPART_CHECK(open_edges());
            return compute(loaded);
        });
        if (!outcome && outcome.error().code != errc::cancelled) report(outcome.error());
    }

    template <class Action>
    auto guarded(Action action) -> decltype(action()) {
        try {
            return action();
        } catch (const std::exception& e) {
            return fail(errc::callback_failed, hello_.to, e.what());
        } catch (...) {
            return fail(errc::callback_failed, hello_.to, "something that is no std::exception was thrown");
        }
    }

    result<executable> load() {
        const std::int64_t begin = nanoseconds_now();
        if (!shared_.options.decode)
            return fail(errc::invalid_argument, "decode", "the worker has no model decoder");
        DISPART_TRY(model stage, shared_.options.decode(assemble()));
        DISPART_CHECK(detail::check_ports(plan_, info(stage).inputs.size(), info(stage).outputs.size()));
        DISPART_TRY(executable loaded, shared_.engine.load(stage));
        DISPART_CHECK(say(ready_message{nanoseconds_now() - begin}));
        return loaded;
    }

    result<void> open_edges() {
        std::unique_lock lock(state_mutex_);
        changed_.wait(lock, [&] { return started_ || stopping_; });
        if (stopping_) return fail(errc::cancelled, {}, {});
        lock.unlock();
        const deadline until = deadline_in(detail::checked_duration(plan_.connect_within));
        for (std::size_t i = 0; i < outgoing_.size(); ++i) {
            const hello_message hello{.role = connection_role::data,
                                      .deployment = hello_.deployment,
                                      .epoch = hello_.epoch,
                                      .index = plan_.outgoing[i].edge,
                                      .from = hello_.to,
                                      .to = plan_.outgoing[i].to,
                                      .capabilities = shared_.options.codecs.capabilities()};
            auto opened = outgoing_[i]->connect(shared_.carrier, plan_.outgoing[i].address, hello, until);
            if (opened) continue;
            opened.error().offender = hello.to;
            return opened;
        }
        return say(started_message{});
    }

    result<void> compute(executable& loaded) {
        std::size_t input_count = 0;
        for (const auto& each : plan_.incoming) input_count += each.inputs.size();
        std::vector<tensor> inputs(input_count);
        for (std::uint64_t request = 0;; ++request) {
            DISPART_CHECK(gather(request, inputs));
            DISPART_TRY(const auto outputs, execute(loaded, request, inputs));
            for (tensor& each : inputs) each.let_go();
            DISPART_CHECK(distribute(request, outputs));
        }
    }

    result<void> gather(std::uint64_t request, std::vector<tensor>& inputs) {
        const std::int64_t begin = nanoseconds_now();
        for (std::size_t i = 0; i < incoming_.size(); ++i) {
            gathered_.resize(incoming_.size());
            DISPART_CHECK(incoming_[i]->next(gathered_[i], no_deadline()));
            for (std::size_t k = 0; k < gathered_[i].tensors.size(); ++k)
                std::swap(inputs[plan_.incoming[i].inputs[k]], gathered_[i].tensors[k]);
        }
        spans_.record({span_kind::input, request, 0, 0, begin, nanoseconds_now()});
        return {};
    }

    result<std::vector<tensor>> execute(executable& loaded, std::uint64_t request,
                                        std::span<const tensor> inputs) {
        const auto pass = shared_.gate.enter(request, hello_.index);
        const std::int64_t begin = nanoseconds_now(), used = thread_processor_now();
        auto outputs = loaded.run(inputs);
        if (outputs)
            spans_.record({span_kind::compute, request, 0, 0, begin, nanoseconds_now(),
                           thread_processor_now() - used, process_processor_now()});
        return outputs;
    }

    result<void> distribute(std::uint64_t request, const std::vector<tensor>& outputs) {
        const std::int64_t begin = nanoseconds_now();
        for (std::size_t i = 0; i < outgoing_.size(); ++i) {
            for (const auto port : plan_.outgoing[i].outputs)
                if (port >= outputs.size())
                    return fail(errc::callback_failed, hello_.to, "the backend returned too few outputs");
            DISPART_CHECK(outgoing_[i]->push(request, outputs, plan_.outgoing[i].outputs, no_deadline()));
        }
        spans_.record({span_kind::output, request, 0, 0, begin, nanoseconds_now()});
        return {};
    }

    // --- any thread

    [[nodiscard]] incoming* find(std::uint32_t edge) const {
        for (const auto& each : incoming_)
            if (each->settings().edge == edge) return each.get();
        return nullptr;
    }

    template <class Message>
    result<void> say(const Message& message) {
        const std::scoped_lock lock(send_mutex_);
        return send_message(control_, message, deadline_in(patience_));
    }

    [[nodiscard]] error_handler reporter() {
        return [this](error why) { report(std::move(why)); };
    }

    /// The first error is told to the coordinator, and ends the computing; those that follow from it are not told.
    void report(error why) {
        {
            const std::scoped_lock lock(state_mutex_);
            if (failure_ || stopping_) return;
            failure_ = why;
            failed_since_ = clock_now();
        }
        static_cast<void>(say(failure_message::of(why)));
        close_edges();
    }

    void close_edges() {
        const std::scoped_lock lock(edges_mutex_);
        for (auto& each : incoming_) each->stop();
        for (auto& each : outgoing_) each->stop();
    }

    void stop_computing() {
        {
            const std::scoped_lock lock(state_mutex_);
            stopping_ = true;
            changed_.notify_all();
        }
        close_edges();
        if (worker_.joinable()) worker_.join();
    }

    void wind_down() {
        stop_computing();
        control_.close();
        for (auto& each : incoming_) each->join();  // while all are there: a failing one stops the others
        for (auto& each : outgoing_) each->join();
    }

    context& shared_;
    hello_message hello_;
    connection control_;
    patient_mutex send_mutex_{};  ///< sending on control_

    // of the control thread until the computing thread starts, which then reads it
    deploy_message plan_{};
    bool deployed_ = false;
    std::vector<stage_cache::content> pieces_{};  ///< [shard] of the model; nullptr: it has not arrived
    want_message missing_{};
    std::size_t arrived_ = 0;            ///< of the missing ones
    std::vector<std::byte> arriving_{};  ///< what there is of the next one
    std::atomic<seconds> patience_;

    std::mutex state_mutex_{};
    condition changed_{};
    bool started_ = false;
    bool stopping_ = false;
    std::optional<error> failure_{};
    std::optional<std::chrono::steady_clock::time_point> failed_since_{};

    span_recorder spans_{};
    byte_quota quota_;
    std::mutex edges_mutex_{};  ///< the two lists; they only grow, in `deploy`
    std::vector<std::unique_ptr<incoming>> incoming_{};
    std::vector<std::unique_ptr<outgoing>> outgoing_{};
    std::vector<tensor_message> gathered_{};  ///< [incoming edge] of the computing thread; memory that goes round
    thread worker_{};
};

}  // namespace dispart
