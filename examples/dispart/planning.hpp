#pragma once
// What planning and running share: planners and the simulator are compiled once.

#include <cstddef>
#include <string>

#include "dispart/calibration.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/codecs.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/simulate/simulation.hpp"

namespace cli {

// Errors: invalid_argument for another word than latency and throughput.
dispart::result<dispart::objective> objective_of(const std::string& name);

// What to plan for, and by which algorithm; the best of all where it is empty.
struct plan_request {
    dispart::objective goal = dispart::objective::throughput;
    std::string algorithm{};
    std::string spread{};      // auto, pipeline, tiles, shards, replicas; empty: pipeline
    bool or_else_any = false;  // where that way is not possible, in the best one that is
    dispart::codec_options codecs{};
};

// A plan, and the model that its divisions speak of: the net, or the net rewritten.
struct planned {
    dispart::plan chosen{};
    dispart::model graph{};
    std::string tiling{};  // a picture of the tiles, where there are any
};

// A plan by the devices' stated speeds.
dispart::result<planned> plan_by_roofline(const dispart::model& net, const dispart::cluster& machines,
                                          const plan_request& wanted);

// A plan by what was measured.
dispart::result<planned> plan_by_costs(const dispart::model& net, const dispart::cluster& machines,
                                       const measured_costs& costs, const plan_request& wanted);

// A stream of requests through a plan's tasks, as many in flight as `execute` keeps.
dispart::result<dispart::simulation> predict_stream(const dispart::plan& p, std::size_t requests);

}  // namespace cli
