#pragma once
// A plan on its workers.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/plan/plan.hpp"
#include "dispart/run/any_transport.hpp"
#include "dispart/run/coordinator.hpp"
#include "dispart/run/probe.hpp"
#include "dispart/run/processor.hpp"
#include "dispart/run/report.hpp"
#include "dispart/tensor/tensor.hpp"

namespace cli {

// Requests in flight that keep the pipeline full; predictions are simulated with as many.
inline std::size_t window_of(const dispart::plan& p) { return 3 * p.stages.size() + 1; }

struct execution_options {
    std::size_t requests = 32;
    std::size_t singles = 5;  // one after the other, before the stream; at most `requests`
    bool keep_outputs = false;
    carrier_choice carrier{};
    std::string listen{};  // where results come in; empty: found out
};

struct measured_run {
    dispart::run_report stream{};
    dispart::run_report alone{};
    std::vector<std::vector<dispart::tensor>> outputs{};
};

// A plan on its workers, which are free again when this object is gone.
class deployed_plan {
  public:
    static dispart::result<deployed_plan> deploy(const dispart::plan& p, const dispart::model& net,
                                                 const dispart::cluster& machines,
                                                 const execution_options& how);

    // A few requests one after the other for the latency, then all of them as a stream.
    dispart::result<measured_run> run(const execution_options& how);

    dispart::result<void> shut_down() { return running_.shut_down(); }

  private:
    using inputs = std::vector<std::vector<dispart::tensor>>;

    deployed_plan(dispart::coordinator<dispart::any_transport> running, inputs made, std::size_t window)
        : running_(std::move(running))
        , inputs_(std::move(made))
        , window_(window) {}

    dispart::coordinator<dispart::any_transport> running_;
    inputs inputs_;  // made ahead, so that making them takes no worker's time
    std::size_t window_;
};

// The plan deployed, run and shut down.
dispart::result<measured_run> execute(const dispart::plan& p, const dispart::model& net,
                                      const dispart::cluster& machines, const execution_options& how);

// How much of a core a worker gets.
dispart::result<dispart::processor_share> probe_share(const carrier_choice& choice,
                                                      const std::string& address);

// The link to a worker on this machine.
dispart::result<dispart::link_measurement> probe_worker(const carrier_choice& choice,
                                                        const std::string& address);

}  // namespace cli
