#pragma once
/// \file
/// The event vocabulary: what the simulator predicts and what the runtime measures are written in the same words.

#include <string>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/units.hpp"

namespace dispart {

/// What a span of time was spent on.
enum class activity {
    compute,   ///< a device works on a part
    transfer,  ///< bytes travel from `device` to `peer`
    wait,      ///< a device waits for an input or for room in a queue
};

/// One span on one resource, in seconds since the start of the run.
struct event {
    activity what = activity::compute;
    request_id request = 0;
    part_id part = no_id;  ///< the part that computes, or that produced what is sent (`no_id`: the source)
    device_id device = no_id;  ///< where it computes, or the sender
    device_id peer = no_id;    ///< the receiver of a transfer
    seconds begin{};
    seconds end{};
    bytes size{};  ///< of a transfer

    friend bool operator==(const event&, const event&) = default;
};

/// Spans in order of their beginning, with the names that the ids stand for.
struct timeline {
    std::vector<std::string> devices;  ///< name of each device id
    std::vector<event> events;
};

}  // namespace dispart
