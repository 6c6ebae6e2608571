#pragma once
// Workers on this machine, and what layers cost on them.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/calibration.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/execution.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/process.hpp"

namespace cli {

// Worker processes of this binary on loopback, gone with this object.
struct local_workers {
    std::vector<child_process> processes{};
    std::vector<std::string> addresses{};

    static dispart::result<local_workers> start(const std::vector<double>& slowdowns,
                                                const std::string& backend);
};

// Machines to run on, and what layers cost there while all workers are busy.
struct local_setting {
    local_workers workers{};
    dispart::cluster machines{};
    measured_costs costs{};
    std::vector<double> alone{};  // [device] time of its layers where nobody else is busy, relative to that
    std::string calibrated_on{};
};

// Starts `slowdowns.size()` workers, each so many times slower than this machine, and measures layers: of the named
// models, or of `net` itself where none is named.
// Errors: invalid_argument for a slowdown below 1; unknown models; whatever starting and measuring can fail with.
dispart::result<local_setting> start_local(const dispart::model& net, const std::vector<double>& slowdowns,
                                           const std::vector<std::string>& calibrate_on,
                                           const std::string& backend);

// The latency of a single request, which meets no other. `alone`: as in `local_setting`.
dispart::result<dispart::seconds> latency_alone(dispart::plan p, const std::vector<double>& alone);

// How much longer the trial's period was than its stages' times explain.
dispart::result<double> unexplained(dispart::plan trial, const dispart::run_report& measured);

}  // namespace cli
