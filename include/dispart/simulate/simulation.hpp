#pragma once
/// \file
/// What `simulate` is asked and what it answers.

#include <cstddef>
#include <span>
#include <vector>

#include "dispart/core/event.hpp"
#include "dispart/core/steady_state.hpp"
#include "dispart/core/units.hpp"
#include "dispart/simulate/faults.hpp"
#include "dispart/simulate/jitter.hpp"

namespace dispart {

struct simulation_options {
    std::size_t requests = 1;        ///< how many arrive
    std::size_t window = 0;          ///< most requests in flight; 0 = no limit
    std::size_t input_queue = 2;     ///< messages that may wait unread at the end of an edge
    std::size_t output_queue = 2;    ///< messages that may wait unsent at the beginning of an edge
    std::vector<double> arrivals{};  ///< seconds, ascending, one per request; empty: all are there at 0
    std::vector<std::size_t> processors{};  ///< [device] tasks at a time, each of them on one request; empty: one
    jitter variation{};                     ///< of computing times
    std::vector<fault> faults{};
    bool trace = true;  ///< keep spans; long runs need most of their memory for them
};

/// What would happen. Requests that a fault keeps from finishing have infinite times.
struct simulation {
    timeline trace;                    ///< compute and transfer spans, by begin
    std::vector<double> admitted;      ///< [request] seconds: when the source began to send it
    std::vector<double> finished;      ///< [request] seconds: when the sink had its last output
    std::vector<double> device_busy;   ///< [device] seconds of computing
    std::vector<double> link_busy;     ///< [link] bytes carried * seconds per byte
    std::vector<double> link_bytes;    ///< [link] bytes carried
    std::vector<double> device_alive;  ///< [device] seconds until the makespan in which it was not dead
    std::vector<double> queue_area;    ///< [device] integral over time of the messages that wait unread there
    std::vector<std::size_t> longest_queue;  ///< [device] most of them at a time
    double in_flight_area = 0.0;  ///< integral over time of the requests that were admitted, not finished
    std::size_t completed = 0;    ///< requests; the first ones

    /// When the last result was there.
    [[nodiscard]] seconds makespan() const { return seconds(completed == 0 ? 0.0 : finished[completed - 1]); }
    /// Of the first request, which meets an idle system.
    [[nodiscard]] seconds first_latency() const { return seconds(finished.front() - admitted.front()); }
    /// Precondition: a request has been completed.
    [[nodiscard]] seconds period() const { return steady_period(std::span(finished).first(completed)); }
};

}  // namespace dispart
