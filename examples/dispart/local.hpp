#pragma once
// Workers on this machine, and what layers cost on them.

#include <optional>
#include <string>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/paces.hpp"
#include "dispart/process.hpp"

namespace cli {

// Worker processes of this binary on loopback, gone with this object.
struct local_workers {
    std::vector<child_process> processes{};
    std::vector<std::string> addresses{};

    static dispart::result<local_workers> start(const std::vector<double>& slowdowns,
                                                const std::string& backend, const std::string& transport);
};

// Machines to run on, what layers cost there, and trials that show how quick they are meanwhile.
struct calibrated_setting {
    local_workers workers{};  // none where a cluster file names them
    paced_costs planned{};
    std::optional<pace_trials> trials{};
    std::string calibrated_on{};

    // No more trials: workers that serve only them end.
    void end_trials();
};

// Starts `slowdowns.size()` workers, each so many times slower than this machine, and measures layers: of the named
// models, or of `net` itself where none is named.
// Errors: invalid_argument for a slowdown below 1; unknown models; whatever starting and measuring can fail with.
dispart::result<calibrated_setting> start_local(const dispart::model& net,
                                                const std::vector<double>& slowdowns,
                                                const std::vector<std::string>& calibrate_on,
                                                const std::string& backend, const carrier_choice& carrier);

}  // namespace cli
