#pragma once
/// \file
/// The predictor: plays a task graph for a stream of requests on the instance's devices and links.
///
/// What it models is what the runtime does. A device runs one task at a time, requests in order. A task starts when
/// all its messages have arrived; when it ends, its messages leave at once. Each edge sends one message after the
/// other; edges whose routes meet share the links' bandwidth max-min fairly; a message has arrived one latency after
/// its last byte was sent. Compute and transfers overlap. Queues are bounded: a full one makes its sender wait.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/event.hpp"
#include "dispart/core/result.hpp"
#include "dispart/core/steady_state.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/simulate/fair_sharing.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

struct simulation_options {
    std::size_t requests = 1;        ///< how many arrive
    std::size_t window = 0;          ///< most requests in flight; 0 = no limit
    std::size_t input_queue = 2;     ///< messages that may wait unread at the end of an edge
    std::size_t output_queue = 2;    ///< messages that may wait unsent at the beginning of an edge
    std::vector<double> arrivals{};  ///< seconds, ascending, one per request; empty: all are there at 0
};

/// What would happen.
struct simulation {
    timeline trace;                   ///< compute and transfer spans, by begin
    std::vector<double> admitted;     ///< [request] seconds: when the source began to send it
    std::vector<double> finished;     ///< [request] seconds: when the sink had its last output
    std::vector<double> device_busy;  ///< [device] seconds of computing
    std::vector<double> link_busy;    ///< [link] bytes carried * seconds per byte

    [[nodiscard]] seconds makespan() const { return seconds(finished.empty() ? 0.0 : finished.back()); }
    /// Of the first request, which meets an idle system.
    [[nodiscard]] seconds first_latency() const { return seconds(finished.front() - admitted.front()); }
    [[nodiscard]] seconds period() const { return steady_period(finished); }
};

namespace detail {

/// The state of one run of the discrete-event engine; `simulate` is its only user.
class pipeline_engine {
  public:
    pipeline_engine(const instance& problem, const task_graph& graph, const simulation_options& options)
        : problem_(problem)
        , graph_(graph)
        , options_(options)
        , edges_(graph.messages.size())
        , tasks_(graph.tasks.size())
        , device_free_(problem.device_count(), true) {
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const message& m = graph.messages[e];
            edges_[e].remote = m.from_device != no_id && m.to_device != no_id && m.from_device != m.to_device;
            (m.from == no_id ? source_edges_ : tasks_[m.from].out).push_back(e);
            (m.to == no_id ? sink_edges_ : tasks_[m.to].in).push_back(e);
        }
        for (const double spb : problem.link_seconds_per_byte)
            capacity_.push_back(spb > 0.0 ? 1.0 / spb : std::numeric_limits<double>::infinity());
        outcome_.device_busy.assign(problem.device_count(), 0.0);
        outcome_.link_busy.assign(problem.link_count(), 0.0);
        outcome_.trace.devices = problem.device_names;
        results_.assign(options.requests, 0);
        outcome_.admitted.assign(options.requests, 0.0);
        outcome_.finished.assign(options.requests, 0.0);
    }

    result<simulation> run() {
        for (const double at : options_.arrivals)
            schedule(at, [] {});  // wakes `settle` when a request arrives
        settle();
        while (completed_ < options_.requests) {
            const double flow_end = next_flow_end();
            const double timer_end =
                timers_.empty() ? std::numeric_limits<double>::infinity() : timers_.top().at;
            if (flow_end == timer_end && timer_end == std::numeric_limits<double>::infinity())
                return fail(errc::infeasible, stuck_edge(),
                            "no message can arrive any more: is there a route?");
            advance(std::min(flow_end, timer_end));
            settle();
        }
        std::stable_sort(outcome_.trace.events.begin(), outcome_.trace.events.end(),
                         [](const event& a, const event& b) { return a.begin < b.begin; });
        return std::move(outcome_);
    }

  private:
    struct edge_state {
        bool remote = false;
        std::size_t produced = 0;  // messages handed to the edge by its origin
        std::size_t started = 0;   // transmissions begun
        std::size_t sent = 0;      // transmissions ended
        std::size_t arrived = 0;   // messages at the destination
        std::size_t consumed = 0;  // messages taken by the destination
    };
    struct task_state {
        std::vector<std::size_t> in, out;  // edges
        std::size_t done = 0;              // requests finished
        bool running = false;
    };
    struct active_flow {
        std::size_t edge;
        double left;  // bytes
        double rate;  // bytes per second
        double begin;
    };
    struct timer {
        double at;
        std::size_t number;  // ties in order of creation
        std::function<void()> action;
        bool operator>(const timer& other) const {
            return std::pair(at, number) > std::pair(other.at, other.number);
        }
    };

