#pragma once
/// \file
/// The discrete-event engine behind `simulate`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/event.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/simulate/compute_pool.hpp"
#include "dispart/simulate/faults.hpp"
#include "dispart/simulate/flow_network.hpp"
#include "dispart/simulate/instance_platform.hpp"
#include "dispart/simulate/simulation.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart::detail {

/// Ids that have something to do, each once, handed out in ascending order.
class worklist {
  public:
    explicit worklist(std::size_t ids) : listed_(ids, false) {}
    void add(std::size_t id) {
        if (listed_[id]) return;
        listed_[id] = true;
        ids_.push_back(id);
    }
    [[nodiscard]] bool empty() const noexcept { return ids_.empty(); }
    /// Calls `act` for those that are there now; it may add others, and the same ones again.
    template <class Act>
    void take_all(Act act) {
        now_.swap(ids_);
        std::sort(now_.begin(), now_.end());
        for (const std::size_t id : now_) listed_[id] = false;
        for (const std::size_t id : now_) act(id);
        now_.clear();
    }

  private:
    std::vector<bool> listed_;
    std::vector<std::size_t> ids_, now_;
};

/// The state of one run; `simulate` is its only user.
class pipeline_engine {
    static constexpr double infinity = std::numeric_limits<double>::infinity();

  public:
    pipeline_engine(const instance& problem, const task_graph& graph, const simulation_options& options)
        : problem_(problem)
        , graph_(graph)
        , options_(options)
        , platform_(platform_of(problem))
        , edges_(graph.messages.size())
        , tasks_(graph.tasks.size())
        , devices_(problem.device_count())
        , flows_(platform_.link_capacity)
        , computing_(problem.device_count())
        , faults_(options.faults)
        , dirty_edges_(graph.messages.size())
        , dirty_devices_(problem.device_count())
        , source_edges_(graph.turns)
        , sink_edges_of_(graph.turns, 0) {
        for (std::size_t e = 0; e < edges_.size(); ++e) connect(e);
        for (task_id t = 0; t < tasks_.size(); ++t) {
            devices_[graph.tasks[t].device].tasks.push_back(t);
            if (tasks_[t].in.empty()) spontaneous_.push_back(graph.tasks[t].device);
        }
        for (device_id d = 0; d < options.processors.size(); ++d) devices_[d].free = options.processors[d];
        for (device_id d = 0; d < devices_.size(); ++d) dirty_devices_.add(d);
        out_.link_busy.assign(problem.link_count(), 0.0);
        out_.link_bytes.assign(problem.link_count(), 0.0);
        out_.trace.devices = problem.device_names;
        out_.queue_area.assign(problem.device_count(), 0.0);
        out_.longest_queue.assign(problem.device_count(), 0);
        if (sink_edges_ > 1) results_.assign(options.requests, 0);
        out_.admitted.assign(options.requests, infinity);
        out_.finished.assign(options.requests, infinity);
    }

    result<simulation> run() {
        settle();
        while (out_.completed < options_.requests) {
            const double to =
                std::min({flows_.next_end(), computing_.next_end(),
                          arriving_.empty() ? infinity : arriving_.top().at, next_arrival(), faults_.next()});
            if (to == infinity && options_.faults.empty())
                return fail(errc::infeasible, stuck_edge(),
                            "no message can arrive any more: is there a route?");
            if (to == infinity) break;
            advance(to);
            settle();
        }
        return finish();
    }

  private:
    struct edge_state {
        bool remote = false;
        bool broken = false;  // its transmission waits for a dead device
        std::size_t turn = 0;
        std::size_t produced = 0;  // messages handed to the edge by its origin
        std::size_t started = 0;   // transmissions begun
        std::size_t sent = 0;      // transmissions ended
        std::size_t arrived = 0;   // messages at the destination
        std::size_t consumed = 0;  // messages taken by the destination
        double begin = 0.0;        // of the transmission under way
        flow_id flow = 0;
        simulated_route route{};
    };
    struct task_state {
        std::vector<std::size_t> in, out;  // edges
        std::size_t done = 0;              // requests finished
        bool running = false;
        double begin = 0.0;
        double work = 0.0;  // seconds
    };
    struct device_state {
        std::vector<task_id> tasks{};
        std::size_t free = 1;  // processors
        std::size_t unread = 0;
        double counted = 0.0;  // until when the queue's area is up to date
        double dead = 0.0;     // seconds, without the present death
        double dead_since = infinity;
    };
    struct arrival {
        double at;
        std::size_t number;  // ties in order of sending
        std::size_t edge;
        bool operator>(const arrival& other) const {
            return at > other.at || (at == other.at && number > other.number);
        }
    };

