#pragma once
/// \file
/// The one representation between dividing and running: schedulers order it, the simulator plays it, the runtime
/// executes it, the trace draws it.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/core/ids.hpp"

namespace dispart {

/// A unit of work on one device, for one request.
struct task {
    part_id part = no_id;  ///< what it executes
    device_id device = no_id;
    double seconds = 0.0;  ///< on that device, undisturbed
    std::size_t turn = 0;  ///< it works on requests turn, turn + turns, ...; see `task_graph::turns`
};

/// One message per request: every tensor that the destination reads from the origin, each once, in ascending order.
/// A tensor goes straight from the task that makes it to the tasks that read it.
struct message {
    task_id from = no_id;              ///< no_id: the source hands it over at the request's start
    task_id to = no_id;                ///< no_id: the sink collects it
    std::vector<tensor_id> tensors{};  ///< ids of the instance
    double bytes = 0.0;
    device_id from_device = no_id;  ///< no_id where the source or sink has no place: the message is then free
    device_id to_device = no_id;
    std::string codec{};              ///< by name; empty: raw. Then `bytes` are those on the wire,
    double raw_bytes = 0.0;           ///< and these those of the tensors
    double encode_s = 0.0;            ///< before the first byte is sent
    double decode_s = 0.0;            ///< after the last one has arrived
    double max_relative_error = 0.0;  ///< of each tensor's largest magnitude
};

/// Tasks in topological order, and the messages between them (also between tasks on one device, where they are free).
/// Request r goes through the tasks of turn r mod `turns`, and the messages that begin or end there.
struct task_graph {
    std::vector<task> tasks{};
    std::vector<message> messages{};
    std::size_t turns = 1;

    [[nodiscard]] std::size_t turn_of(const message& m) const {
        const task_id end = m.from == no_id ? m.to : m.from;
        return end == no_id ? 0 : tasks[end].turn;
    }
};

}  // namespace dispart