    void schedule(double at, std::function<void()> action) {
        timers_.push({at, timer_count_++, std::move(action)});
    }

    /// Starts everything that can start now, until nothing more can.
    void settle() {
        do {
            progress_ = false;
            admit();
            for (std::size_t e = 0; e < edges_.size(); ++e) start_sending(e);
            if (flows_changed_) share_links();
            start_tasks();
        } while (progress_);
    }

    void admit() {
        while (next_request_ < options_.requests &&
               (options_.window == 0 || next_request_ < completed_ + options_.window) && source_has_room() &&
               (options_.arrivals.empty() || options_.arrivals[next_request_] <= now_)) {
            outcome_.admitted[next_request_++] = now_;
            for (const auto e : source_edges_) produce(e);
            if (sink_edges_.empty()) finish_request();
        }
    }

    bool source_has_room() const {
        return std::all_of(source_edges_.begin(), source_edges_.end(),
                           [&](std::size_t e) { return has_room(e); });
    }
    bool has_room(std::size_t e) const {
        return !edges_[e].remote || edges_[e].produced - edges_[e].started < options_.output_queue;
    }

    void produce(std::size_t e) {
        ++edges_[e].produced;
        progress_ = true;
        if (!edges_[e].remote) arrive(e);
    }

    void arrive(std::size_t e) {
        edge_state& edge = edges_[e];
        const std::size_t request = edge.arrived++;
        if (!edge.remote) edge.started = edge.sent = edge.arrived;
        progress_ = true;
        if (graph_.messages[e].to != no_id) return;
        ++edge.consumed;
        if (++results_[request] == sink_edges_.size()) finish_request();
    }

    void finish_request() { outcome_.finished[completed_++] = now_; }

    void start_sending(std::size_t e) {
        edge_state& edge = edges_[e];
        if (!edge.remote || edge.started != edge.sent || edge.started == edge.produced) return;
        if (edge.started - edge.consumed >= options_.input_queue) return;
        ++edge.started;
        progress_ = flows_changed_ = true;
        flows_.push_back({e, graph_.messages[e].bytes, 0.0, now_});
    }

    void share_links() {
        std::vector<flow_path> paths;
        for (const auto& flow : flows_) {
            const message& m = graph_.messages[flow.edge];
            const double own = problem_.seconds_per_byte(m.from_device, m.to_device);
            paths.push_back({route(m), own > 0.0 ? 1.0 / own : std::numeric_limits<double>::infinity()});
        }
        const auto rates = max_min_rates(paths, capacity_);
        for (std::size_t f = 0; f < flows_.size(); ++f) flows_[f].rate = rates[f];
        flows_changed_ = false;
    }

    std::span<const std::size_t> route(const message& m) const {
        const std::size_t pair = m.from_device * problem_.device_count() + m.to_device;
        return pair < problem_.routes.size() ? problem_.routes[pair] : std::span<const std::size_t>{};
    }

    double end_of(const active_flow& flow) const {
        return flow.left > 0.0 ? now_ + flow.left / flow.rate : now_;
    }

    double next_flow_end() const {
        double soonest = std::numeric_limits<double>::infinity();
        for (const auto& flow : flows_) soonest = std::min(soonest, end_of(flow));
        return soonest;
    }

    void advance(double to) {
        std::vector<active_flow> ended;
        std::vector<active_flow> going;
        for (auto flow : flows_) {
            const bool ends = end_of(flow) <= to;
            flow.left = ends ? 0.0 : flow.left - flow.rate * (to - now_);
            (ends ? ended : going).push_back(flow);
        }
        now_ = to;
        flows_ = std::move(going);
        for (const auto& flow : ended) end_transmission(flow);
        while (!timers_.empty() && timers_.top().at <= now_) {
            const auto action = timers_.top().action;
            timers_.pop();
            action();
        }
    }