    void connect(std::size_t e) {
        const message& m = graph_.messages[e];
        edges_[e].remote = m.from_device != no_id && m.to_device != no_id && m.from_device != m.to_device;
        if (edges_[e].remote) take_route(e, m);
        edges_[e].turn = graph_.turn_of(m);
        if (m.from == no_id) source_edges_[edges_[e].turn].push_back(e);
        else tasks_[m.from].out.push_back(e);
        if (m.to == no_id) ++sink_edges_, ++sink_edges_of_[edges_[e].turn];
        else tasks_[m.to].in.push_back(e);
    }

    // --- what can happen now

    /// Starts everything that can start now, until nothing more can.
    void settle() {
        admit();
        while (!dirty_edges_.empty() || !dirty_devices_.empty()) {
            dirty_edges_.take_all([&](std::size_t e) { start_sending(e); });
            dirty_devices_.take_all([&](device_id d) { start_tasks(d); });
            admit();
        }
    }

    void admit() {
        while (next_request_ < options_.requests &&
               (options_.window == 0 || next_request_ < out_.completed + options_.window) &&
               source_has_room() && (options_.arrivals.empty() || options_.arrivals[next_request_] <= now_)) {
            count_in_flight();
            out_.admitted[next_request_++] = now_;
            for (const auto e : source_edges_[(next_request_ - 1) % graph_.turns]) produce(e);
            if (sink_edges_ == 0) finish_request();
            for (const device_id d : spontaneous_) dirty_devices_.add(d);
        }
    }
    [[nodiscard]] double next_arrival() const {
        if (options_.arrivals.empty() || next_request_ >= options_.requests) return infinity;
        const double at = options_.arrivals[next_request_];
        return at > now_ ? at : infinity;  // one that is there already waits for something else
    }
    [[nodiscard]] bool source_has_room() const {
        const auto& edges = source_edges_[next_request_ % graph_.turns];
        return std::all_of(edges.begin(), edges.end(), [&](std::size_t e) { return has_room(e); });
    }
    [[nodiscard]] bool has_room(std::size_t e) const {
        return !edges_[e].remote || edges_[e].produced - edges_[e].started < options_.output_queue;
    }

    void produce(std::size_t e) {
        ++edges_[e].produced;
        if (edges_[e].remote) dirty_edges_.add(e);
        else arrive(e);
    }

    void arrive(std::size_t e) {
        edge_state& edge = edges_[e];
        const std::size_t request = request_of(edge.arrived++, edge.turn);
        if (!edge.remote) edge.started = edge.sent = edge.arrived;
        if (const task_id reader = graph_.messages[e].to; reader != no_id) {
            const device_id d = graph_.tasks[reader].device;
            count_queue(d);
            out_.longest_queue[d] = std::max(out_.longest_queue[d], ++devices_[d].unread);
            return dirty_devices_.add(d);
        }
        ++edge.consumed;
        if (edge.remote) dirty_edges_.add(e);
        if (sink_edges_ == 1) return finish_request();
        ++results_[request];
        while (out_.completed < next_request_ &&
               results_[out_.completed] == sink_edges_of_[out_.completed % graph_.turns])
            finish_request();
    }
    /// The n-th request of a turn.
    [[nodiscard]] std::size_t request_of(std::size_t n, std::size_t turn) const {
        return n * graph_.turns + turn;
    }
    /// The request that a task works on, or is to work on next.
    [[nodiscard]] std::size_t request_at(task_id t) const {
        return request_of(tasks_[t].done, graph_.tasks[t].turn);
    }

    void finish_request() {
        count_in_flight();
        out_.finished[out_.completed++] = now_;
    }

    /// Encoding delays what an edge sends and leaves the links to others: as if the edge were slower. Decoding delays arrival.
    void take_route(std::size_t e, const message& m) {
        simulated_route& route = edges_[e].route;
        platform_.route(m.from_device, m.to_device, route);
        route.latency += m.decode_s;
        if (m.encode_s <= 0.0 || m.bytes <= 0.0) return;
        const double sending = m.bytes * problem_.seconds_per_byte(m.from_device, m.to_device);
        route.limit = std::min(route.limit, m.bytes / (m.encode_s + sending));
    }

