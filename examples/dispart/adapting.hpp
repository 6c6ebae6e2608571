#pragma once
// A stream of requests over workers that may fail: what `run --adapt` does.

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/watching.hpp"

namespace cli {

struct adaptive_run {
    std::size_t requests = 32;
    double lasting = std::numeric_limits<double>::infinity();  // seconds after which no more are made
    double within = 60.0;                                      // seconds that each request may take
    bool check = false;
    carrier_choice carrier{};
    std::string listen{};    // where results come in; empty: found out
    std::string out{};       // folder of status.json and metrics.prom
    std::string fallback{};  // a model that answers where nothing else can
    std::string journal{};   // file of what was taken and answered: what is open in it is served first
    bool standby = false;    // wait until the process that has the journal ends
};

// Serves the requests; workers that are lost are replaced by new plans, those that return are used again. What it
// returns says what became of the requests.
dispart::result<dispart::io::ordered_json> run_adaptively(const dispart::model& net,
                                                          const dispart::cluster& machines,
                                                          const cluster_planner& planner,
                                                          const adaptive_run& how);

}  // namespace cli
