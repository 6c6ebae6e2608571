#pragma once
/// \file
/// The predictor: plays a task graph for a stream of requests on the instance's devices and links.
///
/// What it models is what the runtime does. A device runs one task at a time, requests in order. A task starts when
/// all its messages have arrived; when it ends, its messages leave at once. Each edge sends one message after the
/// other; edges whose routes meet share the links' bandwidth max-min fairly; a message has arrived one latency after
/// its last byte was sent. Compute and transfers overlap. Queues are bounded: a full one makes its sender wait.
/// Beyond what the runtime does there may be several processors, computing times that vary, and faults.

#include <algorithm>
#include <cstddef>
#include <limits>

#include "dispart/core/result.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/simulate/detail/pipeline_engine.hpp"
#include "dispart/simulate/simulation.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

/// Plays `options.requests` requests and says when each was finished and what every device and link did.
///
/// Deterministic. Errors: invalid_argument (no requests, an empty queue, arrivals that are not one ascending time per
/// request, processors that are not one positive number per device, a jitter or fault that `validate` refuses),
/// infeasible (a message has no route: it never arrives; the offender names the edge). Where faults keep requests from
/// ever finishing, that is no error: see `simulation::completed`.
/// O(events * (tasks of a device + log)); events = requests * (tasks + 2 * messages); what sharing the links costs, see
/// `flow_network`.
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
    const auto& processors = options.processors;
    if (!processors.empty() && (processors.size() != problem.device_count() ||
                                std::find(processors.begin(), processors.end(), 0U) != processors.end()))
        return fail(errc::invalid_argument, "processors", "one positive number per device is needed");
    DISPART_CHECK(validate(options.variation));
    DISPART_CHECK(validate_faults(options.faults, problem.device_count(), problem.link_count()));
    return detail::pipeline_engine(problem, graph, options).run();
}

}  // namespace dispart