    void start_sending(std::size_t e) {
        edge_state& edge = edges_[e];
        const message& m = graph_.messages[e];
        if (edge.broken && !is_dead(m.from_device) && !is_dead(m.to_device)) transmit(e);
        if (!edge.remote || edge.started != edge.sent || edge.started == edge.produced) return;
        if (edge.started - edge.consumed >= options_.input_queue) return;
        ++edge.started;
        edge.broken = true;
        if (m.from != no_id) dirty_devices_.add(m.from_device);  // there is room for one more
        if (!is_dead(m.from_device) && !is_dead(m.to_device)) transmit(e);
    }

    void transmit(std::size_t e) {
        edge_state& edge = edges_[e];
        edge.broken = false;
        edge.begin = now_;
        if (edge.route.latency == infinity) return;
        edge.flow = flows_.start(edge.route.links, graph_.messages[e].bytes, 1.0, edge.route.limit);
        if (edge_of_flow_.size() <= edge.flow) edge_of_flow_.resize(edge.flow + std::size_t{1});
        edge_of_flow_[edge.flow] = e;
    }

    void start_tasks(device_id d) {
        while (devices_[d].free > 0 && !is_dead(d)) {
            const task_id best = next_task(d);
            if (best == no_id) return;
            start(best);
        }
    }
    /// The ready task of a device with the oldest request, then the lowest id.
    [[nodiscard]] task_id next_task(device_id d) const {
        task_id best = no_id;
        for (const task_id t : devices_[d].tasks)
            if (is_ready(t) && (best == no_id || request_at(t) < request_at(best))) best = t;
        return best;
    }
    [[nodiscard]] bool is_ready(task_id t) const {
        const task_state& state = tasks_[t];
        return !state.running && request_at(t) < next_request_ &&
               std::all_of(state.in.begin(), state.in.end(),
                           [&](auto e) { return edges_[e].arrived > state.done; }) &&
               std::all_of(state.out.begin(), state.out.end(), [&](auto e) { return has_room(e); });
    }

    void start(task_id t) {
        task_state& state = tasks_[t];
        const device_id d = graph_.tasks[t].device;
        count_queue(d);
        devices_[d].unread -= state.in.size();
        for (const auto e : state.in) {
            ++edges_[e].consumed;
            if (edges_[e].remote) dirty_edges_.add(e);
        }
        state.running = true;
        state.begin = now_;
        state.work = graph_.tasks[t].seconds * options_.variation.factor(request_at(t), t);
        --devices_[d].free;
        computing_.start(static_cast<compute_pool::job_id>(t), d, state.work);
    }

    // --- what happens as time goes on

    void advance(double to) {
        now_ = to;
        ended_flows_.clear();
        ended_tasks_.clear();
        flows_.advance(to, ended_flows_);
        computing_.advance(to, ended_tasks_);
        ended_edges_.clear();
        for (const flow_id f : ended_flows_) ended_edges_.push_back(edge_of_flow_[f]);
        std::sort(ended_edges_.begin(), ended_edges_.end());
        for (const std::size_t e : ended_edges_) end_transmission(e);
        for (const task_id t : ended_tasks_) end_task(t);
        while (!arriving_.empty() && arriving_.top().at <= now_) {
            const std::size_t e = arriving_.top().edge;
            arriving_.pop();
            arrive(e);
        }
        while (faults_.next() <= now_) strike(faults_.step());
    }

    void end_transmission(std::size_t e) {
        const message& m = graph_.messages[e];
        edge_state& edge = edges_[e];
        const double at = now_ + edge.route.latency;
        const part_id from = m.from == no_id ? no_id : graph_.tasks[m.from].part;
        if (options_.trace)
            out_.trace.events.push_back({activity::transfer, request_of(edge.sent, edge.turn), from,
                                         m.from_device, m.to_device, seconds(edge.begin), seconds(at),
                                         bytes(m.bytes)});
        for (const auto l : edge.route.links) {
            out_.link_busy[l] += m.bytes * problem_.link_seconds_per_byte[l];
            out_.link_bytes[l] += m.bytes;
        }
        ++edge.sent;
        dirty_edges_.add(e);
        arriving_.push({at, arrival_count_++, e});
    }

    void end_task(task_id t) {
        task_state& state = tasks_[t];
        const task& work = graph_.tasks[t];
        note_computing(t);
        state.running = false;
        ++state.done;
        ++devices_[work.device].free;
        dirty_devices_.add(work.device);
        for (const auto e : state.out) produce(e);
    }

    void note_computing(task_id t) {
        const task& work = graph_.tasks[t];
        if (options_.trace)
            out_.trace.events.push_back({activity::compute, request_at(t), work.part, work.device, no_id,
                                         seconds(tasks_[t].begin), seconds(now_), bytes(0.0)});
    }