    void end_transmission(const active_flow& flow) {
        const message& m = graph_.messages[flow.edge];
        edge_state& edge = edges_[flow.edge];
        const double arrival = now_ + problem_.latency(m.from_device, m.to_device);
        const part_id from = m.from == no_id ? no_id : graph_.tasks[m.from].part;
        outcome_.trace.events.push_back({activity::transfer, edge.sent, from, m.from_device, m.to_device,
                                         seconds(flow.begin), seconds(arrival), bytes(m.bytes)});
        for (const auto l : route(m)) outcome_.link_busy[l] += m.bytes * problem_.link_seconds_per_byte[l];
        ++edge.sent;
        flows_changed_ = true;
        schedule(arrival, [this, e = flow.edge] { arrive(e); });
    }

    void start_tasks() {
        for (std::size_t d = 0; d < device_free_.size(); ++d) {
            if (!device_free_[d]) continue;
            const task_id best = next_task(d);
            if (best != no_id) start(best);
        }
    }

    /// The ready task of a device with the oldest request, then the lowest id.
    task_id next_task(device_id d) const {
        task_id best = no_id;
        for (task_id t = 0; t < tasks_.size(); ++t)
            if (graph_.tasks[t].device == d && is_ready(t) &&
                (best == no_id || tasks_[t].done < tasks_[best].done))
                best = t;
        return best;
    }

    bool is_ready(task_id t) const {
        const task_state& state = tasks_[t];
        return !state.running && state.done < next_request_ &&
               std::all_of(state.in.begin(), state.in.end(),
                           [&](auto e) { return edges_[e].arrived > state.done; }) &&
               std::all_of(state.out.begin(), state.out.end(), [&](auto e) { return has_room(e); });
    }

    void start(task_id t) {
        const task& work = graph_.tasks[t];
        task_state& state = tasks_[t];
        for (const auto e : state.in) ++edges_[e].consumed;
        state.running = progress_ = true;
        device_free_[work.device] = false;
        outcome_.device_busy[work.device] += work.seconds;
        outcome_.trace.events.push_back({activity::compute, state.done, work.part, work.device, no_id,
                                         seconds(now_), seconds(now_ + work.seconds), bytes(0.0)});
        schedule(now_ + work.seconds, [this, t] {
            tasks_[t].running = false;
            ++tasks_[t].done;
            device_free_[graph_.tasks[t].device] = true;
            for (const auto e : tasks_[t].out) produce(e);
        });
    }

    std::string stuck_edge() const {
        for (std::size_t e = 0; e < edges_.size(); ++e)
            if (edges_[e].started > edges_[e].arrived)
                return problem_.name_of_device(graph_.messages[e].from_device) + " -> " +
                       problem_.name_of_device(graph_.messages[e].to_device);
        return {};
    }

    const instance& problem_;
    const task_graph& graph_;
    const simulation_options& options_;
    std::vector<edge_state> edges_;
    std::vector<task_state> tasks_;
    std::vector<bool> device_free_;
    std::vector<std::size_t> source_edges_, sink_edges_;
    std::vector<double> capacity_;
    std::vector<active_flow> flows_;
    std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
    std::vector<std::size_t> results_;  // [request] outputs at the sink
    std::size_t timer_count_ = 0;
    std::size_t next_request_ = 0;
    std::size_t completed_ = 0;
    double now_ = 0.0;
    bool progress_ = false;
    bool flows_changed_ = false;
    simulation outcome_;
};

}  // namespace detail

/// Plays `options.requests` requests and says when each was finished and what every device and link did.
///
/// Deterministic. Errors: invalid_argument (no requests, an empty queue, arrivals that are not one ascending time per
/// request), infeasible (a message has no route: it never arrives; the offender names the edge).
/// O(events * (edges + tasks + flows)); events = requests * (tasks + 2 * messages).
[[nodiscard]] inline result<simulation> simulate(const instance& problem, const task_graph& graph,
                                                 const simulation_options& options = {}) {
    if (options.requests == 0)
        return fail(errc::invalid_argument, "requests", "there must be at least one request");
    if (options.input_queue == 0 || options.output_queue == 0)
        return fail(errc::invalid_argument, "input_queue, output_queue",
                    "queues must hold at least one message");
    const auto& arrivals = options.arrivals;
    if (!arrivals.empty() &&
        (arrivals.size() != options.requests || !std::is_sorted(arrivals.begin(), arrivals.end()) ||
         !(arrivals.front() >= 0.0) || arrivals.back() == std::numeric_limits<double>::infinity()))
        return fail(errc::invalid_argument, "arrivals", "one finite time per request, ascending, is needed");
    return detail::pipeline_engine(problem, graph, options).run();
}

}  // namespace dispart
