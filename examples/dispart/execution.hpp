#pragma once
// A plan on its workers.

#include <cstddef>
#include <string>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/run/probe.hpp"
#include "dispart/run/report.hpp"
#include "dispart/tensor/tensor.hpp"

namespace cli {

// Requests in flight that keep the pipeline full; predictions are simulated with as many.
inline std::size_t window_of(const dispart::plan& p) { return 3 * p.stages.size() + 1; }

struct execution_options {
    std::size_t requests = 32;
    bool keep_outputs = false;
    carrier_choice carrier{};
    std::string listen{};  // where results come in; empty: found out
};

struct measured_run {
    dispart::run_report stream{};
    dispart::run_report alone{};
    std::vector<std::vector<dispart::tensor>> outputs{};
};

// The plan on its workers: a few requests one after the other for the latency, then all of them as a stream.
dispart::result<measured_run> execute(const dispart::plan& p, const dispart::model& net,
                                      const dispart::cluster& machines, const execution_options& how);

// The link to a worker on this machine.
dispart::result<dispart::link_measurement> probe_worker(const std::string& address);

}  // namespace cli
