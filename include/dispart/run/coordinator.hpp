#pragma once
/// \file
/// Deploys stages to workers, streams requests through them, collects the results in order, and ends the deployment.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/deployment.hpp"
#include "dispart/run/edge.hpp"
#include "dispart/run/reception.hpp"
#include "dispart/run/remote_stage.hpp"
#include "dispart/run/report.hpp"
#include "dispart/run/run_board.hpp"

namespace dispart {

/// Settings of one run.
struct run_options {
    std::size_t window =
        0;  ///< requests in flight; 1: one after the other; 0: enough to keep every stage busy
};

/// A running deployment. The coordinator is the source of the model's inputs and the sink of its outputs; everything in
/// between goes from worker to worker. One thread uses it.
template <transport Transport>
class coordinator {
  public:
    /// Connects to the workers, brings them their stages and waits until all are ready and connected.
    /// Errors: those of `validate`; peer_lost, timeout, protocol_error, refused, unsupported naming the device at fault;
    /// whatever a worker says about its stage, naming the device. After an error all workers are free again.
    [[nodiscard]] static result<coordinator> deploy(Transport carrier, deployment plan,
                                                    coordinator_options options = {}) {
        DISPART_CHECK(validate(plan));
        auto made = std::make_unique<state>(std::move(carrier), std::move(plan), std::move(options));
        DISPART_CHECK(made->bring_up());
        return coordinator(std::move(made));
    }

    /// Streams requests 0 .. count - 1.
    /// \param inputs called with a request's number, returns the model's inputs (`std::vector<tensor>`, or a result of
    /// it); at most a window ahead of the results
    /// \param on_result called with each request's number and its outputs (`std::vector<tensor>`), in order
    /// Both are called by this thread; what they throw becomes `callback_failed`. Errors: those of `inputs`;
    /// invalid_argument (not as many inputs as the model has); peer_lost, timeout, ... naming the device at fault.
    /// After an error the deployment is over, and all workers are free again.
    template <class Inputs, class OnResult>
    [[nodiscard]] result<run_report> run(std::size_t count, Inputs&& inputs, OnResult&& on_result,
                                         run_options how = {}) {
        if (!state_) return fail(errc::invalid_argument, "coordinator", "the deployment is over");
        auto report = state_->run(count, inputs, on_result, how);
        if (!report) state_.reset();
        return report;
    }

    /// Ends the deployment in good order. Errors: the failure of a worker in doing so; all are free again even then.
    result<void> shut_down() {
        if (!state_) return {};
        auto outcome = state_->shut_down();
        state_.reset();
        return outcome;
    }

    // --- one request at a time, in place of `run`

    /// Hands over the inputs of the next request. One thread pushes; it may be another than the one that calls `next`.
    /// At most `max_window` may be in flight.
    /// Errors: invalid_argument (not as many inputs as the model has); what has failed.
    [[nodiscard]] result<void> push(std::vector<tensor> inputs) {
        DISPART_EXPECTS(state_ != nullptr);
        return state_->push(std::move(inputs));
    }

    /// The outputs of the oldest request in flight. Errors: timeout while `failed()` is false (call again); what has
    /// failed. Precondition: one is in flight.
    [[nodiscard]] result<std::vector<tensor>> next(deadline until) {
        DISPART_EXPECTS(state_ != nullptr);
        return state_->next(until);
    }

    /// Whether the deployment is broken: all that remains is to drop it.
    [[nodiscard]] bool failed() const { return !state_ || state_->board.failed(); }

    /// What was written down since the last time, by the coordinator's clock. From any thread.
    [[nodiscard]] std::vector<detail::placed_spans> take_spans() {
        DISPART_EXPECTS(state_ != nullptr);
        return state_->take_spans();
    }

    /// [host] Bytes that its worker's process may have, as it said last; 0: unknown. From any thread.
    [[nodiscard]] std::vector<double> memory() const {
        DISPART_EXPECTS(state_ != nullptr);
        return state_->memory();
    }

    [[nodiscard]] const deployment& plan() const {
        DISPART_EXPECTS(state_ != nullptr);
        return state_->plan;
    }

  private:
    using connection = typename Transport::connection;
    using listener = typename Transport::listener;
    using remote = remote_stage<Transport>;
    using clock = std::chrono::steady_clock;

    struct state {
        state(Transport t, deployment d, coordinator_options o)
            : carrier(std::move(t))
            , plan(std::move(d))
            , options(std::move(o))
            , board([this] { stop_edges(); }, options.on_failure) {}
        ~state() { tear_down(); }

        // --- bringing it up

