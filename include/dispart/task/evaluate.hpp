#pragma once
/// \file
/// What a partition achieves, by closed formula: loads, period, latency, memory, and which resource binds.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/expand.hpp"
#include "dispart/task/memory.hpp"
#include "dispart/task/part.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

/// A thing that can be busy: a device, a physical link, or a pair of devices whose route has a rate of its own.
struct resource {
    enum class kind { device, link, pair };
    kind what = kind::device;
    std::size_t id = no_id;  ///< device_id, link_id, or the sending device of a pair
    device_id peer = no_id;  ///< the receiving device of a pair
    double seconds = 0.0;    ///< how long it is busy for one request
};

/// One step of the critical path: a part that computes (`message` is no_id) or a message on its way.
struct path_step {
    part_id part = no_id;
    std::size_t message = no_id;  ///< index into the task graph's messages
    double begin = 0.0;
    double end = 0.0;
};

/// The closed-form prediction for one partition. Times in seconds, sizes in bytes.
struct evaluation {
    double latency = 0.0;                  ///< of one request in an idle system; the slowest turn's
    double period = 0.0;                   ///< between results in steady state
    resource binding{};                    ///< what sets the period
    std::vector<path_step> path{};         ///< what sets the latency, in order of time
    std::vector<double> device_compute{};  ///< [device] per request, on average over the turns
    std::vector<double> device_load{};     ///< [device] compute, and in the serial load model its sends
    std::vector<double> device_memory{};   ///< [device] all its parts
    std::vector<double> link_load{};       ///< [link] bytes times seconds per byte; latency occupies no link
    std::vector<resource> pair_load{};     ///< pairs that exchange messages, by sender, then receiver
    std::vector<double> part_start{};      ///< [part] of one request in an idle system
    std::vector<double> part_finish{};     ///< [part]

    /// The figure that the objective makes small.
    [[nodiscard]] double value(objective goal) const noexcept {
        return goal == objective::latency ? latency : period;
    }
};

