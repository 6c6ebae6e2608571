#pragma once
// A stream of requests over workers that may fail: what `run --adapt` does.

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/planning.hpp"

namespace cli {

// A model, under the name by which its answers are told.
struct model_version {
    std::string name{};
    dispart::model net{};
};

// Plans a model over a cluster, some of whose devices do not compute any more.
using model_planner = std::function<dispart::result<planned>(const dispart::model&, const dispart::cluster&)>;

struct adaptive_run {
    std::size_t requests = 32;
    std::size_t rollout_after = 0;                             // requests: then the next version takes over
    double lasting = std::numeric_limits<double>::infinity();  // seconds after which no more are made
    double within = 60.0;                                      // seconds that each request may take
    bool check = false;
    carrier_choice carrier{};
    std::string listen{};    // where results come in; empty: found out
    std::string out{};       // folder of status.json and metrics.prom
    std::string fallback{};  // a model that answers where nothing else can
    std::string journal{};   // file of what was taken and answered: what is open in it is served first
    bool standby = false;    // wait until the process that has the journal ends or hangs
};

// Serves the requests; workers that are lost are replaced by new plans, those that return are used again. What it
// returns says what became of the requests. `versions`: one, and at most one that is rolled out later.
// Errors: invalid_argument (the versions have one name, or other inputs); those of starting to serve.
dispart::result<dispart::io::ordered_json> run_adaptively(const std::vector<model_version>& versions,
                                                          const dispart::cluster& machines,
                                                          const model_planner& planner,
                                                          const adaptive_run& how);

}  // namespace cli