        result<void> bring_up() {
            number =
                options.number != 0 ? options.number : std::uint64_t{std::random_device{}()} << epoch_bits;
            DISPART_CHECK(make_edges());
            DISPART_TRY(listener desk, carrier.listen(options.listen));
            const reception_options greeting{.name = options.name,
                                             .capabilities = options.codecs.capabilities()};
            reception_desk.emplace(std::move(desk), greeting,
                                   [this](const hello_message& hello) { return admit(hello); });
            for (part_id s = 0; s < plan.stages.size(); ++s)
                remotes.push_back(std::make_unique<remote>(typename remote::setting{
                    &carrier, &plan, &options, &board, number, reception_desk->address(), s}));
            DISPART_CHECK(await_stages());
            DISPART_CHECK(open_sources());
            for (auto& each : remotes) each->start();
            return await(remote_state::started, options.connect_within, "connect to its peers");
        }

        result<void> make_edges() {
            for (std::size_t e = 0; e < plan.edges.size(); ++e) {
                const stage_edge& each = plan.edges[e];
                DISPART_TRY(const auto* codec, options.codecs.find(each.codec));
                if ((each.from == no_id) == (each.to == no_id)) continue;
                edge_settings settings{.edge = static_cast<std::uint32_t>(e),
                                       .peer = name_of(each.from == no_id ? each.to : each.from),
                                       .depth = each.depth,
                                       .tensors = each.inputs.size(),
                                       .max_bytes = each.max_bytes,
                                       .codec = each.codec,
                                       .send_within = options.request_within};
                const auto report = [this](error why) {
                    const bool lost = why.code == errc::peer_lost || why.code == errc::timeout;
                    board.report(lost ? evidence::lost_data : evidence::confession, std::move(why));
                };
                if (each.to == no_id) {
                    sinks.push_back(
                        std::make_unique<incoming_edge<connection>>(settings, options.codecs, spans, report));
                } else {
                    settings.depth =
                        std::max(settings.depth, options.max_window);  // so that feeding never waits
                    sources.push_back(
                        std::make_unique<outgoing_edge<connection>>(settings, *codec, spans, report));
                }
            }
            return {};
        }

        result<std::function<void(connection)>> admit(const hello_message& hello) {
            if (hello.role != connection_role::data || hello.deployment != number)
                return fail(errc::refused, options.name,
                            "only the edges of this deployment are expected here");
            for (auto& each : sinks)
                if (each->settings().edge == hello.index && !each->attached())
                    return
                        [&edge = *each](connection from) { static_cast<void>(edge.attach(std::move(from))); };
            return fail(errc::refused, options.name,
                        "edge " + std::to_string(hello.index) + " is not expected here");
        }

        result<void> open_sources() {
            const deadline until = deadline_in(options.connect_within);
            for (auto& each : sources) {
                const stage_edge& edge = plan.edges[each->settings().edge];
                const hello_message hello{.role = connection_role::data,
                                          .deployment = number,
                                          .index = each->settings().edge,
                                          .from = options.name,
                                          .to = each->settings().peer,
                                          .capabilities = options.codecs.capabilities()};
                const auto opened =
                    each->connect(carrier, plan.hosts[plan.stages[edge.to].device].address, hello, until);
                if (opened) continue;
                error why = opened.error();
                why.offender = hello.to;
                board.report(evidence::lost_data, std::move(why));
                return tl::unexpected(board.verdict());
            }
            return {};
        }

        /// Waits until all stages are loaded, however long those take that are still arriving.
        result<void> await_stages() {
            for (std::uint64_t before = 0;;) {
                auto waited = await(remote_state::ready, options.connect_within + options.load_within,
                                    "load its stage");
                const auto arrived = board.read([&] {
                    std::uint64_t sum = 0;
                    for (const auto& each : remotes) sum += each->delivered();
                    return sum;
                });
                if (waited || board.failed() || arrived == before) return waited;
                before = arrived;
            }
        }

        /// Waits until every stage has come so far. Errors: what went wrong; timeout, naming the first that has not.
        result<void> await(remote_state wanted, seconds within, const char* what) {
            const auto lagging = [&] {
                return std::find_if(remotes.begin(), remotes.end(),
                                    [&](const auto& each) { return each->state() < wanted; });
            };
            auto waited = board.wait(deadline_in(within), [&] { return lagging() == remotes.end(); });
            if (waited || waited.error().code != errc::timeout || !waited.error().offender.empty())
                return waited;
            const std::string device =
                board.read([&] { return lagging() == remotes.end() ? "" : (*lagging())->device(); });
            return fail(errc::timeout, device, std::string("the worker did not ") + what + " in time");
        }

        [[nodiscard]] std::string name_of(part_id s) const { return plan.hosts[plan.stages[s].device].name; }

        // --- running