    // --- faults

    [[nodiscard]] bool is_dead(device_id d) const { return devices_[d].dead_since < infinity; }

    void strike(const fault& f) {
        if (f.what == fault_kind::degrades)
            return flows_.set_capacity(f.target,
                                       platform_.link_capacity[f.target] * faults_.capacity_factor(f.target));
        const bool alive = faults_.alive(f.target);
        if (!alive && !is_dead(f.target)) die(f.target);
        else if (alive && is_dead(f.target)) return_to_life(f.target);
        computing_.set_speed(f.target, faults_.speed(f.target));
    }

    /// What it works on and what it sends or is sent is lost, and begins again when it has returned.
    void die(device_id d) {
        devices_[d].dead_since = now_;
        const auto lost = computing_.running_on(d);
        for (const auto t : lost) {
            note_computing(t);
            computing_.stop(t);
            computing_.start(t, d, tasks_[t].work);  // at speed 0 until then
        }
        for (std::size_t e = 0; e < edges_.size(); ++e) {
            const message& m = graph_.messages[e];
            const bool under_way = edges_[e].started != edges_[e].sent && !edges_[e].broken;
            if (!edges_[e].remote || !under_way || (m.from_device != d && m.to_device != d)) continue;
            if (edges_[e].route.latency < infinity) flows_.stop(edges_[e].flow);
            edges_[e].broken = true;
        }
    }

    void return_to_life(device_id d) {
        devices_[d].dead += now_ - devices_[d].dead_since;
        devices_[d].dead_since = infinity;
        for (const auto t : computing_.running_on(d)) tasks_[t].begin = now_;
        dirty_devices_.add(d);
        for (std::size_t e = 0; e < edges_.size(); ++e)
            if (edges_[e].broken) dirty_edges_.add(e);
    }

    // --- the account

    void count_queue(device_id d) {
        out_.queue_area[d] += (now_ - devices_[d].counted) * static_cast<double>(devices_[d].unread);
        devices_[d].counted = now_;
    }
    void count_in_flight() {
        out_.in_flight_area +=
            (now_ - in_flight_counted_) * static_cast<double>(next_request_ - out_.completed);
        in_flight_counted_ = now_;
    }

    simulation finish() {
        count_in_flight();
        for (device_id d = 0; d < devices_.size(); ++d) {
            count_queue(d);
            out_.device_busy.push_back(computing_.busy(d));
            const double dead = devices_[d].dead + (is_dead(d) ? now_ - devices_[d].dead_since : 0.0);
            out_.device_alive.push_back(std::max(0.0, out_.makespan().value - dead));
        }
        std::stable_sort(out_.trace.events.begin(), out_.trace.events.end(),
                         [](const event& a, const event& b) { return a.begin < b.begin; });
        return std::move(out_);
    }

    [[nodiscard]] std::string stuck_edge() const {
        for (std::size_t e = 0; e < edges_.size(); ++e)
            if (edges_[e].started > edges_[e].arrived)
                return problem_.name_of_device(graph_.messages[e].from_device) + " -> " +
                       problem_.name_of_device(graph_.messages[e].to_device);
        return {};
    }

    const instance& problem_;
    const task_graph& graph_;
    const simulation_options& options_;
    platform platform_;
    std::vector<edge_state> edges_;
    std::vector<task_state> tasks_;
    std::vector<device_state> devices_;
    flow_network flows_;
    compute_pool computing_;
    fault_clock faults_;
    worklist dirty_edges_, dirty_devices_;
    std::vector<std::vector<std::size_t>> source_edges_;  // [turn]
    std::vector<device_id> spontaneous_;                  // have tasks that wait for no message
    std::size_t sink_edges_ = 0;
    std::vector<std::size_t> sink_edges_of_;  // [turn]
    std::vector<std::size_t> edge_of_flow_;   // [flow]
    std::priority_queue<arrival, std::vector<arrival>, std::greater<>> arriving_;
    std::vector<flow_id> ended_flows_;
    std::vector<compute_pool::job_id> ended_tasks_;
    std::vector<std::size_t> ended_edges_;
    std::vector<std::size_t> results_;  // [request] outputs at the sink; not kept where there is one per request
    std::size_t arrival_count_ = 0;
    std::size_t next_request_ = 0;
    double now_ = 0.0;
    double in_flight_counted_ = 0.0;
    simulation out_;
};

}  // namespace dispart::detail