namespace detail {

[[nodiscard]] inline bool is_remote(const message& m) {
    return m.from_device != no_id && m.to_device != no_id && m.from_device != m.to_device;
}

/// Memory per device. Errors: infeasible, naming the device that is too small.
[[nodiscard]] inline result<std::vector<double>> memory_of_devices(const instance& problem,
                                                                   const partition& division) {
    std::vector<double> used(problem.device_count(), 0.0);
    for (const part& p : division.parts) used[p.device] += part_memory(problem, p).total();
    for (device_id d = 0; d < used.size(); ++d)
        if (used[d] > problem.memory_capacity[d])
            return fail(errc::infeasible, device_label(problem, d),
                        "its parts need " + memory_text(used[d]) + " of memory and it has " +
                            memory_text(problem.memory_capacity[d]));
    return used;
}

/// The loads and the period.
inline void predict_period(const instance& problem, const task_graph& graph, evaluation& out) {
    out.device_compute.assign(problem.device_count(), 0.0);
    out.link_load.assign(problem.link_count(), 0.0);
    const double share = 1.0 / static_cast<double>(graph.turns);  // of the requests that a task has to do with
    for (const task& work : graph.tasks) out.device_compute[work.device] += share * work.seconds;
    out.device_load = out.device_compute;
    std::vector<resource> pairs;
    for (const message& m : graph.messages) {
        if (!is_remote(m)) continue;
        const std::size_t pair = m.from_device * problem.device_count() + m.to_device;
        const double seconds =
            share * (m.encode_s + m.bytes * problem.seconds_per_byte(m.from_device, m.to_device));
        pairs.push_back({resource::kind::pair, m.from_device, m.to_device, seconds});
        if (problem.load == load_model::serial) out.device_load[m.from_device] += seconds;
        if (pair >= problem.routes.size()) continue;
        for (const link_id l : problem.routes[pair])
            out.link_load[l] += share * m.bytes * problem.link_seconds_per_byte[l];
    }
    out.binding = {};
    const auto consider = [&](resource r) {
        if (out.binding.id == no_id || r.seconds > out.binding.seconds) out.binding = r;
    };
    for (device_id d = 0; d < out.device_load.size(); ++d)
        consider({resource::kind::device, d, no_id, out.device_load[d]});
    for (link_id l = 0; l < out.link_load.size(); ++l)
        consider({resource::kind::link, l, no_id, out.link_load[l]});
    std::stable_sort(pairs.begin(), pairs.end(), [](const resource& a, const resource& b) {
        return std::pair(a.id, a.peer) < std::pair(b.id, b.peer);
    });
    out.pair_load.clear();
    for (const resource& pair : pairs) {
        const bool again = !out.pair_load.empty() && out.pair_load.back().id == pair.id &&
                           out.pair_load.back().peer == pair.peer;
        if (again) out.pair_load.back().seconds += pair.seconds;
        else out.pair_load.push_back(pair);
    }
    for (const resource& pair : out.pair_load) consider(pair);
    out.period = out.binding.seconds;
}

/// Start and finish of every part, the latency, and the path that leads to it.
inline void predict_latency(const instance& problem, const task_graph& graph, evaluation& out) {
    const std::size_t parts = graph.tasks.size();
    out.part_start.assign(parts, 0.0);
    out.part_finish.assign(parts, 0.0);
    out.latency = 0.0;
    std::vector<part_id> last_of(problem.device_count() * graph.turns, no_id);  // the device's, in a turn
    std::vector<std::size_t> by_message(parts, no_id);  // what a part waits for last: a message,
    std::vector<part_id> by_part(parts, no_id);         // or the device's part before it
    std::size_t last_message = no_id;
    const auto sent_at = [&](const message& m) { return m.from == no_id ? 0.0 : out.part_finish[m.from]; };
    const auto arrives_at = [&](const message& m) {
        if (!is_remote(m)) return sent_at(m);
        return sent_at(m) + m.encode_s + problem.transfer(m.from_device, m.to_device, m.bytes) + m.decode_s;
    };
    std::size_t next = 0;
    for (part_id p = 0; p < parts; ++p) {
        part_id& last = last_of[graph.tasks[p].device * graph.turns + graph.tasks[p].turn];
        if (last != no_id) {
            by_part[p] = last;
            out.part_start[p] = out.part_finish[last];
        }
        for (; next < graph.messages.size() && graph.messages[next].to == p; ++next) {
            const double arrival = arrives_at(graph.messages[next]);
            if (arrival < out.part_start[p] || (arrival == out.part_start[p] && by_part[p] != no_id))
                continue;
            out.part_start[p] = arrival;
            by_message[p] = next;
        }
        out.part_finish[p] = out.part_start[p] + graph.tasks[p].seconds;
        last = p;
    }
    for (; next < graph.messages.size(); ++next) {
        const double arrival = arrives_at(graph.messages[next]);
        if (last_message != no_id && arrival <= out.latency) continue;
        out.latency = arrival;
        last_message = next;
    }
    out.path.clear();
    for (std::size_t m = last_message; m != no_id;) {
        const message& carried = graph.messages[m];
        if (is_remote(carried)) out.path.push_back({carried.from, m, sent_at(carried), arrives_at(carried)});
        part_id p = carried.from;
        for (m = no_id; p != no_id && m == no_id; p = by_part[p]) {
            out.path.push_back({p, no_id, out.part_start[p], out.part_finish[p]});
            m = by_message[p];
        }
    }
    std::reverse(out.path.begin(), out.path.end());
}

}  // namespace detail

/// Predicts a partition whose task graph is already there (`graph` = `expand(problem, division)`).
/// Errors: infeasible (a device whose memory the parts exceed, by name).
[[nodiscard]] inline result<evaluation> evaluate(const instance& problem, const partition& division,
                                                 const task_graph& graph) {
    evaluation out;
    DISPART_TRY(out.device_memory, detail::memory_of_devices(problem, division));
    detail::predict_period(problem, graph, out);
    detail::predict_latency(problem, graph, out);
    return out;
}

/// Predicts what a partition achieves.
///
/// Period: the largest load of a device, a physical link, or a pair of devices (bytes times the route's own seconds per
/// byte). In the overlapped load model a device's load is its computing; in the serial one, its sends too.
/// Latency: a part starts when all its messages have arrived and the parts before it on its device are done; when it
/// ends, all its messages leave at once and none delays another. The result is there when the last output has arrived.
/// Turns share the loads; each has a latency of its own, of which the largest counts.
/// Errors: those of `expand`; infeasible (a device whose memory the parts exceed).
/// Exact under these assumptions. O(r log r) for r tensors read, plus the lengths of the routes used.
[[nodiscard]] inline result<evaluation> evaluate(const instance& problem, const partition& division) {
    DISPART_TRY(const auto graph, expand(problem, division));
    return evaluate(problem, division, graph);
}

}  // namespace dispart