        template <class Inputs, class OnResult>
        result<run_report> run(std::size_t count, Inputs& inputs, OnResult& on_result, run_options how) {
            const std::size_t window = chosen_window(how.window);
            const std::uint64_t first = next_request;
            const std::int64_t origin = nanoseconds_now();
            const auto since_origin = [&](std::int64_t t) { return static_cast<double>(t - origin) * 1e-9; };
            std::vector<double> started, finished;
            while (finished.size() < count) {
                while (started.size() < count && started.size() - finished.size() < window) {
                    DISPART_TRY(std::vector<tensor> given, guarded([&]() -> result<std::vector<tensor>> {
                                    return inputs(request_id{started.size()});
                                }));
                    started.push_back(since_origin(nanoseconds_now()));
                    DISPART_CHECK(push(std::move(given)));
                }
                DISPART_TRY(auto outputs, next(deadline_in(options.request_within)));
                finished.push_back(since_origin(nanoseconds_now()));
                DISPART_CHECK(guarded([&]() -> result<void> {
                    on_result(request_id{finished.size() - 1}, std::move(outputs));
                    return {};
                }));
            }
            return report({first, count, origin}, std::move(started), std::move(finished));
        }

        [[nodiscard]] std::size_t chosen_window(std::size_t wanted) const {
            const auto level = levels(plan);
            const std::size_t longest = level.empty() ? 0 : *std::max_element(level.begin(), level.end()) + 1;
            return std::clamp<std::size_t>(wanted == 0 ? (3 * longest + 1) * plan.turns : wanted, 1,
                                           std::max<std::size_t>(options.max_window, 1));
        }

        template <class Action>
        static auto guarded(Action action) -> decltype(action()) {
            try {
                return action();
            } catch (const std::exception& e) {
                return fail(errc::callback_failed, "callback", e.what());
            } catch (...) {
                return fail(errc::callback_failed, "callback",
                            "something that is no std::exception was thrown");
            }
        }

        result<void> push(std::vector<tensor> given) {
            if (given.size() != plan.inputs)
                return fail(errc::invalid_argument, "request " + std::to_string(next_request),
                            std::to_string(given.size()) + " inputs for a model that has " +
                                std::to_string(plan.inputs));
            const std::size_t turn = next_request % plan.turns;
            for (auto& each : sources) {
                const stage_edge& edge = plan.edges[each->settings().edge];
                if (plan.turn_of(edge) != turn) continue;
                const auto pushed = each->push(next_request / plan.turns, given, edge.outputs,
                                               deadline_in(options.request_within));
                if (!pushed) return tl::unexpected(why_not(pushed.error()));
            }
            ++next_request;
            if (!passes_through()) return {};
            const std::scoped_lock lock(passing_mutex);
            passing.push_back(std::move(given));
            return {};
        }

        /// Whether an output of the model is an input of it.
        [[nodiscard]] bool passes_through() const {
            return std::any_of(plan.edges.begin(), plan.edges.end(),
                               [](const stage_edge& e) { return e.from == no_id && e.to == no_id; });
        }

        result<std::vector<tensor>> next(deadline until) {
            gathered.resize(plan.outputs);
            const std::size_t turn = collected % plan.turns;
            for (; next_sink < sinks.size(); ++next_sink) {
                const stage_edge& edge = plan.edges[sinks[next_sink]->settings().edge];
                if (plan.turn_of(edge) != turn) continue;
                const auto got = sinks[next_sink]->next(from_sink, until);
                if (!got) return tl::unexpected(why_not(got.error()));
                const auto& ports = edge.inputs;
                for (std::size_t i = 0; i < ports.size(); ++i)
                    gathered[ports[i]] = std::move(from_sink.tensors[i]);
            }
            next_sink = 0;
            if (passes_through()) pass();
            ++collected;
            return std::exchange(gathered, {});
        }

        /// Outputs that are inputs.
        void pass() {
            const std::scoped_lock lock(passing_mutex);
            const auto given = std::move(passing.front());
            passing.pop_front();
            for (const stage_edge& edge : plan.edges)
                for (std::size_t i = 0; edge.from == no_id && edge.to == no_id && i < edge.inputs.size(); ++i)
                    gathered[edge.inputs[i]] = given[edge.outputs[i]];
        }

        /// Why a queue did not move: the failure on the board, or the stage that a request is stuck in.
        [[nodiscard]] error why_not(const error& queue_says) {
            if (board.failed()) return board.verdict();
            const bool late = queue_says.code == errc::timeout;
            const auto stuck = board.read([&]() -> std::string {
                for (part_id s = 0; s < remotes.size(); ++s)
                    if (remotes[s]->finished() * plan.turns + plan.stages[s].turn <= collected)
                        return remotes[s]->device();
                return remotes.empty() ? options.name : remotes.back()->device();
            });
            if (late)
                return {errc::timeout,
                        stuck,
                        "request " + std::to_string(collected) + " was not answered in time",
                        {}};
            return {errc::peer_lost, stuck, "the stream of results ended", {}};
        }

        // --- telling what happened

        result<run_report> report(detail::report_scope scope, std::vector<double> started,
                                  std::vector<double> finished) {
            std::vector<std::uint64_t> asked;
            for (auto& each : remotes)
                asked.push_back(each->ask().value_or(0));  // a failure will be on the board
            DISPART_CHECK(board.wait(deadline_in(options.patience), [&] {
                for (std::size_t i = 0; i < remotes.size(); ++i)
                    if (remotes[i]->answered() < asked[i]) return false;
                return true;
            }));
            auto made = make_report(plan, take_spans(), scope, std::move(started), std::move(finished));
            std::int64_t round_trip = 0;
            board.update([&] {
                for (part_id s = 0; s < remotes.size(); ++s) {
                    made.dropped += remotes[s]->dropped();
                    round_trip = std::max(round_trip, best_clock(plan.stages[s].device)->round_trip());
                }
            });
            made.clock_uncertainty = seconds(static_cast<double>(round_trip) * 0.5e-9);
            return made;
        }

        std::vector<detail::placed_spans> take_spans() {
            std::vector<detail::placed_spans> places;
            board.update([&] {
                for (part_id s = 0; s < remotes.size(); ++s) {
                    const std::int64_t offset = best_clock(plan.stages[s].device)->clock_offset();
                    places.push_back({s, remotes[s]->take_spans()});
                    for (span_record& span : places.back().spans) {
                        span.request = span.request * plan.turns + plan.stages[s].turn;
                        span.begin -= offset;
                        span.end -= offset;
                    }
                }
            });
            places.push_back({no_id, spans.take(~std::size_t{0}).spans});
            for (span_record& span : places.back().spans)
                span.request = span.request * plan.turns + plan.turn_of(plan.edges[span.edge]);
            return places;
        }

        std::vector<double> memory() {
            std::vector<double> made(plan.hosts.size(), 0.0);
            board.update([&] {
                for (part_id s = 0; s < remotes.size(); ++s)
                    made[plan.stages[s].device] = static_cast<double>(remotes[s]->memory());
            });
            return made;
        }

        /// Of the stages on a device, which share its clock, the one whose clock is known best; under the board's lock.
        [[nodiscard]] const remote* best_clock(device_id device) const {
            const remote* best = nullptr;
            for (part_id s = 0; s < remotes.size(); ++s)
                if (plan.stages[s].device == device && (!best || remotes[s]->round_trip() < best->round_trip()))
                    best = remotes[s].get();
            return best;
        }

        // --- ending it

        result<void> shut_down() {
            for (auto& each : sources) each->finish(deadline_in(seconds(1.0)));
            for (auto& each : remotes) each->shut_down();
            auto ended = await(remote_state::ended, options.patience + seconds(2.0), "end the deployment");
            tear_down();
            return ended;
        }

        void stop_edges() {
            for (auto& each : sources) each->stop();
            for (auto& each : sinks) each->stop();
        }

        void tear_down() {
            for (auto& each : remotes) each->stop();
            stop_edges();
            remotes.clear();
            reception_desk.reset();
            for (auto& each : sources) each->join();  // while all are there: a failing one stops the others
            for (auto& each : sinks) each->join();
        }

        Transport carrier;
        deployment plan;
        coordinator_options options;
        run_board board;
        std::uint64_t number = 0;
        std::uint64_t next_request = 0;
        std::atomic<std::uint64_t> collected = 0;
        tensor_message from_sink{};      ///< memory that goes round
        std::vector<tensor> gathered{};  ///< of the oldest request in flight, from the sinks before `next_sink`
        std::size_t next_sink = 0;
        std::mutex passing_mutex{};
        std::deque<std::vector<tensor>> passing{};  ///< inputs of those in flight, where `passes_through`
        span_recorder spans{};
        std::vector<std::unique_ptr<outgoing_edge<connection>>> sources{};
        std::vector<std::unique_ptr<incoming_edge<connection>>> sinks{};
        std::optional<reception<listener>> reception_desk{};
        std::vector<std::unique_ptr<remote>> remotes{};
    };

    explicit coordinator(std::unique_ptr<state> made) : state_(std::move(made)) {}

    std::unique_ptr<state> state_;
};

/// Deploys, runs, and ends the deployment. Errors: those of `coordinator`.
template <transport Transport, class Inputs, class OnResult>
[[nodiscard]] result<run_report> run_deployment(Transport carrier, deployment plan, std::size_t count,
                                                Inputs&& inputs, OnResult&& on_result, run_options how = {},
                                                coordinator_options options = {}) {
    DISPART_TRY(auto running,
                coordinator<Transport>::deploy(std::move(carrier), std::move(plan), std::move(options)));
    DISPART_TRY(auto report, running.run(count, inputs, on_result, how));
    DISPART_CHECK(running.shut_down());
    return report;
}

}  // namespace dispart
